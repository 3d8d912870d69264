"""Each filter of a list by itself leads to its rows, in the order of the list, however few they are."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"

_INDEXES = (
    ("tickets", "severity", "opened_at", "id"),
    ("tickets", "resolution", "opened_at", "id"),
    ("tickets", "appliance_model", "opened_at", "id"),
    ("tickets", "assigned_to", "status", "opened_at", "id"),
    ("tickets", "assigned_to", "opened_at", "id"),
    ("findings", "kind", "time", "id"),
    ("findings", "severity", "time", "id"),
    ("findings", "appliance_model", "time", "id"),
    ("open_episodes", "appliance_model", "fails_at", "id"),
)


def upgrade() -> None:
    for table, *columns in _INDEXES:
        op.create_index(_name(table, columns), table, columns)
    op.drop_index("ix_tickets_assigned_to", "tickets")


def downgrade() -> None:
    op.create_index("ix_tickets_assigned_to", "tickets", ["assigned_to"])
    for table, *columns in reversed(_INDEXES):
        op.drop_index(_name(table, columns), table)


def _name(table: str, columns: list[str]) -> str:
    return f"ix_{table}_{'_'.join(columns)}"
