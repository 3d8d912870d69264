"""Consent withdrawn while a message is on its way: nothing leaves after the withdrawal's commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, text, update

from alerts.channels import Message
from alerts.consent import ConsentRecord
from alerts.database import reading, writing
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.tables import ConsentRow, OutboxRow, OutboxState
from alerts.vault import Vault
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import Finding, Purpose

MANY = 1_000
Make = Callable[..., Finding]


@dataclass
class Receiver:
    """A channel that notes when each send begins and ends; it pauses where it is told to, and fails first if asked."""

    longest_send: int = 30_000
    pauses: bool = False
    fails: int = 0
    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    sends: list[tuple[str, float, float]] = field(default_factory=list)

    def send(self, message: Message) -> None:
        begin = time.monotonic()
        if self.fails:
            self.fails -= 1
            raise UnavailableError("away")
        self.begun.set()
        if self.pauses:
            assert self.go_on.wait(30)
        self.sends.append((message.appliance_id, begin, time.monotonic()))

    def cut(self) -> None:
        self.go_on.set()

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Desk:
    alerts: Alerts
    sms: Receiver

    def register(self, *appliances: str) -> None:
        self.alerts.owners.register_owners(
            [Owner("o-1", {"sms": "+8613800001234"}), Owner("o-2", {"sms": "+4915123456789"})]
        )
        self.alerts.owners.register_appliances(OwnedAppliance(one, "o-1", "BCD-200") for one in appliances)

    def register_apart(self, *appliances: str) -> None:
        """Each has an owner of its own, so that none is told in a digest."""
        owners = self.alerts.owners
        owners.register_owners(Owner(f"of-{one}", {"sms": "+8613800001234"}) for one in appliances)
        owners.register_appliances(OwnedAppliance(one, f"of-{one}", "BCD-200") for one in appliances)

    def say(self, given: bool, *appliances: str, owner: str = "o-1") -> None:
        now = SystemClock().now_ms()
        self.alerts.consent.record(
            ConsentRecord(one, owner, Purpose.SMS, given, now, "1", "zh", "app") for one in appliances
        )

    def states(self) -> dict[str, str]:
        with reading(self.alerts.engine) as session:
            rows = session.execute(
                select(OutboxRow.appliance_id, OutboxRow.state).where(OutboxRow.target == "sms")
            )
            return {one: state.value for one, state in rows}


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    """The stage with real time, whose one channel is the receiver; `quiet_hours` off."""
    settings = AlertsSettings(
        database=database, quiet_hours=None, retry={"first_delay": 300, "longest_delay": 300}
    )
    sms = Receiver()
    alerts = open_alerts(
        settings,
        SystemClock(),
        Vault(Fernet.generate_key().decode()),
        {"sms": sms},
        np.random.default_rng(1),
        {},
        {},
    )
    yield Desk(alerts, sms)
    sms.go_on.set()
    alerts.close()


def test_a_withdrawal_waits_for_the_message_that_is_being_sent(desk: Desk, finding: Make) -> None:
    """The receiver pauses in the middle of it: the withdrawal is there once it is through, and not before."""
    desk.register("fridge-1")
    desk.say(True, "fridge-1")
    desk.sms.pauses = True
    desk.alerts.effects.apply([finding()], [], 1)
    desk.alerts.dispatcher.start()
    assert desk.sms.begun.wait(30)

    with ThreadPoolExecutor(1) as pool:
        withdrawing = pool.submit(desk.say, False, "fridge-1")
        with pytest.raises(TimeoutError):  # it does not end before the message has
            withdrawing.result(0.3)
        with reading(desk.alerts.engine) as session:
            words = session.scalars(select(ConsentRow.given)).all()
        desk.sms.go_on.set()
        withdrawing.result(30)
        done = time.monotonic()

    assert words == [True]
    assert [end < done for _, _, end in desk.sms.sends] == [True]
    assert not desk.alerts.consent.is_given("fridge-1", Purpose.SMS)


def test_no_other_message_begins_while_a_withdrawal_waits(desk: Desk, finding: Make) -> None:
    """Of ten that wait, the one that is under way is the last: they do not leave one after the other meanwhile."""
    desk.register("fridge-1")
    desk.say(True, "fridge-1")
    desk.sms.pauses = True
    found = [finding(episode_start=finding().episode_start + number) for number in range(10)]
    desk.alerts.effects.apply(found, [], 1)
    desk.alerts.dispatcher.start()
    assert desk.sms.begun.wait(30)

    with ThreadPoolExecutor(1) as pool:
        withdrawing = pool.submit(desk.say, False, "fridge-1")
        with pytest.raises(TimeoutError):
            withdrawing.result(0.3)
        desk.sms.go_on.set()
        withdrawing.result(30)

    assert len(desk.sms.sends) == 1


def test_a_change_of_owner_waits_for_it_too(desk: Desk, finding: Make) -> None:
    """What is on its way was the former owner's."""
    desk.register("fridge-1")
    desk.say(True, "fridge-1")
    desk.sms.pauses = True
    desk.alerts.effects.apply([finding()], [], 1)
    desk.alerts.dispatcher.start()
    assert desk.sms.begun.wait(30)

    with ThreadPoolExecutor(1) as pool:
        selling = pool.submit(
            desk.alerts.owners.register_appliances, [OwnedAppliance("fridge-1", "o-2", "BCD-200")]
        )
        with pytest.raises(TimeoutError):
            selling.result(0.3)
        before = desk.alerts.owners.appliance("fridge-1")
        desk.sms.go_on.set()
        selling.result(30)

    assert before is not None
    assert before.owner_id == "o-1"
    assert len(desk.sms.sends) == 1


def test_between_sending_and_retry_a_withdrawal_stops_it_at_once(desk: Desk, finding: Make) -> None:
    """It waits for nothing, as nothing is under way, and the retry finds it."""
    desk.register("fridge-1")
    desk.say(True, "fridge-1")
    desk.sms.fails = 1
    desk.alerts.effects.apply([finding()], [], 1)
    desk.alerts.dispatcher.run_once()

    desk.say(False, "fridge-1")
    while desk.states()["fridge-1"] == "pending":
        desk.alerts.dispatcher.run_once()

    assert desk.sms.sends == []
    assert desk.states() == {"fridge-1": OutboxState.HELD_BACK}


def test_between_scoring_and_sending_a_withdrawal_stops_it(desk: Desk, finding: Make) -> None:
    """The message was written while the owner agreed."""
    desk.register("fridge-1")
    desk.say(True, "fridge-1")
    desk.alerts.effects.apply([finding()], [], 1)
    desk.say(False, "fridge-1")

    desk.alerts.dispatcher.run_once()

    assert desk.sms.sends == []


def test_a_dispatcher_that_died_holds_up_no_withdrawal_for_longer_than_a_send(
    desk: Desk, finding: Make
) -> None:
    """Its mark is over after the longest time that the channel sends."""
    desk.register("fridge-1")
    desk.say(True, "fridge-1")
    desk.alerts.effects.apply([finding()], [], 1)
    with writing(desk.alerts.engine) as session:
        session.execute(update(OutboxRow).values(leaving_until=SystemClock().now_ms() + 200))

    desk.say(False, "fridge-1")

    assert not desk.alerts.consent.is_given("fridge-1", Purpose.SMS)


def test_a_thousand_withdrawals_against_a_sending_outbox(desk: Desk, finding: Make) -> None:
    """Owners withdraw while their messages leave, from several threads: each message was through before its
    withdrawal, or never left."""
    appliances = [f"fridge-{number}" for number in range(MANY)]
    desk.register_apart(*appliances)
    now = SystemClock().now_ms()
    desk.alerts.consent.record(
        ConsentRecord(one, f"of-{one}", Purpose.SMS, True, now, "1", "zh", "app") for one in appliances
    )
    desk.alerts.effects.apply([finding(appliance_id=one) for one in appliances], [], 1)
    with writing(desk.alerts.engine) as session:
        session.execute(text("ANALYZE"))  # as the database does by itself within a minute
    withdrawn: dict[str, float] = {}

    def withdraw(appliance: str) -> None:
        desk.say(False, appliance, owner=f"of-{appliance}")
        withdrawn[appliance] = time.monotonic()

    desk.alerts.dispatcher.start()
    with ThreadPoolExecutor(4) as pool:
        for one in reversed(appliances):
            pool.submit(withdraw, one)
    assert desk.alerts.dispatcher.wait_until_empty(120)

    assert len(withdrawn) == MANY
    late = [one for one, _, end in desk.sms.sends if end > withdrawn[one]]
    assert late == []
    states = desk.states()
    assert {one for one, _, _ in desk.sms.sends} == {one for one, state in states.items() if state == "sent"}
    assert set(states.values()) == {"sent", "held_back"}  # both happened: a race was run
