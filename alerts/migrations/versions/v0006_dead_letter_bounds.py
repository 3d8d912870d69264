"""Dead letters that stand for others, and how many there were in all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("dead_letters", sa.Column("bucket", sa.String(40), nullable=False, server_default=""))
    op.add_column("dead_letters", sa.Column("times", sa.BigInteger(), nullable=False, server_default="1"))
    op.create_index("ix_dead_letters_bucket", "dead_letters", ["bucket"])
    op.create_table(
        "totals",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_totals"),
    )
    op.execute("INSERT INTO totals (name, value) SELECT 'dead_letters', COUNT(*) FROM dead_letters")


def downgrade() -> None:
    op.drop_table("totals")
    op.drop_index("ix_dead_letters_bucket", "dead_letters")
    op.drop_column("dead_letters", "times")
    op.drop_column("dead_letters", "bucket")
