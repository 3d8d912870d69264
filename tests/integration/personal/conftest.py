"""A whole `foremend run` with two owners of whom everything is stored that can be."""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow.dataset as ds
import pytest
import yaml
from sqlalchemy import select

from alerts.consent import ConsentRecord
from alerts.database import reading
from alerts.owners import OwnedAppliance, Owner
from alerts.tables import DeadLetterRow, OutboxRow, OutboxState, TicketRow
from benchmarks.mosquitto_server import Mosquitto
from benchmarks.postgres_server import PostgresServer
from foremend.config import load_settings
from foremend.runtimes.clock import SystemClock
from foremend.service.server import Server
from foremend.vocabulary.types import Purpose
from foremend.wiring.desk import open_desk
from ingest.mqtt.publish import MqttPublisher
from simulators.platform import Store, create_app
from tests.integration.alerts.conftest import finding, open_stage, stage
from tests.integration.stores.conftest import MODEL, Place, make_place

__all__ = ["finding", "make_place", "open_stage", "stage"]

LEAVES, STAYS = "owner-quillfeather", "owner-stays"
NUMBER, MAIL = "+8613987654321", "quillfeather@post.example"
GOES = ("freezer-quill-1", "freezer-quill-2")
REMAINS = "freezer-stays"
TRACES = (LEAVES, NUMBER, NUMBER[1:], MAIL, "quillfeather", *GOES)
"""What no byte may hold once the owner was erased."""
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
MINUTE = 60_000


@dataclass
class Household:
    """An installation, the platform that it tells, and what the test does to both."""

    place: Place
    platform: Store

    def say(self, appliance: str, first: int, last: int, watts: float, since: int) -> None:
        """Readings number `first` to `last`, one a minute from `since` (ms UTC) on."""
        self.publish(
            (
                f"dt/appliance/{MODEL}/{appliance}/telemetry",
                orjson.dumps({"ts": since + k * MINUTE, "seq": k, "signals": {"power": watts}}),
            )
            for k in range(first, last + 1)
        )

    def publish(self, messages: Iterable[tuple[str, bytes]]) -> None:
        mqtt = self.place.settings.mqtt.model_copy(update={"client_id": f"sender-{time.monotonic_ns()}"})
        with MqttPublisher(mqtt) as sender:
            for topic, payload in messages:
                sender.publish(topic, payload)
            sender.wait_until_acknowledged()

    def fill(self, child: subprocess.Popen[bytes]) -> None:
        """Of both owners there are readings, a finding, a ticket, messages that left, a dead letter, what was held
        back, and consent given and withdrawn."""
        since = int(time.time() * 1000) - 600 * MINUTE
        for one in (*GOES, REMAINS):
            self.say(one, 0, 240, 2_000.0, since)
            self.publish(
                [
                    (
                        f"dt/appliance/{MODEL}/{one}/telemetry",
                        b'{"ts": "never", "who": "' + one.encode() + b'"}',
                    )
                ]
            )
        everybody = {*GOES, REMAINS}
        self.place.wait_until(lambda: self.tickets() == everybody and self.all_left(), child)
        self.place.wait_until(lambda: self.not_used() == everybody, child)
        # The report counts stored readings: what is in the journal alone, as before the first checkpoint, is none.
        self.place.wait_until(lambda: self.stored() >= everybody, child)

    def stored(self) -> set[str]:
        """Of which appliances history has readings."""
        folder = self.place.folder / "history"
        if not any(folder.rglob("*.parquet")):
            return set()
        history = ds.dataset(folder, partitioning="hive")
        return set(history.to_table(["appliance"])["appliance"].to_pylist())

    def tickets(self) -> set[str]:
        with self.desk() as desk, reading(desk.engine) as session:
            return set(session.scalars(select(TicketRow.appliance_id)))

    def not_used(self) -> set[str]:
        """Of which appliances there is a dead letter."""
        with self.desk() as desk, reading(desk.engine) as session:
            return {topic.split("/")[3] for topic in session.scalars(select(DeadLetterRow.topic))}

    def all_left(self) -> bool:
        with self.desk() as desk, reading(desk.engine) as session:
            rows = session.execute(select(OutboxRow.target, OutboxRow.state)).all()
        targets = {row.target for row in rows if row.state is OutboxState.SENT}
        waits = any(row.state is OutboxState.PENDING for row in rows)
        return targets >= {"webhook:platform", "sms"} and not waits

    def desk(self) -> Any:
        return OpenDesk(self.place)

    def bytes_of(self) -> Iterator[tuple[str, bytes]]:
        """Every file of the installation's folder, the log of the process, and the database as a dump."""
        for file in sorted(self.place.folder.rglob("*")):
            if file.is_file():
                yield str(file.relative_to(self.place.folder)), file.read_bytes()
        url = self.place.settings.alerts.database
        if url.startswith("postgresql"):
            yield "dump", dumped(url)

    def traces(self, words: Iterable[str] = TRACES) -> list[tuple[str, str]]:
        """Where which of `words` is found, in any case of letters, as UTF-8 or in two bytes a letter."""
        found = []
        for name, content in self.bytes_of():
            lower = content.lower()
            for word in words:
                forms = (word.lower().encode(), word.lower().encode("utf-16-le"))
                if any(form in lower for form in forms) or word.lower() in name.lower():
                    found.append((name, word))
        return found


class OpenDesk:
    """The alerts stage of an installation, beside whatever runs."""

    def __init__(self, place: Place) -> None:
        self._desk = open_desk(place.settings, SystemClock())

    def __enter__(self) -> Any:
        return self._desk

    def __exit__(self, *_: object) -> None:
        self._desk.close()


def dumped(url: str) -> bytes:
    """The database as pg_dump tells it."""
    program = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))[-1]
    return subprocess.run([program, url], check=True, capture_output=True).stdout


def register(place: Place) -> None:
    """Both owners agree to everything; the one who leaves said no to e-mail, after a yes."""
    clock = SystemClock()
    with OpenDesk(place) as desk:
        desk.owners.register_owners(
            [Owner(LEAVES, {"sms": NUMBER, "email": MAIL}), Owner(STAYS, {"sms": "+491700000001"})]
        )
        desk.owners.register_appliances(
            [OwnedAppliance(one, LEAVES, MODEL, "en", "Europe/Berlin") for one in GOES]
            + [OwnedAppliance(REMAINS, STAYS, MODEL, "en", "Europe/Berlin")]
        )
        now = clock.now_ms()
        desk.consent.record(
            ConsentRecord(one, LEAVES if one in GOES else STAYS, purpose, given, at, "1", "en", "app")
            for one in (*GOES, REMAINS)
            for purpose in (Purpose.MONITORING, Purpose.TICKET, Purpose.SMS, Purpose.EMAIL)
            for given, at in ((True, now - 2_000), (purpose is not Purpose.EMAIL, now - 1_000))
        )


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[tuple[Store, str]]:
    """A service platform that takes signed webhooks, and its address."""
    store = Store(tmp_path / "platform.db")
    with Server(create_app(SECRET, store), "127.0.0.1", 0) as address:
        yield store, address
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def household(
    request: pytest.FixtureRequest,
    make_place: Callable[..., Place],
    mosquitto: Mosquitto,
    platform: tuple[Store, str],
) -> Household:
    """Registered, and nothing happened yet."""
    database = None
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.new_database()
    store, address = platform
    place = make_place(mosquitto.url, database=database)
    secret = place.config.with_name("webhook.secret")
    secret.write_text(SECRET)
    secret.chmod(0o600)
    chosen = yaml.safe_load(place.config.read_text())
    webhook = {
        "name": "platform",
        "url": f"{address}/webhooks",
        "secret_file": str(secret),
        "allow_private": True,
    }
    chosen["alerts"] |= {
        "quiet_hours": None,
        "webhooks": [webhook],
        "email": {"file": str(place.folder / "outbox" / "email.jsonl")},
    }
    overload = {"signal": "power", "above": 1_000, "unit": "W"}
    chosen["rules"] = {
        "book": [
            {
                "name": "overload",
                "fault": "overload",
                "when": overload,
                "sustained_for": "30 min",
                "severity": "warning",
            }
        ]
    }
    place.config.write_text(yaml.safe_dump(chosen))
    place = Place(place.config, load_settings(place.config))
    register(place)
    return Household(place, store)


def get(place: Place, path: str) -> Any:
    return httpx.get(f"{place.page}{path}", timeout=60).json()
