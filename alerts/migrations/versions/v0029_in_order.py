"""Appliances by id in the order of code points, registered and heard of: PostgreSQL needs an index for it."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0026"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute('CREATE INDEX ix_appliances_id_in_order ON appliances (id COLLATE "C")')
        op.execute('CREATE INDEX ix_seen_id_in_order ON seen (appliance_id COLLATE "C")')


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_appliances_id_in_order")
        op.execute("DROP INDEX ix_seen_id_in_order")
