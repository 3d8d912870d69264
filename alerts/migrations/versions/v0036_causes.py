"""What was held back is listed and counted by cause, and by appliance, from indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0033"

_CAUSE = """
UPDATE held_back SET cause = CASE
 WHEN reason LIKE 'withdrawn at %' THEN 'withdrawn' WHEN reason LIKE 'ended at %' THEN 'ended'
 WHEN reason LIKE 'the policy %' THEN 'policy' ELSE 'never_given' END
"""


def upgrade() -> None:
    op.add_column(
        "held_back", sa.Column("cause", sa.String(20), nullable=False, server_default="never_given")
    )
    op.execute(_CAUSE)
    op.create_index("ix_held_back_appliance_id_at_id", "held_back", ["appliance_id", "at", "id"])
    op.create_index("ix_held_back_cause_purpose_at_id", "held_back", ["cause", "purpose", "at", "id"])
    op.create_index("ix_held_back_cause_at_id", "held_back", ["cause", "at", "id"])


def downgrade() -> None:
    for name in ("cause_at_id", "cause_purpose_at_id", "appliance_id_at_id"):
        op.drop_index(f"ix_held_back_{name}", "held_back")
    op.drop_column("held_back", "cause")
