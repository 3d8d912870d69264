"""Who is offline, by its own word or the broker's for it (a last will), and for how long. No I/O, no wall clock.

Times are of the fleet's clock (`foremend.engine.silence`), which runs only while somebody listens. A machine that runs
and pauses by itself for days is never switched off with its plug; any other is judged against its own rhythm, as of
silence: three times the second longest that it was offline lately, so that a plug behind a switched socket is
told twice and then no more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foremend.engine.lane import NO_TIME, Lane
from foremend.vocabulary.types import Block
from ingest.presences import OFFLINE
from models import rhythm


def hear(lane: Lane, said: Block, now: int) -> None:
    """Take what `said` (`ingest.presences`) tells at `now`, ms UTC by the fleet's clock; strangers are passed over."""
    told = [
        (lane.rows[one], seq)
        for one, seq in zip(_names(said), said.seq.tolist(), strict=True)
        if one in lane.rows
    ]
    back = np.array([row for row, seq in told if seq != OFFLINE], np.intp)
    lane.return_of(back, now)
    for row, seq in told:
        if seq == OFFLINE and lane.offline_since[row] == NO_TIME:
            lane.offline_since[row] = now


def offline_ms(lane: Lane, now: int) -> NDArray[np.float64]:
    """(fleet,) how long each was offline at `now` (ms UTC), ms; 0 while it is there, or as its own rhythm has it."""
    cycling = lane.cycling()
    n = min(len(cycling), len(lane.offline_since))  # other threads ask, too, while newcomers get their rows
    since = lane.offline_since[:n]
    offline = np.where(since == NO_TIME, 0.0, (now - np.maximum(since, 0)).astype(np.float64))
    usual = np.where(cycling[:n], 0.0, rhythm.longest_usual(lane.second_offline[:n]))
    return np.where(offline > usual, offline, 0.0)


def last_words(lane: Lane, n: int) -> NDArray[np.int64]:
    """(n,) when each was last known to be there, ms UTC: its newest reading, or when it went offline."""
    return np.maximum(lane.last_seen[:n], lane.offline_since[:n])


def _names(said: Block) -> list[str]:
    return [said.appliance_ids[at] for at in said.appliance.tolist()]
