"""What technicians confirmed, as labels of daily rows: what each appliance's own course shows, and nothing of a future.

A model trained at the end of March knows only what was confirmed by then. So rows are labelled as of a moment,
`known_until`, and a row counts as healthy only once it has stood `settle_days` without a confirmed fault.

Since when a fault showed is not asked of a catalogue, whose spans are those of other machines, but of the appliance
itself: its last week before the confirmation is a direction away from the usual, and every earlier day is so and so far
along it. The days before are the fault's for as long as they mostly are; well before that the appliance was well. Where
the last week shows nothing, no day of it teaches either (learning from positive and unlabelled rows: Elkan and Noto,
KDD 2008).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY
from models.usual.spread import LEAST_SPREAD, middle_and_spread

Floats = NDArray[np.float64]
HELD_OUT_OF = 5
"""Of simulated appliances one in five is never learnt from: by its number, so that no later training does either."""
LAST_DAYS = 7.0  # before the confirmation: there it shows, if ever
UNSURE_DAYS = 15.0  # before it showed: it may have begun
_FAR = 1.8  # drawn-in spreads, about three of them: what a fault moved
_ALONG = 0.4  # of the last week's way: what counts for the fault, and below it against
_LEAST = 0.3  # of that way: a day nearer to the usual teaches nothing
_STILL = 0.7  # of the last week's size: after the confirmation nobody has mended it yet
_FORGETS_DAYS = 4.0  # after a repair the averages still remember


@dataclass(frozen=True, slots=True)
class Outcome:
    """A fault that was confirmed on an appliance; times in ms UTC.

    >>> leak = Outcome("rf-17", "refrigerant-leak", confirmed_at=60 * MS_PER_DAY, repaired_at=62 * MS_PER_DAY)
    >>> time, away = MS_PER_DAY * np.array([10, 45, 59, 70]), np.array([[0.1], [3.0], [4.0], [0.0]])
    >>> labels = label_rows(
    ...     ["rf-17"], np.int32([0] * 4), time, away, [leak], [leak.fault], known_until=90 * MS_PER_DAY, settle_days=14
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
    away: Floats,
    outcomes: Iterable[Outcome],
    faults: Sequence[str],
    *,
    known_until: int,
    settle_days: float,
) -> Labels:
    """Labels of the rows of `appliance` (n,), indices into `appliance_ids`, that ended at `time` (n,).

    `away` (n, d): how far each is from the usual, as `drawn_in` gives it. Days after a confirmation are the same
    fault's while they are as far away as before, and otherwise teach nothing until the repair is known.
    """
    days = np.full((len(time), len(faults)), np.inf)
    well = time <= known_until - settle_days * MS_PER_DAY
    doubtful, shows = time > known_until, np.zeros(len(time), np.bool_)
    rows_of = {appliance_id: row for row, appliance_id in enumerate(appliance_ids)}
    for outcome in sorted(outcomes, key=lambda one: one.confirmed_at):
        if outcome.confirmed_at > known_until or outcome.fault not in faults:
            continue
        mine = np.flatnonzero((appliance == rows_of.get(outcome.appliance_id, -1)) & (time <= known_until))
        mine = mine[np.argsort(time[mine], kind="stable")]
        ahead = (outcome.confirmed_at - time[mine]) / MS_PER_DAY
        ill = _of_the_fault(ahead, away[mine], outcome)
        since = ahead[ill].max(initial=-np.inf)
        repaired = np.inf if outcome.repaired_at is None else outcome.repaired_at + _FORGETS_DAYS * MS_PER_DAY
        sure = ahead > since + UNSURE_DAYS if ill.any() else np.zeros_like(ill)
        doubtful[mine[~ill & ~sure & (time[mine] < repaired)]] = True
        column = faults.index(outcome.fault)
        days[mine[ill], column] = np.minimum(days[mine[ill], column], np.maximum(ahead[ill], 0.0))
        shows[mine[ill]] = True
    return Labels(days, (well & ~doubtful) | shows)


def drawn_in(features: Floats, usual: NDArray[np.bool_]) -> Floats:
    """(n, d) how far features are from the usual, in spreads of the rows of a mask; far out, tenfold adds 2.3."""
    _, spread = middle_and_spread(features[usual])
    spread = np.where(spread > 1e-9, np.maximum(spread, LEAST_SPREAD), 1.0)
    return np.asarray(np.arcsinh(np.nan_to_num(features / spread)))


def _of_the_fault(ahead: Floats, away: Floats, outcome: Outcome) -> NDArray[np.bool_]:
    """(k,) days of an appliance, in the order of time, that are the fault's; none where its last week shows nothing."""
    ill = np.zeros(len(ahead), np.bool_)
    before = ahead >= 0
    if not before.any():
        return ill
    last = before & (ahead <= ahead[before].min() + LAST_DAYS)
    way = away[last].mean(axis=0)
    way = np.where(np.abs(way) > _FAR, way, 0.0)
    if not way.any():
        return ill
    along = away @ way / (way @ way)
    back = np.flatnonzero(before)[::-1]
    first = int(np.argmax(np.cumsum(along[back] - _ALONG)))
    ill[back[: first + 1]] = along[back[: first + 1]] > _LEAST
    over = (
        np.inf if outcome.repaired_at is None else (outcome.repaired_at - outcome.confirmed_at) / MS_PER_DAY
    )
    still = np.linalg.norm(away, axis=1) >= _STILL * np.linalg.norm(away[last].mean(axis=0))
    return np.asarray(ill | (~before & (-ahead <= min(over, 2 * LAST_DAYS)) & still))


def held_out(number: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(n,) whether an appliance of that number is kept for judging."""
    return number % HELD_OUT_OF == 0
