"""When the next promise of a ticket ends, and where it is served: what a desk filters by."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0028"

_NEVER = 2**62
_LIVE = ("open", "acknowledged", "scheduled", "on_the_way")
_CHUNK = 1_000
_INDEXES = (("due_at", "id"), ("status", "due_at", "id"), ("service_area", "opened_at", "id"))
_TICKETS = sa.table(
    "tickets",
    sa.column("id", sa.String),
    sa.column("status", sa.String),
    sa.column("waiting_since", sa.BigInteger),
    sa.column("clocks", sa.JSON),
    sa.column("content", sa.JSON),
    sa.column("due_at", sa.BigInteger),
    sa.column("service_area", sa.String),
)


def upgrade() -> None:
    op.add_column("tickets", sa.Column("due_at", sa.BigInteger(), nullable=False, server_default=str(_NEVER)))
    op.add_column("tickets", sa.Column("service_area", sa.String(80), nullable=True))
    _fill(op.get_bind())
    for columns in _INDEXES:
        op.create_index(op.f(f"ix_tickets_{'_'.join(columns)}"), "tickets", list(columns))


def downgrade() -> None:
    for columns in _INDEXES:
        op.drop_index(op.f(f"ix_tickets_{'_'.join(columns)}"), "tickets")
    op.drop_column("tickets", "service_area")
    op.drop_column("tickets", "due_at")


def _fill(database: sa.Connection) -> None:
    last = ""
    while rows := database.execute(
        sa.select(_TICKETS).where(_TICKETS.c.id > last).order_by(_TICKETS.c.id).limit(_CHUNK)
    ).all():
        last = rows[-1].id
        for row in rows:
            there = {"due_at": _due(row), "service_area": row.content.get("service_area")}
            if there != {"due_at": _NEVER, "service_area": None}:
                database.execute(sa.update(_TICKETS).where(_TICKETS.c.id == row.id).values(there))


def _due(row: Any) -> int:
    if row.status not in _LIVE or row.waiting_since is not None:
        return _NEVER
    return min((one["due"] for one in (row.clocks or {}).values() if one["met"] is None), default=_NEVER)
