"""Tells before a promise is broken, and when it is: by any number of processes, each once."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, select

from alerts import promises
from alerts.change import change
from alerts.outbox import Outbox
from alerts.tables import TicketRow
from alerts.tickets import ITSELF, keep_step, tell, touch
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rounds import ByRounds, Rounds

EVERY_S = 20.0
_BATCH = 200


class PromiseWatch(ByRounds):
    """Rounds of it, by themselves in a thread between `start` and `close`, or one by `round`."""

    def __init__(self, engine: Engine, outbox: Outbox, clock: Clock, wake: Callable[[], None]) -> None:
        self._engine, self._outbox, self._clock, self._wake = engine, outbox, clock, wake
        self._rounds = Rounds("promises", self.round, EVERY_S)

    def round(self) -> int:
        """Tell all that is due now; how many clocks that were. Raises UnavailableError while the database is away."""
        told, last = 0, _BATCH
        while last == _BATCH and not self._rounds.stopping.is_set():
            last, clocks = self._batch()
            told += clocks
        if told:
            self._wake()
        return told

    def _batch(self) -> tuple[int, int]:
        """How many tickets were looked at, and how many clocks told of. What another process holds, it tells."""
        now = self._clock.now_ms()
        query = (
            select(TicketRow)
            .where(TicketRow.alarm_at <= now)
            .order_by(TicketRow.alarm_at, TicketRow.id)
            .limit(_BATCH)
        )
        with change(self._engine, self._clock) as work:
            tickets = work.session.scalars(query.with_for_update(skip_locked=True)).all()
            told = 0
            for ticket in tickets:
                for name, what in promises.due(ticket, now):
                    if what == "overdue":
                        ticket.priority = max(1, ticket.priority - 1)
                    touch(work, ticket)
                    keep_step(work, ticket, what, ITSELF, clock=name)
                    tell(
                        work, self._outbox, ticket, what, work.at, f"{name}-{ticket.version}", {"clock": name}
                    )
                    told += 1
                promises.set_alarm(ticket)
        return len(tickets), told
