"""`foremend check --connect`: what is seen of real brokers, and what is said of those that are not as they should."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from benchmarks.mosquitto_server import Mosquitto
from foremend.cli import app
from foremend.commands.demo.processes import free_port
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.errors import RefusedError, UnavailableError
from foremend.vocabulary.topics import TELEMETRY_WILDCARD
from ingest.mqtt import look as mqtt_look
from ingest.mqtt.guest import Guest
from ingest.mqtt.look import PAYLOADS, Seen, look
from ingest.mqtt.settings import MqttSettings
from tests.integration.mqtt.granting_broker import granting_broker

FILTERS = (TELEMETRY_WILDCARD,)


def seen_at(url: str) -> Seen:
    return look(MqttSettings(url=url), FILTERS)


def test_a_broker_as_it_should_be_has_no_warnings(mosquitto: Mosquitto) -> None:
    """Mosquitto: everything is seen, and how it calls itself."""
    seen = seen_at(mosquitto.url)

    assert str(seen.version).startswith("mosquitto version 2")
    assert (seen.keeps_sessions, seen.shared_subscriptions) == (True, True)
    assert seen.largest_payload == PAYLOADS[-1]
    assert seen.warnings == []


def test_a_broker_without_a_version_and_without_mqtt_5_is_looked_at_too(broker: EmbeddedBroker) -> None:
    """The embedded one; what it does not say is not seen."""
    seen = seen_at(broker.url)

    assert (seen.version, seen.announced_packet_bytes) == (None, None)
    assert seen.largest_payload == PAYLOADS[-1]


def test_a_bound_that_the_broker_announces_is_shown(mosquitto: Mosquitto) -> None:
    """With the largest payload tried that fits it, and a warning where that is little."""
    mosquitto.stop()
    mosquitto.more = "max_packet_size 20000"
    mosquitto.start()

    seen = seen_at(mosquitto.url)

    assert (seen.announced_packet_bytes, seen.largest_payload) == (20_000, PAYLOADS[0])
    assert seen.warnings == [
        f"a payload of {PAYLOADS[1]} bytes does not come back: appliances must send shorter arrays"
    ]


def test_nothing_of_the_look_stays_at_the_broker(mosquitto: Mosquitto, make_peer: Callable[..., Any]) -> None:
    """No session that collects messages for ever, nor one of the pipeline's that was ended."""
    seen_at(mosquitto.url)

    again = Guest(MqttSettings(url=mosquitto.url), "check-kept", clean=False)
    present = again.session_present
    again.close()

    assert not present


def test_own_messages_that_do_not_come_back_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with an ACL that lacks them: the rest could only look bad, and is not looked at."""
    monkeypatch.setattr(mqtt_look, "PATIENCE_S", 0.5)
    monkeypatch.setattr(mqtt_look, "_MOMENT_S", 0.1)
    with granting_broker(lambda topic: False) as port:
        seen = seen_at(f"mqtt://127.0.0.1:{port}")

    assert (seen.keeps_sessions, seen.shared_subscriptions, seen.largest_payload) == (None, None, None)
    assert "let this user write and read foremend/proof/#" in seen.warnings[0]


def test_a_broker_that_deals_nothing_out_and_forgets_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """What NATS does with shares, and Mochi's restart with sessions."""
    monkeypatch.setattr(mqtt_look, "_MOMENT_S", 0.2)
    with granting_broker(lambda topic: not topic.startswith("$share/")) as port:
        seen = seen_at(f"mqtt://127.0.0.1:{port}")

    assert (seen.keeps_sessions, seen.shared_subscriptions) == (False, False)
    assert "it forgets a client that goes away" in seen.warnings[0]
    assert "sends nothing through them" in seen.warnings[1]


def test_no_broker_is_unavailable() -> None:
    """Code 4, with the address."""
    port = free_port()

    with pytest.raises(UnavailableError, match=f"no MQTT broker on mqtt://127.0.0.1:{port}"):
        seen_at(f"mqtt://127.0.0.1:{port}")


def test_a_user_that_the_broker_does_not_know_is_refused(mosquitto: Mosquitto) -> None:
    """Code 5; where to look is said."""
    mosquitto.stop()
    mosquitto.more = "allow_anonymous false"
    mosquitto.start()

    with pytest.raises(RefusedError, match=r"refuses the connection .*see mqtt\.user and its password"):
        seen_at(mosquitto.url)


def test_the_command_shows_the_broker_with_the_configuration(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Only where it is asked to: without --connect no socket is opened."""
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"extends": "shipped", "mqtt": {"url": mosquitto.url}}))
    asked = ["check", "--config", str(config), "--json"]

    without = json.loads(CliRunner().invoke(app, asked).stdout)
    result = json.loads(CliRunner().invoke(app, [*asked, "--connect"]).stdout)

    assert "broker" not in without
    assert result["broker"]["url"] == mosquitto.url
    assert result["broker"]["warnings"] == "none"
