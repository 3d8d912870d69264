"""The lane to the household's automation, on a real Mosquitto, heard as Home Assistant hears it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from cryptography.fernet import Fernet

from alerts.consent import ConsentRecord
from alerts.desk import Alerts, open_alerts
from alerts.forgotten import ForgottenAppliances
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings, HomeAssistant
from alerts.vault import Vault
from benchmarks.mosquitto_server import Mosquitto
from foremend.home.lane import HomeLane
from foremend.home.look import Look
from foremend.home.topics import KeptTopics
from foremend.home.words import Words
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.status import ApplianceStatus
from foremend.vocabulary.types import Finding, FindingKind, Forgotten, Purpose, Severity
from ingest.mqtt.settings import MqttSettings
from tests.home_listener import Listener

SETTINGS = HomeAssistant()
STATUS = "foremend/home/status"
FREEZER, FRIDGE = "foremend/home/appliances/freezer", "foremend/home/appliances/fridge"
DEVICE = "homeassistant/device/foremend_home_{}/config"


@dataclass
class Home:
    """A household's Foremend without its pipeline: `fleet` is what that would say."""

    mosquitto: Mosquitto
    alerts: Alerts
    fleet: list[ApplianceStatus] = field(default_factory=list)
    raises: list[Exception] = field(default_factory=list)
    lanes: list[HomeLane] = field(default_factory=list)
    topics: list[KeptTopics] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)

    def start(self) -> HomeLane:
        clock = SystemClock()
        words = Words("en", {}, {})
        forgotten = ForgottenAppliances(self.alerts.engine, clock).all
        look = Look(
            self.alerts.engine,
            self._seen,
            self.alerts.watched.unwatched,
            forgotten,
            words,
            Severity.WARNING,
        )
        topics = KeptTopics(MqttSettings(url=self.mosquitto.url), SETTINGS)
        lane = HomeLane(look, topics, SETTINGS, words, "1.0", clock, every_s=0.02)
        self.lanes.append(lane)
        self.topics.append(topics)
        lane.start()
        return lane

    def listen(self) -> Listener:
        self.listeners.append(Listener(self.mosquitto.port))
        return self.listeners[-1]

    def _seen(self) -> Sequence[ApplianceStatus]:
        if self.raises:
            raise self.raises.pop()
        return self.fleet


@pytest.fixture
def home(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Home]:
    settings = AlertsSettings(
        database=f"sqlite:///{tmp_path}/effects.db", key_file=tmp_path / "key", sms=None, push=None
    )
    vault = Vault(Fernet.generate_key().decode())
    alerts = open_alerts(settings, SystemClock(), vault, {}, np.random.default_rng(1), {}, {})
    now = SystemClock().now_ms()
    fleet = [
        ApplianceStatus(one, "generic-compressor", "generic", now, silent=False)
        for one in ("freezer", "fridge")
    ]
    made = Home(mosquitto, alerts, fleet)
    yield made
    for lane in made.lanes:
        lane.close()
    for listener in made.listeners:
        listener.close()
    alerts.close()


def finding(kind: FindingKind = FindingKind.OPENED, time: int = 1_700_000_000_000) -> Finding:
    """A warning about the freezer."""
    return Finding(
        kind,
        "freezer",
        "generic-compressor",
        "not-cooling",
        "r",
        Severity.WARNING,
        time,
        1_690_000_000_000,
        1.0,
    )


def test_who_subscribes_later_gets_everything_from_the_broker(home: Home) -> None:
    """Devices, pictures and availability are retained: a Home Assistant that restarts has missed nothing."""
    first = home.listen()
    home.start()
    first.until(lambda: first.now.get(STATUS) == b"online" and len(first.now) == 5)

    later = home.listen()
    later.until(lambda: len(later.now) == 5)

    assert later.now == first.now
    assert later.kept == set(later.now)
    assert {*later.now} == {STATUS, FREEZER, FRIDGE, DEVICE.format("freezer"), DEVICE.format("fridge")}
    assert later.state(FREEZER)["health"] == "well"


def test_a_device_is_never_there_before_its_picture_nor_available_before_both(home: Home) -> None:
    """Home Assistant shows no entity that is unknown because it was too early."""
    ear = home.listen()
    home.start()
    ear.until(lambda: ear.now.get(STATUS) == b"online")

    order = [topic for topic, _ in ear.heard]
    assert order.index(FREEZER) < order.index(DEVICE.format("freezer")) < order.index(STATUS)


def test_a_finding_is_told_and_its_end_as_well(home: Home) -> None:
    """`problem` from the moment that it is in the database, and no longer than the episode."""
    ear = home.listen()
    home.start()
    ear.until(lambda: FREEZER in ear.now)

    home.alerts.effects.apply([finding()], [], 1)
    ear.until(lambda: ear.state(FREEZER)["problem"] is True)
    told = ear.state(FREEZER)
    home.alerts.effects.apply([finding(FindingKind.CLOSED, 1_700_000_000_001)], [], 2)
    ear.until(lambda: ear.state(FREEZER)["problem"] is False)

    assert (told["health"], told["what"]) == ("warning", "not cooling")
    assert ear.state(FREEZER)["findings"] == []


def test_what_did_not_change_is_not_said_again(home: Home) -> None:
    """However often the lane looks."""
    ear = home.listen()
    home.start()
    ear.until(lambda: ear.now.get(STATUS) == b"online")

    home.alerts.effects.apply([finding()], [], 1)
    ear.until(lambda: ear.state(FREEZER)["problem"] is True)

    assert [topic for topic, _ in ear.heard if topic == FRIDGE] == [FRIDGE]


def test_a_stop_says_that_nobody_is_there(home: Home) -> None:
    """And leaves the devices: they are back with the next start."""
    ear = home.listen()
    lane = home.start()
    ear.until(lambda: ear.now.get(STATUS) == b"online")

    lane.close()
    ear.until(lambda: ear.now.get(STATUS) == b"offline")

    assert DEVICE.format("freezer") in ear.now


def test_a_connection_that_breaks_is_told_by_the_broker_and_taken_up_again(home: Home) -> None:
    """The last will says `offline`, retained; then everything is said anew."""
    ear = home.listen()
    home.start()
    ear.until(lambda: ear.now.get(STATUS) == b"online")
    before = len(ear.heard)

    home.topics[0]._client.socket().shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
    ear.until(lambda: [said for topic, said in ear.heard if topic == STATUS][-2:] == [b"offline", b"online"])

    ear.until(lambda: FREEZER in [topic for topic, _ in ear.heard[before:]])


def test_a_broker_that_keeps_nothing_is_told_everything_anew(home: Home) -> None:
    """Its restart took every retained message with it."""
    home.mosquitto.stop()
    home.mosquitto.persistence = False
    home.mosquitto.start()
    ear = home.listen()
    home.start()
    ear.until(lambda: len(ear.now) == 5)

    home.mosquitto.stop()
    home.mosquitto.start()
    later = home.listen()
    later.until(lambda: len(later.now) == 5)

    assert later.now[STATUS] == b"online"


def test_a_broker_that_is_away_is_waited_for(home: Home) -> None:
    """The lane says what it waits for, and tells what is by then, not what was."""
    home.mosquitto.stop()
    lane = home.start()
    while lane.trouble() is None:
        lane._thread.join(0.01)
    waiting = lane.trouble()
    home.alerts.effects.apply([finding()], [], 1)

    home.mosquitto.start()
    ear = home.listen()
    ear.until(lambda: ear.now.get(STATUS) == b"online")

    assert waiting is not None
    assert "is not there" in waiting
    assert ear.state(FREEZER)["problem"] is True
    assert lane.ended() is None


@pytest.mark.parametrize(
    "error", [RuntimeError("secret"), ValueError("secret"), MemoryError(), KeyError("x")]
)
def test_no_exception_ends_the_lane(home: Home, caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    """One look raises what nobody foresaw: it is told once, without its text, and the next look goes on."""
    home.raises = [error]
    ear = home.listen()
    lane = home.start()
    ear.until(lambda: ear.now.get(STATUS) == b"online")

    assert lane.ended() is None
    assert "secret" not in caplog.text
    assert type(error).__name__ in caplog.text


def test_a_forgotten_appliance_is_removed_with_its_device(home: Home) -> None:
    """By `foremend history forget`: an empty retained message, so that Home Assistant drops it and the broker too."""
    ear = home.listen()
    home.start()
    ear.until(lambda: ear.now.get(STATUS) == b"online")

    until = home.fleet[0].last_seen
    ForgottenAppliances(home.alerts.engine, SystemClock()).begin(
        Forgotten("generic-compressor", "freezer", until)
    )
    ear.until(lambda: FREEZER not in ear.now and DEVICE.format("freezer") not in ear.now)
    later = home.listen()
    later.until(lambda: FRIDGE in later.now)

    assert FREEZER not in later.now
    assert DEVICE.format("freezer") not in later.now


def test_a_withdrawal_removes_the_device(home: Home) -> None:
    """Nobody is shown who does not want to be watched; asked at the moment of each look."""
    ear = home.listen()
    home.start()
    ear.until(lambda: ear.now.get(STATUS) == b"online")
    home.alerts.owners.register_owners([Owner("o", {})])
    home.alerts.owners.register_appliances([OwnedAppliance("freezer", "o", "generic-compressor")])
    now = SystemClock().now_ms()

    home.alerts.consent.record(
        [ConsentRecord("freezer", "o", Purpose.MONITORING, False, now, "1", "en", "app")]
    )
    ear.until(lambda: FREEZER not in ear.now and DEVICE.format("freezer") not in ear.now)

    assert FRIDGE in ear.now


def test_what_an_earlier_run_left_is_removed_at_the_next_start(home: Home) -> None:
    """Who went while Foremend was away is no ghost in Home Assistant; devices of others are left alone."""
    first = home.start()
    ear = home.listen()
    ear.until(lambda: ear.now.get(STATUS) == b"online")
    ear.publish("homeassistant/device/tasmota_x/config", b"{}", retain=True)
    ear.until(lambda: "homeassistant/device/tasmota_x/config" in ear.now)
    first.close()
    ear.until(lambda: ear.now.get(STATUS) == b"offline")

    del home.fleet[0]
    home.start()
    ear.until(lambda: FREEZER not in ear.now and DEVICE.format("freezer") not in ear.now)

    assert "homeassistant/device/tasmota_x/config" in ear.now
    assert FRIDGE in ear.now
