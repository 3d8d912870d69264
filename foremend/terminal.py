"""What commands show: progress and summaries on stderr for people, one JSON object on stdout for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
from rich.cells import cell_len
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
from rich.text import Text

people = Console(stderr=True)
MOST_SHOWN = 20
WIDEST = 80
"""Columns of a table, however wide the terminal is."""

_TIMES = ("at", "time", "since", "until")
"""Last words of the names of times, which programs get as ms UTC."""


class Exact(str):
    """The name of a line that is shown as it is, an id for instance; of others `_` becomes a blank.

    >>> str(Exact("wm_kitchen"))
    'wm_kitchen'
    """

    __slots__ = ()


def emit(result: Mapping[str, Any]) -> None:
    """One JSON object on stdout; NaN becomes null, numpy values become plain ones."""
    body = orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
    sys.stdout.write(body.decode() + "\n")


def say(*lines: str) -> None:
    """Lines for people, as they are: nothing is cut, folded or coloured, so that a link can be copied."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def show_pairs(title: str, pairs: Mapping[str, Any]) -> None:
    """A list of names and values for people, on stdout; what a value holds itself stands below it, further in."""
    out = Console()
    out.print(pairs_table(title, pairs), width=min(out.width, WIDEST))


def plain_table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    """A table without boxes whose columns fold rather than hide anything."""
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def pairs_table(title: str, pairs: Mapping[str, Any]) -> Table:
    """The list that `show_pairs` prints: no boxes, at any depth."""
    table = Table(
        title=title, title_justify="left", show_header=False, box=None, pad_edge=False,
        min_width=cell_len(title),
    )  # fmt: skip
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for depth, name, value in _rows(pairs, 0):
        table.add_row(Text("  " * depth + _titled(name)), Text(value))
    return table


def _titled(name: str) -> str:
    return name if isinstance(name, Exact) else name.replace("_", " ")


def _rows(pairs: Mapping[str, Any], depth: int) -> Iterator[tuple[int, str, str]]:
    """How far in, name and value, of everything in `pairs`; each of a list of tables is under its number."""
    for name, value in pairs.items():
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            value = {str(number): one for number, one in enumerate(value[:MOST_SHOWN], 1)}
        if isinstance(value, Mapping) and value:
            yield depth, name, ""
            yield from _rows(value, depth + 1)
        else:
            yield depth, name, _short(name, value)


def _short(name: str, value: Any) -> str:
    """Figures with four digits; times of day as people write them; long lists by their length."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if value is None or value in ((), [], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and value > 0 and name.rpartition("_")[2] in _TIMES:
        return f"{datetime.fromtimestamp(value / 1_000, UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, list | tuple):
        return f"{len(value)} values" if len(value) > MOST_SHOWN else ", ".join(map(str, value))
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
    with Progress(*columns, console=people, disable=not people.is_interactive) as progress:
        yield progress
