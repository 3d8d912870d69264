"""Which episodes are open, each by its newest finding: found without going through all findings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_BATCH = 1_000


def upgrade() -> None:
    table = op.create_table(
        "open_episodes",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("finding_id", sa.String(40), nullable=False),
        sa.Column("appliance_id", sa.String(200), nullable=False),
        sa.Column("appliance_model", sa.String(200), nullable=False),
        sa.Column("fault", sa.String(120), nullable=False),
        sa.Column("severity", sa.String(20), nullable=False),
        sa.Column("fails_at", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_open_episodes"),
    )
    for columns in _INDEXES:
        op.create_index(f"ix_open_episodes_{'_'.join(columns)}", "open_episodes", list(columns))
    op.create_index("ix_findings_time_id", "findings", ["time", "id"])
    op.create_index("ix_findings_appliance_id_time_id", "findings", ["appliance_id", "time", "id"])
    op.create_index("ix_findings_fault_time_id", "findings", ["fault", "time", "id"])
    op.create_index("ix_findings_episode_id", "findings", ["episode_id"])
    op.drop_index("ix_findings_time", "findings")
    op.create_index("ix_tickets_opened_at_id", "tickets", ["opened_at", "id"])
    op.create_index("ix_tickets_status_opened_at_id", "tickets", ["status", "opened_at", "id"])
    op.create_index("ix_tickets_fault_opened_at_id", "tickets", ["fault", "opened_at", "id"])
    op.create_index("ix_tickets_status_priority_id", "tickets", ["status", "priority", "id"])
    op.drop_index("ix_tickets_opened_at", "tickets")
    rows = op.get_bind().execute(sa.text(_NEWEST)).mappings()
    while batch := rows.fetchmany(_BATCH):
        op.bulk_insert(table, [dict(row) for row in batch])


def downgrade() -> None:
    op.create_index("ix_tickets_opened_at", "tickets", ["opened_at"])
    for name in ("status_priority_id", "fault_opened_at_id", "status_opened_at_id", "opened_at_id"):
        op.drop_index(f"ix_tickets_{name}", "tickets")
    op.create_index("ix_findings_time", "findings", ["time"])
    for name in ("episode_id", "fault_time_id", "appliance_id_time_id", "time_id"):
        op.drop_index(f"ix_findings_{name}", "findings")
    op.drop_table("open_episodes")


_INDEXES = (
    ("fails_at", "id"),
    ("appliance_id",),
    ("fault", "fails_at", "id"),
    ("severity", "fails_at", "id"),
)
_NEVER = 2**62
_NEWEST = f"""
SELECT episode_id AS id, id AS finding_id, appliance_id, appliance_model, fault, severity, at,
       CASE WHEN days_to_failure IS NULL THEN {_NEVER}
            ELSE CAST(time + days_to_failure * 86400000 AS BIGINT) END AS fails_at
FROM (
    SELECT *, row_number() OVER (PARTITION BY episode_id ORDER BY time DESC, kind DESC) AS place FROM findings
) AS ranked
WHERE place = 1 AND kind <> 'closed'
"""
