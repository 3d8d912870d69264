"""`foremend consent` and `foremend owners show`: what owners said, said for them at a desk, and read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alerts.change import change
from alerts.consent import ConsentRecord
from alerts.consent.receipts import receipt
from alerts.desk import Alerts
from alerts.queries.register import owner
from foremend.jobs.tokens import by_account
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Purpose


def say(
    desk: Alerts,
    appliance_id: str,
    purposes: Sequence[Purpose],
    given: bool,
    *,
    owner_id: str | None,
    how: str,
    language: str | None = None,
    retention: str | None = None,
) -> dict[str, Any]:
    """Keep an owner's word on some purposes of one appliance, all or none, and answer what holds now.

    A yes names its owner, so that it is not taken for the next one's; a no is the present owner's where none is named.
    The notice is the one of the appliance's policy. Raises InputError as `ConsentLedger.record` does.
    """
    known = desk.owners.appliance(appliance_id)
    jurisdiction = None if known is None else known.jurisdiction
    policy = desk.policies.of(jurisdiction)
    subject = owner_id if owner_id is not None else "" if known is None else known.owner_id
    if given and owner_id is None:
        raise InputError("a yes names who says it: --owner")
    at = SystemClock().now_ms()
    desk.consent.record(
        ConsentRecord(
            appliance_id=appliance_id,
            subject=subject,
            purpose=purpose,
            given=given,
            at=at,
            notice_version=policy.notices.version,
            language=language or (policy.language if known is None else known.language),
            how=how,
            retention=retention,
            withdrawal_method="at the service desk, in the app, at any time",
        )
        for purpose in purposes
    )
    return {
        "appliance_id": appliance_id,
        "owner_id": subject,
        "consents": {one.value: desk.consent.decision(appliance_id, one, at).reason for one in purposes},
    }


def history(desk: Alerts, appliance_id: str) -> dict[str, Any]:
    """Every record about an appliance, oldest first; that it was read stands in the audit log."""
    found = _history(desk, appliance_id)
    return {"appliance_id": appliance_id, "records": found}


def receipt_of(desk: Alerts, appliance_id: str) -> dict[str, Any]:
    """A receipt to hand out; that it was made stands in the audit log. Raises InputError where nothing was said."""
    found, known = _history(desk, appliance_id), desk.owners.appliance(appliance_id)
    mine = [] if known is None else [row for row in found if row["subject"] == known.owner_id]
    if known is None or not mine:
        raise InputError(
            f"the owner of appliance {appliance_id!r} said nothing yet: there is no receipt of it"
        )
    return receipt(
        known.owner_id, appliance_id, mine, desk.policies.of(known.jurisdiction), SystemClock().now_ms()
    )


def expire(desk: Alerts) -> dict[str, Any]:
    """Tell now of every consent that has ended or is about to; the pipeline and the service do it every ten minutes."""
    told = desk.endings.round()
    return {"ended": told.ended, "asked_again": told.asked_again}


def shown(desk: Alerts, owner_id: str) -> dict[str, Any]:
    """One owner, as `alerts.queries.register.owner` has it. Raises InputError for one that nobody registered."""
    found = owner(desk.engine, owner_id, SystemClock().now_ms())
    if found is None:
        raise desk.owners.not_known(owner_id)
    _note_reading(desk, "owner.read", owner_id)
    return found


def _history(desk: Alerts, appliance_id: str) -> list[dict[str, Any]]:
    found = desk.consent.history(appliance_id)
    if not found:
        desk.consent.require_known(appliance_id)
    _note_reading(desk, "consent.read", appliance_id)
    return found


def _note_reading(desk: Alerts, action: str, subject: str) -> None:
    with change(desk.engine, SystemClock()) as work:
        work.note(action, subject, by=by_account())
