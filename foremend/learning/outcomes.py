"""Confirmed outcomes: from tickets, from the truth of a simulation, or from a table of what technicians found."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from alerts.outcomes import found_faults
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import MS_PER_DAY
from models.outcomes import Outcome

if TYPE_CHECKING:
    from simulators.fleet.history import Truth

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = ("appliance_id", "fault", "confirmed_at")


def read_outcomes(path: Path) -> list[Outcome]:
    """Outcomes in `path`, a truth.json of `foremend simulate` or a CSV.

    The CSV has the columns appliance_id, fault, confirmed_at and, if known, repaired_at; times are ISO 8601 (UTC where
    no zone is written) or ms UTC. Raises ConfigError, with the line, when it cannot be read.
    """
    if path.suffix == ".json":
        from simulators.fleet.history import read_truth  # costs a start that reads no truth

        return [outcome for row in read_truth(path) for outcome in _found_by_technician(row)]
    return [_outcome(row, where) for where, row in read_rows(path, COLUMNS)]


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row of a CSV with a header, and where it stands; what a short row lacks is empty.

    Raises ConfigError when it cannot be read, or lacks one of `columns`.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, restval="")
            missing = [name for name in columns if name not in (rows.fieldnames or ())]
            if missing:
                raise ConfigError(f"{path} lacks the column {missing[0]}: it needs {', '.join(columns)}")
            for row in rows:
                yield f"{path}, line {rows.line_num}", row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} cannot be read as CSV: {error}") from error


def from_tickets(tickets: Engine, clock: Clock) -> list[Outcome]:
    """What technicians found where tickets sent them, on appliances whose owners agree to training."""
    return [Outcome(*found) for found in found_faults(tickets, clock)]


def first_days(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """The day, counted from 1970, of each appliance's first outcome."""
    first: dict[str, int] = {}
    for one in outcomes:
        day = one.confirmed_at // MS_PER_DAY
        first[one.appliance_id] = min(day, first.get(one.appliance_id, day))
    return first


def _found_by_technician(row: Truth) -> list[Outcome]:
    """What a technician can know of a simulated fault: nothing before it failed or was repaired."""
    confirmed = row.failure if row.failure is not None else row.repaired
    return [] if confirmed is None else [Outcome(row.appliance, row.fault, confirmed, row.repaired)]


def _outcome(row: dict[str, str], where: str) -> Outcome:
    repaired = row.get("repaired_at")
    return Outcome(
        row["appliance_id"],
        row["fault"],
        time_ms(row["confirmed_at"], where),
        time_ms(repaired, where) if repaired else None,
    )


def time_ms(text: str, where: str) -> int:
    """ms UTC from ISO 8601 or from ms UTC. Raises ConfigError, naming `where`, for anything else."""
    try:
        if text.isdigit():
            _EPOCH + timedelta(milliseconds=int(text))  # raises beyond the year 9999
            return int(text)
        time = datetime.fromisoformat(text)
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000)
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"{where}: {text!r} is not a time: write 2026-03-01T09:30:00+08:00 or ms UTC"
        ) from error
