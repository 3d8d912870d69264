"""Days that were lived through, as spells for `models.hazards`: what was known well before each month."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from foremend.engine.follow import Days
from foremend.learning.outcomes import first_days
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.features import Feature, Statistic
from foremend.vocabulary.types import MS_PER_DAY, Rows
from models.hazards import Spells
from models.outcomes import Outcome

MONTH_DAYS = 30
FEWEST_DAYS = 14
"""Known days of a feature, before its mean says anything."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Home:
    """What is known of where an appliance stands; days since 1970, UTC."""

    region: str = ""
    household: str = ""  # empty: nobody else's
    installed: int | None = None  # None: it is as old as its first reading
    known: int = 0  # day from which on a failure would be known


def exposed(
    days: Days,
    appliances: Collection[str],
    features: Sequence[Feature],
    outcomes: Iterable[Outcome],
    homes: Mapping[str, Home],
    lead_days: int,
) -> Spells:
    """Months of each of `appliances` that `days` have until its first outcome, or until it was heard last; none before
    a failure of it would be known.

    What a month knows is each feature's mean over all days that ended `lead_days` before the month begins. An outcome
    within a month after the last day still counts. Raises ConfigError where no appliance was heard for that long.
    """
    used = [k for k, one in enumerate(features) if one.statistic is not Statistic.COVERAGE]
    ratio = np.array([features[k].scale is None for k in used])
    failed = first_days(outcomes)
    placed = [
        (number, homes.get(appliance, Home()), rows, failed.get(appliance))
        for number, (appliance, rows) in enumerate(days.by_appliance())
        if appliance in appliances
    ]
    parts = [
        (number, home, _months(rows, failure, home.known, lead_days, used, ratio))
        for number, home, rows, failure in placed
    ]
    parts = [part for part in parts if len(part[2].begins)]
    if not parts:
        raise ConfigError(
            f"no appliance was heard for {lead_days + FEWEST_DAYS} days and then watched: nothing is known of the time "
            "before a failure; a longer history, or fewer --lead-days"
        )
    return _joined(parts, tuple(features[k].name for k in used))


@dataclass(frozen=True, slots=True)
class _Months:
    """One appliance's; arrays are (months,), `known` (months, d)."""

    first: int  # day it was heard first
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    failed: NDArray[np.bool_]
    known: Array


def _months(
    rows: Rows,
    failure: int | None,
    known_from: int,
    lead_days: int,
    used: list[int],
    ratio: NDArray[np.bool_],
) -> _Months:
    order = np.argsort(rows.time, kind="stable")
    day, values = (rows.time[order] - 1) // MS_PER_DAY, rows.values[order][:, used]
    first, last = int(day[0]), int(day[-1])
    fails = failure is not None and first < failure <= last + MONTH_DAYS
    end = failure + 1 if fails and failure is not None else last + 1
    begins = np.arange(max(first + lead_days + FEWEST_DAYS, known_from), end, MONTH_DAYS)
    ends = np.minimum(begins + MONTH_DAYS, end)
    known = _means(day, values, begins - lead_days)
    known[:, ratio] = np.log(np.where(known[:, ratio] > 0, known[:, ratio], np.nan))
    return _Months(first, begins, ends, (ends == end) & fails, known)


def _means(day: NDArray[np.int64], values: Array, until: NDArray[np.int64]) -> Array:
    """(months, d) mean of what was known before each day of `until`; NaN with fewer days than `FEWEST_DAYS`."""
    finite = np.isfinite(values)
    nought = np.zeros((1, values.shape[1]))
    total = np.concatenate([nought, np.where(finite, values, 0.0).cumsum(axis=0)])
    count = np.concatenate([nought, finite.cumsum(axis=0)])
    at = np.searchsorted(day, until)
    return np.where(count[at] >= FEWEST_DAYS, total[at] / np.maximum(count[at], 1.0), np.nan)


def _joined(parts: Sequence[tuple[int, Home, _Months]], names: tuple[str, ...]) -> Spells:
    shared = {home.household for _, home, _ in parts}
    household = {name: -1 - k for k, name in enumerate(sorted(shared - {""}))}
    region = {name: k for k, name in enumerate(sorted({home.region for _, home, _ in parts}))}
    columns = [
        (
            np.full(len(months.begins), household.get(home.household, number)),
            months.begins - (months.first if home.installed is None else home.installed),
            np.where(months.failed, MONTH_DAYS, months.ends - months.begins),
            _calendar(months.begins) * len(region) + region[home.region],
            months.failed,
            months.known,
        )
        for number, home, months in parts
    ]
    homes, age, length, stratum, failed, known = (np.concatenate(one) for one in zip(*columns, strict=True))
    return Spells(homes, age.astype(np.float64), length.astype(np.float64), stratum, failed, names, known)


def _calendar(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) which calendar month each day is of, counted from year 0."""
    dates = (datetime.fromtimestamp(day * MS_PER_DAY / 1_000, UTC) for day in days.tolist())
    return np.array([date.year * 12 + date.month for date in dates], np.int64)
