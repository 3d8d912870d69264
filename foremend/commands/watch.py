"""`foremend watch`: how the fleet is, again and again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from foremend.commands.common import Config


def watch(
    every: Annotated[float, typer.Option(min=0.5, max=3600, help="Seconds between two looks.")] = 2.0,
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a look, each on a line.")] = False,
) -> None:
    """Say how the fleet is until Ctrl-C: as foremend status, in place; where no terminal is, what changed, a line each.

    A service that goes away meanwhile is waited for. It leaves nothing behind.
    """
    from foremend.jobs import status as job

    found: dict[str, Any] = job.status(config)  # what is wrong at the beginning is told, not waited for
    with _until_told() as told:
        if json:
            _lines(config, found, every, told, as_json=True)
        elif _screen().is_terminal:
            _live(config, found, every, told)
        else:
            _lines(config, found, every, told, as_json=False)


def _live(config: Path | None, found: dict[str, Any], every: float, told: threading.Event) -> None:
    from rich.live import Live

    with Live(_shown(found), console=_screen(), auto_refresh=False, transient=True) as live:
        while not told.wait(every):
            found = _look(config, found)
            live.update(_shown(found), refresh=True)


def _lines(
    config: Path | None, found: dict[str, Any], every: float, told: threading.Event, *, as_json: bool
) -> None:
    last = None
    while True:
        line = orjson.dumps(found).decode() if as_json else found["said"]
        if as_json or line != last:
            typer.echo(line if as_json else f"{datetime.now(UTC):%H:%M:%S} UTC {line}")
        last = line
        if told.wait(every):
            return
        found = _look(config, found)


def _look(config: Path | None, before: dict[str, Any]) -> dict[str, Any]:
    """The newest; while nobody answers what was known, with that."""
    from foremend.jobs import status as job
    from foremend.vocabulary.errors import UnavailableError

    try:
        return job.status(config)
    except UnavailableError as error:
        return before | {"said": f"No news: {error}"}


def _shown(found: dict[str, Any]) -> Any:
    from foremend.commands.status import in_short
    from foremend.terminal import pairs_table

    return pairs_table(f"Fleet at {datetime.now(UTC):%H:%M:%S} UTC, Ctrl-C ends", in_short(found))


def _screen() -> Any:
    from rich.console import Console

    return Console()


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """Set by Ctrl-C and SIGTERM, which are as they were afterwards."""
    told = threading.Event()
    before = {each: signal.signal(each, lambda *_: told.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
