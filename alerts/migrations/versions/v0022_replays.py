"""Messages are sent once more by their time and endpoint, and are found by the appliance that they are about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0019"

_INDEXES = (("target", "created_at", "seq"), ("appliance_id", "sent_at"))


def upgrade() -> None:
    op.add_column("outbox", sa.Column("replayed_at", sa.BigInteger(), nullable=True))
    for columns in _INDEXES:
        op.create_index(_name(columns), "outbox", list(columns))


def downgrade() -> None:
    for columns in _INDEXES:
        op.drop_index(_name(columns), "outbox")
    op.drop_column("outbox", "replayed_at")


def _name(columns: tuple[str, ...]) -> str:
    return f"ix_outbox_{'_'.join(columns)}"
