"""Acts that consent did not allow: kept with the reason, so that one can show that nothing happened, and why."""

from __future__ import annotations

from alerts.change import Change
from alerts.consent import Decision
from foremend.vocabulary.types import Purpose, deterministic_id


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
        "at": work.at,
    }
    work.held_back.append(row)
