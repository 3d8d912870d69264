"""Whom owners want told when a household's habits stop, and the little that has to be kept for it, sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    op.create_table(
        "wellbeing_contacts",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("owner_id", sa.String(200), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(20), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_wellbeing_contacts"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name="fk_wellbeing_contacts_owner_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_wellbeing_contacts_owner_id", "wellbeing_contacts", ["owner_id"])
    op.create_table(
        "wellbeing",
        sa.Column("owner_id", sa.String(200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", name="pk_wellbeing"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["owners.id"], name="fk_wellbeing_owner_id", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "wellbeing_signs",
        sa.Column("appliance_id", sa.String(200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("appliance_id", name="pk_wellbeing_signs"),
    )


def downgrade() -> None:
    op.drop_table("wellbeing_signs")
    op.drop_table("wellbeing")
    op.drop_table("wellbeing_contacts")
