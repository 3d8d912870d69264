"""Owners by id in the order of code points, whatever a database sorts by: PostgreSQL needs an index for it."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0024"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute('CREATE INDEX ix_owners_id_in_order ON owners (id COLLATE "C")')


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX ix_owners_id_in_order")
