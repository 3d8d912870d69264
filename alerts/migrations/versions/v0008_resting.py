"""What is known of appliances that left the memory of workers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "resting",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("stream", sa.String(120), nullable=False),
        sa.Column("appliance_model", sa.String(200), nullable=False),
        sa.Column("appliance_id", sa.String(200), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("stranger", sa.Boolean(), nullable=False),
        sa.Column("layout", sa.String(64), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("unused_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_resting"),
    )
    op.create_index(
        "ix_resting_stream_appliance_model_appliance_id",
        "resting",
        ["stream", "appliance_model", "appliance_id"],
    )
    op.create_table(
        "resting_layouts",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_resting_layouts"),
    )


def downgrade() -> None:
    op.drop_table("resting_layouts")
    op.drop_index("ix_resting_stream_appliance_model_appliance_id", "resting")
    op.drop_table("resting")
