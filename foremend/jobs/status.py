"""`foremend status`: how the fleet is, asked of the service that runs: what the page says first, for a terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from foremend.config import ServiceSettings, load_settings
from foremend.vocabulary.errors import RefusedError, UnavailableError

TOKEN = "FOREMEND_TOKEN"
"""The environment variable that holds a token, where the service lets nobody in without one."""
FIRST = 10
"""So many episodes are shown, the most urgent first."""
_PATIENCE_S = 10.0
_STRANGE = (
    "what answers at {address} is no Foremend, or one of another version: service.port of the config"
    " says where to ask"
)
_SHOWN = "appliance_id", "appliance_model", "fault", "severity", "episode_start", "days_to_failure"


def status(config: Path | None) -> dict[str, Any]:
    """The summary of the service that `config` names, the open episodes that come first, and a sentence in `said`.

    Raises UnavailableError where no service answers, RefusedError where it wants another token.
    """
    address = _address(load_settings(config).service)
    token = os.environ.get(TOKEN)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=address, headers=headers, timeout=_PATIENCE_S, trust_env=False) as client:
        summary, episodes = _ask(client, "/api/summary"), _ask(client, f"/api/v1/episodes?limit={FIRST}")
    try:
        first = [{name: one[name] for name in _SHOWN} for one in episodes["items"]]
        return {"said": said(summary, first), "address": address, **summary, "first": first}
    except (KeyError, TypeError) as error:
        raise UnavailableError(_STRANGE.format(address=address)) from error


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


def _address(service: ServiceSettings) -> str:
    """Where a service of these settings is reached from this machine."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(service.host, service.host)
    return f"http://{f'[{here}]' if ':' in here else here}:{service.port}"


def _ask(client: httpx.Client, path: str) -> Any:
    try:
        answer = client.get(path)
    except httpx.HTTPError as error:
        raise UnavailableError(
            f"no service answers at {client.base_url} ({error or type(error).__name__}): start foremend run, or"
            " foremend service, with the same config"
        ) from error
    if answer.status_code in (401, 403):
        raise RefusedError(
            f"{client.base_url} lets nobody read {path} without a token that may: put one into {TOKEN}"
            " (foremend tokens create --name NAME --role operator)"
        )
    if answer.status_code != 200:
        asked = f"{str(client.base_url).rstrip('/')}{path}"
        raise UnavailableError(
            f"{asked} answers {answer.status_code}: see the log of the service, if it is Foremend's"
        )
    try:
        return answer.json()
    except ValueError as error:
        raise UnavailableError(_STRANGE.format(address=str(client.base_url).rstrip("/"))) from error
