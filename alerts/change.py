"""One transaction of this stage: what it changes, what it tells, and what it leaves in the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from alerts import audit
from alerts.database import insert_new, writing
from alerts.tables import HeldBackRow, OutboxRow
from foremend.vocabulary.ports import Clock


@dataclass(slots=True)
class Change:
    """A transaction under way. Rows of the outbox and of what was held back are gathered and written at its end."""

    session: Session
    at: int  # ms UTC, wall clock
    messages: list[dict[str, Any]] = field(default_factory=list)
    held_back: list[dict[str, Any]] = field(default_factory=list)
    entries: list[audit.Entry] = field(default_factory=list)

    def note(self, action: str, subject: str, **details: Any) -> None:
        """Leave an entry in the audit log. No personal data: the log outlives an erasure."""
        self.entries.append((action, subject, details))


@contextmanager
def change(engine: Engine, clock: Clock) -> Iterator[Change]:
    """A transaction, committed at the end of the `with`. Raises UnavailableError while the database is away."""
    with writing(engine) as session:
        work = Change(session, clock.now_ms())
        yield work
        insert_new(session, OutboxRow, work.messages)
        _write_held_back(work)
        # Last, so that PostgreSQL's writers hold the log's head only for a moment and never in two orders.
        audit.append(session, work.at, work.entries)


def _write_held_back(work: Change) -> None:
    new = insert_new(work.session, HeldBackRow, work.held_back)
    for row in work.held_back:
        if row["id"] in new:
            new.discard(row["id"])
            work.note(
                "held_back", row["appliance_id"], act=row["act"], purpose=row["purpose"], reason=row["reason"]
            )
