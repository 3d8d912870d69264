"""Appliances whose history was removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "forgotten",
        sa.Column("appliance_model", sa.String(200), nullable=False),
        sa.Column("appliance_id", sa.String(200), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("appliance_model", "appliance_id", name="pk_forgotten"),
    )


def downgrade() -> None:
    op.drop_table("forgotten")
