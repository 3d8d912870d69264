"""What a worker writes into the effects database for the processes that have the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine as Database

from alerts.database import upsert, writing
from alerts.tables import ProcessRow, SeenRow
from foremend.engine.engine import Engine
from foremend.engine.lane import NO_TIME, Lane
from foremend.runtimes.status import PipelineStatus
from foremend.vocabulary.ports import Clock

MOST_APPLIANCES = 5_000
"""Written at one `record`: a small fleet's page is exact, a large one's costs no more and is some checkpoints old."""


class StatusWriter:
    """One stream's status and appliances, for as long as its engines live.

    Call `record` at each checkpoint, and as often when nothing came: a stream that says nothing is taken for dead.
    """

    def __init__(self, database: Database, stream: str, clock: Clock) -> None:
        """`stream`: the name under which effects keep its position, `{prefix}-{partition}` on Kafka."""
        self._database, self._stream, self._clock = database, stream, clock
        self._written: dict[str, NDArray[np.int64]] = {}

    def record(self, engines: Mapping[str, Engine], status: PipelineStatus) -> int:
        """Write the status and the appliances that were heard of since; answers how many of them.

        `engines` by record key. Of more than MOST_APPLIANCES those come first that were never or longest not written.
        Raises UnavailableError while the database is away: what was not written comes with a later call.
        """
        lanes = {
            f"{key}/{model}": lane for key, engine in engines.items() for model, lane in engine.lanes.items()
        }
        chosen = self._chosen(lanes)
        seen = [row for name, rows in chosen.items() for row in _rows(lanes[name], rows)]
        # Workers that hand a partition over may write the same rows: in one order they cannot lock each other out.
        seen.sort(key=lambda row: row["appliance_id"])
        said = {"stream": self._stream, "status": asdict(status), "at": self._clock.now_ms()}
        with writing(self._database) as session:
            upsert(session, SeenRow, seen)
            upsert(session, ProcessRow, [said])
        for name, rows in chosen.items():
            self._written[name][rows] = lanes[name].last_seen[rows]
        return len(seen)

    def _chosen(self, lanes: Mapping[str, Lane]) -> dict[str, NDArray[np.intp]]:
        """For each lane the rows to write now."""
        moved = [self._moved(name, lane) for name, lane in lanes.items()]
        if sum(map(len, moved)) <= MOST_APPLIANCES:
            return dict(zip(lanes, moved, strict=True))
        written = np.concatenate([self._written[name][rows] for name, rows in zip(lanes, moved, strict=True)])
        first = np.zeros(len(written), bool)
        first[np.argpartition(written, MOST_APPLIANCES)[:MOST_APPLIANCES]] = True
        cuts = np.cumsum([len(rows) for rows in moved])[:-1]
        parts = zip(lanes, moved, np.split(first, cuts), strict=True)
        return {name: rows[chosen] for name, rows, chosen in parts}

    def _moved(self, name: str, lane: Lane) -> NDArray[np.intp]:
        """Rows of a lane that were heard of since they were written."""
        known = self._written.get(name, np.zeros(0, np.int64))
        self._written[name] = np.concatenate([known, np.full(len(lane.ids) - len(known), NO_TIME)])
        return np.flatnonzero(lane.last_seen[: len(lane.ids)] > self._written[name])


def _rows(lane: Lane, rows: NDArray[np.intp]) -> Iterator[dict[str, Any]]:
    for row, seen in zip(rows.tolist(), lane.last_seen[rows].tolist(), strict=True):
        yield {
            "appliance_id": lane.ids[row],
            "appliance_model": lane.profile.name,
            "category": lane.profile.category,
            "last_seen": seen,
        }
