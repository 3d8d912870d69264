"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SEVERITIES = ("info", "warning", "critical")
_PURPOSES = ("monitoring", "ticket", "sms", "push", "email", "training", "wellbeing")
_TABLES = (
    "positions findings tickets outbox disabled_targets held_back consent_records"
    " contacts appliances owners dead_letters audit audit_head"
)


def upgrade() -> None:
    _create_positions()
    _create_findings()
    _create_tickets()
    _create_outbox()
    _create_consent()
    _create_owners()
    _create_dead_letters()
    _create_audit()


def downgrade() -> None:
    for table in _TABLES.split():
        op.drop_table(table)


def _required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _words(*words: str) -> sa.Enum:
    return sa.Enum(*words, native_enum=False, length=20)


def _create_positions() -> None:
    op.create_table(
        "positions",
        _required("stream", sa.String(120)),
        _required("value", sa.BigInteger()),
        sa.PrimaryKeyConstraint("stream", name="pk_positions"),
    )


def _create_findings() -> None:
    op.create_table(
        "findings",
        _required("id", sa.String(40)),
        _required("episode_id", sa.String(40)),
        _required("kind", _words("opened", "updated", "closed")),
        _required("appliance_id", sa.String(200)),
        _required("appliance_model", sa.String(200)),
        _required("fault", sa.String(120)),
        _required("rule", sa.String(120)),
        _required("severity", _words(*_SEVERITIES)),
        _required("time", sa.BigInteger()),
        _required("episode_start", sa.BigInteger()),
        _required("score", sa.Double()),
        sa.Column("probability", sa.Double()),
        sa.Column("days_to_failure", sa.Double()),
        sa.Column("days_low", sa.Double()),
        sa.Column("days_high", sa.Double()),
        _required("evidence", sa.JSON()),
        _required("at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
    )
    op.create_index("ix_findings_appliance_id_fault", "findings", ["appliance_id", "fault"])
    op.create_index("ix_findings_time", "findings", ["time"])


def _create_tickets() -> None:
    op.create_table(
        "tickets",
        _required("id", sa.String(40)),
        _required("episode_id", sa.String(40)),
        _required("appliance_id", sa.String(200)),
        _required("appliance_model", sa.String(200)),
        _required("fault", sa.String(120)),
        _required("severity", _words(*_SEVERITIES)),
        _required("status", _words("open", "closed", "withdrawn")),
        _required("opened_at", sa.BigInteger()),
        _required("told_at", sa.BigInteger()),
        sa.Column("closed_at", sa.BigInteger()),
        _required("note", sa.Text()),
        _required("content", sa.JSON()),
        _required("created_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
        sa.UniqueConstraint("episode_id", name="uq_tickets_episode_id"),
    )
    op.create_index("ix_tickets_appliance_id_status", "tickets", ["appliance_id", "status"])
    op.create_index("ix_tickets_opened_at", "tickets", ["opened_at"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        _required("id", sa.String(40)),
        _required("message_id", sa.String(40)),
        _required("target", sa.String(80)),
        _required("event_type", sa.String(80)),
        sa.Column("purpose", _words(*_PURPOSES)),
        _required("appliance_id", sa.String(200)),
        sa.Column("episode_id", sa.String(40)),
        _required("ordering", sa.String(80)),
        _required("body", sa.Text()),
        _required("state", _words("pending", "sent", "held_back", "superseded", "dead")),
        _required("attempts", sa.BigInteger()),
        _required("due_at", sa.BigInteger()),
        _required("created_at", sa.BigInteger()),
        sa.Column("sent_at", sa.BigInteger()),
        _required("error", sa.Text()),
        sa.PrimaryKeyConstraint("seq", name="pk_outbox"),
        sa.UniqueConstraint("id", name="uq_outbox_id"),
    )
    op.create_index("ix_outbox_target_state_due_at", "outbox", ["target", "state", "due_at"])
    op.create_index("ix_outbox_target_ordering_seq", "outbox", ["target", "ordering", "seq"])
    op.create_index("ix_outbox_episode_id", "outbox", ["episode_id"])
    op.create_table(
        "disabled_targets",
        _required("target", sa.String(80)),
        _required("at", sa.BigInteger()),
        _required("reason", sa.Text()),
        sa.PrimaryKeyConstraint("target", name="pk_disabled_targets"),
    )


def _create_consent() -> None:
    op.create_table(
        "consent_records",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        _required("appliance_id", sa.String(200)),
        _required("subject", sa.String(200)),
        _required("purpose", _words(*_PURPOSES)),
        _required("given", sa.Boolean()),
        _required("at", sa.BigInteger()),
        _required("recorded_at", sa.BigInteger()),
        _required("notice_version", sa.String(80)),
        _required("language", sa.String(20)),
        _required("how", sa.String(80)),
        _required("jurisdiction", sa.String(20)),
        _required("retention", sa.String(80)),
        _required("withdrawal_method", sa.String(200)),
        sa.PrimaryKeyConstraint("seq", name="pk_consent_records"),
    )
    op.create_index(
        "ix_consent_records_appliance_id_purpose_at", "consent_records", ["appliance_id", "purpose", "at"]
    )
    op.create_index("ix_consent_records_purpose_at", "consent_records", ["purpose", "at"])
    op.create_table(
        "held_back",
        _required("id", sa.String(40)),
        _required("act", sa.String(80)),
        _required("purpose", _words(*_PURPOSES)),
        _required("appliance_id", sa.String(200)),
        sa.Column("episode_id", sa.String(40)),
        _required("fault", sa.String(120)),
        _required("reason", sa.Text()),
        _required("at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_held_back"),
    )
    op.create_index("ix_held_back_at", "held_back", ["at"])


def _create_owners() -> None:
    op.create_table(
        "owners",
        _required("id", sa.String(200)),
        _required("created_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_owners"),
    )
    op.create_table(
        "contacts",
        _required("owner_id", sa.String(200)),
        _required("channel", sa.String(20)),
        _required("sealed", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("owner_id", "channel", name="pk_contacts"),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name="fk_contacts_owner_id", ondelete="CASCADE"),
    )
    op.create_table(
        "appliances",
        _required("id", sa.String(200)),
        _required("owner_id", sa.String(200)),
        _required("appliance_model", sa.String(200)),
        _required("language", sa.String(20)),
        _required("timezone", sa.String(80)),
        sa.PrimaryKeyConstraint("id", name="pk_appliances"),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name="fk_appliances_owner_id"),
    )
    op.create_index("ix_appliances_owner_id", "appliances", ["owner_id"])


def _create_dead_letters() -> None:
    op.create_table(
        "dead_letters",
        _required("id", sa.String(40)),
        _required("topic", sa.Text()),
        _required("payload", sa.LargeBinary()),
        _required("reason", sa.Text()),
        _required("received", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
    )
    op.create_index("ix_dead_letters_received", "dead_letters", ["received"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        _required("at", sa.BigInteger()),
        _required("action", sa.String(80)),
        _required("subject", sa.String(200)),
        _required("details", sa.Text()),
        _required("hash", sa.String(64)),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        _required("seq", sa.BigInteger()),
        _required("hash", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": "0" * 64}])
