"""What technicians confirmed, as labels of daily rows; and the split that leaks neither the future nor an appliance.

A model trained at the end of March knows only what was confirmed by then. So rows are labelled as of a moment,
`known_until`, and a row counts as healthy only once it has stood `settle_days` without a confirmed fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY

Floats = NDArray[np.float64]
HELD_OUT_OF = 5
"""One appliance in five is never learnt from: by its number, so that no later training learns from it either."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fault that was confirmed on an appliance; times in ms UTC.

    >>> leak = Outcome("rf-17", "refrigerant-leak", confirmed_at=60 * MS_PER_DAY, repaired_at=62 * MS_PER_DAY)
    >>> time, span = MS_PER_DAY * np.array([10, 45, 59, 70]), {"refrigerant-leak": (20.0, 80.0)}
    >>> labels = label_rows(
    ...     ["rf-17"], np.zeros(4, np.int32), time, [leak], span, known_until=90 * MS_PER_DAY, settle_days=14
    ... )
    >>> labels.days_to_failure[:, 0]
    array([inf, 15.,  1., inf])
    """

    appliance_id: str
    fault: str
    confirmed_at: int
    repaired_at: int | None = None  # None: what the appliance did afterwards is not known


@dataclass(frozen=True, slots=True)
class Labels:
    """What n daily rows teach: the days that were left to each fault's failure, and which rows may be learnt from.

    >>> days = np.array([[np.inf, np.inf], [15.0, np.inf], [np.inf, np.inf]])  # of a leak, of a worn fan
    >>> labels = Labels(days, usable=np.array([True, True, False]))
    >>> labels.days_to_failure[labels.usable].min(axis=1)  # rows to learn from: a healthy one, and an ill one
    array([inf, 15.])
    """

    days_to_failure: Floats  # (n, faults) days until the confirmation; inf where that fault is not under way
    usable: NDArray[np.bool_]  # (n,) false where nobody could know at the time, or the row is in doubt


def label_rows(
    appliance_ids: Sequence[str],
    appliance: NDArray[np.int32],
    time: NDArray[np.int64],
    outcomes: Iterable[Outcome],
    spans: Mapping[str, tuple[float, float]],
    *,
    known_until: int,
    settle_days: float,
) -> Labels:
    """Labels of the rows of `appliance` (n,), indices into `appliance_ids`, that ended at `time` (n,).

    `spans` names the faults, with the fewest and most days from their first sign to the failure: rows further ahead
    than the most are healthy, and those between the middle of the span and its end are in doubt.
    """
    days = np.full((len(time), len(spans)), np.inf)
    settled = time <= known_until - settle_days * MS_PER_DAY
    under_way, doubtful = np.zeros_like(settled), time > known_until
    rows_of = {appliance_id: row for row, appliance_id in enumerate(appliance_ids)}
    faults = {fault: column for column, fault in enumerate(spans)}
    for outcome in outcomes:
        if outcome.confirmed_at > known_until or outcome.fault not in faults:
            continue
        ahead = (outcome.confirmed_at - time) / MS_PER_DAY
        repaired = outcome.confirmed_at if outcome.repaired_at is None else outcome.repaired_at
        mine = appliance == rows_of.get(outcome.appliance_id, -1)
        certain, longest = _certain_and_longest(spans[outcome.fault])
        shows = mine & (ahead <= certain) & (time <= repaired)
        column = faults[outcome.fault]
        days[shows, column] = np.minimum(days[shows, column], np.maximum(ahead[shows], 0.0))
        under_way |= shows
        doubtful |= mine & (ahead > certain) & (ahead <= longest)
        doubtful |= mine & (time > repaired) & (outcome.repaired_at is None)
    return Labels(days, (settled | under_way) & ~doubtful)


def held_out(number: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(n,) whether an appliance of that number is kept for judging."""
    return number % HELD_OUT_OF == 0


def _certain_and_longest(span: tuple[float, float]) -> tuple[float, float]:
    """Days ahead of the failure within which the fault surely shows, and beyond which it surely had not begun."""
    low, high = (max(days, 1.0) for days in span)
    return float(np.sqrt(low * high)), high
