"""Appliances are asked how they are; the answer is kept, with what its owner said to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "diagnoses",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("appliance_id", sa.String(200), nullable=False),
        sa.Column("appliance_model", sa.String(200), nullable=False),
        sa.Column("by", sa.String(300), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=True),
        sa.Column("reached", sa.String(20), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("word", sa.String(20), nullable=True),
        sa.Column("word_at", sa.BigInteger(), nullable=True),
        sa.Column("ticket_id", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_diagnoses"),
    )
    op.create_index("ix_diagnoses_reached_asked_at", "diagnoses", ["reached", "asked_at"])
    op.create_index("ix_diagnoses_appliance_id_asked_at", "diagnoses", ["appliance_id", "asked_at"])
    op.create_index("ix_diagnoses_asked_at", "diagnoses", ["asked_at"])


def downgrade() -> None:
    op.drop_table("diagnoses")
