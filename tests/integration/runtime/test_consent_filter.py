"""Who is watched: nobody before a yes where the policy asks first, elsewhere everybody until a no."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from alerts.consent import ConsentRecord
from alerts.consent.watched import EVER, NEVER, REFRESH_MS, Watched
from alerts.database import reading
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.tables import DeadLetterRow, FindingRow
from alerts.vault import open_vault
from foremend.runtimes.consent_filter import ConsentFilter
from foremend.vocabulary.types import (
    MS_PER_DAY,
    Block,
    DeadLetter,
    Finding,
    FindingKind,
    Purpose,
    Severity,
)

NOW = 1_780_000_000_000
ASKS_FIRST = ("CN", "EU", "UK", "strict")
UNTIL_A_NO = ("household", "US-CA")

MakeDesk = Callable[[str], Alerts]


class MovingClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def now_ms(self) -> int:
        return self.now


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def desk(tmp_path: Path, database: str, clock: MovingClock) -> Iterator[MakeDesk]:
    opened: list[Alerts] = []

    def make(jurisdiction: str) -> Alerts:
        settings = AlertsSettings(
            database=database, key_file=tmp_path / "key", sms=None, push=None, jurisdiction=jurisdiction
        )
        vault = open_vault(settings, os.environ)
        devices = {"plug-A1": "fridge-1"}
        alerts = open_alerts(settings, clock, vault, {}, np.random.default_rng(0), {}, {}, devices=devices)
        alerts.owners.register_owners([Owner("owner-1", {}), Owner("owner-2", {})])
        alerts.owners.register_appliances([OwnedAppliance("fridge-1", "owner-1", "rf-260")])
        opened.append(alerts)
        return alerts

    yield make
    for one in opened:
        one.close()


def say(alerts: Alerts, given: bool, at: int, owner: str = "owner-1", retention: str | None = None) -> None:
    word = ConsentRecord(
        "fridge-1", owner, Purpose.MONITORING, given, at, "2026-11", "en", "app", retention=retention
    )
    alerts.consent.record([word])


def readings() -> Block:
    appliance = np.array([0, 1, 0], np.int32)
    time = np.array([1, 2, 3], np.int64)
    return Block(
        "rf-260", ("fridge-1", "unregistered-9"), appliance, time, time, {"power": np.array([5.0, 6.0, 7.0])}
    )


def passed(permitted: ConsentFilter) -> list[int]:
    """Times of the readings that go on: 1 and 3 are of the registered appliance, 2 of the other."""
    return permitted(readings()).time.tolist()


@pytest.mark.parametrize("policy", ASKS_FIRST)
def test_before_a_yes_nobody_is_watched_where_the_policy_asks_first(
    policy: str, desk: MakeDesk, clock: MovingClock
) -> None:
    """Registered and silent: nothing. After a yes the owner's appliance alone; one that nobody registered never."""
    alerts = desk(policy)
    permitted = ConsentFilter(alerts.watched, clock)
    assert passed(permitted) == []

    say(alerts, True, clock.now)
    clock.now += REFRESH_MS

    assert passed(permitted) == [1, 3]
    assert permitted.held_back == 4


@pytest.mark.parametrize("policy", UNTIL_A_NO)
def test_elsewhere_everybody_is_watched_until_a_no(policy: str, desk: MakeDesk, clock: MovingClock) -> None:
    """Given: watched. Withdrawn: its readings stop there, those of others pass. Given again: watched again."""
    alerts = desk(policy)
    permitted = ConsentFilter(alerts.watched, clock)
    assert passed(permitted) == [1, 2, 3]

    say(alerts, False, clock.now)
    clock.now += REFRESH_MS
    assert passed(permitted) == [2]

    say(alerts, True, clock.now)
    clock.now += REFRESH_MS
    assert passed(permitted) == [1, 2, 3]


def test_the_appliances_own_jurisdiction_goes_before_that_of_the_installation(
    desk: MakeDesk, clock: MovingClock
) -> None:
    """One in the EU is asked in an installation that asks nobody, from the second on in which that is registered."""
    alerts = desk("household")
    permitted = ConsentFilter(alerts.watched, clock)
    assert passed(permitted) == [1, 2, 3]

    eu = OwnedAppliance("fridge-1", "owner-1", "rf-260", jurisdiction="EU")
    alerts.owners.register_appliances([eu])
    clock.now += REFRESH_MS

    assert passed(permitted) == [2]


def test_a_yes_that_ended_is_none_to_the_millisecond(desk: MakeDesk, clock: MovingClock) -> None:
    """Nobody writes anything when it ends, so the answer in memory has its end with it."""
    alerts = desk("EU")
    permitted = ConsentFilter(alerts.watched, clock)
    say(alerts, True, clock.now, retention="P1D")
    clock.now += MS_PER_DAY - 1
    assert passed(permitted) == [1, 3]

    clock.now += 1
    assert passed(permitted) == []


def test_a_change_of_owner_starts_from_nothing(desk: MakeDesk, clock: MovingClock) -> None:
    """The former owner's yes is not the next one's; an erasure, too, is seen at once."""
    alerts = desk("UK")
    permitted = ConsentFilter(alerts.watched, clock)
    say(alerts, True, clock.now)
    clock.now += REFRESH_MS
    assert passed(permitted) == [1, 3]

    alerts.owners.register_appliances([OwnedAppliance("fridge-1", "owner-2", "rf-260")])
    clock.now += REFRESH_MS
    assert passed(permitted) == []

    say(alerts, True, clock.now, owner="owner-2")
    clock.now += REFRESH_MS
    assert passed(permitted) == [1, 3]

    alerts.erasures.ask("owner-2", "a letter", 0, "test")
    clock.now += REFRESH_MS
    assert passed(permitted) == []


def test_another_process_hears_of_a_withdrawal_within_a_second(desk: MakeDesk, clock: MovingClock) -> None:
    """It remembers what it was told, and the audit log tells it what changed."""
    alerts = desk("CN")
    say(alerts, True, clock.now)
    other = Watched(alerts.engine, alerts.policies, clock)
    assert other.until(["fridge-1", "fridge-9"])[1] == NEVER
    assert not other.unwatched({"fridge-1"})

    say(alerts, False, clock.now)
    clock.now += REFRESH_MS

    assert other.unwatched({"fridge-1", "fridge-9"}) == {"fridge-1", "fridge-9"} == other.gone()


def test_a_household_is_asked_nothing(desk: MakeDesk) -> None:
    """Whoever installs Foremend at home owns what it watches."""
    assert desk("household").watched.until(["plug-7"]) == [EVER]


def finding(kind: FindingKind, appliance_id: str = "fridge-1") -> Finding:
    return Finding(kind, appliance_id, "rf-260", "silent", "silent", Severity.INFO, NOW, NOW, 1.0)


def letter(topic: str) -> DeadLetter:
    return DeadLetter(topic, b'{"power": "much"}', "power is no number", NOW)


@pytest.mark.parametrize("policy", ASKS_FIRST)
def test_no_dead_letter_and_no_finding_is_kept_without_a_yes(
    policy: str, desk: MakeDesk, clock: MovingClock
) -> None:
    """Under its own topic, a plug's name, or one that names nobody: no byte; after a yes what names its appliance."""
    alerts = desk(policy)
    topics = ("dt/appliance/rf-260/fridge-1/telemetry", "shellies/plug-A1/relay/0", "zigbee2mqtt/unknown")
    letters, opened = [letter(one) for one in topics], [finding(FindingKind.OPENED)]
    alerts.effects.apply(opened, letters, 1)
    assert _kept(alerts) == (0, [])
    assert alerts.effects.position() == 1

    say(alerts, True, clock.now)
    clock.now += REFRESH_MS
    alerts.effects.apply(opened, letters, 2)

    assert _kept(alerts) == (1, sorted(topics[:2]))


def test_after_a_no_no_dead_letter_and_no_finding_is_kept(desk: MakeDesk, clock: MovingClock) -> None:
    """Where everybody is watched until a no: those of others stay, and what ends an episode."""
    alerts = desk("household")
    say(alerts, False, clock.now)
    clock.now += REFRESH_MS
    topics = ("dt/appliance/rf-260/fridge-1/telemetry", "shellies/plug-A1/relay/0", "zigbee2mqtt/unknown")

    alerts.effects.apply(
        [finding(FindingKind.OPENED), finding(FindingKind.CLOSED), finding(FindingKind.OPENED, "*")],
        [letter(one) for one in topics],
        1,
    )

    assert _kept(alerts) == (2, ["zigbee2mqtt/unknown"])


def _kept(alerts: Alerts) -> tuple[int, list[str]]:
    with reading(alerts.engine) as session:
        findings = session.scalar(select(func.count()).select_from(FindingRow)) or 0
        return findings, sorted(session.scalars(select(DeadLetterRow.topic)))
