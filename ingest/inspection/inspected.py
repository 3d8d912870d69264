"""What was seen in a stranger's file, for people, and what was made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from foremend.vocabulary.schema import validated
from ingest.inspection.head import Head
from ingest.inspection.roles import Seen
from ingest.replay.columns import comma_of
from ingest.replay.mapping import ReplayMapping

_DELIMITERS = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "bars",
    " ": "blanks",
    "": "columns of Parquet",
}


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

    def without(self, known: Set[str]) -> list[str]:
        """Take what is not `known` out of the mapping's signals; answers what that was."""
        lacking: dict[str, None] = {}
        for signals in (self.written["signals"], *self.written.get("beside", {}).values()):
            for name in [one for one in signals if one not in known]:
                lacking[name] = None
                del signals[name]
        return list(lacking)


def tell(
    head: Head, when: Sequence[Seen], format_: str, signals: Mapping[str, Any], result: Inspected
) -> None:
    """What was seen, for people."""
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
    ids, beside = result.written["appliance_id"], result.written.get("beside", {})
    for other, theirs in {ids.get("value"): signals, **beside}.items():
        of = f" of {other}" if beside else ""
        result.seen |= {name + of: _where(one) for name, one in theirs.items()}
    result.seen["numbers"] = ", ".join(_commas(head)) or "with points"
    names = ", ".join(
        dict.fromkeys(ids.get("names", {}).values()) or ([ids["value"], *beside] if beside else ())
    )
    result.seen["appliance"] = names or str(ids.get("value") or ids.get("column") or "by the file's name")


def _where(one: Mapping[str, Any]) -> str:
    where = "".join(f" where {key} is {value}" for key, value in one.get("where", {}).items())
    return f"{one['column']} in {one['unit']}{where}"


def _commas(head: Head) -> Iterator[str]:
    found = {comma_of(one.cells, head.delimiter) for one in head.columns if one.role == "number"}
    if "decimal" in found:
        yield "with decimal commas"
    if "thousands" in found:
        yield "with commas between thousands"


def named(one: Seen) -> str:
    """A column, as a sentence calls it."""
    return repr(one.name) if one.name else f"column {one.column}"


def names_of(head: Head) -> str:
    """The columns that there are, as a sentence lists them."""
    return ", ".join(str(one.name or one.column) for one in head.columns)
