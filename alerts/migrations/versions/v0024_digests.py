"""Messages that left together: each keeps which one told it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0025"

_INDEX = "ix_outbox_digest"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("digest", sa.String(40), nullable=True))
    op.create_index(_INDEX, "outbox", ["digest"])


def downgrade() -> None:
    op.drop_index(_INDEX, "outbox")
    op.drop_column("outbox", "digest")
