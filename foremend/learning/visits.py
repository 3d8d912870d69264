"""A service organisation's visits, by its tables: what came, what was foreseen, and how many age alone expects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from alerts.visits import ticket_visits
from foremend.learning.members import Since
from foremend.learning.outcomes import read_rows, time_ms
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.types import MS_PER_DAY
from models.visits import NEVER, WEEKS_A_YEAR, Visits

COLUMNS = ("appliance_id", "visited_at")
_WEEK = 7
_YEARS = np.array([0.0, 0.25, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0])
"""An appliance's age bands begin there; early failures and wear differ, years in between hardly."""

_OLDEST = 40 * 53  # weeks


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit, or a ticket that may bring one; days since 1970, UTC, None where it did not come."""

    appliance: str
    part: str
    foreseen: int | None
    visited: int | None
    closed: int | None


def read_visits(path: Path) -> list[Visit]:
    """Visits and open tickets in a CSV with the columns appliance_id and visited_at (empty: none yet).

    Further columns, each may be empty or missing: `foreseen_at`, when a ticket was opened; `closed_at`, when it was
    closed without a visit; `part`, what the visit needs. Times are ISO 8601 (UTC where no zone is written) or ms UTC.
    Raises ConfigError, with the line, when it cannot be read, or a row has no time at all.
    """
    return [_visit(row, where) for where, row in read_rows(path, COLUMNS)]


def from_tickets(tickets: Engine, part_of: Mapping[str, str]) -> list[Visit]:
    """Visits and open tickets that are kept here; `part_of` has the part that each fault needs first."""
    return [
        Visit(
            one.appliance_id,
            part_of.get(one.fault, ""),
            *(
                None if time is None else time // MS_PER_DAY
                for time in (one.foreseen, one.visited, one.closed)
            ),
        )
        for one in ticket_visits(tickets)
    ]


def _visit(row: Mapping[str, str], where: str) -> Visit:
    days = [
        time_ms(row[name], where) // MS_PER_DAY if row.get(name) else None
        for name in ("foreseen_at", "visited_at", "closed_at")
    ]
    if days[0] is None and days[1] is None:
        raise ConfigError(f"{where}: neither foreseen_at nor visited_at: a visit or a ticket has one")
    return Visit(row["appliance_id"], row.get("part") or "", *days)


def as_weeks(
    visits: Sequence[Visit], group_of: Callable[[Visit], str], groups: Sequence[str], first: int, weeks: int
) -> Visits:
    """`visits` in weeks from day `first` on, as they are known when `weeks` are over; all are of one of `groups`."""
    number = {group: n for n, group in enumerate(groups)}

    def column(days: Sequence[int | None]) -> NDArray[np.int64]:
        found = np.array([NEVER if day is None else (day - first) // _WEEK for day in days], np.int64)
        return np.where(found < weeks, found, NEVER)

    return Visits(
        np.array([number[group_of(one)] for one in visits], np.int64),
        column([one.foreseen for one in visits]),
        column([one.visited for one in visits]),
        column([one.closed for one in visits]),
    )


def expected_by_age(
    fleet: Mapping[str, Sequence[Since]],
    visits: Sequence[Visit],
    areas: Sequence[str],
    first: int,
    weeks: int,
    ahead: int,
) -> NDArray[np.float64]:
    """(areas, weeks + ahead): visits that size and age of each area's fleet bring, if all areas were alike.

    Each category of appliances has its own chance of a visit at each age.
    """
    span = weeks + ahead
    band_of = np.searchsorted(_YEARS, np.arange(_OLDEST) / WEEKS_A_YEAR, side="right") - 1
    now = [history[-1] for history in fleet.values()]
    kinds = {name: n for n, name in enumerate(sorted({one.category for one in now}))}
    number = {name: n for n, name in enumerate(areas)}
    installed = np.array([(one.installed - first) // _WEEK for one in now], np.int64)
    area = np.array([number[one.region] for one in now], np.int64)
    kind = np.array([kinds[one.category] for one in now], np.int64)
    place = {appliance: n for n, appliance in enumerate(fleet)}
    came_at = [
        (place[one.appliance], (one.visited - first) // _WEEK) for one in visits if one.visited is not None
    ]
    at, week = np.array(came_at, np.int64).reshape(-1, 2).T
    at, week = at[(week >= 0) & (week < weeks)], week[(week >= 0) & (week < weeks)]
    total = np.zeros((len(areas), span))
    for k in kinds.values():
        mine = kind[at] == k
        ages = np.clip(week[mine] - installed[at[mine]], 0, _OLDEST - 1)
        came = np.bincount(band_of[ages], minlength=len(_YEARS))
        bands = _bands(installed[kind == k], band_of, span)
        cohorts = np.stack([area[kind == k], installed[kind == k]])
        each, count = np.unique(cohorts, axis=1, return_counts=True)  # of an area and a week of installing
        stood = np.zeros(len(_YEARS))
        for since, many in zip(*np.unique(cohorts[1], return_counts=True), strict=True):
            until = max(weeks - span + len(bands[since]), 0)
            stood += many * np.bincount(bands[since][:until], minlength=len(_YEARS))
        usual = came.sum() / max(stood.sum(), 1e-12)
        chance = usual * (came + 1) / (stood * usual + 1)
        for (where, since), many in zip(each.T, count, strict=True):
            total[where, span - len(bands[since]) :] += many * chance[bands[since]]
    return total


def _bands(
    installed: NDArray[np.int64], band_of: NDArray[np.int64], span: int
) -> dict[int, NDArray[np.int64]]:
    """The age band in each week until `span` of what was installed in a week, from when it was there on."""
    weeks = {int(since): np.arange(min(max(since, 0), span), span) for since in np.unique(installed)}
    return {since: band_of[np.minimum(there - since, _OLDEST - 1)] for since, there in weeks.items()}
