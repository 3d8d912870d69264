"""The cohorts of a fleet: batch, firmware, appliance model and their pairs, each beside those it is compared with.

Regions and ages are strata and not cohorts: a hot region fails more, and so does an old appliance, and neither is news.
A model in a region must stand out from the same model elsewhere and from other models there alike: what is of the model
is told as the model's, what is of the region (a heat wave) as nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from rules.cohorts import LEVELS, Cells, CohortWatch, Ints, Level, Standing, levels

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
class CohortAlarm:
    """A cohort that came to a level for the first time. `ratio` is how many times as often it fails as its siblings,
    `low` and `high` hold it 95 times in 100 for one cohort looked at once (Clopper and Pearson, 1934)."""

    by: tuple[str, ...]
    cohort: tuple[int, ...]
    day: int
    level: Level
    at_risk: int
    failed: int
    expected: float
    ratio: float
    low: float
    high: float


class _Watched:
    """One kind of cohorts over the whole of `spells`."""

    def __init__(self, kind: Kind, ages: Spells, band: Ints) -> None:
        self.kind = kind
        self.names, mine = _numbered([getattr(ages, one) for one in kind.by])
        self._comparisons = [_Comparison(mine, within, ages, band, kind.tolerated) for within in kind.within]
        self.standing: Standing
        self.told = np.zeros(len(self.names), np.int64)

    def day(self, day: int) -> Ints:
        """(cohorts,) at risk on `day`; `standing` is that after it."""
        stands = [one.day(day) for one in self._comparisons]
        self.standing = stands[0]._replace(evidence=np.minimum.reduce([one.evidence for one in stands]))
        return self._comparisons[0].at_risk_by_cohort(len(self.names))


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


def cohort_alarms(spells: Spells, *, false_a_year: float = 1.0) -> Iterator[CohortAlarm]:
    """Day by day, each cohort that comes to a higher level than before, red first; of a red cohort no part is told.

    `false_a_year` false red alarms a year are what all cohorts together may give where none of them fails more than
    tolerated. It begins on the day of the first failure: earlier days compare nothing.
    """
    spells = _since_the_first_failure(spells)
    ages, band = _by_age(spells)
    kinds = [_Watched(kind, ages, band) for kind in KINDS]
    watched = sum(len(one.names) for one in kinds)
    red: set[tuple[tuple[str, ...], tuple[int, ...]]] = set()
    for day in range(int(spells.start.min()), int(spells.stop.max())) if len(spells.start) else ():
        for one in kinds:
            at_risk = one.day(day)
            level = levels(one.standing.evidence, watched=watched, false_a_year=false_a_year)
            for cohort in np.flatnonzero((level > one.told) & (one.standing.failed > 0)):
                one.told[cohort] = level[cohort]
                alarm = _alarm(one, int(cohort), day, int(at_risk[cohort]))
                if not _parts_of(alarm) & red:
                    yield alarm
                if alarm.level is Level.RED:
                    red.add((alarm.by, alarm.cohort))


def _since_the_first_failure(spells: Spells) -> Spells:
    first = (spells.stop[spells.failed] - 1).min(initial=np.iinfo(np.int64).max)
    there = spells.stop > first
    return Spells(*(column[there] for column in spells._replace(start=np.maximum(spells.start, first))))


def _parts_of(alarm: CohortAlarm) -> set[tuple[tuple[str, ...], tuple[int, ...]]]:
    if len(alarm.by) == 1:
        return set()
    return {((by,), (number,)) for by, number in zip(alarm.by, alarm.cohort, strict=True)}


def _alarm(one: _Watched, cohort: int, day: int, at_risk: int) -> CohortAlarm:
    stands = one.standing
    failed, of, expected = int(stands.failed[cohort]), int(stands.of[cohort]), float(stands.expected[cohort])
    low, high = beta.ppf([0.025, 0.975], [failed, failed + 1], [of - failed + 1, max(of - failed, 1e-9)])
    ratio, low, high = (float(_odds(share) / _odds(expected / of)) for share in (failed / of, low, high))
    number = tuple(int(part) for part in one.names[cohort])
    level = LEVELS[one.told[cohort]]
    assert level is not None
    return CohortAlarm(one.kind.by, number, day, level, at_risk, failed, expected, ratio, low, high)


def _odds(share: float) -> float:
    return share / max(1.0 - share, 1e-12)


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
