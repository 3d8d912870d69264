"""Tokens of programs, and whose a ticket is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "access_tokens",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("rights", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.String(200), nullable=True),
        sa.Column("technician", sa.String(200), nullable=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_access_tokens"),
    )
    op.add_column("tickets", sa.Column("assigned_to", sa.String(200), nullable=True))
    op.create_index("ix_tickets_assigned_to", "tickets", ["assigned_to"])


def downgrade() -> None:
    op.drop_index("ix_tickets_assigned_to", "tickets")
    op.drop_column("tickets", "assigned_to")
    op.drop_table("access_tokens")
