"""`foremend retention`: how long what is kept, and what went when it was older."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import emit

if TYPE_CHECKING:
    from alerts.personal.retention import Retention

app = typer.Typer(help="How long what is kept, and what went when it was older.", no_args_is_help=True)


@app.command("run")
def run(config: Config = None, json: Json = False) -> None:
    """Remove now what is older than the policy keeps it. Pipeline and service do so once a day by themselves."""
    with _opened(config) as retention:
        show("Removed", {one.place: one.removed for one in retention.run()}, json)


@app.command("show")
def show_places(config: Config = None, json: Json = False) -> None:
    """Every place: how long it keeps what, when it was last cleared, and how much went."""
    with _opened(config) as retention:
        found = retention.show()
    if json:
        emit({"places": found})
    for one in () if json else found:
        last = f"last run {one['last_run']}, {one['removed']} went" if one["last_run"] else "never run"
        under = ", ".join(f"{name} {time}" for name, time in one["kept_under"].items())
        said = {"kept": one["kept"], **({"under": under} if under else {}), "kind": one["kind"]}
        show(one["place"], said | {"state": one["note"] or last}, False)


@contextmanager
def _opened(config: Path | None) -> Iterator[Retention]:
    from foremend.config import load_settings
    from foremend.installation.retaining import open_retention
    from foremend.runtimes.clock import SystemClock
    from foremend.wiring.desk import open_desk

    settings, clock = load_settings(config), SystemClock()
    desk = open_desk(settings, clock)
    try:
        yield open_retention(settings, desk, clock)
    finally:
        desk.close()
