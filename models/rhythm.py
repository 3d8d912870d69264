"""How long each appliance usually says nothing, and whose silence began with that of many others.

A device may speak every minute, once a day, only when something changes, or be switched off every night. What is
usual is read from its own gaps: the second longest of those not long ago. Of n exchangeable gaps and one more, that one
is longer than the second longest with probability 2 / (n + 1) (order statistics, as in conformal prediction: Vovk,
Gammerman and Shafer, Algorithmic Learning in a Random World, 2005); a single outage changes nothing; and three times as
long is said to be silence, since gaps have heavy tails.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled
from foremend.vocabulary.types import MS_PER_DAY

LONGER = 3.0
"""So many times the usual longest gap is silence."""
MOST_MS = 45 * MS_PER_DAY
"""No rhythm excuses a longer silence than this."""
KEEP_A_DAY = 0.5 ** (1 / 60)
"""Half of a gap's length is forgotten in 60 days."""

KEEP_A_SPELL = np.float32(0.9)
"""So much of how long one was offline is remembered after each newer time that it was."""

TOGETHER_MS = 15 * 60_000
"""Last words this far apart are one event: a broker, a region, a power cut."""
LEAST_TOGETHER = 10
SHARE_TOGETHER = 0.001
"""Of a fleet: of a million, some ten die in any quarter of an hour, and a thousand is no chance."""


@compiled()
def hear(
    appliance: NDArray[np.int32],
    time: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    longest: NDArray[np.float32],
    second: NDArray[np.float32],
    spoke: NDArray[np.bool_],
) -> None:
    """Readings in order of arrival move on what is known of each appliance, (fleet,).

    The times of its `first` and `last` reading, its `longest` and `second` longest gap (ms), and that it `spoke`.
    """
    for i in range(len(time)):
        r = appliance[i]
        spoke[r] = True
        heard = last[r] >= first[r]
        first[r] = min(first[r], time[i])
        if time[i] <= last[r]:
            continue
        if heard:
            days = time[i] // MS_PER_DAY - last[r] // MS_PER_DAY
            if days > 0:
                longest[r] *= KEEP_A_DAY**days
                second[r] *= KEEP_A_DAY**days
            gap = np.float32(time[i] - last[r])
            if gap > longest[r]:
                second[r] = longest[r]
                longest[r] = gap
            elif gap > second[r]:
                second[r] = gap
        last[r] = time[i]


def longest_usual(second: NDArray[np.float32]) -> NDArray[np.float64]:
    """How long nothing may be heard before it is unlike the appliance itself, ms, (fleet,)."""
    return np.minimum(LONGER * second.astype(np.float64), MOST_MS)


def together(
    now: int, last: NDArray[np.int64], silent: NDArray[np.bool_], counted: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which of the `silent` (fleet,) fell silent with many others: at about the same time, or more than half of all.

    `last` (fleet,) are the times of their last words, ms, as `now`. Of the fleet only the `counted` are looked at,
    `silent` or not yet; all that are silent are counted.
    """
    fleet, count = int(counted.sum()), int(silent.sum())
    least = max(LEAST_TOGETHER, SHARE_TOGETHER * fleet)
    if count >= least and 2 * count > fleet:
        return silent
    words, mine = np.sort(last[counted]), last[silent]
    apart = np.minimum(TOGETHER_MS, (now - mine) // 2)  # who speaks right now is never among them
    found = np.zeros(len(last), np.bool_)
    found[silent] = (
        np.searchsorted(words, mine + apart, "right") - np.searchsorted(words, mine - apart) >= least
    )
    return found
