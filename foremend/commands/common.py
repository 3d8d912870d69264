"""What every command shares: its usual options, and how it shows a result."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from foremend.terminal import emit, show_pairs

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout instead of a table.")]
Config = Annotated[
    Path | None, typer.Option("--config", help="Default: ./config.yaml, else the shipped one.")
]

_OTHERS = 0o077


@contextmanager
def private_files() -> Iterator[None]:
    """Whatever this process makes meanwhile, libraries included, nobody else can read."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def show(title: str, result: dict[str, Any], as_json: bool) -> None:
    """`result` as a table for people, or as JSON."""
    if as_json:
        emit(result)
    else:
        show_pairs(title, result)


def lifecycle(config: Path | None) -> Any:
    """`foremend.jobs.lifecycle.Lifecycle`; imported late, so that other commands start fast."""
    from foremend.jobs.lifecycle import Lifecycle
    from foremend.runtimes.clock import SystemClock

    return Lifecycle(config, SystemClock())
