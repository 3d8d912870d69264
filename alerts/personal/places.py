"""Every place that holds anything about an owner, declared once: erasure, export, retention and the data map use it.

A table that is neither here nor in `IMPERSONAL` fails a test, and so does one here that an erasure or an export passes
over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from alerts import tables
from alerts.policies import Kept
from alerts.tables import Base


class Link(StrEnum):
    """What tells whose a row is."""

    OWNER = "owner's id"
    APPLIANCE = "appliance's id"
    TICKET = "its ticket"
    TEXT = "named in topic or payload"
    ENTRY = "named in the entry"
    JOB = "the job"


@dataclass(frozen=True, slots=True)
class Place:
    """One row of the data map. `what` and `why` end no sentence; `kept` is the kind
    of data that a policy gives a time to, `readers` who reads it."""

    name: str
    what: str
    why: str
    kept: Kept
    readers: str


@dataclass(frozen=True, slots=True)
class TablePlace(Place):
    """A table. `column` holds what `link` says; `age` is when a row began to be old, ms UTC."""

    table: type[Base]
    link: Link
    column: str
    age: str


_DESK = "agent, technician of the ticket, operator, admin"

TABLES: tuple[TablePlace, ...] = (
    TablePlace(
        "contacts", "phone number, push token, e-mail address, sealed", "to reach the owner",
        Kept.CONTACTS, "the dispatcher, to send", tables.ContactRow, Link.OWNER, "owner_id", "",
    ),
    TablePlace(
        "wellbeing_contacts", "whom an owner wants told when the household's habits stop, sealed",
        "to tell that person",
        Kept.CONTACTS, "the owner; the dispatcher, to send", tables.WellbeingContactRow, Link.OWNER, "owner_id", "at",
    ),
    TablePlace(
        "wellbeing", "what was said of being away or well, and a silence that goes on, sealed",
        "to tell it once, and not while nobody is home",
        Kept.READINGS, "the owner", tables.WellbeingRow, Link.OWNER, "owner_id", "at",
    ),
    TablePlace(
        "wellbeing_signs", "minutes in which an appliance was used, of sixty days at most, sealed",
        "to know a household's rhythm",
        Kept.READINGS, "the owner", tables.WellbeingSignsRow, Link.APPLIANCE, "appliance_id", "at",
    ),
    TablePlace(
        "appliances", "who owns which appliance, its sealed name, language, time zone", "to know whom to ask and tell",
        Kept.CONTACTS, _DESK, tables.ApplianceRow, Link.OWNER, "owner_id", "",
    ),
    TablePlace(
        "nameplates", "model, batch, region and day of installation of an appliance, by its maker's table",
        "to bring the right part, and to find a bad batch",
        Kept.CONTACTS, _DESK, tables.NameplateRow, Link.APPLIANCE, "appliance_id", "at",
    ),
    TablePlace(
        "firmware", "which firmware an appliance had since when", "to find firmware that does harm",
        Kept.CONTACTS, _DESK, tables.FirmwareRow, Link.APPLIANCE, "appliance_id", "at",
    ),
    TablePlace(
        "owners", "the owner's id", "to know whom to ask and tell",
        Kept.CONTACTS, _DESK, tables.OwnerRow, Link.OWNER, "id", "created_at",
    ),
    TablePlace(
        "consent_records", "what the owner agreed to and withdrew, when and how", "to show that every act was allowed",
        Kept.CONSENT, "the owner, agent, admin", tables.ConsentRow, Link.OWNER, "subject", "recorded_at",
    ),
    TablePlace(
        "outcomes", "what a technician found", "to learn from it, where the owner agreed",
        Kept.TICKETS, _DESK, tables.OutcomeRow, Link.TICKET, "ticket_id", "recorded_at",
    ),
    TablePlace(
        "ticket_steps", "what was done about a ticket and what its owner answered, by whom, with notes",
        "to have it mended and show who did it",
        Kept.TICKETS, _DESK, tables.TicketStepRow, Link.TICKET, "ticket_id", "at",
    ),
    TablePlace(
        "tickets", "a fault foreseen, evidence, what became of it", "to have it mended",
        Kept.TICKETS, _DESK, tables.TicketRow, Link.APPLIANCE, "appliance_id", "created_at",
    ),
    TablePlace(
        "diagnoses", "what an appliance was asked, what was answered, and how its owner's own steps went",
        "to have it mended", Kept.TICKETS, _DESK, tables.DiagnosisRow, Link.APPLIANCE, "appliance_id", "asked_at",
    ),
    TablePlace(
        "findings", "what a rule found on an appliance, with evidence", "to tell once, and to judge the rules",
        Kept.FINDINGS, _DESK, tables.FindingRow, Link.APPLIANCE, "appliance_id", "at",
    ),
    TablePlace(
        "open_episodes", "that a fault goes on, by appliance", "to show what is coming",
        Kept.FINDINGS, _DESK, tables.OpenEpisodeRow, Link.APPLIANCE, "appliance_id", "at",
    ),
    TablePlace(
        "outbox", "messages to the owner and the service platform, without address", "to send each once",
        Kept.MESSAGES, "operator, admin", tables.OutboxRow, Link.APPLIANCE, "appliance_id", "created_at",
    ),
    TablePlace(
        "held_back", "what did not happen, as consent was missing", "to show that nothing happened",
        Kept.HELD_BACK, _DESK, tables.HeldBackRow, Link.APPLIANCE, "appliance_id", "at",
    ),
    TablePlace(
        "dead_letters", "messages that could not be used, with their bytes", "to find out why, and use them after all",
        Kept.DEAD_LETTERS, "operator, admin", tables.DeadLetterRow, Link.TEXT, "topic", "received",
    ),
    TablePlace(
        "seen", "when an appliance was heard of last", "to show the fleet",
        Kept.READINGS, _DESK, tables.SeenRow, Link.APPLIANCE, "appliance_id", "last_seen",
    ),
    TablePlace(
        "resting", "what was learnt of an appliance that is silent", "to go on when it speaks again",
        Kept.READINGS, "nobody: the pipeline", tables.RestingRow, Link.APPLIANCE, "appliance_id", "last_seen",
    ),
    TablePlace(
        "forgotten", "an appliance whose readings were removed, and until when", "to keep out what is on its way",
        Kept.READINGS, "nobody: the pipeline", tables.ForgottenRow, Link.APPLIANCE, "appliance_id", "until",
    ),
    TablePlace(
        "erasures", "that an erasure was asked for, by a reference", "to show that it was done, and in time",
        Kept.CONSENT, "operator, admin", tables.ErasureRow, Link.JOB, "owner_id", "done_at",
    ),
    TablePlace(
        "access_tokens", "that a token asks for an owner's own, by the owner's id", "to show it to no other",
        Kept.CONTACTS, "admin", tables.AccessTokenRow, Link.OWNER, "owner_id", "created_at",
    ),
    TablePlace(
        "users", "who may come in, of an owner by the owner's id", "to show it to no other",
        Kept.CONTACTS, "admin", tables.UserRow, Link.OWNER, "owner_id", "created_at",
    ),
    TablePlace(
        "audit", "what was done about an owner or appliance, by id", "to show what was done",
        Kept.AUDIT, "admin", tables.AuditRow, Link.ENTRY, "subject", "at",
    ),
)  # fmt: skip
"""In the order of their erasure: what names others goes before them."""

FILES: tuple[Place, ...] = (
    Place("history", "readings of an appliance", "to train models and draw charts", Kept.READINGS, "data scientist"),
    Place(
        "journal.db, engine.snapshot, resting.db", "readings under way; what was learnt of an appliance",
        "to lose nothing at a restart", Kept.READINGS, "nobody: the pipeline",
    ),
    Place(
        "outbox/*.jsonl", "messages to owners, the address masked", "a channel that writes to a file",
        Kept.MESSAGES, "operator",
    ),
)  # fmt: skip

TOPICS: tuple[Place, ...] = (
    Place(
        "Kafka: blocks, dead letters", "readings under way", "to lose nothing at a restart",
        Kept.READINGS, "nobody: the workers",
    ),
    Place(
        "Kafka: state", "what was learnt of an appliance", "to go on after a restart",
        Kept.READINGS, "nobody: the workers",
    ),
    Place(
        "MQTT: alerts.home_assistant.topic", "how an appliance is, retained", "the household's own automation",
        Kept.READINGS, "whoever may read the household's broker",
    ),
)  # fmt: skip

IMPERSONAL: Mapping[str, str] = {
    "positions": "how far each stream is",
    "disabled_targets": "receivers that are gone for good",
    "processes": "counts of each worker",
    "totals": "counts",
    "audit_head": "the ends of the audit log's chain",
    "installation": "which folder the database belongs to",
    "resting_layouts": "how states are to be read",
    "retention_runs": "when what is too old was removed",
    "cohort_alarms": "counts of cohorts that fail more than their siblings, and who saw to them; no appliance",
    "fleet_reports": "counts by cohort, area and part",
    "sessions": "digests of the cookies of who is logged in; goes with its user",
    "second_factors": "sealed secrets of users' second factors; goes with its user",
    "recovery_codes": "digests of codes in place of a second factor; goes with its user",
    "login_links": "digests of links by which users set passwords; goes with its user",
    "reminders": "digests: that the end of a consent was told of, or an appliance's word kept",
}
"""Tables that hold nothing about anybody, and what they hold instead."""


def data_map() -> list[dict[str, str]]:
    """All places, for people and programs; `link` is how a row is known to be an owner's."""
    tables_ = [_row("table", one) | {"link": one.link.value} for one in TABLES]
    return [
        *tables_,
        *(_row("files", one) for one in FILES),
        *(_row("topics", one) for one in TOPICS),
    ]


def _row(kind: str, place: Place) -> dict[str, str]:
    return {
        "kind": kind, "where": place.name, "what": place.what, "why": place.why,
        "kept": place.kept.value, "readers": place.readers, "link": Link.APPLIANCE.value,
    }  # fmt: skip
