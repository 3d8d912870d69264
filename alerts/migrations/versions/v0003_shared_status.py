"""What workers tell the service: appliances heard of, and how far each stream is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "seen",
        sa.Column("appliance_id", sa.String(200), nullable=False),
        sa.Column("appliance_model", sa.String(200), nullable=False),
        sa.Column("category", sa.String(120), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("appliance_id", name="pk_seen"),
    )
    op.create_index("ix_seen_appliance_model_appliance_id", "seen", ["appliance_model", "appliance_id"])
    op.create_table(
        "processes",
        sa.Column("stream", sa.String(120), nullable=False),
        sa.Column("status", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_processes"),
    )


def downgrade() -> None:
    op.drop_table("processes")
    op.drop_index("ix_seen_appliance_model_appliance_id", "seen")
    op.drop_table("seen")
