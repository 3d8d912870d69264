"""What was promised to an owner, as clocks; how urgent a ticket is; where and on which terms an appliance is served."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("clocks", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("tickets", sa.Column("alarm_at", sa.BigInteger(), nullable=True))
    op.add_column("tickets", sa.Column("priority", sa.BigInteger(), nullable=False, server_default="3"))
    op.create_index("ix_tickets_alarm_at", "tickets", ["alarm_at"])
    op.add_column("appliances", sa.Column("service_area", sa.String(80), nullable=True))
    op.add_column("appliances", sa.Column("tier", sa.String(40), nullable=True))


def downgrade() -> None:
    op.drop_column("appliances", "tier")
    op.drop_column("appliances", "service_area")
    op.drop_index("ix_tickets_alarm_at", "tickets")
    for name in ("priority", "alarm_at", "clocks"):
        op.drop_column("tickets", name)
