"""Diagnoses of a `foremend service` beside workers: it asks appliances over a real Mosquitto as a guest of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from alerts.shared_status import Said, Seen, say
from benchmarks.mosquitto_server import Mosquitto
from foremend.config import load_settings
from foremend.runtimes.clock import SystemClock
from foremend.stores.free_port import free_port
from foremend.vocabulary.rights import Role
from foremend.vocabulary.topics import command_topic, status_topic, telemetry_topic
from foremend.wiring.desk import open_desk
from foremend.wiring.service import build_service

PATIENCE_S = 60.0
HOUR = 3_600_000
ONE = "rf-260-00001"
TELEMETRY, STATUS = telemetry_topic("rf-260", ONE), status_topic("rf-260", ONE)
ASKED = command_topic("rf-260", ONE, "diagnose")
Serve = Callable[..., "Served"]


@dataclass
class Served:
    """A service whose workers heard of one refrigerator an hour ago."""

    page: str
    token: str
    heard_at: int

    def diagnose(self, appliance_id: str = ONE) -> httpx.Response:
        path = f"{self.page}/api/v1/appliances/{appliance_id}/diagnosis"
        return httpx.post(path, headers={"Authorization": f"Bearer {self.token}"}, timeout=PATIENCE_S)


@pytest.fixture
def serve(database: str, tmp_path: Path) -> Iterator[Serve]:
    ends: list[Callable[[], None]] = []

    def begin(url: str, days_missing: int = 0, workers: bool = True, **mqtt: Any) -> Served:
        config, port = tmp_path / "config.yaml", free_port()
        written = {
            "mqtt": {"url": url, **mqtt},
            "storage": {"folder": str(tmp_path / "state")},
            "service": {"port": port},
            "alerts": {"database": database, "key_file": "key", "sms": None, "push": None},
        }
        config.write_text(yaml.safe_dump(written), "utf-8")
        settings, clock = load_settings(config), SystemClock()
        heard_at = clock.now_ms() - HOUR
        alerts = open_desk(settings, clock)
        seen = Seen(ONE, "rf-260", "refrigerator", heard_at, False, days_missing)
        if workers:
            say(alerts.engine, Said("foremend-0", {}, clock.now_ms()), [seen])
        _, token = alerts.access.tokens.create("test", Role.ADMIN, 30, "test")
        alerts.close()
        stop, service = threading.Event(), build_service(settings)
        thread = threading.Thread(target=service.run, args=(stop,))
        thread.start()
        ends.append(lambda: (stop.set(), thread.join())[0])
        page = f"http://127.0.0.1:{port}"
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:  # nothing tells when it listens
            try:
                httpx.get(f"{page}/livez")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        return Served(page, token, heard_at)

    yield begin
    for end in ends:
        end()


@contextmanager
def appliance(broker: Mosquitto, *said: Callable[[], object]) -> Iterator[list[bytes]]:
    """It is online, and answers what it is asked with a message for each of `said`; the requests that it heard."""
    asked: list[bytes] = []

    def take(client: Client, data: object, message: MQTTMessage) -> None:
        asked.append(message.payload)
        for one in said:
            client.publish(TELEMETRY, orjson.dumps(one()), 1)

    ready = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message, client.on_subscribe = take, lambda *_: ready.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.subscribe(ASKED, 1)
    assert ready.wait(PATIENCE_S)
    try:
        yield asked
    finally:
        client.disconnect()
        client.loop_stop()


def told(broker: Mosquitto, topic: str, payload: bytes, retain: bool = False) -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("somebody")
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    sent = client.publish(topic, payload, 1, retain)
    sent.wait_for_publish(PATIENCE_S)
    assert sent.is_published()
    client.disconnect()
    client.loop_stop()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def reading(at: int) -> dict[str, Any]:
    return {"ts": at, "seq": 7, "signals": {"power": 80.0}}


@pytest.mark.parametrize("several", [False, True])
def test_an_appliance_answers_with_fresh_readings(serve: Serve, mosquitto: Mosquitto, several: bool) -> None:
    """One or an array of them; its newest time is said, and it is judged, as it is known what is usual for it."""
    served, began = serve(mosquitto.url), now_ms()

    with appliance(
        mosquitto, lambda: [reading(now_ms() - 60_000), reading(now_ms())] if several else reading(now_ms())
    ) as asked:
        found = served.diagnose().json()

    assert (found["reached"], found["judged"]) == ("fresh", True)
    assert began // 1_000 <= ms_of(found["heard_at"]) // 1_000 <= now_ms() // 1_000
    assert [orjson.loads(one) for one in asked] == [{"id": found["diagnosis_id"]}]


def test_whose_usual_is_not_known_yet_is_not_called_well(serve: Serve, mosquitto: Mosquitto) -> None:
    """However fresh what it sends is."""
    served = serve(mosquitto.url, days_missing=4)

    with appliance(mosquitto, lambda: reading(now_ms())):
        found = served.diagnose().json()

    assert (found["reached"], found["judged"]) == ("fresh", False)


def test_what_is_no_fresh_reading_is_no_answer(serve: Serve, mosquitto: Mosquitto) -> None:
    """What workers have already, a clock that is a day ahead, no reading, no JSON, and what the broker kept."""
    served = serve(mosquitto.url)
    told(mosquitto, TELEMETRY, orjson.dumps(reading(now_ms())), retain=True)

    with appliance(
        mosquitto,
        lambda: reading(served.heard_at),
        lambda: [reading(now_ms() + 24 * HOUR)],
        lambda: {"power": "a lot"},
        lambda: None,
    ) as asked:
        found = served.diagnose().json()

    assert (found["reached"], found["judged"], len(asked)) == ("no_answer", False, 1)
    assert ms_of(found["heard_at"]) // 1_000 == served.heard_at // 1_000


def test_who_is_offline_is_not_asked(serve: Serve, mosquitto: Mosquitto) -> None:
    """By the word that the broker kept; who says so in between is waited for no longer."""
    served, began = serve(mosquitto.url), time.monotonic()
    told(mosquitto, STATUS, b"offline", retain=True)

    with appliance(mosquitto) as asked:
        found = served.diagnose().json()

    assert (found["reached"], asked) == ("offline", [])
    assert time.monotonic() - began < 10


def test_a_broker_that_is_away_leaves_what_is_known(serve: Serve) -> None:
    """It is said that nobody asked, and an id that nobody heard of is refused as ever."""
    served = serve(f"mqtt://127.0.0.1:{free_port()}")

    found, unknown = served.diagnose().json(), served.diagnose("rf-260-00010")

    assert (found["reached"], found["judged"]) == ("not_asked", False)
    assert unknown.status_code == 404
    assert ONE in unknown.json()["detail"]


def test_where_no_worker_ever_spoke_nobody_is_called_unknown(serve: Serve, mosquitto: Mosquitto) -> None:
    """Whoever heard of the appliance may be a pipeline that tells it to itself alone."""
    served = serve(mosquitto.url, workers=False)

    assert served.diagnose().json()["reached"] == "not_asked"


def test_nobody_is_asked_where_it_would_cost_a_gateway_its_session(
    serve: Serve, mosquitto: Mosquitto
) -> None:
    """A broker that takes users for clients' names: what waits for the gateway is there afterwards."""
    mosquitto.stop()
    mosquitto.more = "use_username_as_clientid true"
    mosquitto.start()
    gateway_session(mosquitto, [])
    told(mosquitto, TELEMETRY, orjson.dumps(reading(now_ms())))
    served = serve(mosquitto.url, user="foremend")

    found = served.diagnose().json()

    came: list[bytes] = []
    gateway_session(mosquitto, came)
    assert (found["reached"], len(came)) == ("not_asked", 1)


def gateway_session(broker: Mosquitto, came: list[bytes]) -> None:
    """A client with a session that stays, as a gateway has it: here, subscribed, and gone again."""
    ready = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, "foremend-gateway", clean_session=False)
    client.username_pw_set("foremend")
    client.on_message = lambda client, data, message: came.append(message.payload)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.subscribe(TELEMETRY, 1)
    assert ready.wait(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def ms_of(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000)
