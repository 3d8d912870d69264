"""`foremend history`: where every reading is stored."""

from __future__ import annotations

import typer

from foremend.commands.common import Config, Json, show

app = typer.Typer(help="Where every reading is stored.", no_args_is_help=True)


@app.command("create")
def make_history(config: Config = None, json: Json = False) -> None:
    """Make the InfluxDB bucket of `storage.influx`, or give it the retention set there."""
    from foremend.bootstrap import create_history

    show("History", create_history(config), json)
