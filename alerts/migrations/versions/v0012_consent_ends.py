"""When a yes ends, what was told before it, whose policy holds, and ids as they look without upper case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.periods import parse_period

revision = "0012"
down_revision = "0011"

_UNREADABLE = "P2Y"
"""What holds of a retention that is no ISO 8601 duration: the ledger's own before."""
_BATCH = 1_000


def upgrade() -> None:
    op.add_column("consent_records", sa.Column("ends_at", sa.BigInteger()))
    op.add_column("consent_records", sa.Column("notice_digest", sa.String(64)))
    _fill_ends()
    op.create_index("ix_consent_records_ends_at", "consent_records", ["ends_at"])
    op.create_index("ix_consent_records_subject", "consent_records", ["subject"])
    op.add_column("appliances", sa.Column("jurisdiction", sa.String(20)))
    for table in ("owners", "appliances"):
        op.add_column(table, sa.Column("folded", sa.String(200), nullable=False, server_default=""))
        op.execute(f"UPDATE {table} SET folded = lower(id)")
        op.create_index(f"ix_{table}_folded", table, ["folded"])
    op.create_table(
        "reminders",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reminders"),
    )


def downgrade() -> None:
    op.drop_table("reminders")
    for table in ("owners", "appliances"):
        op.drop_index(f"ix_{table}_folded", table)
        op.drop_column(table, "folded")
    op.drop_column("appliances", "jurisdiction")
    op.drop_index("ix_consent_records_subject", "consent_records")
    op.drop_index("ix_consent_records_ends_at", "consent_records")
    op.drop_column("consent_records", "notice_digest")
    op.drop_column("consent_records", "ends_at")


def _fill_ends() -> None:
    """A yes of before ends as its record says: until now nothing asked."""
    records = sa.table(
        "consent_records",
        *(sa.column(name) for name in ("seq", "given", "at", "retention", "ends_at")),
    )
    connection, after = op.get_bind(), 0
    query = sa.select(records.c.seq, records.c.at, records.c.retention).where(records.c.given == sa.true())
    fill = sa.update(records).where(records.c.seq == sa.bindparam("which"))
    while rows := connection.execute(
        query.where(records.c.seq > after).order_by(records.c.seq).limit(_BATCH)
    ).all():
        connection.execute(
            fill.values(ends_at=sa.bindparam("end")),
            [{"which": seq, "end": _end(at, retention)} for seq, at, retention in rows],
        )
        after = rows[-1].seq


def _end(at: int, retention: str) -> int:
    try:
        return parse_period(retention).after(at)
    except InputError:
        return parse_period(_UNREADABLE).after(at)
