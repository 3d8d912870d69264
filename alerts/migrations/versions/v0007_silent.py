"""Which of the appliances that workers saw say nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("seen", sa.Column("silent", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_seen_silent",
        "seen",
        ["appliance_id"],
        postgresql_where=sa.text("silent"),
        sqlite_where=sa.text("silent = 1"),
    )


def downgrade() -> None:
    op.drop_index("ix_seen_silent", "seen")
    op.drop_column("seen", "silent")
