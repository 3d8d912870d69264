"""A consent receipt: what an owner agreed to, as one JSON object, its fields named after ISO/IEC TS 27560:2023.

The standard has a record (what the organisation keeps) and a receipt (what the person gets), both of four parts: the
record itself, how personal data is processed, who the parties are, and what happened when. A receipt here is of one
appliance; each purpose has its events in the order they were kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from alerts.policies import Kept, Policy
from alerts.wording import iso
from foremend.vocabulary.types import Purpose, deterministic_id

SCHEMA = "Foremend 1, after ISO/IEC TS 27560:2023"
"""Named after the standard's parts; nobody has checked it against the standard's own text, which is sold."""

_READINGS = ("readings of the appliance", "what was learnt from them")
DATA: Mapping[Purpose, tuple[tuple[str, ...], Kept]] = {
    Purpose.MONITORING: (_READINGS, Kept.READINGS),
    Purpose.TICKET: (("fault", "evidence from readings", "appliance id"), Kept.TICKETS),
    Purpose.SMS: (("phone number", "text of the message"), Kept.MESSAGES),
    Purpose.PUSH: (("push token", "text of the message"), Kept.MESSAGES),
    Purpose.EMAIL: (("e-mail address", "text of the message"), Kept.MESSAGES),
    Purpose.TRAINING: ((*_READINGS, "what a technician found"), Kept.READINGS),
    Purpose.WELLBEING: (("how appliances are used",), Kept.READINGS),
    Purpose.AT_NIGHT: (("that messages may come in quiet hours",), Kept.MESSAGES),
}
"""Of each purpose which data, and as which kind the policy says how long it is kept."""


def receipt(
    owner_id: str, appliance_id: str, said: Sequence[Mapping[str, Any]], policy: Policy, at: int
) -> dict[str, Any]:
    """What an owner said about an appliance: `said` are the ledger's rows of this owner alone, oldest first.

    `policy` is the appliance's; `at`, ms UTC, is when the receipt is made.
    """
    return {
        "schema_version": SCHEMA,
        "receipt_id": deterministic_id("rc", appliance_id, *(row["seq"] for row in said)),
        "issued_at": iso(at),
        "pii_principal_id": owner_id,
        "appliance_id": appliance_id,
        "jurisdiction": policy.name,
        "policy_version": policy.version,
        "purposes": [
            _purpose(purpose, [row for row in said if row["purpose"] == purpose], policy)
            for purpose in dict.fromkeys(row["purpose"] for row in said)
        ],
    }


def _purpose(purpose: Purpose, rows: Iterable[Mapping[str, Any]], policy: Policy) -> dict[str, Any]:
    data, kept = DATA[purpose]
    events = [_event(row, policy) for row in rows]
    return {
        "purpose": purpose.value,
        "lawful_basis": "consent" if purpose in policy.opt_in else "not consent: goes on until a no",
        "pii_information": list(data),
        "retention_period": policy.retention[kept],
        "withdrawal_method": next(
            (one["withdrawal_method"] for one in reversed(events) if one["withdrawal_method"]), ""
        ),
        "events": events,
    }


def _event(row: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """One word of the owner; the notice's own text where it is the one that the policy has now."""
    words = policy.notices.texts[row["purpose"]]
    text = words["zh" if row["language"].startswith("zh") else "en"]
    same = row["notice_digest"] == hashlib.sha256(text.encode()).hexdigest()
    return {
        "record_id": row["seq"],
        "event_state": "given" if row["given"] else "withdrawn",
        "event_time": iso(row["at"]),
        "recorded_at": iso(row["recorded_at"]),
        "valid_until": None if row["ends_at"] is None else iso(row["ends_at"]),
        "validity_duration": row["retention"],
        "jurisdiction": row["jurisdiction"],
        "collection_method": row["how"],
        "withdrawal_method": row["withdrawal_method"],
        "privacy_notice": {
            "version": row["notice_version"],
            "language": row["language"],
            "sha256": row["notice_digest"],
            "text": text if same else None,
        },
    }
