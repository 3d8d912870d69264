"""What is somebody's own, and what is anybody's."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine, select

from alerts.database import in_code_points, reading
from alerts.tables import LIVE, ApplianceRow, TicketRow


class Registered(NamedTuple):
    """An appliance that somebody registered, whether or not it was ever heard of."""

    appliance_id: str
    appliance_model: str


def registered(engine: Engine, after: str, limit: int) -> list[Registered]:
    """So many by id, in the order of code points, behind `after`."""
    key = in_code_points(engine, ApplianceRow.id)
    query = (
        select(ApplianceRow.id, ApplianceRow.appliance_model).where(key > after).order_by(key).limit(limit)
    )
    with reading(engine) as session:
        return [Registered(*row) for row in session.execute(query)]


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
