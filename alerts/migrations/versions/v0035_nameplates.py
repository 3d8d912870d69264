"""Who is in the fleet: what stands on each appliance's rating plate, and which firmware it had since when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "nameplates",
        sa.Column("appliance_id", sa.String(200), nullable=False),
        sa.Column("category", sa.String(120), nullable=False),
        sa.Column("appliance_model", sa.String(200), nullable=False),
        sa.Column("batch", sa.String(120), nullable=False),
        sa.Column("region", sa.String(120), nullable=False),
        sa.Column("installed_at", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("appliance_id", name="pk_nameplates"),
    )
    op.create_table(
        "firmware",
        sa.Column("appliance_id", sa.String(200), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(120), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("appliance_id", "since", name="pk_firmware"),
    )


def downgrade() -> None:
    op.drop_table("firmware")
    op.drop_table("nameplates")
