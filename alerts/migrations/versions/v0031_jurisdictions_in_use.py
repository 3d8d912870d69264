"""Which jurisdictions are in use, and whose appliances they are of, found by an index: retention asks once a day."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_index("ix_appliances_jurisdiction", "appliances", ["jurisdiction"])


def downgrade() -> None:
    op.drop_index("ix_appliances_jurisdiction", "appliances")
