"""What the alerts stage stores: SQLAlchemy mappings, the same on SQLite and PostgreSQL.

Times are ms UTC. `at`, `created_at` and `sent_at` are wall clock; `time`, `opened_at` and `closed_at` are event time.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    false,
    select,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column
from sqlalchemy.types import TypeEngine

from alerts.storable import FreeText, Name
from foremend.vocabulary.types import FindingKind, Purpose, Severity


class TicketStatus(StrEnum):
    """`resolved`: somebody said what it was, the episode may go on. `merged`: another ticket has the same cause.
    `withdrawn`: the owner took the consent back; nothing more about the ticket leaves."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SCHEDULED = "scheduled"
    ON_THE_WAY = "on_the_way"
    RESOLVED = "resolved"
    CLOSED = "closed"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"


LIVE = frozenset(
    {TicketStatus.OPEN, TicketStatus.ACKNOWLEDGED, TicketStatus.SCHEDULED, TicketStatus.ON_THE_WAY}
)
"""Somebody still has to do something."""
ENDED = frozenset({TicketStatus.RESOLVED, TicketStatus.CLOSED})


class Resolution(StrEnum):
    """What became of a ticket."""

    CONFIRMED = "confirmed"
    OTHER_FAULT = "other_fault"
    NO_FAULT = "no_fault_found"
    REMOTE = "solved_remotely"
    DECLINED = "owner_declined"


class OutboxState(StrEnum):
    """`superseded`: the episode ended before the owner's message left, another channel told it, or a digest did."""

    PENDING = "pending"
    SENT = "sent"
    HELD_BACK = "held_back"
    SUPERSEDED = "superseded"
    DEAD = "dead"


def _words(words: type[StrEnum]) -> Enum:
    return Enum(
        words, native_enum=False, length=20, values_callable=lambda kinds: [kind.value for kind in kinds]
    )


Serial = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up by itself only in a column whose type is exactly INTEGER."""


_TYPES: dict[Any, TypeEngine[Any]] = {
    int: BigInteger(),
    dict[str, Any]: JSON(),
    **{
        words: _words(words)
        for words in (TicketStatus, Resolution, OutboxState, FindingKind, Purpose, Severity)
    },
}


class Base(DeclarativeBase):
    """Every table of the effects database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = _TYPES


class PositionRow(Base):
    """How far each stream's effects are committed."""

    __tablename__ = "positions"
    stream: Mapped[str] = mapped_column(Name(120), primary_key=True)
    value: Mapped[int]


class FindingRow(Base):
    """Every finding that was applied, once."""

    __tablename__ = "findings"
    __table_args__ = (
        Index(None, "time", "id"),
        Index(None, "at", "id"),
        Index(None, "appliance_id", "fault"),
        Index(None, "appliance_id", "time", "id"),
        Index(None, "fault", "time", "id"),
        Index(None, "kind", "time", "id"),
        Index(None, "severity", "time", "id"),
        Index(None, "appliance_model", "time", "id"),
        Index(None, "episode_id"),
    )
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    episode_id: Mapped[str] = mapped_column(Name(40))
    kind: Mapped[FindingKind]
    appliance_id: Mapped[str] = mapped_column(Name(200))
    appliance_model: Mapped[str] = mapped_column(Name(200))
    fault: Mapped[str] = mapped_column(Name(120))
    rule: Mapped[str] = mapped_column(Name(120))
    severity: Mapped[Severity]
    time: Mapped[int]
    episode_start: Mapped[int]
    score: Mapped[float]
    probability: Mapped[float | None]
    days_to_failure: Mapped[float | None]
    days_low: Mapped[float | None]
    days_high: Mapped[float | None]
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    at: Mapped[int]


NEVER = 2**62
"""Event time of a failure that nobody foresees."""


class OpenEpisodeRow(Base):
    """An episode that goes on, and its newest finding."""

    __tablename__ = "open_episodes"
    __table_args__ = (
        Index(None, "fails_at", "id"),
        Index(None, "appliance_id"),
        Index(None, "fault", "fails_at", "id"),
        Index(None, "appliance_model", "fails_at", "id"),
        Index(None, "severity", "fails_at", "id"),
    )
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    finding_id: Mapped[str] = mapped_column(Name(40))
    appliance_id: Mapped[str] = mapped_column(Name(200))
    appliance_model: Mapped[str] = mapped_column(Name(200))
    fault: Mapped[str] = mapped_column(Name(120))
    severity: Mapped[Severity]
    fails_at: Mapped[int]  # event time
    at: Mapped[int]


class TicketRow(Base):
    """One ticket for one episode, or for those of a fault that came back soon: `episode_id` is the last one."""

    __tablename__ = "tickets"
    __table_args__ = (
        Index(None, "appliance_id", "status"),
        Index(None, "opened_at", "id"),
        Index(None, "status", "opened_at", "id"),
        Index(None, "status", "priority", "id"),
        Index(None, "fault", "opened_at", "id"),
        Index(None, "severity", "opened_at", "id"),
        Index(None, "resolution", "opened_at", "id"),
        Index(None, "appliance_model", "opened_at", "id"),
        Index(None, "assigned_to", "opened_at", "id"),
        Index(None, "assigned_to", "status", "opened_at", "id"),
        Index(None, "changed_at", "id"),
        Index(None, "status", "changed_at", "id"),
        Index(None, "alarm_at"),
        Index(None, "due_at", "id"),
        Index(None, "status", "due_at", "id"),
        Index(None, "service_area", "opened_at", "id"),
    )
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    episode_id: Mapped[str] = mapped_column(Name(40), unique=True)
    appliance_id: Mapped[str] = mapped_column(Name(200))
    appliance_model: Mapped[str] = mapped_column(Name(200))
    fault: Mapped[str] = mapped_column(Name(120))
    severity: Mapped[Severity]
    status: Mapped[TicketStatus]
    opened_at: Mapped[int]
    told_at: Mapped[int]  # event time of the last finding that the receivers were told of
    closed_at: Mapped[int | None]
    note: Mapped[str] = mapped_column(FreeText)
    content: Mapped[dict[str, Any]]
    assigned_to: Mapped[str | None] = mapped_column(Name(200))  # a technician's name
    created_at: Mapped[int]
    version: Mapped[int] = mapped_column(server_default="1")  # one more with every change
    changed_at: Mapped[int] = mapped_column(server_default="0")  # wall clock
    resolution: Mapped[Resolution | None]
    found_fault: Mapped[str | None] = mapped_column(Name(120))
    visit_from: Mapped[int | None]
    visit_until: Mapped[int | None]
    waiting_since: Mapped[int | None]  # for the owner
    merged_into: Mapped[str | None] = mapped_column(Name(40))
    clocks: Mapped[dict[str, Any]] = mapped_column(server_default="{}")  # as `alerts.promises` has them
    alarm_at: Mapped[int | None]  # wall clock: when one of them has to be told of
    due_at: Mapped[int] = mapped_column(
        server_default=str(NEVER)
    )  # wall clock: the next promise that is not kept yet
    service_area: Mapped[str | None] = mapped_column(Name(80))  # who serves it goes there; no address
    priority: Mapped[int] = mapped_column(server_default="3")  # 1 is the most urgent, 4 the least


class TicketStepRow(Base):
    """One thing that was done about a ticket, by whom and when."""

    __tablename__ = "ticket_steps"
    __table_args__ = (Index(None, "ticket_id", "seq"), Index(None, "at"))
    seq: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(Name(40), unique=True)  # of who asked and the key that came along
    ticket_id: Mapped[str] = mapped_column(Name(40))
    step: Mapped[str] = mapped_column(Name(40))
    by: Mapped[str] = mapped_column(Name(300))
    at: Mapped[int]  # wall clock
    version: Mapped[int]  # of the ticket afterwards
    details: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(
        Name(64)
    )  # of what was asked: the same key may not say something else


class DiagnosisRow(Base):
    """Somebody asked how an appliance is. It waits, is taken up by a pipeline, and is concluded by whoever asked."""

    __tablename__ = "diagnoses"
    __table_args__ = (
        Index(None, "reached", "asked_at"),
        Index(None, "appliance_id", "asked_at"),
        Index(None, "asked_at"),
    )
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    appliance_id: Mapped[str] = mapped_column(Name(200))
    appliance_model: Mapped[str] = mapped_column(Name(200))
    by: Mapped[str] = mapped_column(Name(300))
    asked_at: Mapped[int]
    taken_at: Mapped[int | None]
    reached: Mapped[str] = mapped_column(Name(20))  # how the asking went; empty while nobody knows
    seen: Mapped[dict[str, Any]]  # of the appliance, by the pipeline that asked
    content: Mapped[dict[str, Any]]  # what was answered, as `alerts.diagnosis.composing` has it
    word: Mapped[str | None] = mapped_column(Name(20))  # the owner's: how the steps went
    word_at: Mapped[int | None]
    ticket_id: Mapped[str | None] = mapped_column(Name(40))


class OutcomeRow(Base):
    """What a technician found where a ticket sent him, for each of its episodes; the last word on it counts."""

    __tablename__ = "outcomes"
    ticket_id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    episode_id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    result: Mapped[Resolution]
    fault: Mapped[str | None] = mapped_column(Name(120))  # None: nothing was wrong, or nobody knows
    found_at: Mapped[int]
    repaired_at: Mapped[int | None]
    recorded_at: Mapped[int]


class OutboxRow(Base):
    """One message to one target. While a dispatcher holds it, `due_at` is the end of its lease."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(None, "target", "state", "due_at"),
        Index(None, "target", "ordering", "seq"),
        Index(None, "target", "created_at", "seq"),
        Index(None, "episode_id"),
        Index(None, "leaving_until"),
        Index(None, "appliance_id", "sent_at"),
        Index(None, "digest"),
    )
    seq: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(Name(40), unique=True)
    message_id: Mapped[str] = mapped_column(Name(40))  # what the receiver knows it by
    target: Mapped[str] = mapped_column(Name(80))  # `webhook:<name>`, `sms` or `push`
    event_type: Mapped[str] = mapped_column(Name(80))
    purpose: Mapped[Purpose | None]  # the consent to check when it is sent
    appliance_id: Mapped[str] = mapped_column(Name(200))
    episode_id: Mapped[str | None] = mapped_column(Name(40))
    ordering: Mapped[str] = mapped_column(Name(80))  # messages that share it leave one after the other
    body: Mapped[str] = mapped_column(FreeText)
    state: Mapped[OutboxState]
    attempts: Mapped[int]
    due_at: Mapped[int]
    created_at: Mapped[int]
    sent_at: Mapped[int | None]
    replayed_at: Mapped[
        int | None
    ]  # somebody had it sent once more: from then on it is tried as if it were new
    error: Mapped[str] = mapped_column(FreeText)
    leaving_until: Mapped[
        int | None
    ]  # it is being sent, no longer than until then: a withdrawal waits for it
    digest: Mapped[str | None] = mapped_column(Name(40))  # `id` of the row with which, or in which, it leaves


class DisabledTargetRow(Base):
    """Webhook endpoints that answered 410 Gone and are not used until somebody enables them again."""

    __tablename__ = "disabled_targets"
    target: Mapped[str] = mapped_column(Name(80), primary_key=True)
    at: Mapped[int]
    reason: Mapped[str] = mapped_column(FreeText)


class HeldBackRow(Base):
    """An act that did not happen because consent was missing, and why."""

    __tablename__ = "held_back"
    __table_args__ = (
        Index(None, "at"),
        Index(None, "appliance_id", "at", "id"),
        Index(None, "cause", "at", "id"),
        Index(None, "cause", "purpose", "at", "id"),
    )
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    act: Mapped[str] = mapped_column(Name(80))
    purpose: Mapped[Purpose]
    appliance_id: Mapped[str] = mapped_column(Name(200))
    episode_id: Mapped[str | None] = mapped_column(Name(40))
    fault: Mapped[str] = mapped_column(Name(120))
    reason: Mapped[str] = mapped_column(FreeText)
    cause: Mapped[str] = mapped_column(Name(20), server_default="never_given")  # which kind of reason it is
    at: Mapped[int]


class ConsentRow(Base):
    """Append-only consent ledger, fields after ISO/IEC TS 27560:2023."""

    __tablename__ = "consent_records"
    __table_args__ = (
        Index(None, "appliance_id", "purpose", "at"),
        Index(None, "purpose", "at"),
        Index(None, "ends_at"),
        Index(None, "subject"),
    )
    seq: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=True)
    appliance_id: Mapped[str] = mapped_column(Name(200))
    subject: Mapped[str] = mapped_column(Name(200))
    purpose: Mapped[Purpose]
    given: Mapped[bool]
    at: Mapped[int]  # when the owner said so
    recorded_at: Mapped[int]
    notice_version: Mapped[str] = mapped_column(Name(80))
    language: Mapped[str] = mapped_column(Name(20))
    how: Mapped[str] = mapped_column(Name(80))
    jurisdiction: Mapped[str] = mapped_column(Name(20))
    retention: Mapped[str] = mapped_column(Name(80))
    withdrawal_method: Mapped[str] = mapped_column(Name(200))
    ends_at: Mapped[int | None]  # of a yes: when it holds no more
    notice_digest: Mapped[str | None] = mapped_column(Name(64))  # of the words that the owner was told


class ReminderRow(Base):
    """That an end of a consent was told of, or that it is near, or that an appliance's word was kept: once each; and
    requests with a key, for thirty days."""

    __tablename__ = "reminders"
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    at: Mapped[int]


class OwnerRow(Base):
    """An owner, by a name without meaning; what identifies the person is in `contacts` only."""

    __tablename__ = "owners"
    __table_args__ = (
        Index(None, "folded"),
        Index("ix_owners_id_in_order", "id", info={"only_on": "postgresql"}),  # COLLATE "C": code points
    )
    id: Mapped[str] = mapped_column(Name(200), primary_key=True)
    created_at: Mapped[int]
    folded: Mapped[str] = mapped_column(
        Name(200), server_default=""
    )  # the id without upper case, to find its like


HOUSEHOLD = "household"
"""The owner's id of who runs Foremend at home: nobody else's app and no service desk, but this command line."""


class ContactRow(Base):
    """Personal data, sealed with the installation's key."""

    __tablename__ = "contacts"
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[str] = mapped_column(Name(20), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class WellbeingContactRow(Base):
    """Whom an owner wants told when the household's habits stop; all that says who that is, is sealed."""

    __tablename__ = "wellbeing_contacts"
    __table_args__ = (Index(None, "owner_id"),)
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    channel: Mapped[str] = mapped_column(Name(20))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)  # the address
    language: Mapped[str] = mapped_column(Name(20))
    sealed_name: Mapped[bytes | None] = mapped_column(LargeBinary)  # what the contact calls the household
    at: Mapped[int]


class WellbeingRow(Base):
    """What an owner or contact said (away, well), and the silence that goes on, sealed: it says when nobody is home."""

    __tablename__ = "wellbeing"
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[int]


class WellbeingSignsRow(Base):
    """The minutes in which somebody used an appliance, of sixty days at most, sealed."""

    __tablename__ = "wellbeing_signs"
    appliance_id: Mapped[str] = mapped_column(Name(200), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[int]


class ApplianceRow(Base):
    """Which owner an appliance belongs to, and how to speak to that owner."""

    __tablename__ = "appliances"
    __table_args__ = (
        Index(None, "owner_id"),
        Index(None, "folded"),
        Index(None, "jurisdiction"),
        Index("ix_appliances_service_area", "service_area", "id"),  # the id COLLATE "C" in PostgreSQL
        Index("ix_appliances_id_in_order", "id", info={"only_on": "postgresql"}),  # COLLATE "C"
    )
    id: Mapped[str] = mapped_column(Name(200), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("owners.id"))
    appliance_model: Mapped[str] = mapped_column(Name(200))
    language: Mapped[str] = mapped_column(Name(20))
    timezone: Mapped[str] = mapped_column(Name(80))
    jurisdiction: Mapped[str | None] = mapped_column(Name(20))  # None: that of the settings
    sealed_name: Mapped[bytes | None] = mapped_column(LargeBinary)  # what the household calls it
    folded: Mapped[str] = mapped_column(
        Name(200), server_default=""
    )  # the id without upper case, to find its like
    service_area: Mapped[str | None] = mapped_column(Name(80))  # who serves it goes there; no address
    tier: Mapped[str | None] = mapped_column(Name(40))  # of the service contract


class NameplateRow(Base):
    """What an appliance is by its maker's own table; it stays the same whoever owns it."""

    __tablename__ = "nameplates"
    __table_args__ = (  # the id COLLATE "C" in PostgreSQL
        Index("ix_nameplates_region", "region", "appliance_id"),
        Index("ix_nameplates_batch", "batch", "appliance_id"),
    )
    appliance_id: Mapped[str] = mapped_column(Name(200), primary_key=True)
    category: Mapped[str] = mapped_column(Name(120))
    appliance_model: Mapped[str] = mapped_column(Name(200))
    batch: Mapped[str] = mapped_column(Name(120))  # empty: not told
    region: Mapped[str] = mapped_column(Name(120))  # the same
    installed_at: Mapped[int]
    at: Mapped[int]  # when it was told


class FirmwareRow(Base):
    """From when on an appliance had which firmware."""

    __tablename__ = "firmware"
    __table_args__ = (Index("ix_firmware_version", "version", "appliance_id"),)  # COLLATE "C" in PostgreSQL
    appliance_id: Mapped[str] = mapped_column(Name(200), primary_key=True)
    since: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[str] = mapped_column(Name(120))
    at: Mapped[int]  # when it was told


class AlarmState(StrEnum):
    """Of a cohort alarm: whether somebody has seen it, and whether it is seen to."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class CohortAlarmRow(Base):
    """A cohort that fails more than its siblings, by its highest level so far, and who saw to it."""

    __tablename__ = "cohort_alarms"
    __table_args__ = (Index(None, "state", "told_at", "id"), Index(None, "told_at", "id"))
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)  # of the definition
    definition: Mapped[dict[str, Any]]  # columns of the register, with what all of the cohort have there
    level: Mapped[str] = mapped_column(Name(20))
    state: Mapped[str] = mapped_column(Name(20))
    content: Mapped[dict[str, Any]]  # what it rests on, as it was told
    told_at: Mapped[int]  # of this level
    acknowledged_by: Mapped[str | None] = mapped_column(Name(300))
    acknowledged_at: Mapped[int | None]
    closed_by: Mapped[str | None] = mapped_column(Name(300))
    closed_at: Mapped[int | None]
    reason: Mapped[str] = mapped_column(FreeText)
    version: Mapped[int]  # one more with every change


class FleetReportRow(Base):
    """What is found of the whole fleet once a day, and who is at it."""

    __tablename__ = "fleet_reports"
    id: Mapped[str] = mapped_column(Name(200), primary_key=True)  # which report
    day: Mapped[int]  # the last whole day, since 1970, that was looked at
    claimed_until: Mapped[int]  # wall clock: somebody is at a newer one
    content: Mapped[dict[str, Any]]
    trouble: Mapped[str] = mapped_column(FreeText)  # why there is none, in words
    at: Mapped[int]  # wall clock: when it was made


class SeenRow(Base):
    """An appliance that was heard of, as workers tell the other processes."""

    __tablename__ = "seen"
    __table_args__ = (
        Index(None, "appliance_model", "appliance_id"),
        Index(
            "ix_seen_silent",
            "appliance_id",
            postgresql_where=text("silent"),
            sqlite_where=text("silent = 1"),
        ),
        Index(
            "ix_seen_learning",
            "appliance_id",
            postgresql_where=text("NOT silent AND days_missing > 0"),
            sqlite_where=text("silent = 0 AND days_missing > 0"),
        ),
        Index(
            "ix_seen_not_judged",
            "appliance_id",
            postgresql_where=text("NOT silent AND coalesce(days_missing, -1) < 0"),
            sqlite_where=text("silent = 0 AND coalesce(days_missing, -1) < 0"),
        ),
        Index("ix_seen_id_in_order", "appliance_id", info={"only_on": "postgresql"}),  # COLLATE "C"
    )
    appliance_id: Mapped[str] = mapped_column(Name(200), primary_key=True)
    appliance_model: Mapped[str] = mapped_column(Name(200))
    category: Mapped[str] = mapped_column(Name(120))
    last_seen: Mapped[int]  # event time
    silent: Mapped[bool] = mapped_column(server_default=false())  # says nothing, unlike itself; told or not
    days_missing: Mapped[int | None]  # until it is first judged; -1: by nothing that it sends, None: not told


class ProcessRow(Base):
    """What one stream's worker last said of itself."""

    __tablename__ = "processes"
    stream: Mapped[str] = mapped_column(Name(120), primary_key=True)
    status: Mapped[dict[str, Any]]
    at: Mapped[int]


class ForgottenRow(Base):
    """An appliance whose history was removed: what it measured until then is not stored again."""

    __tablename__ = "forgotten"
    appliance_model: Mapped[str] = mapped_column(Name(200), primary_key=True)
    appliance_id: Mapped[str] = mapped_column(Name(200), primary_key=True)
    until: Mapped[int]  # event time


class DeadLetterRow(Base):
    """Messages and readings that could not be used, with their bytes."""

    __tablename__ = "dead_letters"
    __table_args__ = (Index(None, "received"), Index(None, "bucket"))
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    topic: Mapped[str] = mapped_column(FreeText)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str] = mapped_column(FreeText)
    received: Mapped[int]
    bucket: Mapped[str] = mapped_column(Name(40), server_default="")  # of topic, kind of reason and hour
    times: Mapped[int] = mapped_column(server_default="1")  # how many such messages this row stands for
    replayed_at: Mapped[int | None]  # wall clock: somebody had it sent again


class TotalRow(Base):
    """What is counted for ever, whatever became of the rows."""

    __tablename__ = "totals"
    name: Mapped[str] = mapped_column(Name(40), primary_key=True)
    value: Mapped[int]


class AuditRow(Base):
    """One entry of the audit log; its hash covers the entry before it. Emptied by an erasure, it has no key."""

    __tablename__ = "audit"
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int]
    action: Mapped[str] = mapped_column(Name(80))
    subject: Mapped[str] = mapped_column(Name(200))
    details: Mapped[str] = mapped_column(FreeText)
    key: Mapped[str | None] = mapped_column(Name(64))
    seal: Mapped[str] = mapped_column(Name(64), server_default="")  # of subject and details, keyed with `key`
    hash: Mapped[str] = mapped_column(Name(64))


class AuditHeadRow(Base):
    """The audit log's ends: row 1 is its last entry, where writers queue; row 0 the last one that was removed."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
    hash: Mapped[str] = mapped_column(Name(64))


class AccessTokenRow(Base):
    """A program's token: its secret is not here, only the digest. `rights` None: all of its role."""

    __tablename__ = "access_tokens"
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    name: Mapped[str] = mapped_column(Name(200))
    role: Mapped[str] = mapped_column(Name(40))
    rights: Mapped[str | None] = mapped_column(FreeText)  # with spaces between
    owner_id: Mapped[str | None] = mapped_column(Name(200))  # of role owner
    technician: Mapped[str | None] = mapped_column(Name(200))  # of role technician
    digest: Mapped[str] = mapped_column(Name(64))
    created_at: Mapped[int]
    expires_at: Mapped[int]
    revoked_at: Mapped[int | None]
    last_used: Mapped[int | None]


class SecondFactorRow(Base):
    """A user's secret for codes by time, sealed. It counts from its first right code on."""

    __tablename__ = "second_factors"
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[bytes]
    created_at: Mapped[int]
    confirmed_at: Mapped[int | None]
    last_step: Mapped[int]  # of the last code that was used: neither that one nor an older one holds again


class UserRow(Base):
    """Somebody who may come in. `epoch` rises with whatever ends the user's sessions."""

    __tablename__ = "users"
    __table_args__ = (Index(None, "issuer", "issuer_subject", unique=True),)
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    name: Mapped[str] = mapped_column(Name(200), unique=True)  # as it is typed, folded
    role: Mapped[str] = mapped_column(Name(40))
    owner_id: Mapped[str | None] = mapped_column(Name(200))  # of role owner
    technician: Mapped[str | None] = mapped_column(Name(200))  # of role technician
    password: Mapped[str | None] = mapped_column(FreeText)  # Argon2id with its parameters
    epoch: Mapped[int]
    created_at: Mapped[int]
    disabled_at: Mapped[int | None]
    last_login: Mapped[int | None]
    issuer: Mapped[str | None] = mapped_column(Name(300))  # of an OpenID provider, for whoever comes by it
    issuer_subject: Mapped[str | None] = mapped_column(Name(255))  # who that is there, for good
    second_factor_at: Mapped[int | None] = column_property(
        select(SecondFactorRow.confirmed_at).where(SecondFactorRow.user_id == id).scalar_subquery()
    )  # since when there is one


class RecoveryCodeRow(Base):
    """A code that holds once in place of one by time, by its digest."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index(None, "user_id"),)
    id: Mapped[str] = mapped_column(Name(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))


class SessionRow(Base):
    """A user's session with the console, by the digest of its cookie. One of an older epoch opens nothing."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id"), Index(None, "expires_at"))
    id: Mapped[str] = mapped_column(Name(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    epoch: Mapped[int]
    created_at: Mapped[int]
    last_seen: Mapped[int]
    expires_at: Mapped[int]


class LoginLinkRow(Base):
    """A link by which a user sets a password, once, by the digest of its text."""

    __tablename__ = "login_links"
    __table_args__ = (Index(None, "user_id"),)
    id: Mapped[str] = mapped_column(Name(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[int]


class InstallationRow(Base):
    """The one installation of `foremend run` that this database belongs to."""

    __tablename__ = "installation"
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    stream: Mapped[str] = mapped_column(Name(120))  # the id of its journal
    settled: Mapped[int]  # a snapshot may be at this position, never beyond
    history: Mapped[str] = mapped_column(Name(20))  # where readings were stored last: parquet or influx


class ErasureRow(Base):
    """A job that removes everything about an owner; once it is done, whose it was is in no column any more."""

    __tablename__ = "erasures"
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    reference: Mapped[str] = mapped_column(Name(200))  # what the person who asked calls it
    owner_id: Mapped[str] = mapped_column(Name(200))  # empty once nothing needs it
    stage: Mapped[str] = mapped_column(Name(40))  # the one that comes next; `done` behind the last
    asked_at: Mapped[int]
    due_at: Mapped[int]
    done_at: Mapped[int | None]
    work: Mapped[dict[str, Any]]  # appliances and names that it is about; empty once nothing needs them
    report: Mapped[dict[str, Any]]  # counts by place, and what is kept
    trouble: Mapped[str] = mapped_column(FreeText)  # why the last attempt did not get on


class RetentionRow(Base):
    """When what is too old was last removed from one place, and how much that was."""

    __tablename__ = "retention_runs"
    place: Mapped[str] = mapped_column(Name(80), primary_key=True)
    at: Mapped[int]
    removed: Mapped[int]  # in that run
    total: Mapped[int]  # in all runs
    kept_from: Mapped[int | None]  # ms UTC: what is older went; None where it is kept for ever
    trouble: Mapped[str] = mapped_column(FreeText)


class RestingRow(Base):
    """What is known of an appliance that left a worker's memory. Never changed: checkpoints name it by its id."""

    __tablename__ = "resting"
    __table_args__ = (Index(None, "stream", "appliance_model", "appliance_id"),)
    id: Mapped[str] = mapped_column(Name(40), primary_key=True)
    stream: Mapped[str] = mapped_column(Name(120))
    appliance_model: Mapped[str] = mapped_column(Name(200))
    appliance_id: Mapped[str] = mapped_column(Name(200))
    last_seen: Mapped[int]  # event time
    stranger: Mapped[bool]
    layout: Mapped[str] = mapped_column(Name(64))
    state: Mapped[bytes] = mapped_column(LargeBinary)
    unused_since: Mapped[int | None]  # wall clock: no checkpoint that is written now names it


class RestingLayoutRow(Base):
    """How states of `resting` are to be read; many share one."""

    __tablename__ = "resting_layouts"
    id: Mapped[str] = mapped_column(Name(64), primary_key=True)  # a digest of the text
    text: Mapped[str] = mapped_column(FreeText)


for _column in (column for table in Base.metadata.tables.values() for column in table.columns):
    if isinstance(_column.type, Name):
        _column.type.place = str(_column)
