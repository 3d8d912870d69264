"""Who is in a fleet, by a maker's table or the register: what each appliance is, and since when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from alerts.nameplates import Nameplate
from foremend.learning.outcomes import read_rows, time_ms
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.types import MS_PER_DAY
from models.outcomes import Outcome

COLUMNS = ("appliance_id", "category", "appliance_model", "batch", "region", "firmware", "installed_at")


@dataclass(frozen=True, slots=True)
class Since:
    """What an appliance is from a day on; days since 1970, UTC."""

    category: str
    model: str
    batch: str
    region: str
    firmware: str
    installed: int
    day: int
    household: str = ""  # empty: nobody else's


def read_appliances(path: Path) -> dict[str, list[Since]]:
    """Appliances in a CSV with the columns of `COLUMNS`, oldest row first.

    An appliance has a row more for each time that its firmware changed, with the day in the column `since`. Times are
    ISO 8601 (UTC where no zone is written) or ms UTC. What of batch, region and firmware is empty is one like another;
    a column `household` says who shares a home. Raises ConfigError, with the line, when it cannot be read.
    """
    found: dict[str, list[Since]] = defaultdict(list)
    for where, row in read_rows(path, COLUMNS):
        installed = time_ms(row["installed_at"], where) // MS_PER_DAY
        day = time_ms(row["since"], where) // MS_PER_DAY if row.get("since") else installed
        category, model, batch, region, firmware = (row[name] for name in COLUMNS[1:6])
        since = Since(category, model, batch, region, firmware, installed, day, row.get("household", ""))
        found[row["appliance_id"]].append(since)
    if not found:
        raise ConfigError(f"{path} has no appliances: it needs a row for each")
    return {appliance: sorted(since, key=lambda one: one.day) for appliance, since in found.items()}


def of_register(plates: Iterable[Nameplate], known_since: Mapping[str, int]) -> dict[str, list[Since]]:
    """Registered appliances from the day (ms UTC by id) on from which a failure of theirs would be known here.

    One that is not in `known_since` is left out: it could fail without anybody hearing of it.
    """
    return {
        plate.appliance_id: _since(plate, known_since[plate.appliance_id] // MS_PER_DAY)
        for plate in plates
        if plate.appliance_id in known_since
    }


def _since(plate: Nameplate, first: int) -> list[Since]:
    installed = plate.installed_at // MS_PER_DAY
    told = [(one.since // MS_PER_DAY, one.version) for one in plate.firmware]
    changes = told if told and told[0][0] <= installed else [(installed, ""), *told]
    ends = [*(day for day, _ in changes[1:]), None]
    return [
        Since(
            plate.category,
            plate.appliance_model,
            plate.batch,
            plate.region,
            version,
            installed,
            max(day, first),
        )
        for (day, version), end in zip(changes, ends, strict=True)
        if end is None or end > first
    ]


def day_of(one: date) -> int:
    """Days since 1970."""
    return (one - date(1970, 1, 1)).days


def iso_day(day: int) -> str:
    """19000 -> '2022-01-08': days since 1970."""
    return (date(1970, 1, 1) + timedelta(day)).isoformat()


@dataclass(frozen=True, slots=True)
class Failure:
    """The first fault that was found on an appliance, on `day`, and what the appliance was then."""

    appliance_id: str
    fault: str
    day: int
    since: Since


def first_failures(fleet: Mapping[str, Sequence[Since]], outcomes: Iterable[Outcome]) -> list[Failure]:
    """Of each appliance of `fleet` its first failure, if it was in the fleet by then; the oldest first."""
    first: dict[str, Outcome] = {}
    for one in sorted(outcomes, key=lambda outcome: outcome.confirmed_at):
        first.setdefault(one.appliance_id, one)
    found = []
    for name, one in first.items():
        day = one.confirmed_at // MS_PER_DAY
        if known := [since for since in fleet.get(name, ()) if since.day <= day]:
            found.append(Failure(name, one.fault, day, known[-1]))
    return found


_PARTS = {
    "model": ("model",),
    "batch": ("model", "batch"),
    "firmware": ("model", "firmware"),
    "region": ("region",),
}


def name_of(by: str, one: Since) -> str:
    """What a cohort by batch, firmware, model or region that `one` is in is called: a batch is one of its model."""
    return " ".join(getattr(one, part) for part in _PARTS[by])


def definition_of(by: str, one: Since) -> dict[str, str]:
    """What all of that cohort have in common, as columns of the register."""
    return {"appliance_model" if part == "model" else part: getattr(one, part) for part in _PARTS[by]}


def is_in(definition: Mapping[str, str], one: Since) -> bool:
    """Whether `one` is in the cohort that a `definition_of` names."""
    return all(
        getattr(one, "model" if part == "appliance_model" else part) == value
        for part, value in definition.items()
    )
