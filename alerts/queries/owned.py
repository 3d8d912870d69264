"""What is somebody's own."""

from __future__ import annotations

from sqlalchemy import Engine, select

from alerts.database import reading
from alerts.tables import ApplianceRow


def owned_by(engine: Engine, owner_id: str) -> frozenset[str]:
    """The ids of an owner's appliances."""
    with reading(engine) as session:
        return frozenset(session.scalars(select(ApplianceRow.id).where(ApplianceRow.owner_id == owner_id)))
