"""One appliance as its household sees it: a plain JSON object, every key always there, None where nothing is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from alerts.wording import iso
from foremend.home.words import Words
from foremend.runtimes.status import ApplianceStatus
from foremend.vocabulary.types import MS_PER_DAY, Severity

Health = Literal["critical", "warning", "notice", "silent", "learning", "well"]
"""The most urgent thing that is known of it. What is silent or still being learnt is never called well."""

HEALTH: tuple[Health, ...] = get_args(Health)
MINUTE_MS = 60_000
LONGEST_TEXT = 250
"""Letters: Home Assistant takes 255 for a state."""

_RANK = {severity: rank for rank, severity in enumerate(Severity)}
_OF_SEVERITY: Mapping[str, Health] = {"critical": "critical", "warning": "warning", "info": "notice"}
_SILENT: Health = "silent"

Picture = dict[str, Any]


def picture(
    one: ApplianceStatus, episodes: Sequence[Mapping[str, Any]], words: Words, act_from: Severity, now: int
) -> Picture:
    """What is said of `one` at `now` (ms UTC); `episodes`: its open ones, as `alerts.queries.open_episodes` has them.

    `problem` is true from severity `act_from` on, false where it is well, None where nobody can say. `last_heard` goes
    by the minute, so that a talkative plug is no message a second.
    """
    health = _health(one, episodes)
    first = min((e["days_to_failure"] for e in episodes if e["days_to_failure"] is not None), default=None)
    doing = None if one.silent else one.doing
    counted = doing is not None and doing.until // MS_PER_DAY == now // MS_PER_DAY
    return {
        "appliance_id": one.appliance_id,
        "appliance_model": one.appliance_model,
        "title": words.appliance_model(one.appliance_model),
        "problem": _problem(health, episodes, act_from),
        "health": health,
        "what": _what(health, episodes, words),
        "days_left": None if first is None else round(first, 1),
        "running": None if doing is None else doing.running,
        "starts_today": doing.starts if doing is not None and counted else None,
        "last_heard": iso(one.last_seen // MINUTE_MS * MINUTE_MS),
        "findings": [_finding(episode, words) for episode in episodes],
    }


def _health(one: ApplianceStatus, episodes: Sequence[Mapping[str, Any]]) -> Health:
    seen: set[Health] = {
        _SILENT if e["fault"] == _SILENT and e["severity"] == Severity.INFO else _OF_SEVERITY[e["severity"]]
        for e in episodes
    }
    if one.silent:
        seen.add(_SILENT)
    elif one.learning:
        seen.add("learning")
    return next((health for health in HEALTH if health in seen), "well")


def _problem(health: Health, episodes: Sequence[Mapping[str, Any]], act_from: Severity) -> bool | None:
    if any(_RANK[Severity(e["severity"])] >= _RANK[act_from] for e in episodes):
        return True
    return None if health in (_SILENT, "learning") else False


def _what(health: Health, episodes: Sequence[Mapping[str, Any]], words: Words) -> str:
    titles = dict.fromkeys(words.fault(e["fault"]) for e in episodes)
    text = "; ".join(titles) or words.nothing(health)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 2] + ".."


def _finding(episode: Mapping[str, Any], words: Words) -> dict[str, Any]:
    return {
        "fault": episode["fault"],
        "title": words.fault(episode["fault"]),
        "severity": str(episode["severity"]),
        "since": iso(episode["episode_start"]),
        "probability": episode["probability"],
        "days_left": episode["days_to_failure"],
        "days_low": episode["days_low"],
        "days_high": episode["days_high"],
    }
