"""What is somebody's own."""

from __future__ import annotations

from sqlalchemy import Engine, select

from alerts.database import reading
from alerts.tables import LIVE, ApplianceRow, TicketRow


def owned_by(engine: Engine, owner_id: str) -> frozenset[str]:
    """The ids of an owner's appliances."""
    with reading(engine) as session:
        return frozenset(session.scalars(select(ApplianceRow.id).where(ApplianceRow.owner_id == owner_id)))


def works_on(engine: Engine, technician: str, appliance_id: str) -> bool:
    """Whether an open ticket of an appliance is a technician's."""
    mine = select(TicketRow.id).where(
        TicketRow.appliance_id == appliance_id,
        TicketRow.assigned_to == technician,
        TicketRow.status.in_(LIVE),
    )
    with reading(engine) as session:
        return session.scalar(mine.limit(1)) is not None
