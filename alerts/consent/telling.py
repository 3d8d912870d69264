"""What receivers are told when consent is given, or is no more: they stop what they do about an appliance by it."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.change import Change
from alerts.outbox import Event
from alerts.wording import iso
from foremend.vocabulary.types import Purpose, deterministic_id

_LONGEST_ORDERING = 80


def changed(
    event_id: str,
    appliance_id: str,
    purpose: Purpose,
    *,
    given: bool,
    at: int,
    tickets: Sequence[str],
    reason: str | None = None,
) -> Event:
    """`foremend.consent.changed` at `at` (ms UTC), with the tickets that were withdrawn by it.

    `reason` where a yes ended without a word of its owner.
    """
    said = {
        "appliance_id": appliance_id,
        "purpose": purpose,
        "given": given,
        "at": iso(at),
        "tickets": list(tickets),
    }
    return Event(
        id=event_id,
        type="foremend.consent.changed",
        subject=appliance_id,
        time=at,
        data=said if reason is None else said | {"reason": reason},
        purpose=None,  # this is the message that tells receivers to stop: it leaves in every case
        appliance_id=appliance_id,
        ordering=ordering(appliance_id),
        tells_of=purpose,
    )


def ended(work: Change, appliance_id: str, purpose: Purpose, reason: str, tickets: Sequence[str]) -> Event:
    """That a yes is no more, for a `reason` that is nobody's word."""
    event_id = deterministic_id("ev", reason, appliance_id, purpose, work.at)
    return changed(event_id, appliance_id, purpose, given=False, at=work.at, tickets=tickets, reason=reason)


def ordering(appliance_id: str) -> str:
    """What is told of an appliance's consent comes in the order in which it happened."""
    return f"consent:{appliance_id}"[:_LONGEST_ORDERING]
