"""`foremend discover` on a real broker: from what strangers send to a config that a start would take."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from benchmarks.mosquitto_server import Mosquitto
from foremend.cli import app
from foremend.commands.demo.processes import free_port
from foremend.jobs.check import check_config
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.errors import UnavailableError
from ingest.discovery import heard as bounds
from ingest.discovery.listen import listen
from ingest.mqtt.settings import MqttSettings
from tests.unit.commands.command_line import call

MakePeer = Callable[..., Any]
SENSOR = b'{"Time":"2024-11-21T11:53:20","ENERGY":{"Total":12.3,"Power":84,"Voltage":230,"Current":0.37}}'
GEN2 = (
    b'{"src":"shellyplusplugs-aa","dst":"x","method":"NotifyStatus",'
    b'"params":{"ts":%d,"switch:0":{"id":0,"apower":84.2,"voltage":230.1}}}'
)
HOME = {
    "tele/fridge/SENSOR": SENSOR,
    "tele/fridge/LWT": b"Online",
    "shellies/shelly1pm-AA/relay/0/power": b"61.50",
    "plug-s/events/rpc": GEN2 % time.time(),
    "zigbee2mqtt/cellar/freezer": b'{"power":61,"voltage":231,"linkquality":115,"state":"ON"}',
    "zigbee2mqtt/lamp": b'{"state":"ON","brightness":254,"linkquality":100}',
    "esp/sensor/fridge_power/state": b"83.2",
    "openWB/evu/W": b"1200",
}


def of(*arguments: str) -> Any:
    """The command's result as a program reads it."""
    result = CliRunner().invoke(app, ["discover", *arguments, "--json"])
    return json.loads(result.stdout)


@pytest.fixture
def home(make_peer: MakePeer) -> Callable[[int], None]:
    """Publishes what a home says, all of it kept by the broker, so that no moment is missed."""

    def publish(port: int) -> None:
        peer = make_peer(port)
        for topic, payload in HOME.items():
            peer.client.publish(topic, payload, 1, retain=True).wait_for_publish(20)

    return publish


def test_a_strangers_broker_becomes_a_config_that_passes_the_check(
    mosquitto: Mosquitto, home: Callable[[int], None], tmp_path: Path
) -> None:
    """Five families in one file, what was there kept; the second time there is nothing new."""
    home(mosquitto.port)
    file = tmp_path / "config.yaml"
    file.write_text("extends: shipped\nservice:\n  port: 8081 # mine\n")
    asked = (mosquitto.url, "--seconds", "1", "--write", "--config", str(file))

    first, again = of(*asked), of(*asked)

    proposed = {one["family"]: one["appliances"] for one in first["devices"] if one["state"] == "proposed"}
    assert proposed == {
        "tasmota": ["fridge"],
        "shelly-gen1": ["shelly1pm-aa"],
        "shelly-gen2": ["plug-s"],
        "zigbee2mqtt": ["cellar-freezer"],
        "esphome": ["esp"],
    }
    assert [one["begins"] for one in first["not_understood"]] == ["openWB/evu"]
    assert (first["problems"], check_config(file, "run").problems) == ([], ())
    said = yaml.safe_load(file.read_text())
    assert (said["mqtt"]["url"], len(said["ingest"]["decoders"])) == (mosquitto.url, 5)
    assert "port: 8081 # mine" in file.read_text()
    assert (again["proposal"]["ingest"]["decoders"], again["written"]) == ([], None)


def test_without_write_nothing_is_written(
    mosquitto: Mosquitto, home: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People read the entries, and how to have them written."""
    home(mosquitto.port)
    monkeypatch.chdir(tmp_path)

    said = CliRunner().invoke(app, ["discover", mosquitto.url, "--seconds", "1", "--only", "fridge"])

    assert said.exit_code == 0
    assert "        fridge: {appliance_id: fridge, appliance_model: generic-compressor}" in said.stdout
    assert "--write" in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_broker_without_mqtt_5_is_listened_to_as_well(
    broker: EmbeddedBroker, home: Callable[[int], None], tmp_path: Path
) -> None:
    """The embedded one."""
    home(broker.port)

    found = of(broker.url, "--seconds", "1")

    assert {one["name"] for one in found["devices"]} >= {"fridge", "plug-s", "cellar/freezer"}


def test_live_messages_are_counted_and_progress_is_told(mosquitto: Mosquitto, make_peer: MakePeer) -> None:
    """As a page would show it."""
    peer, told = make_peer(mosquitto.port), list[int]()

    def progress(passed: float, heard: bounds.Heard) -> None:
        peer.publish("tele/fridge/SENSOR", [SENSOR])
        told.append(heard.messages)

    heard = listen(MqttSettings(url=mosquitto.url), 2, progress)

    assert heard.topics["tele/fridge/SENSOR"].live >= 3
    assert told == sorted(told)


def test_a_payload_beyond_all_measure_does_not_reach_us(mosquitto: Mosquitto, make_peer: MakePeer) -> None:
    """The broker is told so when we connect; everything else comes."""
    peer = make_peer(mosquitto.port)
    sent = [peer.client.publish("big", bytes(3 * bounds.MOST_PAYLOAD), 1, retain=True)]
    sent.append(peer.client.publish("tele/fridge/SENSOR", SENSOR, 1, retain=True))
    for one in sent:
        one.wait_for_publish(60)

    heard = listen(MqttSettings(url=mosquitto.url), 1)

    assert list(heard.topics) == ["tele/fridge/SENSOR"]


def test_nobody_there_is_a_sentence() -> None:
    """Exit code 4."""
    with pytest.raises(UnavailableError, match="no MQTT broker on"):
        listen(MqttSettings(url=f"mqtt://127.0.0.1:{free_port()}"), 1)


def test_a_broker_that_goes_away_is_a_sentence(mosquitto: Mosquitto) -> None:
    """While it is listened to."""
    with pytest.raises(UnavailableError, match="ended the connection after"):
        listen(MqttSettings(url=mosquitto.url), 60, lambda passed, heard: mosquitto.stop())


def test_nothing_is_published_and_no_session_is_left(mosquitto: Mosquitto, make_peer: MakePeer) -> None:
    """A guest."""
    peer = make_peer(mosquitto.port)
    peer.subscribe("#")

    listen(MqttSettings(url=mosquitto.url), 0.5)
    peer.publish("end", [b"1"])

    assert [topic for topic, _ in peer.wait_for(1)] == ["end"]


def test_a_broker_that_wants_a_password_says_which_option_gives_it(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Most brokers at home want one."""
    mosquitto.stop()
    mosquitto.more = "allow_anonymous false"
    mosquitto.start()

    code = call(monkeypatch, "discover", mosquitto.url, "--seconds", "1")

    assert code == 5
    assert "refuses the connection" in (said := capsys.readouterr().err)
    assert "here: --user NAME" in said
