"""What the table of channels promises of each of its entries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alerts import queries
from alerts.dispatch import open_channels
from alerts.owner_channels import OWNER_CHANNELS, outbox_files
from alerts.owners import Owner
from alerts.settings import AlertsSettings
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.types import Finding, Purpose

Make = Callable[..., Finding]
NIGHT = 1_767_240_000_000 + 10 * 3_600_000  # 22:00 in Shanghai


@pytest.fixture(params=sorted(OWNER_CHANNELS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def stage(open_stage: Callable[..., Any], every: dict[str, Any]) -> Any:
    """The stage with every channel of the table set up."""
    return open_stage(**every)


@pytest.fixture
def every(tmp_path: Path) -> dict[str, Any]:
    """Settings of every channel."""
    return {one: {"file": tmp_path / f"{one}.jsonl"} for one in OWNER_CHANNELS}


def address_of(channel: str) -> str:
    return "+8613800001234" if OWNER_CHANNELS[channel].numbers else f"{channel}-address"


def test_a_channel_asks_its_own_consent_and_sends_to_its_own_address(
    stage: Any, finding: Make, name: str
) -> None:
    """With consent for it alone, it alone sends, to the address of its kind, and the message is counted."""
    stage.alerts.owners.register_owners([Owner("o-1", {one: address_of(one) for one in OWNER_CHANNELS})])
    stage.say(OWNER_CHANNELS[name].purpose, True)
    stage.alerts.effects.apply([finding()], [], 1)

    stage.alerts.dispatcher.run_once()

    assert {one: [message.address for message in stage.sent(one)] for one in OWNER_CHANNELS} == {
        one: [address_of(name)] if one == name else [] for one in OWNER_CHANNELS
    }
    assert queries.counts(stage.alerts.engine).notifications_sent == 1


def test_a_channel_has_room_for_advice_or_not(stage: Any, finding: Make, name: str) -> None:
    """As the table says: one line, or steps to try under it."""
    stage.alerts.owners.register_owners([Owner("o-1", {name: address_of(name)})])
    stage.say(OWNER_CHANNELS[name].purpose, True)
    stage.alerts.effects.apply([finding()], [], 1)

    stage.alerts.dispatcher.run_once()

    [message] = stage.sent(name)
    assert (len(message.body.splitlines()) > 1) == OWNER_CHANNELS[name].advice


def test_a_channel_keeps_quiet_hours(stage: Any, finding: Make, name: str) -> None:
    """At night nothing leaves."""
    stage.clock.now = NIGHT
    stage.say(OWNER_CHANNELS[name].purpose, True)
    stage.alerts.effects.apply([finding()], [], 1)

    stage.alerts.dispatcher.run_once()

    assert stage.sent(name) == []


def test_a_channel_that_is_not_set_up_gets_no_message(
    open_stage: Callable[..., Any], every: dict[str, Any], finding: Make, name: str
) -> None:
    """`null` under its key: no sender, no row in the outbox, no file to back up."""
    stage = open_stage(**every | {name: None})
    stage.say(OWNER_CHANNELS[name].purpose, True)

    stage.alerts.effects.apply([finding()], [], 1)

    targets = {row["target"] for row in queries.outbox(stage.alerts.engine).items}
    assert targets == {*OWNER_CHANNELS} - {name}
    assert name not in outbox_files(stage.settings)


def test_a_channel_opens_by_its_settings(tmp_path: Path, name: str) -> None:
    """Under its own name, and the file it writes is known to backups."""
    settings = AlertsSettings(**dict.fromkeys(OWNER_CHANNELS) | {name: {"file": tmp_path / "x.jsonl"}})

    opened = open_channels(settings, SystemClock(), {})

    assert [*opened] == [name]
    assert outbox_files(settings) == {name: tmp_path / "x.jsonl"}


def test_no_two_channels_share_a_consent() -> None:
    """Agreeing to one is not agreeing to another, and none of them is a consent for something else."""
    purposes = [entry.purpose for entry in OWNER_CHANNELS.values()]

    assert len({*purposes}) == len(purposes)
    assert {*purposes} <= {Purpose.SMS, Purpose.PUSH, Purpose.EMAIL}
