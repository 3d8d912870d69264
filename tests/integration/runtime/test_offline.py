"""A plug's last will, by a real broker: told once, though the pipeline is killed meanwhile; over when it is back."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from alerts.consent import ConsentRecord
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.queries import findings
from alerts.settings import AlertsSettings
from alerts.vault import open_vault
from benchmarks.mosquitto_server import Mosquitto
from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.history.parquet import ParquetHistory
from foremend.runtimes.consent_filter import ConsentFilter
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.stores.journal import SqliteJournal
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Purpose
from ingest.decode import Ingest
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource
from ingest.settings import IngestSettings
from rules.evaluator import RuleBook
from tests.integration.runtime.test_silence import WallClock

START = 20_000 * MS_PER_DAY
MINUTE = 60_000
PATIENCE_S = 60.0
PLUG = "generic-compressor"
FAMILIES = {
    "tasmota": ("tele/freezer/LWT", b"Offline", b"Online"),
    "shelly-gen2": ("freezer/online", b"false", b"true"),
    "zigbee2mqtt": ("zigbee2mqtt/freezer/availability", b'{"state":"offline"}', b'{"state":"online"}'),
    "esphome": ("freezer/status", b"offline", b"online"),
    "canonical": (f"dt/appliance/{PLUG}/freezer/status", b"offline", b"online"),
}
DEVICE = """
import sys
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
port, topic, will = int(sys.argv[1]), sys.argv[2], sys.argv[3].encode()
client = Client(CallbackAPIVersion.VERSION2)
client.will_set(topic, will, qos=1, retain=True)
client.on_connect = lambda *_: print("there", flush=True)
client.connect("127.0.0.1", port)
client.loop_forever()
"""


def _entry(family: str) -> list[dict[str, object]]:
    if family == "canonical":
        return []
    signal = {"path": "x", "unit": "W"}
    return [{"decoder": family, "appliance_model": PLUG, "signals": {"power": signal}}]


class Site:
    """A pipeline on a real broker, by a clock of the test's own; its folder outlives its process."""

    def __init__(self, folder: Path, broker: Mosquitto, family: str, database: str | None = None) -> None:
        self.folder, self.broker, self.clock = folder, broker, WallClock(START)
        self.client_id = "pipeline"
        self.ingest = IngestSettings.model_validate({"decoders": _entry(family), "oldest": None})
        settings = AlertsSettings(
            database=database or f"sqlite:///{folder}/foremend.db",
            key_file=folder / "key",
            sms=None,
            push=None,
        )
        vault, stream = open_vault(settings, {}), SqliteJournal(folder / "journal.db").id
        rng = np.random.default_rng(0)
        self.alerts: Alerts = open_alerts(settings, self.clock, vault, {}, rng, {}, {}, stream)
        self.start()

    def start(self) -> None:
        """A new process, whatever became of the last one."""
        profiles, journal = load_profiles(), SqliteJournal(self.folder / "journal.db")
        ingest = Ingest(self.ingest, {name: profile.signals for name, profile in profiles.items()})
        mqtt = MqttSettings(url=self.broker.url, subscribe=ingest.subscriptions, client_id=self.client_id)
        self.source = MqttSource(mqtt, self.folder / "mqtt.session")
        self.runtime = InProcessRuntime(
            source=self.source,
            journal=journal,
            ingest=ingest,
            engine=Engine(profiles, RuleBook(load_settings(None).rules), lateness_ms=10 * MINUTE),
            effects=self.alerts.effects,
            history=ParquetHistory(self.folder / "history", journal.id),
            snapshot_file=self.folder / "engine.snapshot",
            clock=self.clock,
            checkpoint_every_ms=10**12,
            permitted=ConsentFilter(self.alerts.watched, self.clock),
            report=lambda progress: None,
            hear_word=self.alerts.consents.hear,
        )
        self.runtime.recover()
        self.source.connect()

    def kill(self) -> None:
        """Nothing of its memory stays."""
        self.source.close()

    def listen(self, minutes: int) -> None:
        """So long by the pipeline's clock."""
        for _ in range(minutes):
            self.clock.now += MINUTE
            self.runtime.step(0.0)

    def until(self, true: Callable[[], object]) -> None:
        """Take what comes until it is true."""
        end = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < end
            self.runtime.step(0.02)

    def reads(self, *ids: str, minutes: Sequence[int]) -> None:
        """Readings at these minutes after the start, which the pipeline has taken at the end."""
        before = self.runtime.status().readings
        for one in ids:
            body = [f'{{"ts":{START + at * MINUTE},"signals":{{"power":80}}}}' for at in minutes]
            self.says(f"dt/appliance/{PLUG}/{one}/telemetry", f"[{','.join(body)}]".encode(), retain=False)
        self.until(lambda: self.runtime.status().readings == before + len(ids) * len(minutes))

    def says(self, topic: str, payload: bytes, retain: bool = True) -> None:
        """Some device does; the broker has it at the end."""
        client = Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE_S)
        client.disconnect()
        client.loop_stop()

    def device_dies(self, topic: str, will: bytes) -> None:
        """A client with a last will is killed: its broker says the rest, and the pipeline has taken that."""
        before = self.runtime.status().messages
        command = [sys.executable, "-c", DEVICE, str(self.broker.port), topic, will.decode()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as device:
            assert device.stdout is not None
            assert device.stdout.readline() == "there\n"
            device.kill()
        self.until(lambda: self.runtime.status().messages > before)

    @property
    def told(self) -> list[tuple[str, str, str, str]]:
        items = reversed(findings(self.alerts.engine, 500, 0, None).items)
        return [(one["appliance_id"], one["fault"], one["kind"], one["severity"]) for one in items]


@pytest.fixture
def site(mosquitto: Mosquitto, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    one = Site(tmp_path, mosquitto, getattr(request, "param", "canonical"))
    yield one
    one.kill()
    one.alerts.close()


OPENED = ("freezer", "power-gone", "opened", "warning")
CLOSED = ("freezer", "power-gone", "closed", "warning")


@pytest.mark.parametrize("site", FAMILIES, indirect=True)
def test_a_killed_plug_is_told_within_the_hour_whoever_made_it(
    site: Site, request: pytest.FixtureRequest
) -> None:
    """And it is over when it says that it is back."""
    topic, offline, online = FAMILIES[request.node.callspec.params["site"]]
    site.reads("freezer", minutes=range(0, 120, 10))
    site.listen(2)
    site.device_dies(topic, offline)
    site.listen(18)
    before = site.told
    site.listen(6)
    told = site.told
    messages = site.runtime.status().messages
    site.says(topic, online)
    site.until(lambda: site.runtime.status().messages > messages)
    site.listen(2)

    assert before == []
    assert told == [OPENED]
    assert site.told == [OPENED, CLOSED]


@pytest.mark.parametrize("checkpoint", [True, False], ids=["checkpoint", "killed"])
@pytest.mark.parametrize("after", [10, 30], ids=["before-it-is-told", "while-it-is-open"])
def test_it_is_told_once_though_the_pipeline_is_killed(site: Site, checkpoint: bool, after: int) -> None:
    """What the journal has is replayed, the word of the broker too."""
    topic, offline, _ = FAMILIES["canonical"]
    site.reads("freezer", minutes=range(0, 120, 10))
    site.listen(2)
    site.device_dies(topic, offline)
    site.listen(after)
    if checkpoint:
        site.runtime.checkpoint()
    site.kill()
    site.start()
    site.listen(40 - after)
    told = site.told
    site.reads("freezer", minutes=[180])
    site.listen(2)

    assert told == [OPENED]
    assert site.told == [OPENED, CLOSED]


def test_what_the_broker_kept_of_before_is_no_news(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """`offline` of nobody knows when is retained, and comes with the next connection."""
    topic, offline, _ = FAMILIES["canonical"]
    site = Site(tmp_path, mosquitto, "canonical")
    site.reads("freezer", minutes=range(0, 120, 10))
    site.listen(2)
    site.runtime.checkpoint()
    site.kill()
    site.says(topic, offline)
    site.client_id = "pipeline-2"  # a session of its own, in which nothing waits but what is kept
    site.start()
    site.until(lambda: site.runtime.status().messages > 1)
    site.listen(60)

    assert site.told == []
    site.kill()
    site.alerts.close()


def test_of_whom_the_owner_said_no_nothing_is_told(site: Site) -> None:
    """Consent to monitoring was withdrawn between the readings and the word."""
    topic, offline, _ = FAMILIES["canonical"]
    site.reads("freezer", minutes=range(0, 120, 10))
    site.listen(2)
    site.alerts.owners.register_owners([Owner("o", {})])
    site.alerts.owners.register_appliances([OwnedAppliance("freezer", "o", PLUG, "en")])
    site.alerts.consent.record(
        [ConsentRecord("freezer", "o", Purpose.MONITORING, False, site.clock.now, "1", "en", "app")]
    )
    site.listen(2)
    site.device_dies(topic, offline)
    site.listen(60)

    assert site.told == []
