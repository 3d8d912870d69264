"""What is done about a ticket, step by step; an outcome for each of its episodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_RESOLUTION = sa.String(20)


def upgrade() -> None:
    for column in (
        sa.Column("version", sa.BigInteger(), nullable=False, server_default="1"),
        sa.Column("changed_at", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("resolution", _RESOLUTION, nullable=True),
        sa.Column("found_fault", sa.String(120), nullable=True),
        sa.Column("visit_from", sa.BigInteger(), nullable=True),
        sa.Column("visit_until", sa.BigInteger(), nullable=True),
        sa.Column("waiting_since", sa.BigInteger(), nullable=True),
        sa.Column("merged_into", sa.String(40), nullable=True),
    ):
        op.add_column("tickets", column)
    op.execute("UPDATE tickets SET changed_at = created_at")
    _outcomes_by_episode()
    op.create_index("ix_tickets_changed_at_id", "tickets", ["changed_at", "id"])
    op.create_index("ix_tickets_status_changed_at_id", "tickets", ["status", "changed_at", "id"])
    op.create_table(
        "ticket_steps",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("step", sa.String(40), nullable=False),
        sa.Column("by", sa.String(300), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_ticket_steps"),
        sa.UniqueConstraint("id", name="uq_ticket_steps_id"),
    )
    op.create_index("ix_ticket_steps_ticket_id_seq", "ticket_steps", ["ticket_id", "seq"])
    op.create_index("ix_ticket_steps_at", "ticket_steps", ["at"])


def downgrade() -> None:
    op.drop_table("ticket_steps")
    op.drop_index("ix_tickets_status_changed_at_id", "tickets")
    op.drop_index("ix_tickets_changed_at_id", "tickets")
    kept = _taken(
        "SELECT ticket_id, fault, found_at, repaired_at, recorded_at FROM outcomes ORDER BY recorded_at"
    )
    last = {row["ticket_id"]: row for row in kept}
    _make_outcomes(["ticket_id"], list(last.values()))
    for name in (
        "merged_into", "waiting_since", "visit_until", "visit_from", "found_fault", "resolution", "changed_at",
        "version",
    ):  # fmt: skip
        op.drop_column("tickets", name)
    live = "('acknowledged', 'scheduled', 'on_the_way')"
    op.execute(f"UPDATE tickets SET status = 'open' WHERE status IN {live}")
    op.execute("UPDATE tickets SET status = 'closed' WHERE status IN ('resolved', 'merged')")


def _outcomes_by_episode() -> None:
    """Each outcome of before is of its ticket's one episode, and ends its ticket."""
    kept = _taken(
        "SELECT o.ticket_id, t.episode_id, t.fault AS foreseen, o.fault, o.found_at, o.repaired_at, o.recorded_at"
        " FROM outcomes o LEFT JOIN tickets t ON t.id = o.ticket_id"
    )
    rows = [
        {
            "ticket_id": row["ticket_id"],
            "episode_id": row["episode_id"] or "",
            "result": _result(row["fault"], row["foreseen"]),
            **{name: row[name] for name in ("fault", "found_at", "repaired_at", "recorded_at")},
        }
        for row in kept
    ]
    _make_outcomes(["ticket_id", "episode_id"], rows)
    op.execute(
        "UPDATE tickets SET"
        " resolution = (SELECT o.result FROM outcomes o WHERE o.ticket_id = tickets.id),"
        " found_fault = (SELECT o.fault FROM outcomes o WHERE o.ticket_id = tickets.id)"
    )
    op.execute("UPDATE tickets SET status = 'resolved' WHERE status = 'open' AND resolution IS NOT NULL")


def _taken(query: str) -> list[dict[str, object]]:
    return [dict(row) for row in op.get_bind().execute(sa.text(query)).mappings()]


def _make_outcomes(keys: list[str], rows: list[dict[str, object]]) -> None:
    """Anew: SQLite cannot change a primary key, and outcomes are few."""
    op.drop_table("outcomes")
    more = [
        sa.Column("episode_id", sa.String(40), nullable=False),
        sa.Column("result", _RESOLUTION, nullable=False),
    ]
    table = op.create_table(
        "outcomes",
        sa.Column("ticket_id", sa.String(40), nullable=False),
        *(more if "episode_id" in keys else []),
        sa.Column("fault", sa.String(120), nullable=True),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("repaired_at", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*keys, name="pk_outcomes"),
    )
    if rows:
        op.bulk_insert(table, rows)


def _result(found: object, foreseen: object) -> str:
    if found is None:
        return "no_fault_found"
    return "confirmed" if foreseen in (found, None) else "other_fault"
