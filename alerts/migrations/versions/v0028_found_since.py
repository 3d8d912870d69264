"""What was found since a moment of the wall clock, in that order."""

from __future__ import annotations

from alembic import op

revision = "0028"
down_revision = "0023"


def upgrade() -> None:
    op.create_index("ix_findings_at_id", "findings", ["at", "id"])


def downgrade() -> None:
    op.drop_index("ix_findings_at_id", "findings")
