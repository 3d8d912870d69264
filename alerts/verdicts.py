"""What becomes of a message that is due, as the gate says it."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.channels import Message
from alerts.consent import Decision


@dataclass(frozen=True, slots=True)
class Withhold:
    """Consent or the policy does not allow it, or there is no address to send it to."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Defer:
    """Not now: ask again at `until`, ms UTC."""

    until: int
    reason: str


@dataclass(frozen=True, slots=True)
class Discard:
    """It can never be sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Needless:
    """It need not leave any more: another channel told already, or nobody is to hear of it."""

    reason: str


Verdict = Message | Withhold | Defer | Discard | Needless
