"""Dead letters are kept for a time and up to a size; the oldest go, a bounded batch a transaction."""

from __future__ import annotations

import logging

from sqlalchemy import Engine, delete, func, select

from alerts.database import reading, writing
from alerts.settings import DeadLetterSettings
from alerts.tables import DeadLetterRow
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rounds import ByRounds, Rounds

log = logging.getLogger(__name__)

EVERY_S = 60.0
BATCH = 500
"""Rows of one transaction: SQLite has one writer at a time, and the pipeline is another."""
_SIZE = func.length(DeadLetterRow.payload) + func.length(DeadLetterRow.topic)


class DeadLetterUpkeep(ByRounds):
    """Rounds of it, by themselves in a thread between `start` and `close`, or one by `round`."""

    def __init__(self, engine: Engine, settings: DeadLetterSettings, clock: Clock) -> None:
        self._engine, self._settings, self._clock = engine, settings, clock
        self._rounds = Rounds("upkeep of dead letters", self.round, EVERY_S)

    def round(self) -> int:
        """Remove what is too old, then the oldest while all are too large together; how many letters went.

        Raises UnavailableError while the database is away.
        """
        gone, excess = 0, self._bytes() - self._settings.most_bytes
        while not self._rounds.stopping.is_set():
            ids, freed = self._surplus(excess)
            if not ids:
                break
            with writing(self._engine) as session:
                session.execute(delete(DeadLetterRow).where(DeadLetterRow.id.in_(ids)))
            gone, excess = gone + len(ids), excess - freed
        if gone:
            log.info("%d dead letters were older or more than is kept and are gone", gone)
        return gone

    def _bytes(self) -> int:
        """Looked at once a round: all rows are read for it."""
        with reading(self._engine) as session:
            return int(session.scalar(select(func.sum(_SIZE))) or 0)

    def _surplus(self, excess: int) -> tuple[list[str], int]:
        """The next batch to remove, oldest first, and how many bytes it has."""
        kept_from = self._clock.now_ms() - self._settings.retention
        oldest = select(DeadLetterRow.id, DeadLetterRow.received, _SIZE).order_by(DeadLetterRow.received)
        with reading(self._engine) as session:
            rows = session.execute(oldest.limit(BATCH)).all()
        ids, freed = [], 0
        for letter_id, received, letter_bytes in rows:
            if received >= kept_from and freed >= excess:
                break
            ids.append(letter_id)
            freed += letter_bytes
        return ids, freed
