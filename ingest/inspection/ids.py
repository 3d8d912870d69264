"""Whose a row of a stranger's table is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from foremend.vocabulary.ids import free, proposed
from foremend.vocabulary.schema import validated
from ingest.inspection.head import Head
from ingest.inspection.roles import Seen, beside_quantity, quantity_of
from ingest.replay.columns import words
from ingest.replay.mapping import ReplayMapping
from ingest.replay.tables import Table
from ingest.replay.times import Column

_IDS = (
    *(
        "appliance_id",
        "appliance",
        "device",
        "device_id",
        "entity_id",
        "statistic_id",
        "friendly_name",
        "sensor",
    ),
    *("plug", "machine", "host", "name", "id", "meter", "geraet", "gerät", "series"),
    *("设备名称", "设备名", "设备编号", "设备id", "设备"),
)
_NEVER_IDS = (
    "result",
    "table",
    "_field",
    "_measurement",
    "_start",
    "_stop",
    "unit",
    "domain",
    "field",
    "metric",
)
_MOST_KINDS = 1_000
_NOBODY = frozenset(
    (
        *("phase", "a", "b", "c", "l1", "l2", "l3", "r", "s", "t", "a相", "b相", "c相"),
        *(
            "min",
            "max",
            "mean",
            "avg",
            "average",
            "median",
            "last",
            "first",
            "peak",
            "rms",
            "sum",
            "total",
            "net",
        ),
        *("in", "out", "input", "output", "import", "export", "returned", "consumed", "produced"),
        *(
            "active",
            "real",
            "actual",
            "instantaneous",
            "measured",
            "estimated",
            "state",
            "value",
            "wert",
            "global",
        ),
        *("target", "setpoint", "limit", "nominal", "rated", "standby"),
    )
)
"""Words beside a quantity that tell columns of one meter apart."""


def ids_of(path: Path, head: Head, texts: Sequence[Seen]) -> dict[str, Any] | None:
    """The column that says whose a row is; None where none does."""
    able = [
        one
        for one in texts
        if one.name.lower() not in _NEVER_IDS and len(one.kinds) <= max(3, len(one.cells) // 4)
    ]
    named = [one for name in _IDS for one in able if one.name.lower() == name]
    one = next(iter([*named, *(one for one in able if not one.name)]), None)
    if one is None:
        return None
    kinds = kinds_of(path, head, one)
    if any(map(quantity_of, kinds)):
        return {"column": one.column, "names": ids_for(kinds, device_of)}
    names = ids_for(kinds, str) if len(kinds) <= _MOST_KINDS else {}  # of more nobody has seen all
    if all(proposed(kind) == name for kind, name in names.items()):
        return {"column": one.column, "clean": True}
    return {"column": one.column, "names": names}


def by_name(path: Path, together: bool) -> dict[str, Any]:
    """The id that a file's name gives to all of its rows."""
    stem = path.name.split(".")[0]
    if together and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", stem):
        return {"file_name": r"^(?P<appliance_id>[A-Za-z0-9_-]+)\."}
    return {"value": proposed(stem) or "appliance"}


def ids_for(kinds: Sequence[str], device: Callable[[str], str]) -> dict[str, str]:
    """The id of each of `kinds`, by the name of the `device` that it is of: one for each name, never one for two."""
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(map(device, kinds)):
        ids[name] = free(proposed(name) or "appliance", taken)
        taken.add(ids[name])
    return {kind: ids[device(kind)] for kind in kinds}


def device_of(kind: str) -> str:
    """`sensor.freezer_power` is of `freezer`, `冰箱功率（W）` of `冰箱`; of `power` nothing is left."""
    name = re.sub(r"[(（\[].*[)）\]]", "", kind.partition(".")[2] or kind)
    return " ".join(filter(None, map(beside_quantity, re.split(r"[\s_:/-]+", name))))


def side_by_side(wide: Mapping[str, Sequence[Seen]]) -> dict[str, dict[str, Seen]]:
    """By appliance, as names of columns call it, what is measured of it and where; empty where they tell of one alone.

    `wide`: the columns by quantity, the most telling first. Several are those of whom the same is measured: beside the
    power of a fridge, the voltage of the line is no appliance. What is measured of none of them, as that, is of all.
    Phases, directions and statistics (`L1`, `export`, `max`) name nobody; where one appliance would have two of a
    quantity, all is of one.
    """
    by_name = {
        quantity: [(_device_in(one.name), one) for one in columns] for quantity, columns in wide.items()
    }
    several = (dict.fromkeys(name for name, _ in named if name) for named in by_name.values())
    names = next((found for found in several if len(found) > 1), {})
    found: dict[str, dict[str, Seen]] = {}
    for quantity, named in by_name.items():
        theirs = [(name, one) for name, one in named if name in names]
        if len(theirs) > len({name for name, _ in theirs}):
            return {}
        for name, one in theirs or [(name, named[0][1]) for name in names if named]:
            found.setdefault(name, {})[quantity] = one
    return found


def _device_in(name: str) -> str:
    """The appliance that a column's name names, without what tells its columns apart; "" where it names none."""
    said = [word for word in device_of(name).split() if word.lower() not in _NOBODY]
    return " ".join(said) if any(not word.isdigit() for word in said) else ""


def kinds_of(path: Path, head: Head, one: Seen) -> list[str]:
    """The different words of a column, of the whole file: another appliance may come last."""
    mapping = _bare(head, one.column)
    known: dict[str, None] = {}
    for batch in Table(path, mapping).batches([one.column]):
        known |= dict.fromkeys(word for word in set(words(batch.columns[one.column])) if word)
        if len(known) > _MOST_KINDS:
            break
    first = [kind for kind in one.kinds if kind in known]
    return [*first, *sorted(set(known) - set(first))]


def _bare(head: Head, column: Column) -> ReplayMapping:
    """A mapping that reads one column only."""
    written: dict[str, Any] = {
        "appliance_model": "any",
        "appliance_id": {"value": "any"},
        "time": {"column": column},
        "signals": {"any": {"column": column, "unit": "any"}},
        "header": head.header,
    }
    if head.delimiter:
        written["delimiter"] = head.delimiter
    return validated(ReplayMapping, written, "the mapping that was made")
