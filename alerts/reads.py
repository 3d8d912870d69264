"""Every reading of personal data has an entry in the audit log: one place that writes it."""

from __future__ import annotations

from sqlalchemy import Engine

from alerts.change import change
from foremend.vocabulary.ports import Clock


def note_read(engine: Engine, clock: Clock, what: str, subject: str, by: str) -> None:
    """That `by` read `what` (`owner`, `consent`) of `subject`, an id. Raises UnavailableError: then show nothing."""
    with change(engine, clock) as work:
        work.note(f"{what}.read", subject, by=by)
