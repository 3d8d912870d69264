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
MOST_SHOWN = 20


def emit(result: Mapping[str, Any]) -> None:
    """One JSON object on stdout; NaN becomes null, numpy values become plain ones."""
    body = orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
    sys.stdout.write(body.decode() + "\n")


def show_pairs(title: str, pairs: Mapping[str, Any]) -> None:
    """A two-column table for people, on stdout; a value that is a table itself is shown as one."""
    table = _pairs(pairs)
    table.title = title
    Console().print(table)


def _pairs(pairs: Mapping[str, Any]) -> Table:
    table = Table(show_header=False)
    table.add_column(style="dim")
    table.add_column()
    for name, value in pairs.items():
        shown = _pairs(value) if isinstance(value, Mapping) and value else _short(value)
        table.add_row(name.replace("_", " "), shown)
    return table


def _short(value: Any) -> str:
    """Figures with four digits; long lists by their length."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple) and len(value) > MOST_SHOWN:
        return f"{len(value)} values"
    return str(value)


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
