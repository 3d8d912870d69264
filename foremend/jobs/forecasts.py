"""`foremend forecasts`: visits by area and by part in the weeks to come, by tables or by what is kept here."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.desk import Alerts
from foremend.jobs.cohorts import own_fleet
from foremend.learning.members import Since, day_of, iso_day, read_appliances
from foremend.learning.visits import Visit, as_weeks, expected_by_age, from_tickets, read_visits
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.spreadsheets import plain_cell
from foremend.vocabulary.types import Purpose
from models.visits import Visits, forecast

_EVERYWHERE = "all"
_LONGEST_WEEKS = 208
"""Four years: what was longer ago says little of next month, and a season is seen four times."""


def forecast_tables(
    appliances: Path, visits: Path, *, today: date, weeks: int, out: Path | None
) -> dict[str, Any]:
    """`forecast_visits` of an organisation's tables: visits, and who is there, as `foremend cohorts` reads it."""
    fleet, told = read_appliances(appliances), read_visits(visits)
    return forecast_visits(fleet, told, today=today, weeks=weeks, out=out)


def forecast_own(desk: Alerts, clock: Clock, *, today: date, weeks: int, out: Path | None) -> dict[str, Any]:
    """`forecast_visits` of the register of nameplates and of tickets, where owners agree to tickets: other visits are
    not known here. Raises ConfigError where the register is empty."""
    fleet, silent = own_fleet(desk, clock, (Purpose.TICKET,))
    part_of = {name: entry.parts[0] for name, entry in load_catalogue().items() if entry.parts}
    told = from_tickets(desk.engine, part_of)
    found = forecast_visits(fleet, told, today=today, weeks=weeks, out=out)
    return found | {"appliances_without_consent": silent}


def forecast_visits(
    fleet: Mapping[str, Sequence[Since]],
    told: Sequence[Visit],
    *,
    today: date,
    weeks: int,
    out: Path | None,
) -> dict[str, Any]:
    """Visits of each area, of all together and for each part, in each of the next `weeks`, before `today` known.

    An appliance's region is its area. Weeks begin on today's day of the week. Writes a CSV of it into `out`, if given.
    Raises ConfigError or InputError where there is too little.
    """
    last = day_of(today)
    known = [one for one in told if one.appliance in fleet and _begun(one, last)]
    if not known:
        raise ConfigError(
            f"there is no visit before {today} of an appliance that is in the fleet: a forecast takes 30 of them"
        )
    past = min((last - _begin(known)) // 7, _LONGEST_WEEKS)
    first = last - past * 7
    areas = sorted({history[-1].region for history in fleet.values()})
    parts = sorted({one.part for one in known if one.part})
    expected = expected_by_age(fleet, known, areas, first, past, weeks)
    whole = expected.sum(axis=0, keepdims=True)
    rows = [
        *_rows(
            "area",
            areas,
            as_weeks(known, lambda one: fleet[one.appliance][-1].region, areas, first, past),
            expected,
            past,
            last,
        ),
        *_rows(
            "area",
            [_EVERYWHERE],
            as_weeks(known, lambda one: _EVERYWHERE, [_EVERYWHERE], first, past),
            whole,
            past,
            last,
        ),
    ]
    if parts:
        with_part = [one for one in known if one.part]
        of_parts = as_weeks(with_part, lambda one: one.part, parts, first, past)
        rows += _rows("part", parts, of_parts, np.repeat(whole, len(parts), axis=0), past, last)
    if out is not None:
        _write(out, rows)
    return {
        "from": iso_day(first),
        "until": iso_day(last),
        "appliances": len(fleet),
        "visits": sum(one.visited is not None and one.visited < last for one in known),
        "open_tickets": sum(_is_open(one, last) for one in known),
        "left_out": len(told) - len(known),
        "weeks": rows,
    }


def _rows(
    by: str, names: Sequence[str], visits: Visits, expected: NDArray[np.float64], past: int, last: int
) -> list[dict[str, Any]]:
    found = forecast(visits, expected, past)
    return [
        {
            "by": by,
            "name": name,
            "week": iso_day(last + 7 * ahead),
            "visits": round(float(found.mean[n, ahead]), 1),
            "low": int(found.low[n, ahead]),
            "high": int(found.high[n, ahead]),
        }
        for n, name in enumerate(names)
        for ahead in range(found.mean.shape[1])
    ]


def _begin(known: Sequence[Visit]) -> int:
    """From when on visits were written down: one in a hundred, and one at least, may be years off by a slip of the pen,
    and weeks without a visit would be learnt from."""
    firsts = sorted(_first(one) for one in known)
    return firsts[min(1 + len(firsts) // 100, len(firsts) - 1)]


def _begun(one: Visit, last: int) -> bool:
    return _first(one) < last


def _first(one: Visit) -> int:
    return min(day for day in (one.foreseen, one.visited) if day is not None)


def _is_open(one: Visit, last: int) -> bool:
    return all(day is None or day >= last for day in (one.visited, one.closed))


def _write(out: Path, rows: Sequence[dict[str, Any]]) -> None:
    try:
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(row | {"name": plain_cell(row["name"])} for row in rows)
    except OSError as error:
        raise ConfigError(f"{out} cannot be written: {error.strerror}") from error
