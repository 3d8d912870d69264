"""For how long an appliance that workers saw is not judged yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("seen", sa.Column("days_missing", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("seen", "days_missing")
