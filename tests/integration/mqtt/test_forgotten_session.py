"""A real Mosquitto that keeps nothing on its disk and is restarted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mosquitto_server import Mosquitto
from foremend.config import Settings, validated
from foremend.vocabulary.types import RawMessage
from foremend.wiring.gateway import build_gateway, gateway_health
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

MakePeer = Callable[..., Any]
TakeAll = Callable[..., list[tuple[RawMessage, Any]]]

TOPIC = "dt/appliance/rf-260/fridge-1/telemetry"
PATIENCE_S = 20.0


@pytest.fixture
def forgetful(mosquitto: Mosquitto) -> Mosquitto:
    """The same broker, with `persistence false`."""
    mosquitto.stop()
    mosquitto.persistence = False
    mosquitto.start()
    return mosquitto


def restart(broker: Mosquitto) -> None:
    broker.stop()
    broker.start()


def restart_under(source: MqttSource, broker: Mosquitto) -> bool:
    """Whether `source`, which has noticed, is back with the broker."""
    broker.stop()
    while source.connected():
        source.take(0.05)
    broker.start()
    return source.connected(PATIENCE_S)


def connected(broker: Mosquitto, file: Path | None, **settings: Any) -> MqttSource:
    source = MqttSource(MqttSettings(url=broker.url, reconnect_first=50, **settings), file)
    source.connect(PATIENCE_S)
    return source


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "ingest.mqtt.session"]


def test_a_session_forgotten_while_we_were_away_is_told_once_by_the_next_process(
    forgetful: Mosquitto, make_peer: MakePeer, take_all: TakeAll, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """What was acknowledged to the device is gone with the broker's restart: one warning, counted; the source works on,
    and the session after it is known again."""
    file = tmp_path / "mqtt.session"
    connected(forgetful, file).close()
    make_peer(forgetful.port, "gone").publish(TOPIC, [b"acknowledged and lost"])
    restart(forgetful)

    with closing(connected(forgetful, file)) as second:
        make_peer(forgetful.port).publish(TOPIC, [b"next"])
        taken = take_all(second, 1)
        told = second.sessions_forgotten
    with closing(connected(forgetful, file)) as third:
        again = third.sessions_forgotten

    assert [message.payload for message, _ in taken] == [b"next"]
    assert (told, again) == (1, 0)
    (sentence,) = warnings(caplog)
    assert forgetful.url in sentence
    assert "has forgotten the session of client 'foremend'" in sentence


def test_a_session_that_the_broker_kept_is_no_news(
    mosquitto: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With its sessions on disk, a restart of the broker forgets nothing; nor is the very first session news."""
    file = tmp_path / "mqtt.session"
    connected(mosquitto, file).close()
    restart(mosquitto)

    with closing(connected(mosquitto, file)) as source:
        told = source.sessions_forgotten

    assert told == 0
    assert warnings(caplog) == []


def test_another_client_id_is_another_session(
    forgetful: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever renames the client has not lost a session to the broker."""
    file = tmp_path / "mqtt.session"
    connected(forgetful, file).close()

    with closing(connected(forgetful, file, client_id="renamed")) as source:
        told = source.sessions_forgotten

    assert told == 0
    assert warnings(caplog) == []


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"fore"])
def test_a_damaged_file_stops_nothing(
    mosquitto: Mosquitto, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It is as if there had been none, and is written anew."""
    file = tmp_path / "mqtt.session"
    file.write_bytes(content)

    with closing(connected(mosquitto, file)) as source:
        told = source.sessions_forgotten

    assert told == 0
    assert file.read_text("utf-8") == f"foremend\n{mosquitto.url}\n"
    assert warnings(caplog) == []


def test_a_file_that_cannot_be_written_is_told_and_stops_nothing(
    forgetful: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without it only what is forgotten within the process is told."""
    with closing(connected(forgetful, tmp_path / "no-such-folder" / "mqtt.session")) as source:
        back = restart_under(source, forgetful)
        told = source.sessions_forgotten

    assert back
    assert told == 1
    assert "cannot be written" in warnings(caplog)[0]


def test_a_gateway_counts_what_is_forgotten_while_it_runs(forgetful: Mosquitto, tmp_path: Path) -> None:
    """It keeps no file; its /metrics say so."""
    settings = validated(Settings, {"mqtt": {"url": forgetful.url, "reconnect_first": 50}}, "test", tmp_path)
    gateway, source = build_gateway(settings)

    with closing(source):
        source.connect(PATIENCE_S)
        before = gateway_health(gateway, source).metrics()
        restart_under(source, forgetful)
        after = gateway_health(gateway, source).metrics()

    assert "foremend_sessions_forgotten_total 0\n" in before
    assert "foremend_sessions_forgotten_total 1\n" in after
