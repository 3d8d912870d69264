"""What commands show: progress and summaries on stderr for people, one JSON object on stdout for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

people = Console(stderr=True)


def emit(result: Mapping[str, Any]) -> None:
    """One JSON object on stdout; NaN becomes null, numpy values become plain ones."""
    body = orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
    sys.stdout.write(body.decode() + "\n")


def show_pairs(title: str, pairs: Mapping[str, Any]) -> None:
    """A two-column table for people, on stdout."""
    table = Table(title=title, show_header=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in pairs.items():
        table.add_row(name.replace("_", " "), str(value))
    Console().print(table)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress display on stderr; silent where stderr is not a terminal that can redraw."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=people) as progress:
        yield progress
