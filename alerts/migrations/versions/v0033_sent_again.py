"""When a dead letter was sent again, so that nobody sends it twice and the page shows what is left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0035"


def upgrade() -> None:
    op.add_column("dead_letters", sa.Column("replayed_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("dead_letters", "replayed_at")
