"""What one's own household says: it agrees, takes it back, and hears what a message is like.

One household, one owner, every appliance that is known here. A maker's app registers owners by itself (docs/owners.md).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerts.channels import Channel, Message
from alerts.consent import ConsentRecord
from alerts.desk import Alerts
from alerts.owner_channels import OWNER_CHANNELS, set_up
from alerts.owners import HOUSEHOLD, OwnedAppliance, Owner
from foremend.config import Settings
from foremend.runtimes.clock import SystemClock
from foremend.stores.snapshots import load_snapshot
from foremend.vocabulary.errors import ConfigError, InputError, RefusedError
from foremend.vocabulary.periods import parse_period
from foremend.vocabulary.types import Purpose

NOTICE = "household-1"
MOST_APPLIANCES = 100
"""Of one household. More are a fleet, of which nobody here can say who lives with them."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """How to speak to the household: one of `alerts.words.loading.LANGUAGES`, and the IANA zone of its nights.

    `at_night`: of harm under way, in quiet hours too.
    """

    language: str
    timezone: str
    at_night: bool = False


def agree(
    desk: Alerts,
    settings: Settings,
    appliances: Sequence[str],
    speaking: Speaking,
    names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Register the household with its appliances and keep its yes to being watched and told; may be said again.

    `appliances` by id, all that are known here if none is named; `names` is what they are called at home, of those
    left out what was said before. Raises ConfigError for one that is not known and
    where none is, RefusedError for one that belongs to another owner.
    """
    chosen, channels = _chosen(settings, appliances), tuple(set_up(settings.alerts))
    if not channels:
        raise ConfigError("alerts: no channel is set up that could tell you: see docs/plugs.md")
    _require_free(desk, chosen)
    # its address is of no use: where messages go stands in the settings, for all of them
    desk.owners.register_owners([Owner(HOUSEHOLD, dict.fromkeys(channels, HOUSEHOLD))])
    called = _names(desk, chosen, names or {})
    desk.owners.register_appliances(
        OwnedAppliance(one, HOUSEHOLD, model, speaking.language, speaking.timezone, name=called[one])
        for one, model in chosen.items()
    )
    purposes = [Purpose.MONITORING, *(OWNER_CHANNELS[name].purpose for name in channels)]
    if speaking.at_night:
        purposes.append(Purpose.AT_NIGHT)
    said = _say(desk, chosen, purposes, True, speaking.language)
    return {
        "appliances": sorted(chosen),
        "called": {one: name for one, name in sorted(called.items()) if name is not None},
        "agreed_to": said,
        "told_by": list(channels),
        "language": speaking.language,
        "timezone": speaking.timezone,
    }


def named(said: Sequence[str]) -> dict[str, str]:
    """`freezer-2=cellar freezer` as id -> name. Raises InputError for what has no such form."""
    pairs = [one.partition("=") for one in said]
    if wrong := [
        one for one, (id_, is_, name) in zip(said, pairs, strict=True) if not (id_ and is_ and name)
    ]:
        raise InputError(f"--called {wrong[0]!r}: write it as freezer-2='cellar freezer'")
    return {id_.strip(): name for id_, _, name in pairs}


def _names(desk: Alerts, chosen: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str | None]:
    if strangers := sorted(names.keys() - chosen.keys()):
        raise ConfigError(f"appliance {strangers[0]!r} is named, but is none of {', '.join(sorted(chosen))}")
    before = {one: desk.owners.appliance(one) for one in chosen}
    return {one: names.get(one) or (None if known is None else known.name) for one, known in before.items()}


def withdraw(desk: Alerts, settings: Settings, appliances: Sequence[str]) -> dict[str, Any]:
    """Take back every yes of the household, for `appliances` or for all: nothing is watched, nobody is told.

    What is stored stays: `foremend history forget` removes it.
    """
    ours = [one for one in _chosen(settings, appliances) if _owner(desk, one) == HOUSEHOLD]
    if not ours:
        raise ConfigError("the household agreed to nothing here: `foremend household agree` comes first")
    said = _say(desk, ours, list(Purpose), False, "en")
    return {"appliances": sorted(ours), "withdrawn": said}


def try_out(channels: Mapping[str, Channel], now: int) -> dict[str, str]:
    """Send a message by each channel, now (ms UTC). Raises UnavailableError where one is not reached."""
    for channel in channels.values():
        channel.send(
            Message(
                id=f"try_{uuid.uuid4().hex}",
                event_type="foremend.try",
                body="This is how Foremend tells you. Nothing is wrong.",
                address=HOUSEHOLD,
                language="en",
                at=now,
            )
        )
        channel.close()
    return dict.fromkeys(channels, "sent")


def own_zone() -> str:
    """The IANA name of this machine's time zone, UTC where it does not say."""
    if zone := os.environ.get("TZ", "").lstrip(":"):
        return zone
    link = Path("/etc/localtime")
    _, found, name = str(link.resolve()).partition("/zoneinfo/")
    return name if found and name else "UTC"


def known_appliances(settings: Settings) -> dict[str, str]:
    """id -> appliance model: those that decoders name, and those heard of until the last checkpoint."""
    named = {
        one.appliance_id: one.appliance_model
        for decoder in settings.ingest.decoders
        for one in decoder.appliances.values()
    }
    snapshot = load_snapshot(settings.storage.folder / "engine.snapshot")
    lanes: Mapping[str, Any] = {} if snapshot is None else snapshot["engine"]
    heard = {
        str(one): model for model, part in lanes.items() if "lane" in part for one in part["lane"]["ids"]
    }
    return heard | named


def _chosen(settings: Settings, appliances: Sequence[str]) -> dict[str, str]:
    known = known_appliances(settings)
    if unknown := [one for one in appliances if one not in known]:
        raise ConfigError(
            f"appliance {unknown[0]!r} is not known: name it under ingest.decoders, or let `foremend run` hear it first"
        )
    chosen = {one: known[one] for one in appliances} if appliances else known
    if not chosen:
        raise ConfigError("no appliance is known yet: name it under ingest.decoders, or start `foremend run`")
    if len(chosen) > MOST_APPLIANCES:
        raise ConfigError(
            f"{len(chosen)} appliances are no household: name yours with --appliance, {MOST_APPLIANCES} at most"
        )
    return chosen


def _owner(desk: Alerts, appliance: str) -> str | None:
    found = desk.owners.appliance(appliance)
    return None if found is None else found.owner_id


def _require_free(desk: Alerts, appliances: Mapping[str, str]) -> None:
    for one in appliances:
        if _owner(desk, one) not in (None, HOUSEHOLD):
            raise RefusedError(f"appliance {one!r} belongs to another owner, who alone can agree")


def _say(
    desk: Alerts, appliances: Iterable[str], purposes: Sequence[Purpose], given: bool, language: str
) -> list[str]:
    """Keep what changes by it; of a yes all purposes, of a no those that were given.

    A yes that ends so soon that one is asked for it again is said anew.
    """
    now = SystemClock().now_ms()
    asked_again = parse_period(desk.policies.default.consent.ask_again_before).after(now)
    until = asked_again if given else now
    records = [
        ConsentRecord(
            appliance_id=one,
            subject=HOUSEHOLD,
            purpose=purpose,
            given=given,
            at=now,
            notice_version=NOTICE,
            language=language,
            how="foremend household",
            jurisdiction="own household",
            withdrawal_method="foremend household withdraw",
        )
        for one in appliances
        for purpose in purposes
        if desk.consent.is_given(one, purpose, until) != given
    ]
    if records:
        desk.consent.record(records)
    touched = {record.purpose for record in records}
    return [str(one) for one in purposes if given or one in touched]
