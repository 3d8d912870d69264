"""Cohorts that fail more than their siblings, who saw to them, and what is found of the fleet once a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.create_table(
        "cohort_alarms",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("level", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_by", sa.String(300), nullable=True),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(300), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cohort_alarms"),
    )
    op.create_index("ix_cohort_alarms_state_told_at_id", "cohort_alarms", ["state", "told_at", "id"])
    op.create_index("ix_cohort_alarms_told_at_id", "cohort_alarms", ["told_at", "id"])
    op.create_table(
        "fleet_reports",
        sa.Column("id", sa.String(200), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fleet_reports"),
    )


def downgrade() -> None:
    op.drop_table("fleet_reports")
    op.drop_table("cohort_alarms")
