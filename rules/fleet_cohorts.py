"""The cohorts of a fleet: batch, firmware, appliance model and their pairs, each beside those it is compared with.

Regions and ages are strata and not cohorts: a hot region fails more, and so does an old appliance, and neither is news.
A model in a region must stand out from the same model elsewhere and from other models there alike: what is of the model
is told as the model's, what is of the region (a heat wave) as nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from foremend.vocabulary.levels import LEVELS, Level
from rules.cohorts import Cells, CohortWatch, Ints, Standing, levels

AGES = np.array([30, 90, 365, 730, 1095, 1825, 2920])  # days since installation where a new band begins


class Spells(NamedTuple):
    """Appliances while nothing about them changes; each array is (spells,), days are counted from any one day on.

    An appliance with new firmware has a second spell. One that failed has none afterwards.
    """

    appliance: Ints
    category: Ints
    model: Ints
    batch: Ints  # numbered over all models
    region: Ints
    firmware: Ints  # numbered over all models
    installed: Ints  # day
    start: Ints  # first day
    stop: Ints  # first day that is no longer of it
    failed: NDArray[np.bool_]  # on the day before `stop`


class Kind(NamedTuple):
    """Cohorts by `by`; appliances are compared where all of each of `within` is the same; their age band always is."""

    by: tuple[str, ...]
    within: tuple[tuple[str, ...], ...]
    tolerated: float = 1.25


KINDS = (
    Kind(("model",), (("category", "region"),), tolerated=2.0),
    Kind(("firmware",), (("model", "region"),)),
    Kind(("batch",), (("model", "region"),)),
    Kind(("model", "region"), (("category", "region"), ("model",)), tolerated=2.0),
    Kind(("firmware", "region"), (("model", "region"),)),
    Kind(("batch", "region"), (("model", "region"),)),
    Kind(("batch", "firmware"), (("model", "region"),)),
)


@dataclass(frozen=True, slots=True)
class CohortStanding:
    """How a cohort stands beside its siblings. `ratio` is how many times as often it fails as they do, `low` and `high`
    hold it 95 times in 100 for one cohort looked at once (Clopper and Pearson, 1934). Where no sibling failed,
    `ratio` is as if half a one had, and nothing is known of how much more it may be."""

    by: tuple[str, ...]
    cohort: tuple[int, ...]
    level: Level | None
    at_risk: int
    failed: int
    expected: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CohortAlarm(CohortStanding):
    """A cohort that came to its level on `day`, for the first time."""

    level: Level
    day: int


class _Watched:
    """One kind of cohorts over the whole of `spells`."""

    def __init__(self, kind: Kind, ages: Spells, band: Ints) -> None:
        self.kind = kind
        self.names, mine = _numbered([getattr(ages, one) for one in kind.by])
        self._comparisons = [_Comparison(mine, within, ages, band, kind.tolerated) for within in kind.within]
        self.standing: Standing
        self.at_risk = self.told = np.zeros(len(self.names), np.int64)

    def day(self, day: int) -> None:
        """`standing` is that after `day`, `at_risk` that on it; both are of (cohorts,)."""
        stands = [one.day(day) for one in self._comparisons]
        self.standing = stands[0]._replace(evidence=np.minimum.reduce([one.evidence for one in stands]))
        self.at_risk = self._comparisons[0].at_risk_by_cohort(len(self.names))


class _Comparison:
    def __init__(
        self, cohort: Ints, within: Sequence[str], ages: Spells, band: Ints, tolerated: float
    ) -> None:
        _, stratum = _numbered([*(getattr(ages, one) for one in within), band])
        pairs, cell = _numbered([cohort, stratum])
        self._cells = Cells(pairs[:, 0], pairs[:, 1])
        self._watch = CohortWatch(self._cells, tolerated=tolerated)
        self._at_risk = np.zeros(len(pairs), np.int64)
        self._enter, self._leave = _by_day(ages.start, cell), _by_day(ages.stop, cell)
        self._fail = _by_day(ages.stop[ages.failed] - 1, cell[ages.failed])

    def day(self, day: int) -> Standing:
        for changes, sign in ((self._enter, 1), (self._leave, -1)):
            np.add.at(self._at_risk, changes.get(day, _NOBODY), sign)
        failed = np.bincount(self._fail.get(day, _NOBODY), minlength=len(self._at_risk))
        return self._watch.day(self._at_risk, failed)

    def at_risk_by_cohort(self, cohorts: int) -> Ints:
        return np.bincount(self._cells.cohort, self._at_risk, cohorts).astype(np.int64)


_NOBODY = np.zeros(0, np.int64)


class FleetWatch:
    """All cohorts of a fleet, gone through from the day of the first failure on: earlier days compare nothing.

    `false_a_year` false red alarms a year are what all cohorts together may give where none of them fails more than
    tolerated.

    >>> fleet = {name: np.zeros(200, np.int64) for name in Spells._fields}  # 200 alike, but for their batch
    >>> fleet |= {"appliance": np.arange(200), "batch": np.arange(200) % 10, "stop": np.full(200, 40)}
    >>> bad = np.flatnonzero(fleet["batch"] == 3)
    >>> fleet["stop"][bad] = np.arange(1, 21)  # one of batch 3 fails on each of the first twenty days
    >>> watch = FleetWatch(Spells(**fleet | {"failed": fleet["batch"] == 3}))
    >>> [(one.by, one.cohort, one.level.value) for one in watch.alarms()][-1]
    (('batch',), (3,), 'red')
    >>> [(one.cohort, one.failed, round(one.expected, 1)) for one in watch.standings(1)]
    [((3,), 20, 1.0)]
    """

    def __init__(self, spells: Spells, *, false_a_year: float = 1.0) -> None:
        spells = _since_the_first_failure(spells)
        self._days = range(int(spells.start.min()), int(spells.stop.max())) if len(spells.start) else range(0)
        ages, band = _by_age(spells)
        self._kinds = [_Watched(kind, ages, band) for kind in KINDS] if self._days else []
        self._watched = sum(len(one.names) for one in self._kinds)
        self._false_a_year = false_a_year

    def alarms(self) -> Iterator[CohortAlarm]:
        """Day by day, each cohort that comes to a higher level than before, red first; of a red cohort no part is
        told. To be gone through once."""
        red: set[tuple[tuple[str, ...], tuple[int, ...]]] = set()
        for day in self._days:
            for one in self._kinds:
                one.day(day)
                level = self._levels(one)
                for cohort in np.flatnonzero((level > one.told) & (one.standing.failed > 0)):
                    one.told[cohort] = level[cohort]
                    alarm = _alarm(one, int(cohort), day)
                    if not _parts_of(alarm) & red:
                        yield alarm
                    if alarm.level is Level.RED:
                        red.add((alarm.by, alarm.cohort))

    def standings(self, most: int) -> list[CohortStanding]:
        """Where cohorts with failures stand after the days of `alarms`, the surest first; at most `most`, and none
        without siblings."""
        found = [
            (float(one.standing.evidence[cohort]), one, int(cohort))
            for one in self._kinds
            for cohort in np.flatnonzero((one.standing.failed > 0) & _has_siblings(one.standing))
        ]
        found.sort(key=lambda each: (-each[0], each[1].kind.by, each[2]))
        return [_standing(one, cohort, one.told[cohort]) for _, one, cohort in found[:most]]

    def _levels(self, one: _Watched) -> Ints:
        return levels(one.standing.evidence, watched=self._watched, false_a_year=self._false_a_year)


def cohort_alarms(spells: Spells, *, false_a_year: float = 1.0) -> Iterator[CohortAlarm]:
    """The alarms of a `FleetWatch`."""
    return FleetWatch(spells, false_a_year=false_a_year).alarms()


def _since_the_first_failure(spells: Spells) -> Spells:
    first = (spells.stop[spells.failed] - 1).min(initial=np.iinfo(np.int64).max)
    there = spells.stop > first
    return Spells(*(column[there] for column in spells._replace(start=np.maximum(spells.start, first))))


def _parts_of(alarm: CohortAlarm) -> set[tuple[tuple[str, ...], tuple[int, ...]]]:
    if len(alarm.by) == 1:
        return set()
    return {((by,), (number,)) for by, number in zip(alarm.by, alarm.cohort, strict=True)}


def _has_siblings(stands: Standing) -> NDArray[np.bool_]:
    return stands.expected < stands.of * (1.0 - 1e-9)


def _standing(one: _Watched, cohort: int, level: int) -> CohortStanding:
    stands = one.standing
    failed, of, expected = int(stands.failed[cohort]), int(stands.of[cohort]), float(stands.expected[cohort])
    low, high = beta.ppf([0.025, 0.975], [failed, failed + 1], [of - failed + 1, max(of - failed, 1e-9)])
    ratio, low, high = (_odds(share, of) / _odds(expected / of, of) for share in (failed / of, low, high))
    number = tuple(int(part) for part in one.names[cohort])
    at_risk = int(one.at_risk[cohort])
    return CohortStanding(one.kind.by, number, LEVELS[level], at_risk, failed, expected, ratio, low, high)


def _alarm(one: _Watched, cohort: int, day: int) -> CohortAlarm:
    return CohortAlarm(**asdict(_standing(one, cohort, one.told[cohort])), day=day)


def _odds(share: float, of: int) -> float:
    """Of `of` failures; at least half a one is counted of the siblings (Haldane, 1956), or odds were endless."""
    return float(share / max(1.0 - share, 0.5 / of))


def _numbered(columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    """The different rows (m, columns) of `columns`, and for each row its number among them."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        code = code * (int(column.max(initial=0)) + 1) + column
    _, first, number = np.unique(code, return_index=True, return_inverse=True)
    return np.stack([column[first] for column in columns], axis=1), number


def _by_day(day: Ints, what: Ints) -> dict[int, Ints]:
    order = np.argsort(day, kind="stable")
    days, starts = np.unique(day[order], return_index=True)
    return dict(zip(days.tolist(), np.split(what[order], starts[1:]), strict=True)) if len(days) else {}


def _by_age(spells: Spells) -> tuple[Spells, Ints]:
    """`spells` cut where an appliance comes into a new band of age, and the band of each piece."""
    edges = np.concatenate([[-(10**6)], AGES, [10**6]])
    pieces, bands = [], []
    for band, (begins, ends) in enumerate(pairwise(edges)):
        start = np.maximum(spells.start, spells.installed + begins)
        stop = np.minimum(spells.stop, spells.installed + ends)
        keep = start < stop
        cut = spells._replace(start=start, stop=stop, failed=spells.failed & (stop == spells.stop))
        pieces.append([column[keep] for column in cut])
        bands.append(np.full(int(keep.sum()), band))
    return Spells(*(np.concatenate(column) for column in zip(*pieces, strict=True))), np.concatenate(bands)
