"""`foremend export`: everything about one owner in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foremend.commands.common import Config, Json, show


def export(
    owner: Annotated[str, typer.Option(help="The owner's id.")],
    out: Annotated[Path, typer.Option(help="A new file: a zip that only this account can read.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Everything about one owner, to hand out: a zip of JSON lines and CSV with a readme, English and Chinese."""
    from foremend.config import load_settings
    from foremend.installation.exporting import export_owner
    from foremend.jobs.tokens import by_account
    from foremend.runtimes.clock import SystemClock
    from foremend.wiring.desk import open_desk

    settings, clock = load_settings(config), SystemClock()
    desk = open_desk(settings, clock)
    try:
        result = export_owner(settings, desk, clock, owner, out, by_account())
    finally:
        desk.close()
    show("Exported", result, json)
