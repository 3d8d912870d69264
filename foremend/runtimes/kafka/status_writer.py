"""What a worker writes into the effects database for the processes that have the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine as Database

from alerts.shared_status import Said, Seen, say
from foremend.engine.engine import Engine
from foremend.engine.lane import NO_TIME, Lane
from foremend.runtimes.status import PipelineStatus
from foremend.vocabulary.ports import Clock

MOST_APPLIANCES = 5_000
"""Written at one `record`: a small fleet's page is exact, a large one's costs no more and is some checkpoints old."""


class StatusWriter:
    """One stream's status and appliances, for as long as its engines live.

    Call `record` at each checkpoint, and as often when nothing came: a stream that says nothing is taken for dead.
    What was written is remembered by the number that a lane gave an appliance, as rows change when others leave.
    """

    def __init__(self, database: Database, stream: str, clock: Clock) -> None:
        """`stream`: the name under which effects keep its position, `{prefix}-{partition}` on Kafka."""
        self._database, self._stream, self._clock = database, stream, clock
        self._written: dict[str, _Written] = {}

    def record(self, engines: Mapping[str, Engine], status: PipelineStatus) -> int:
        """Write the status and the appliances that were heard of since, or fell silent; answers how many of them.

        `engines` by record key. Of more than MOST_APPLIANCES those come first that were never or longest not written.
        Raises UnavailableError while the database is away: what was not written comes with a later call.
        """
        now = {
            f"{key}/{model}": self._now(f"{key}/{model}", lane, engine.silent(lane))
            for key, engine in engines.items()
            for model, lane in engine.lanes.items()
        }
        chosen = _chosen(now)
        seen = [one for name, rows in chosen.items() for one in now[name].as_seen(rows)]
        say(self._database, Said(self._stream, asdict(status), self._clock.now_ms()), seen)
        for name, rows in chosen.items():
            self._written[name] = now[name].written(rows)
        return len(seen)

    def _now(self, name: str, lane: Lane, silent: NDArray[np.bool_]) -> _Now:
        """A lane beside what was written of it."""
        known, count = self._written.get(name), len(silent)
        seen, was_silent = np.full(count, NO_TIME), np.zeros(count, np.bool_)
        if known is not None and known.lane is lane:
            here, there = np.intersect1d(
                lane.number[:count], known.number, assume_unique=True, return_indices=True
            )[1:]
            seen[here], was_silent[here] = known.seen[there], known.silent[there]
        return _Now(lane, silent, seen, was_silent)


@dataclass(frozen=True, slots=True)
class _Written:
    """Of one lane's appliances, each known by its number."""

    lane: Lane
    number: NDArray[np.int64]
    seen: NDArray[np.int64]
    silent: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Now:
    """One lane, by its rows: who is silent now, and `seen` and `was_silent` of each as it was written last."""

    lane: Lane
    silent: NDArray[np.bool_]
    seen: NDArray[np.int64]
    was_silent: NDArray[np.bool_]

    def moved(self) -> NDArray[np.intp]:
        """Rows that were heard of since they were written, or whose silence changed."""
        heard = self.lane.last_seen[: len(self.seen)] > self.seen
        return np.flatnonzero(heard | (self.silent != self.was_silent))

    def as_seen(self, rows: NDArray[np.intp]) -> Iterator[Seen]:
        """What to write of these."""
        lane = self.lane
        missing = lane.days_missing(len(self.seen))[rows].tolist()
        each = (rows.tolist(), lane.last_seen[rows].tolist(), self.silent[rows].tolist(), missing)
        for row, seen, silent, days in zip(*each, strict=True):
            yield Seen(lane.ids[row], lane.profile.name, lane.profile.category, seen, silent, days)

    def written(self, rows: NDArray[np.intp]) -> _Written:
        """When these are."""
        seen, was_silent = self.seen.copy(), self.was_silent.copy()
        seen[rows], was_silent[rows] = self.lane.last_seen[rows], self.silent[rows]
        return _Written(self.lane, self.lane.number[: len(seen)].copy(), seen, was_silent)


def _chosen(now: Mapping[str, _Now]) -> dict[str, NDArray[np.intp]]:
    """For each lane the rows to write now."""
    moved = [lane.moved() for lane in now.values()]
    if sum(map(len, moved)) <= MOST_APPLIANCES:
        return dict(zip(now, moved, strict=True))
    written = np.concatenate([lane.seen[rows] for lane, rows in zip(now.values(), moved, strict=True)])
    first = np.zeros(len(written), bool)
    first[np.argpartition(written, MOST_APPLIANCES)[:MOST_APPLIANCES]] = True
    cuts = np.cumsum([len(rows) for rows in moved])[:-1]
    parts = zip(now, moved, np.split(first, cuts), strict=True)
    return {name: rows[chosen] for name, rows, chosen in parts}
