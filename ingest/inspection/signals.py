"""Which column of a stranger's table is which signal, and in which unit, whichever way the table goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import InputError
from ingest.inspection.head import Head
from ingest.inspection.ids import device_of, ids_for, ids_of, kinds_of, side_by_side
from ingest.inspection.inspected import Inspected, named, names_of
from ingest.inspection.roles import Seen, fits, quantity_of, says_unit, unit_of
from ingest.replay.columns import words
from ingest.replay.times import Column

QUANTITIES = ("power", "current", "voltage")
_VALUES = ("_value", "mean", "value", "state", "wert", "val", "数值", "值")
_KINDS = (
    "_field",
    "field",
    "metric",
    "quantity",
    "measurement",
    "_measurement",
    "unit",
    "type",
    "series",
    "name",
)


def signals_of(
    path: Path, head: Head, rest: Sequence[Seen], when: Sequence[Seen], result: Inspected
) -> tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any]]:
    """(signals, where the appliance's id is, others beside it) of the mapping, whichever way the table goes."""
    values = [one for one in rest if one.role == "number"]
    texts = [one for one in rest if one.role == "text"]
    value = _value_of(values, texts)
    wide = {quantity: [one for one in values if one.quantity == quantity] for quantity in QUANTITIES}
    if value is not None and texts and not any(wide.values()):
        return *_long(path, head, value, texts, result), {}
    ids = ids_of(path, head, texts)
    if ids is None and (several := side_by_side(wide)):
        return _side_by_side(several, wide, result)
    signals = {}
    for quantity, columns in wide.items():
        if columns:
            signals[quantity] = _signal(columns[0], quantity, result)
            if len(columns) > 1:
                others = ", ".join(str(one.name) for one in columns[1:6])
                result.assumed.append(f"{quantity} is in {columns[0].name!r}; not used: {others}")
    if not signals:
        signals = {"power": _only(path, head, values, result)}
    return signals, ids, {}


def _side_by_side(
    several: Mapping[str, Mapping[str, Seen]], wide: Mapping[str, Sequence[Seen]], result: Inspected
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Each has columns of its own, which its name begins or ends; who writes no unit writes all in one."""
    ids, alike = ids_for(list(several), str), {quantity: _alike(several, quantity) for quantity in wide}
    first, *others = (
        {
            quantity: _signal(one, quantity, result, ids[name], alike[quantity])
            for quantity, one in mine.items()
        }
        for name, mine in several.items()
    )
    one, *more = ids.values()
    used = {seen.column for mine in several.values() for seen in mine.values()}
    columns = (seen for columns in wide.values() for seen in columns)
    if spare := [named(seen) for seen in columns if seen.column not in used]:
        result.assumed.append(f"not used, as they name nobody: {', '.join(spare[:5])}")
    return first, {"value": one}, dict(zip(more, others, strict=True))


def _alike(several: Mapping[str, Mapping[str, Seen]], quantity: str) -> NDArray[np.float64]:
    """The first values of all columns of a quantity that say no unit: alone a machine at rest looks like kilowatts."""
    columns = [mine[quantity] for mine in several.values() if quantity in mine]
    unsaid = [
        one.values for one in columns if one.values is not None and not one.unit and not says_unit(one.name)
    ]
    return np.concatenate([np.zeros(0), *unsaid])


def _value_of(values: Sequence[Seen], texts: Sequence[Seen]) -> Seen | None:
    """The column that has every value, where another says what each is: by its name, or as the only one of numbers."""
    named = [one for name in _VALUES for one in values if one.name.lower() == name]
    says = any(quantity_of(kind) for one in texts for kind in one.kinds)
    return next(iter([*named, *(values if says and len(values) == 1 else ())]), None)


def _only(path: Path, head: Head, values: Sequence[Seen], result: Inspected) -> dict[str, Any]:
    """The one column of numbers, or the first, as power."""
    able = [
        one
        for one in values
        if one.values is not None
        and np.any(np.diff(one.values) != 0)
        and not one.is_other
        and not _counts(one.values)
    ]
    if not able:
        raise InputError(
            f"{path}: no column is power, current or voltage: it has {names_of(head)}; say in a mapping which"
        )
    one, *others = able
    more = f"; not used: {', '.join(named(other) for other in others[:5])}" if others else ""
    result.assumed.append(f"{named(one)} is taken for power: its name does not say what it is{more}")
    return _signal(one, "power", result)


def _counts(values: NDArray[np.float64]) -> bool:
    """Whether they are the numbers of the rows."""
    return bool((np.diff(values) == 1.0).all())


def _signal(
    one: Seen, quantity: str, result: Inspected, of: str = "", alike: NDArray[np.float64] | None = None
) -> dict[str, Any]:
    """`of`: whose it is, where there are several, and `alike` what tells its unit with those of the others."""
    if one.unit and fits(one.unit, quantity):
        return {"column": one.column, "unit": one.unit}
    values = one.values if alike is None else alike
    unit, why = unit_of(one.name, quantity, np.zeros(0) if values is None else values)
    if why:
        result.assumed.append(f"{quantity}{f' of {of}' if of else ''} is in {why}")
    return {"column": one.column, "unit": unit}


def _long(
    path: Path, head: Head, value: Seen, texts: Sequence[Seen], result: Inspected
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A value a row, and other columns say what it is and of whom."""
    kinds = {one.column: kinds_of(path, head, one) for one in texts}
    by_kind = [one for name in _KINDS for one in texts if one.name.lower() == name]
    for column in dict.fromkeys([one.column for one in (*by_kind, *texts)]):
        of = {
            quantity: [kind for kind in kinds[column] if quantity_of(kind) == quantity]
            for quantity in QUANTITIES
        }
        if any(of.values()):
            return _by_kind(path, head, value, texts, column, of, result)
    result.assumed.append("all values are taken for power: no column says what they are")
    signal = _signal(value, "power", result)
    return {"power": signal}, ids_of(path, head, texts)


def _by_kind(
    path: Path,
    head: Head,
    value: Seen,
    texts: Sequence[Seen],
    column: Column,
    of: Mapping[str, Sequence[str]],
    result: Inspected,
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    ids = ids_of(path, head, [one for one in texts if one.column != column])
    signals: dict[str, Any] = {}
    for quantity, kinds in of.items():
        if not kinds:
            continue
        mine = [
            kind
            for kind in kinds
            if unit_of(kind, quantity, np.zeros(0)) == unit_of(kinds[0], quantity, np.zeros(0))
        ]
        unit, why = unit_of(kinds[0], quantity, _values_of(head, value, column, mine))
        if why:
            result.assumed.append(f"{quantity} is in {why}")
        pattern = mine[0] if len(mine) == 1 else "*"
        signals[quantity] = {"column": value.column, "unit": unit} | (
            {"where": {str(column): pattern}} if pattern != "*" else {}
        )
        several = len(mine) > 1
        if several and ids is not None:
            signals[quantity]["where"] = {str(column): mine[0]}
            result.assumed.append(
                f"{quantity} is where {column} is {mine[0]!r}; not used: {', '.join(mine[1:6])}"
            )
        elif several:
            signals[quantity]["where"] = {str(column): _pattern(mine)}
    all_kinds = [kind for kinds in of.values() for kind in kinds]
    if ids is None and any(map(device_of, all_kinds)):
        ids = {"column": column, "names": ids_for(all_kinds, device_of)}
    return signals, ids


def _pattern(kinds: Sequence[str]) -> str:
    """What all of them have in common at their end or beginning, with * for the rest."""
    end = ""
    while all(kind.endswith(kinds[0][-len(end) - 1 :]) for kind in kinds) and len(end) < len(kinds[0]):
        end = kinds[0][-len(end) - 1 :]
    begin = ""
    while all(kind.startswith(kinds[0][: len(begin) + 1]) for kind in kinds) and len(begin) < len(kinds[0]):
        begin = kinds[0][: len(begin) + 1]
    return f"*{end}" if quantity_of(end) or len(end) >= len(begin) else f"{begin}*"


def _values_of(head: Head, value: Seen, column: Column, kinds: Sequence[str]) -> NDArray[np.float64]:
    """The first values of these kinds."""
    said = next(one for one in head.columns if one.column == column)
    rows = np.array([word in kinds for word in words(said.cells)])
    found: NDArray[np.float64] = (value.values if value.values is not None else np.zeros(len(rows)))[rows]
    return found
