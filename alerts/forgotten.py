"""Which appliances history forgot, for every process that writes history: they share the database, not their memory."""

from __future__ import annotations

from sqlalchemy import Engine, select

from alerts.change import change
from alerts.database import reading, upsert
from alerts.tables import ForgottenRow
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Forgotten


class ForgottenAppliances:
    """Reads and writes the list; both ends of a removal stand in the audit log."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def begin(self, one: Forgotten) -> None:
        """From now on nobody stores what `one` names; to be said before anything is removed."""
        row = {
            "appliance_model": one.appliance_model,
            "appliance_id": one.appliance_id,
            "until": one.until,
        }
        with change(self._engine, self._clock) as work:
            upsert(work.session, ForgottenRow, [row])
            work.note(
                "history.forget", one.appliance_id, appliance_model=one.appliance_model, until=one.until
            )

    def finish(self, one: Forgotten, readings: int) -> None:
        """So many readings were removed."""
        with change(self._engine, self._clock) as work:
            work.note(
                "history.forgotten",
                one.appliance_id,
                appliance_model=one.appliance_model,
                readings=readings,
            )

    def all(self) -> list[Forgotten]:
        """Everything that was forgotten. Raises UnavailableError while the database is away."""
        with reading(self._engine) as session:
            rows = session.scalars(select(ForgottenRow)).all()
            return [Forgotten(row.appliance_model, row.appliance_id, row.until) for row in rows]
