"""Whether a cohort fails more than its siblings: a log-rank test that may be looked at every day.

Each failure is one draw among those at risk in its stratum (say the same appliance model, region and age, on the same
day), so season, a heat wave, an outage or many young appliances move cohort and siblings alike. The evidence of a day
is the likelihood of its draws where the cohort fails `ratio` times as often, over the likelihood where it fails as
often as is tolerated (the safe log-rank test: ter Schure, Perez-Ortiz, Ly and Gruenwald, 2020, here stratified and
mixed over several ratios). A trouble may begin with the cohort or on any later day: evidence is mixed over the days of
its beginning (Shiryaev, 1963; Roberts, 1966). What comes of it is a martingale but for the beginnings that each day
adds, hence `false_a_year` holds however often one looks (Ville's inequality), and however many cohorts there are: their
number is the threshold.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Array = NDArray[np.float64]

_RATIOS = np.array([1.5, 2.5, 4.0, 7.0, 12.0, 20.0])  # of the tolerated one, that the mixture looks for
_BORN_WITH_IT = (
    0.5  # of the mixture: the trouble is as old as the cohort; the rest begins on a day of the year
)
_DAY_SAYS = np.log(30.0)  # at most: an outage's late reports, a new rule or a storm prove nothing on one day
_YEAR = 365
_STEPS = np.log([100.0, 10.0, 1.0])
_LEAST = np.log(2_000.0)  # evidence of a red cohort where few are watched; of a blue one 20


class Cells(NamedTuple):
    """Every pair of a cohort and a stratum in which it ever has anybody, numbered from 0; both arrays are (cells,)."""

    cohort: Ints
    stratum: Ints


class Standing(NamedTuple):
    """Where cohorts stand; each array is (cohorts,)."""

    evidence: Array  # natural logarithm; what two comparisons both say is the less of theirs
    failed: Ints
    expected: Array  # failures of the same days, if they fell on all at risk alike
    of: Ints  # failures of the cohort and its siblings on the same days


class CohortWatch:
    """Cohorts that are compared in one way, and what the days so far say of each.

    `tolerated` is how many times as often as its siblings a cohort may fail: two batches are never quite alike.

    >>> watch = CohortWatch(Cells(np.array([0, 1]), np.array([0, 0])))  # two cohorts, each the other's siblings
    >>> for _ in range(6):  # three failures a day, all of the small one
    ...     standing = watch.day(np.array([100, 900]), np.array([3, 0]))
    >>> levels(standing.evidence, watched=2).tolist()  # red, nothing
    [3, 0]
    >>> int(standing.failed[0]), round(float(standing.expected[0]), 1)
    (18, 1.8)
    """

    def __init__(self, cells: Cells, *, tolerated: float = 1.5) -> None:
        self._cells, self._tolerated, self._ratios = cells, tolerated, tolerated * _RATIOS
        self._cohorts = int(cells.cohort.max(initial=-1)) + 1
        self._log = np.full((self._cohorts, len(_RATIOS)), np.log(_BORN_WITH_IT / len(_RATIOS)))
        self._failed, self._expected, self._of = (np.zeros(self._cohorts) for _ in range(3))

    def day(self, at_risk: Ints, failed: Ints) -> Standing:
        """What stands after a day: (cells,) appliances at risk on it, those that fail counted in, and that failed.

        An appliance fails once. Days come in order and each is handed in, also one without a failure.
        """
        cohort, stratum = self._cells
        of = np.bincount(stratum, failed)[stratum]
        seen = np.flatnonzero(of * at_risk)
        k, n, mine = failed[seen], of[seen], cohort[seen]
        share = at_risk[seen] / np.bincount(stratum, at_risk)[stratum[seen]]
        self._log = np.logaddexp(self._log, np.log((1 - _BORN_WITH_IT) / _YEAR / len(_RATIOS)))
        for column, ratio in enumerate(self._ratios):
            pull = np.log(_pull(ratio, share) / _pull(self._tolerated, share))
            said = self._of_each(mine, k * np.log(ratio / self._tolerated) - n * pull)
            self._log[:, column] += np.minimum(said, _DAY_SAYS)
        self._failed += self._of_each(mine, k)
        self._expected += self._of_each(mine, n * share)
        self._of += self._of_each(mine, n)
        return self.standing()

    def standing(self) -> Standing:
        """Where each cohort stands now."""
        evidence = np.logaddexp.reduce(self._log, axis=1)
        return Standing(
            evidence, self._failed.astype(np.int64), self._expected.copy(), self._of.astype(np.int64)
        )

    def _of_each(self, cohort: Ints, what: Array | Ints) -> Array:
        return np.bincount(cohort, what, self._cohorts).astype(np.float64)


def levels(evidence: Array, *, watched: int, false_a_year: float = 1.0) -> NDArray[np.int64]:
    """(cohorts,) places in `LEVELS`; `watched` cohorts together may give `false_a_year` false red ones a year."""
    threshold = max(np.log(max(watched, 1) / false_a_year), _LEAST)
    return (evidence[:, None] >= threshold - _STEPS).sum(axis=1)


def _pull(ratio: float, share: Array) -> Array:
    """What failures come to in a stratum, where `share` of it fails `ratio` times as often as the rest."""
    return 1.0 + (ratio - 1.0) * share
