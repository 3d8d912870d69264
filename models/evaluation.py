"""How good predictions were, in the figures that a service organisation pays by. Pure: no I/O, no clock.

A **warning** is what would open a ticket. It is true when that fault was under way on that appliance, or shortly over;
for what names a symptom and no fault of the catalogue, when any fault was. Everything else is false, also the
wrong name for a real fault. A warning counts as a catch only before the failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY

Array = NDArray[np.float64]
GRACE_DAYS = 3.0  # after a repair: averages still remember the fault
USUAL_DAYS = 10  # watched days before the first sign: what is usual must be known
NOTICE_DAYS = 5  # watched days between first sign and failure: less is no time to be sure
EARLY_DAYS = 30.0  # what counts as early; asked of faults that show at least so long before


@dataclass(frozen=True, slots=True)
class TrueFault:
    """One fault that an appliance had. Times in ms UTC; None for what never came or is not known.

    >>> day = MS_PER_DAY
    >>> leak = TrueFault("rf-17", "refrigerant-leak", onset=0, first_sign=20 * day, failure=60 * day, over=None)
    >>> could_be_foreseen(leak, {"rf-17": day * np.arange(1, 61)})  # heard on every day
    True
    >>> could_be_foreseen(leak, {"rf-17": day * np.arange(58, 61)})
    False
    """

    appliance: str
    fault: str
    onset: int  # it began
    first_sign: int | None  # it could be seen
    failure: int | None  # the appliance no longer worked
    over: int | None  # repaired


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning that would open a ticket; `time` ms UTC, event time.

    >>> day = MS_PER_DAY
    >>> leak = TrueFault("rf-17", "refrigerant-leak", onset=0, first_sign=20 * day, failure=60 * day, over=None)
    >>> warning, heard = Warned("rf-17", "refrigerant-leak", time=45 * day), {"rf-17": day * np.arange(1, 61)}
    >>> found = figures([warning], [leak], heard, [leak.fault], until=90 * day, appliance_years=1.0)
    >>> found.per_fault["refrigerant-leak"].lead_days
    (15.0,)
    """

    appliance: str
    fault: str
    time: int


@dataclass(frozen=True, slots=True)
class FaultFigures:
    """How well one fault was foreseen, over all appliances. Shares are None where there is nothing to count.

    >>> leaks = FaultFigures(
    ...     failures=4, caught=3, unforeseeable=1, warnings=5, false=1, lead_days=(9.0, 21.0, 30.0)
    ... )
    >>> leaks.recall, leaks.precision, leaks.median_lead_days
    (0.75, 0.8, 21.0)
    """

    failures: int  # that could be foreseen
    caught: int  # of those
    unforeseeable: int  # failures that no one could foresee: hidden, at once, or of an appliance hardly used
    warnings: int
    false: int  # of those
    lead_days: tuple[float, ...]  # days from warning to failure of those caught, rising

    @property
    def recall(self) -> float | None:
        """Of the failures that could be foreseen, the share that was, 0..1."""
        return self.caught / self.failures if self.failures else None

    @property
    def precision(self) -> float | None:
        """Share of the warnings that were true, 0..1."""
        return 1 - self.false / self.warnings if self.warnings else None

    @property
    def median_lead_days(self) -> float | None:
        """Days from warning to failure, of those caught."""
        return median(self.lead_days) if self.lead_days else None


@dataclass(frozen=True, slots=True)
class Figures:
    """How well faults were foreseen: each one, and all together.

    >>> leaks = FaultFigures(failures=4, caught=3, unforeseeable=1, warnings=5, false=1, lead_days=(9.0, 21.0, 30.0))
    >>> fans = FaultFigures(failures=2, caught=2, unforeseeable=0, warnings=2, false=0, lead_days=(12.0, 40.0))
    >>> all_of_them = Figures({"refrigerant-leak": leaks, "fan-wear": fans}, 50.0, 5 / 7, (0.0, 21.0, 40.0))
    >>> all_of_them.recall, all_of_them.false_per_100_appliance_years, all_of_them.median_lead_days
    (0.875, 2.0, 21.0)
    """

    per_fault: Mapping[str, FaultFigures]
    appliance_years: float  # watched
    recall_all: float | None  # share of all failures that was foreseen, though not all could be
    early_lead_days: tuple[float, ...]  # of faults that show EARLY_DAYS before: 0 where missed, rising

    @property
    def recall(self) -> float | None:
        """Macro recall: the mean over faults that had failures to foresee."""
        known = [one.recall for one in self.per_fault.values() if one.recall is not None]
        return float(np.mean(known)) if known else None

    @property
    def false_per_100_appliance_years(self) -> float:
        """False warnings in a hundred years of one appliance, or in one year of a hundred."""
        return 100 * sum(one.false for one in self.per_fault.values()) / self.appliance_years

    @property
    def median_lead_days(self) -> float | None:
        """Of all faults that show at least EARLY_DAYS before the failure, one that was missed counting as 0 days."""
        return median(self.early_lead_days) if self.early_lead_days else None


def figures(
    warnings: Iterable[Warned],
    truth: Sequence[TrueFault],
    watched: Mapping[str, NDArray[np.int64]],
    faults: Sequence[str],
    *,
    until: int,
    appliance_years: float,
) -> Figures:
    """Judge `warnings` against `truth`.

    `watched`: appliance -> ends of the days on which it ran and was heard, ms UTC, rising; `faults` are the names the
    predictor may use; failures after `until` (ms UTC, end of the history) ask nothing yet.
    """
    warned = sorted(warnings, key=lambda one: one.time)
    catches = {
        index: one.time for one in reversed(warned) if (index := _meant(one, truth, faults)) is not None
    }
    false = [one for one in warned if not _is_true(one, truth, faults)]
    failed = [k for k, one in enumerate(truth) if one.failure is not None and one.failure <= until]
    seen = [k for k in failed if could_be_foreseen(truth[k], watched)]
    lead = {
        k: _lead(truth[k], catches[k]) for k in failed if k in catches and _lead(truth[k], catches[k]) > 0
    }
    names = sorted({*faults, *(one.fault for one in warned)})
    return Figures(
        {name: _of_fault(name, truth, failed, seen, lead, warned, false) for name in names},
        appliance_years,
        len(lead) / len(failed) if failed else None,
        tuple(sorted(lead.get(k, 0.0) for k in seen if _shows_early(truth[k]))),
    )


def could_be_foreseen(fault: TrueFault, watched: Mapping[str, NDArray[np.int64]]) -> bool:
    """Whether the appliance was watched long enough before the first sign, and between it and the failure.

    Where the first sign is not known (confirmed outcomes), the onset stands for it.
    """
    sign = fault.onset if fault.first_sign is None else fault.first_sign
    days = watched.get(fault.appliance, np.zeros(0, np.int64))
    if fault.failure is None:
        return False
    before, between = np.searchsorted(days, [sign, fault.failure])
    return bool(before >= USUAL_DAYS and between - before >= NOTICE_DAYS)


def lead_time_curve(lead_days: Sequence[float], failures: int, days: Sequence[float]) -> list[float]:
    """Share of `failures` that were told at least so many `days` before."""
    return [sum(lead >= least for lead in lead_days) / max(failures, 1) for least in days]


def calibration(probability: Array, happened: NDArray[np.bool_], bins: int = 10) -> list[dict[str, float]]:
    """Mean probability against observed share, in bins of equal width over 0..1; empty bins are left out."""
    number = np.minimum((probability * bins).astype(np.intp), bins - 1)
    return [
        {
            "predicted": float(probability[number == k].mean()),
            "observed": float(happened[number == k].mean()),
            "rows": int((number == k).sum()),
        }
        for k in range(bins)
        if (number == k).any()
    ]


def brier(probability: Array, happened: NDArray[np.bool_]) -> float:
    """Mean squared error of probabilities (Brier 1950): 0 is perfect."""
    return float(np.mean((probability - happened) ** 2))


def interval_coverage(days: Array, low: Array, high: Array) -> float | None:
    """Share of known true `days` inside their interval; None where there is no interval."""
    known = np.isfinite(days) & np.isfinite(low)
    return float(((low <= days) & (days <= high))[known].mean()) if known.any() else None


def _of_fault(
    name: str,
    truth: Sequence[TrueFault],
    failed: Sequence[int],
    seen: Sequence[int],
    lead: Mapping[int, float],
    warned: Sequence[Warned],
    false: Sequence[Warned],
) -> FaultFigures:
    mine = [k for k in failed if truth[k].fault == name]
    fair = [k for k in mine if k in seen]
    return FaultFigures(
        failures=len(fair),
        caught=sum(k in lead for k in fair),
        unforeseeable=len(mine) - len(fair),
        warnings=sum(one.fault == name for one in warned),
        false=sum(one.fault == name for one in false),
        lead_days=tuple(sorted(lead[k] for k in fair if k in lead)),
    )


def _meant(warning: Warned, truth: Sequence[TrueFault], faults: Sequence[str]) -> int | None:
    """The fault of `truth` that a warning is about, by its index."""
    fits = (k for k, one in enumerate(truth) if one.fault == warning.fault and _under_way(warning, one))
    return next(fits, None) if warning.fault in faults else None


def _is_true(warning: Warned, truth: Sequence[TrueFault], faults: Sequence[str]) -> bool:
    named = warning.fault in faults
    return any(_under_way(warning, one) and (not named or one.fault == warning.fault) for one in truth)


def _under_way(warning: Warned, fault: TrueFault) -> bool:
    if warning.appliance != fault.appliance or warning.time < fault.onset:
        return False
    return fault.over is None or warning.time <= fault.over + GRACE_DAYS * MS_PER_DAY


def _lead(fault: TrueFault, warned_at: int) -> float:
    return ((fault.failure or 0) - warned_at) / MS_PER_DAY


def _shows_early(fault: TrueFault) -> bool:
    sign = fault.onset if fault.first_sign is None else fault.first_sign
    return fault.failure is not None and fault.failure - sign >= EARLY_DAYS * MS_PER_DAY
