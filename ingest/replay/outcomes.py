"""What was confirmed on the appliances of a recording: a table that people keep, in the layout they keep it in."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import pyarrow as pa
from pydantic import Field

from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.schema import KebabName, Strict
from foremend.vocabulary.types import MS_PER_DAY
from ingest.replay.moments import NO_TIME, format_of, times
from ingest.replay.times import TimeSource

DAYS = "days"


class MomentSource(TimeSource):
    """A time as `TimeSource` has it, or `days` since midnight UTC before the appliance's first reading."""

    known: ClassVar[tuple[str, ...]] = (*TimeSource.known, DAYS)

    column: str
    format: str = "iso"


class OutcomeColumns(Strict):
    """What the columns of a table of outcomes are called.

    `repaired_at` and `onset` may be absent, unless they are named. `faults` translates the table's names of faults into
    the catalogue's.
    """

    appliance_id: str = "appliance_id"
    fault: str = "fault"
    confirmed_at: MomentSource = MomentSource(column="confirmed_at")
    repaired_at: MomentSource = MomentSource(column="repaired_at")
    onset: MomentSource = MomentSource(column="onset")
    faults: dict[str, KebabName] = Field(default_factory=dict)
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that the table must have."""
        named = [
            getattr(self, name).column for name in ("repaired_at", "onset") if name in self.model_fields_set
        ]
        return (self.appliance_id, self.fault, self.confirmed_at.column, *named)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, ms: since 1970 UTC, or since midnight before the appliance's first reading."""

    ms: int
    of_recording: bool = False

    def at(self, first: int) -> int:
        """ms UTC, of an appliance whose first reading was at `first`."""
        return self.ms + first // MS_PER_DAY * MS_PER_DAY if self.of_recording else self.ms


@dataclass(frozen=True, slots=True)
class Confirmed:
    """One fault that people know of. `confirmed` is None where it had not failed yet."""

    appliance_id: str
    fault: str
    confirmed: Moment | None
    repaired: Moment | None = None
    onset: Moment | None = None


def read_confirmed(path: Path, columns: OutcomeColumns) -> list[Confirmed]:
    """The rows of a CSV that tell of a fault; one without any time is of an appliance that stayed well.

    Raises InputError where the file cannot be read, or for a cell, with its line; ConfigError for a column that is
    not there.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, delimiter=columns.delimiter)
            _require(columns, rows.fieldnames or (), path)
            found = [_confirmed(row, columns, f"{path}, line {rows.line_num}") for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}") from error
    return [one for one in found if one is not None]


def _require(columns: OutcomeColumns, present: object, path: Path) -> None:
    there = list(present) if isinstance(present, list | tuple) else []
    missing = [name for name in columns.needed if name not in there]
    if missing:
        raise ConfigError(
            f"{path} lacks the column {missing[0]!r}: it has {', '.join(there) or 'no header'}; write under "
            "'outcomes' in the mapping what its columns are called"
        )


def _confirmed(row: Mapping[str, str | None], columns: OutcomeColumns, where: str) -> Confirmed | None:
    confirmed, repaired, onset = (
        _moment(row.get(source.column), source, where)
        for source in (columns.confirmed_at, columns.repaired_at, columns.onset)
    )
    if confirmed is None and repaired is None and onset is None:
        return None
    appliance, fault = ((row.get(name) or "").strip() for name in (columns.appliance_id, columns.fault))
    if not appliance or not fault:
        raise InputError(f"{where}: {'the fault' if appliance else 'the appliance'} is missing")
    if (
        confirmed
        and repaired
        and confirmed.of_recording == repaired.of_recording
        and repaired.ms < confirmed.ms
    ):
        raise InputError(f"{where}: repaired before the fault was confirmed")
    return Confirmed(appliance, columns.faults.get(fault, _kebab(fault)), confirmed, repaired, onset)


def _kebab(fault: str) -> str:
    """`refrigerant_leak` and `Refrigerant leak` are `refrigerant-leak`."""
    return re.sub(r"[\s_]+", "-", fault.lower())


def _moment(cell: str | None, source: MomentSource, where: str) -> Moment | None:
    text = (cell or "").strip()
    if not text:
        return None
    if source.format == DAYS:
        return Moment(round(_days(text, source.column, where) * MS_PER_DAY), of_recording=True)
    if source.format == "iso" and text.isdigit():
        return Moment(int(text))
    cells = [pa.array([text])]
    ms = int(times(cells, format_of(cells, source.format), source.timezone).first[0])
    if ms == NO_TIME:
        raise InputError(
            f"{where}: {source.column}: {text!r} is not a time: write 2026-03-01T09:30:00+08:00 or ms UTC, or say"
            f" under 'outcomes' in the mapping how it is written (now: {source.format})"
        )
    return Moment(ms)


def _days(text: str, column: str, where: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = float("nan")
    if not -1e6 < days < 1e6:
        raise InputError(f"{where}: {column}: {text!r} is not a number of days")
    return days
