"""Acts that consent, a policy or a missing address held back: kept with the reason, to show that nothing happened."""

from __future__ import annotations

from enum import StrEnum

from alerts.change import Change
from alerts.consent import Decision
from foremend.vocabulary.types import Purpose, deterministic_id


class Cause(StrEnum):
    """Why something did not happen, or, of the last two, does not yet."""

    NEVER_GIVEN = "never_given"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"
    POLICY = "policy"
    NO_ADDRESS = "no_address"
    QUIET_HOURS = "quiet_hours"
    RATES = "rates"


OF_CONSENT = frozenset({Cause.NEVER_GIVEN, Cause.WITHDRAWN, Cause.ENDED})
"""What the owner's own word, or that there is none, held back."""
WAITS = frozenset({Cause.QUIET_HOURS, Cause.RATES})
"""What leaves later; the others never do."""

QUIET_HOURS = "quiet hours"
BEGINS = {
    Cause.NEVER_GIVEN: "never given",
    Cause.WITHDRAWN: "withdrawn at ",
    Cause.ENDED: "ended at ",
    Cause.POLICY: "the policy ",
    Cause.NO_ADDRESS: "no address ",
    Cause.QUIET_HOURS: QUIET_HOURS,
    Cause.RATES: "the owner had ",
}
"""How the reason of each is stored: consent's own words, the gate's or the rates'."""


def cause_of(reason: str) -> Cause:
    """Which kind of reason it is; one that begins with none of the words is consent's: there is no other kind."""
    return next((one for one, words in BEGINS.items() if reason.startswith(words)), Cause.NEVER_GIVEN)


def enough_today(messages: int) -> str:
    """Why a message waits for the owner's next day."""
    return f"{BEGINS[Cause.RATES]}{messages} messages today, as many as the policy allows"


def not_of_policy(policy: str, target: str) -> str:
    """Why a channel is not used."""
    return f"{BEGINS[Cause.POLICY]}{policy} uses no {target}"


def no_address(target: str) -> str:
    """Why a channel cannot tell an owner who agreed to it."""
    return f"{BEGINS[Cause.NO_ADDRESS]}for {target} was given"


def hold_back(
    work: Change,
    act: str,
    purpose: Purpose,
    appliance_id: str,
    episode_id: str | None,
    fault: str,
    decision: Decision,
) -> None:
    """Record it once for each act, episode and reason, however often it is tried."""
    row = {
        "id": deterministic_id("hb", act, appliance_id, episode_id, decision.reason),
        "act": act,
        "purpose": purpose,
        "appliance_id": appliance_id,
        "episode_id": episode_id,
        "fault": fault,
        "reason": decision.reason,
        "cause": cause_of(decision.reason),
        "at": work.at,
    }
    work.held_back.append(row)
