"""`foremend status`: how the fleet is, asked of the service that runs: what the page says first, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foremend.jobs.running_service import running_service

FIRST = 10
"""So many episodes are shown, the most urgent first."""
_SHOWN = "appliance_id", "appliance_model", "fault", "severity", "episode_start", "days_to_failure"


def status(config: Path | None) -> dict[str, Any]:
    """The summary of the service that `config` names, the open episodes that come first, and a sentence in `said`.

    Raises UnavailableError where no service answers, RefusedError where it wants another token.
    """
    with running_service(config) as service:
        summary, episodes = service.ask("/api/summary"), service.ask("/api/v1/episodes", limit=FIRST)
    try:
        first = [{name: one[name] for name in _SHOWN} for one in episodes["items"]]
        return {"said": said(summary, first), "address": service.address, **summary, "first": first}
    except (KeyError, TypeError) as error:
        raise service.strange() from error


def said(summary: Mapping[str, Any], first: Sequence[Mapping[str, Any]]) -> str:
    """The worst that is true of the fleet. Well are all, or it is not said."""
    return " ".join(filter(None, [_of_heard(summary, first), _of_unheard(summary["never_heard"])]))


def _of_heard(summary: Mapping[str, Any], first: Sequence[Mapping[str, Any]]) -> str:
    total, of = summary["appliances"], summary["by_state"]
    urgent = of["critical"] + of["warning"]
    besides = ", ".join(_unsure(of, summary["days_missing"] or 0))
    if not total:
        return "Waiting for the first appliance."
    if urgent:
        soonest = min((one for one in first if one["days_to_failure"] is not None), key=_left, default=None)
        next_one = (
            f"The first to fail is {soonest['appliance_id']}, in about {_days(_left(soonest))}."
            if soonest
            else ""
        )
        rest = f"Besides: {besides}." if besides else ""
        verb = "needs" if urgent == 1 else "need"
        return " ".join(filter(None, [f"{_of(urgent, total)} {verb} attention.", next_one, rest]))
    if besides:
        return (
            f"Nothing found, but not all of {total} are known to be well: {besides}."
            if total > 1
            else f"Nothing found, but nobody can say whether the one appliance is well: {besides}."
        )
    if of["info"]:
        return f"{_of(of['info'], total)} noted, no more{'; the others are well' if total > 1 else ''}."
    return f"All {total} appliances are well." if total > 1 else "The one appliance is well."


def _unsure(of: Mapping[str, int], longest: float) -> list[str]:
    """What nobody can call well: how many, and for how long it is learnt, the last of several."""
    most = " at most" if of["learning"] > 1 else ""
    each = {
        "silent": f"{of['silent']} silent",
        "learning": f"{of['learning']} still learning, {_days(longest)} left{most}",
        "not_judged": f"{of['not_judged']} not judged",
    }
    return [words for state, words in each.items() if of[state]]


def _of_unheard(many: int) -> str:
    if not many:
        return ""
    return f"{many} registered {'appliance was' if many == 1 else 'appliances were'} never heard from."


def _of(some: int, total: int) -> str:
    return "The one appliance" if total == 1 else f"{some} of {total} appliances"


def _left(one: Mapping[str, Any]) -> float:
    return float(one["days_to_failure"])


def _days(days: float) -> str:
    return "a day" if round(days) <= 1 else f"{days:.0f} days"
