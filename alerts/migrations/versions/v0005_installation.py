"""Which installation a database belongs to, and how far its snapshot may be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("stream", sa.String(120), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("history", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )


def downgrade() -> None:
    op.drop_table("installation")
