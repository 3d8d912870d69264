"""What `foremend discover` found, as tables for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape
from rich.table import Table

from ingest.discovery.proposal import pace
from ingest.discovery.report import LEFT_OUT, MAPPED, NEW, NOTHING, OURS, Discovery, Shown

_MOST_SIGNALS = 8
_MOST_UNKNOWN = 10
_MOST_NAMES = 20
_ORDER = (NEW, MAPPED, OURS, LEFT_OUT, NOTHING)


def tables(found: Discovery) -> Iterator[Table]:
    """The devices that are understood, and the topics that are not."""
    if found.devices:
        yield _devices(found)
    if found.unknown:
        yield _unknown(found)


def _devices(found: Discovery) -> Table:
    table = Table(title="Devices", caption=_others(found), show_lines=True)
    for name in ("device", "says", "speaks", "becomes"):
        table.add_column(name, overflow="fold")
    for one in sorted(found.devices, key=lambda one: _ORDER.index(one.state)):
        if _is_dull(one):
            continue
        table.add_row(*map(escape, (f"{one.name}\n{one.family}", _says(one), _speaks(one), _becomes(one))))
    return table


def _is_dull(one: Shown) -> bool:
    return one.state == NOTHING and not one.notes


def _others(found: Discovery) -> str | None:
    """Lamps, buttons and the like by their names only."""
    names = [one.name for one in found.devices if _is_dull(one)]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"without power to watch: {', '.join(names[:_MOST_NAMES])}{more}" if names else None


def _says(one: Shown) -> str:
    lines = [
        f"{signal['name']} {_value(signal['value'])} {signal['unit']}".strip()
        for signal in one.signals[:_MOST_SIGNALS]
    ]
    more = len(one.signals) - _MOST_SIGNALS
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "?"


def _speaks(one: Shown) -> str:
    often = pace(one.every_s) or ("once" if one.messages else "not now")
    return often if one.online is None else f"{often}\n{'online' if one.online else 'offline'}"


def _becomes(one: Shown) -> str:
    return "\n".join([one.state + (f": {', '.join(one.appliances)}" if one.appliances else ""), *one.notes])


def _unknown(found: Discovery) -> Table:
    more = len(found.unknown) - _MOST_UNKNOWN
    table = Table(title="Not understood", caption=f"and {more} more: --json has all" if more > 0 else None)
    for name in ("topics that begin with", "topics", "messages", "one says"):
        table.add_column(name, overflow="fold")
    for one in found.unknown[:_MOST_UNKNOWN]:
        table.add_row(escape(one.begins), str(one.topics), str(one.messages), escape(one.says))
    return table
