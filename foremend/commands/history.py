"""`foremend history`: where every reading is stored."""

from __future__ import annotations

from typing import Annotated

import typer

from foremend.commands.common import Config, Json, show

app = typer.Typer(help="Where every reading is stored.", no_args_is_help=True)


@app.command("create")
def make_history(config: Config = None, json: Json = False) -> None:
    """Make the InfluxDB bucket of `storage.influx`, or give it the retention set there."""
    from foremend.jobs.history import create_history

    show("History", create_history(config), json)


@app.command("compact")
def compact(config: Config = None, json: Json = False) -> None:
    """Make few Parquet files of many, now, and remove the days that are over `storage.parquet.retention`.

    The pipeline does both by itself; this may run beside it.
    """
    from foremend.jobs.history import compact_history
    from foremend.terminal import progress_bar

    with progress_bar() as bar:
        task = bar.add_task("compact days", total=None)
        result = compact_history(config, lambda done, total: bar.update(task, completed=done, total=total))
    show("Compacted", result, json)


@app.command("forget")
def forget(
    appliance_model: Annotated[str, typer.Option(help="Which appliance model.")],
    appliance: Annotated[str, typer.Option(help="The appliance's id.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Remove every reading of one appliance from history, and keep out what it measured until now."""
    from foremend.jobs.history import forget_in_history

    result = forget_in_history(config, appliance_model, appliance)
    show("Forgotten", result, json)
