"""Whom nobody can call well, found by an index of those alone: of millions they are few."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"

PARTS = {"ix_seen_learning": "days_missing > 0", "ix_seen_not_judged": "coalesce(days_missing, -1) < 0"}


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    key, heard = ('appliance_id COLLATE "C"', "NOT silent") if postgresql else ("appliance_id", "silent = 0")
    for name, part in PARTS.items():
        op.execute(f"CREATE INDEX {name} ON seen ({key}) WHERE {heard} AND {part}")


def downgrade() -> None:
    for name in PARTS:
        op.drop_index(name, "seen")
