"""A stranger's recording, looked at: what its file is, and the mapping that would read it. Nothing is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.schema import validated
from ingest.replay.columns import comma_of, words
from ingest.replay.head import Head, look
from ingest.replay.mapping import ReplayMapping
from ingest.replay.moments import NO_TIME, times
from ingest.replay.roles import Seen, quantity_of, time_of, unit_of
from ingest.replay.tables import Table
from ingest.replay.times import Column

QUANTITIES = ("power", "current", "voltage")
_DELIMITERS = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "bars",
    " ": "blanks",
    "": "columns of Parquet",
}
_VALUES = ("_value", "mean", "value", "state", "wert", "val")
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
)
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
_LONGEST_ID = 64
_MOST_KINDS = 1_000
_RARE_MS = 10 * 60_000
_HELD = 1.5


@dataclass(slots=True)
class Inspected:
    """What was seen in a file, what was assumed, and the mapping, as it would be written."""

    seen: dict[str, str] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    written: dict[str, Any] = field(default_factory=dict)

    @property
    def mapping(self) -> ReplayMapping:
        """The mapping as `replay` takes it."""
        return validated(ReplayMapping, self.written, "the mapping that was made")


def inspect(
    path: Path, appliance_model: str, timezone: str | None = None, together: bool = False
) -> Inspected:
    """Looks at one file; `timezone` is for times that carry none. `together`: it is one of several files.

    Raises InputError where it has no time, or nothing that could be power, current or voltage.
    """
    head = look(path)
    found = time_of(head.columns)
    if found is None:
        raise InputError(
            f"{path}: no column is a time: it has {_names(head)}; say in a mapping which (examples/mappings)"
        )
    when, format_ = found
    result = Inspected()
    result.written = {"appliance_model": appliance_model}
    rest = [one for one in head.columns if one not in when]
    signals, ids = _signals(path, head, rest, when, result)
    result.written["appliance_id"] = ids or _by_name(path, together, result)
    result.written["time"] = _time(when, format_, timezone, result)
    result.written["signals"] = signals
    _text(head, result)
    _rare(head, when, format_, result)
    _tell(head, when, format_, signals, result)
    return result


def _text(head: Head, result: Inspected) -> None:
    """What a text file needs to be read again as it was looked at."""
    if head.delimiter not in ("", ","):
        result.written["delimiter"] = head.delimiter
    if not head.header:
        result.written["header"] = False


def _time(when: Sequence[Seen], format_: str, timezone: str | None, result: Inspected) -> dict[str, Any]:
    columns = [one.column for one in when]
    time: dict[str, Any] = {"column": columns if len(columns) > 1 else columns[0]}
    if _has_no_zone(when, format_):
        time["timezone"] = timezone or "UTC"
        if timezone is None:
            result.assumed.append(
                "times carry no zone, and are taken for UTC: --timezone Europe/Berlin says otherwise"
            )
    return time


def _has_no_zone(when: Sequence[Seen], format_: str) -> bool:
    if format_.startswith("epoch"):
        return False
    if format_ == "a timestamp":
        return when[0].cells.type.tz is None
    first = next((word for word in words(when[0].cells) if word), "")
    return len(when) > 1 or not re.search(r"(Z|[+-]\d{2}:?\d{2}|[+-]\d{2})$", first[10:])


def _signals(
    path: Path, head: Head, rest: Sequence[Seen], when: Sequence[Seen], result: Inspected
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """(signals, where the appliance's id is) of the mapping, whichever way the table goes."""
    values = [one for one in rest if one.role == "number"]
    value = next((one for name in _VALUES for one in values if one.name.lower() == name), None)
    texts = [one for one in rest if one.role == "text"]
    wide = {quantity: [one for one in values if one.quantity == quantity] for quantity in QUANTITIES}
    if value is not None and texts and not any(wide.values()):
        return _long(path, head, value, texts, result)
    signals = {}
    for quantity, columns in wide.items():
        if columns:
            signals[quantity] = _signal(
                columns[0].name, quantity, columns[0].values, columns[0].column, result
            )
            if len(columns) > 1:
                others = ", ".join(str(one.name) for one in columns[1:6])
                result.assumed.append(f"{quantity} is in {columns[0].name!r}; not used: {others}")
    if not signals:
        signals = {"power": _only(path, head, values, result)}
    return signals, _ids(path, head, texts)


def _only(path: Path, head: Head, values: Sequence[Seen], result: Inspected) -> dict[str, Any]:
    """The one column of numbers, or the first, as power."""
    able = [
        one
        for one in values
        if one.values is not None and np.any(np.diff(one.values) != 0) and not one.is_other
    ]
    if not able:
        raise InputError(
            f"{path}: no column is power, current or voltage: it has {_names(head)}; say in a mapping which"
        )
    one, *others = able
    more = f"; not used: {', '.join(_named(other) for other in others[:5])}" if others else ""
    result.assumed.append(f"{_named(one)} is taken for power: its name does not say what it is{more}")
    return _signal(one.name, "power", one.values, one.column, result)


def _signal(
    name: str, quantity: str, values: NDArray[np.float64] | None, column: Column, result: Inspected
) -> dict[str, Any]:
    unit, why = unit_of(name, quantity, np.zeros(0) if values is None else values)
    if why:
        result.assumed.append(f"{quantity} is in {why}")
    return {"column": column, "unit": unit}


def _long(
    path: Path, head: Head, value: Seen, texts: Sequence[Seen], result: Inspected
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A value a row, and other columns say what it is and of whom."""
    kinds = {one.column: _kinds(path, head, one) for one in texts}
    by_kind = [one for name in _KINDS for one in texts if one.name.lower() == name]
    for column in dict.fromkeys([one.column for one in (*by_kind, *texts)]):
        of = {
            quantity: [kind for kind in kinds[column] if quantity_of(kind) == quantity]
            for quantity in QUANTITIES
        }
        if any(of.values()):
            return _by_kind(path, head, value, texts, column, of, result)
    result.assumed.append("all values are taken for power: no column says what they are")
    signal = _signal(value.name, "power", value.values, value.column, result)
    return {"power": signal}, _ids(path, head, texts)


def _by_kind(
    path: Path,
    head: Head,
    value: Seen,
    texts: Sequence[Seen],
    column: Column,
    of: Mapping[str, Sequence[str]],
    result: Inspected,
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    ids = _ids(path, head, [one for one in texts if one.column != column])
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
    names = {kind: _device(kind) for kinds in of.values() for kind in kinds}
    if ids is None and any(_device(kind) for kind in names):
        ids = {"column": column, "names": {kind: _id_of(name) or "appliance" for kind, name in names.items()}}
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


def _kinds(path: Path, head: Head, one: Seen) -> list[str]:
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


def _ids(path: Path, head: Head, texts: Sequence[Seen]) -> dict[str, Any] | None:
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
    kinds = _kinds(path, head, one)
    if not any(map(quantity_of, kinds)):
        return {"column": one.column, "clean": True}
    return {"column": one.column, "names": {kind: _id_of(_device(kind)) or "appliance" for kind in kinds}}


def _by_name(path: Path, together: bool, result: Inspected) -> dict[str, Any]:
    stem = path.name.split(".")[0]
    if together and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", stem):
        return {"file_name": r"^(?P<appliance_id>[A-Za-z0-9_-]+)\."}
    return {"value": _id_of(stem) or "appliance"}


def _id_of(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:_LONGEST_ID].strip("-")


def _device(kind: str) -> str:
    """`sensor.freezer_power` is of `freezer`, `Freezer power (W)` of `Freezer`; of `power` nothing is left."""
    name = re.sub(r"[(\[].*[)\]]", "", kind.partition(".")[2] or kind)
    return " ".join(word for word in re.split(r"[\s_:/-]+", name) if word and quantity_of(word) is None)


def _rare(head: Head, when: Sequence[Seen], format_: str, result: Inspected) -> None:
    """What comes less than every ten minutes is a mean, or was recorded on change: it stands until the next."""
    if head.writer == "home-assistant":
        return
    time = times(
        [one.cells for one in when], "auto" if format_ == "a timestamp" else format_, ZoneInfo("UTC")
    ).first
    steps = np.abs(np.diff(time[time != NO_TIME]))
    steps = steps[steps > 0]
    usual = int(np.median(steps)) if len(steps) else 0
    if usual > _RARE_MS:
        minutes = round(usual * _HELD / 60_000)
        result.written["holds_for"] = f"{minutes} min"
        result.assumed.append(
            f"a row comes every {usual / 60_000:g} min: a value stands until the next, {minutes} min at most"
        )


def _tell(
    head: Head, when: Sequence[Seen], format_: str, signals: Mapping[str, Any], result: Inspected
) -> None:
    """For people."""
    known = {"influx": "InfluxDB's annotated CSV", "home-assistant": "Home Assistant's export", None: ""}[
        head.writer
    ]
    result.seen["file"] = ", ".join(
        filter(None, (head.encoding, f"{_DELIMITERS[head.delimiter]} between cells", known))
    )
    if head.header and head.delimiter:
        result.seen["header"] = f"line {head.before + 1}" + (
            f", after {head.before} others" if head.before else ""
        )
    elif head.delimiter:
        result.seen["header"] = "none: columns are counted from 0"
    zone = result.written["time"].get("timezone")
    columns = " and ".join(str(one.column) for one in when)
    result.seen["time"] = f"{columns}, {format_}" + (f", {zone}" if zone else "")
    for name, one in signals.items():
        where = "".join(f" where {key} is {value}" for key, value in one.get("where", {}).items())
        result.seen[name] = f"{one['column']} in {one['unit']}{where}"
    result.seen["numbers"] = ", ".join(_commas(head)) or "with points"
    ids = result.written["appliance_id"]
    names = ", ".join(dict.fromkeys(ids.get("names", {}).values()))
    result.seen["appliance"] = names or str(ids.get("value") or ids.get("column") or "by the file's name")


def _commas(head: Head) -> Iterator[str]:
    found = {comma_of(one.cells, head.delimiter) for one in head.columns if one.role == "number"}
    if "decimal" in found:
        yield "with decimal commas"
    if "thousands" in found:
        yield "with commas between thousands"


def _named(one: Seen) -> str:
    return repr(one.name) if one.name else f"column {one.column}"


def _names(head: Head) -> str:
    return ", ".join(str(one.name or one.column) for one in head.columns)
