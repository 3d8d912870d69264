"""What technicians found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "outcomes",
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("fault", sa.String(120), nullable=True),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("repaired_at", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_outcomes"),
    )


def downgrade() -> None:
    op.drop_table("outcomes")
