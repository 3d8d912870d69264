"""A consent record: what an owner said about one purpose on one appliance."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.policies import Policy
from foremend.vocabulary.periods import parse_period
from foremend.vocabulary.types import Purpose


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """What an owner said. `at` is ms UTC, when it was said; `retention` an ISO 8601 duration such as `P2Y`.

    `jurisdiction` and `retention` are those of the appliance's policy where they are left out.
    """

    appliance_id: str
    subject: str
    purpose: Purpose
    given: bool
    at: int
    notice_version: str
    language: str
    how: str
    jurisdiction: str | None = None
    retention: str | None = None
    withdrawal_method: str = "in the app, at any time"


def end_of(record: ConsentRecord, policy: Policy) -> int | None:
    """When a yes holds no more, ms UTC: by its own retention or by the policy's, whichever is sooner.

    None of a no, and of a purpose that needs no yes there. Raises InputError for a retention that is no
    ISO 8601 duration.
    """
    own = parse_period(record.retention or policy.consent.ends_after)
    if not record.given or record.purpose not in policy.opt_in:
        return None
    return min(own.after(record.at), parse_period(policy.consent.ends_after).after(record.at))
