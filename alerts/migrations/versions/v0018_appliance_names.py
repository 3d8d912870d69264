"""What a household calls its appliance, sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("appliances", sa.Column("sealed_name", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("appliances", "sealed_name")
