"""The register as people look through it: owners by id, each with appliances, channels and what holds now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from alerts.consent import decide, histories
from alerts.database import in_code_points, reading
from alerts.tables import ApplianceRow, ContactRow, OwnerRow
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Purpose

MOST = 1_000
"""Owners of one answer."""


def owners(
    engine: Engine, beginning: str = "", after: str = "", limit: int = 50, of: str | None = None
) -> list[dict[str, Any]]:
    """Owners whose id begins so, by id, those behind `after`; each with how many appliances there are of them.

    `of`: this owner alone.

    In the order of code points, whatever the database's language is. Raises InputError for a limit that is not 1 to
    `MOST`.
    """
    if not 1 <= limit <= MOST:
        raise InputError(f"limit: {limit} is not between 1 and {MOST}")
    key = in_code_points(engine, OwnerRow.id)
    # one lower bound: of two, SQLite takes the first, and walks from there
    page = select(OwnerRow.id, OwnerRow.created_at).where(
        key >= beginning if beginning > after else key > after
    )
    if of is not None:
        page = page.where(OwnerRow.id == of)
    if beginning:
        page = page.where(key < beginning + "\U0010ffff")
    with reading(engine) as session:
        rows = session.execute(page.order_by(key).limit(limit)).all()
        counted = (
            select(ApplianceRow.owner_id, func.count())
            .where(ApplianceRow.owner_id.in_([row.id for row in rows]))
            .group_by(ApplianceRow.owner_id)
        )
        many: dict[str, int] = {row[0]: row[1] for row in session.execute(counted)}
    return [
        {"owner_id": row.id, "registered_at": row.created_at, "appliances": many.get(row.id, 0)}
        for row in rows
    ]


def owner(engine: Engine, owner_id: str, at: int) -> dict[str, Any] | None:
    """One owner: channels with an address (never the address itself), and appliances with what holds at `at`, ms UTC.

    None where nobody registered the owner.
    """
    with reading(engine) as session:
        row = session.get(OwnerRow, owner_id)
        if row is None:
            return None
        channels = session.scalars(
            select(ContactRow.channel).where(ContactRow.owner_id == owner_id).order_by(ContactRow.channel)
        ).all()
        return {
            "owner_id": row.id,
            "registered_at": row.created_at,
            "channels": list(channels),
            "appliances": _appliances(session, owner_id, at),
        }


def _appliances(session: Session, owner_id: str, at: int) -> list[dict[str, Any]]:
    mine = select(ApplianceRow).where(ApplianceRow.owner_id == owner_id).order_by(ApplianceRow.id)
    rows = session.scalars(mine).all()
    said = histories(session, [row.id for row in rows], list(Purpose))
    return [
        {
            "appliance_id": row.id,
            "appliance_model": row.appliance_model,
            "language": row.language,
            "timezone": row.timezone,
            "jurisdiction": row.jurisdiction,
            "consents": {
                purpose.value: decide(said.get((row.id, purpose), ()), at).reason for purpose in Purpose
            },
        }
        for row in rows
    ]
