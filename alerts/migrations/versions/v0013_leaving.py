"""Which messages are being sent at this moment: a withdrawal waits for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("leaving_until", sa.BigInteger()))
    op.create_index("ix_outbox_leaving_until", "outbox", ["leaving_until"])


def downgrade() -> None:
    op.drop_index("ix_outbox_leaving_until", "outbox")
    op.drop_column("outbox", "leaving_until")
