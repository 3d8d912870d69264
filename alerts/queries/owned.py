"""What is somebody's own, and what is anybody's."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine, select

from alerts.database import in_code_points, reading
from alerts.tables import LIVE, ApplianceRow, OwnerRow, SeenRow, TicketRow


class Registered(NamedTuple):
    """An appliance that somebody registered, whether or not it was ever heard of."""

    appliance_id: str
    appliance_model: str


def registered(engine: Engine, after: str, limit: int, unseen: bool = False) -> list[Registered]:
    """So many by id, in the order of code points, behind `after`; `unseen`: of whom no worker ever heard."""
    key = in_code_points(engine, ApplianceRow.id)
    query = (
        select(ApplianceRow.id, ApplianceRow.appliance_model).where(key > after).order_by(key).limit(limit)
    )
    if unseen:
        query = query.where(~select(SeenRow).where(SeenRow.appliance_id == ApplianceRow.id).exists())
    with reading(engine) as session:
        return [Registered(*row) for row in session.execute(query)]


def of_owners(engine: Engine, beginning: str, limit: int) -> frozenset[str]:
    """The ids of at most `limit` appliances of owners whose id begins so, as it is written."""
    key = in_code_points(engine, OwnerRow.id)
    owners = select(OwnerRow.id).where(key >= beginning, key < beginning + "\U0010ffff").limit(limit)
    mine = select(ApplianceRow.id).where(ApplianceRow.owner_id.in_(owners)).limit(limit)
    with reading(engine) as session:
        return frozenset(session.scalars(mine))


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
