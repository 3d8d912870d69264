"""deploy/grafana and deploy/prometheus ask for numbers that there are: metrics that the processes render, fields that
history writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from cryptography.fernet import Fernet

from alerts.database import open_database, writing
from alerts.dispatch import Dispatcher
from alerts.outbox import Outbox
from alerts.owners import Owners
from alerts.policies import load_policies
from alerts.stop_links import StopLinks
from alerts.tables import OutboxRow, OutboxState
from alerts.vault import Vault
from foremend.config import Settings
from foremend.history.influx_lines import line_protocol
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.gateway import Gateway
from foremend.runtimes.kafka.keeper import Keeper
from foremend.runtimes.kafka.watchdog import Watchdog
from foremend.service.read_model import ReadModel
from foremend.service.sending import with_sending
from foremend.service.shared_pipeline import SharedPipeline
from foremend.service.worker_health import worker_health
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import Block
from foremend.wiring.gateway import gateway_health
from foremend.wiring.worker import build_worker
from ingest.decode import Ingest
from ingest.mqtt.source import MqttSource

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana"
PROMETHEUS = GRAFANA.parent / "prometheus"
BOARDS = {path.name: json.loads(path.read_text("utf-8")) for path in (GRAFANA / "dashboards").glob("*.json")}
BOARD = pytest.mark.parametrize("name", BOARDS)


def texts(value: Any, key: str) -> Iterator[str]:
    """Every text under `key`, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key and isinstance(inner, str):
                yield inner
            yield from texts(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, key)


def metrics(text: str) -> set[str]:
    return set(re.findall(r"\bforemend_\w+", text))


def rendered(text: str) -> set[str]:
    """The names of metrics in what /metrics answers."""
    return set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of an installation in a temporary folder; nothing in it is reached."""
    return validated(Settings, {}, "test", tmp_path_factory.mktemp("dashboards"))


@pytest.fixture(scope="module")
def known(settings: Settings, world: Any) -> set[str]:
    """The metrics of every kind of process: run, gateway, worker and service."""
    source = MqttSource(settings.mqtt)
    gateway = Gateway(source, Ingest(settings.ingest, {}), settings.kafka, share=Keeper(source, "all"))
    gateways = gateway_health(gateway, source).metrics()
    source.close()
    worker, alerts, _ = build_worker(settings)
    watchdog = Watchdog(settings.kafka, lambda: pytest.fail("not started"), pytest.fail)
    workers = worker_health(worker, watchdog, settings.kafka).metrics()
    alerts.close()
    return (
        rendered(gateways) | rendered(workers) | rendered(world.model.health().metrics()) | _service(settings)
    )


def _service(settings: Settings) -> set[str]:
    """With a message that waits, since only then something is oldest."""
    tables = open_database(settings.alerts.database)
    with writing(tables) as session:
        session.add(
            OutboxRow(
                id="m", message_id="m", target="sms", event_type="e", appliance_id="a", ordering="o", body="{}",
                state=OutboxState.PENDING, attempts=0, due_at=0, created_at=0, error="",
            )
        )  # fmt: skip
    pipeline = SharedPipeline(tables, ("foremend-0",), SystemClock(), 1)
    vault, clock = Vault(Fernet.generate_key().decode()), SystemClock()
    owners = Owners(tables, vault, clock, Outbox(settings.alerts), load_policies())
    links = StopLinks(None, vault)
    dispatcher = Dispatcher(tables, {}, owners, settings.alerts, clock, np.random.default_rng(1), links)
    text = with_sending(ReadModel(tables, pipeline, {}, {}, {}).health(), dispatcher).metrics()
    tables.dispose()
    return rendered(text)


def test_dashboards_ask_for_metrics_that_there_are(known: set[str]) -> None:
    """A renamed metric would leave a chart empty without a word."""
    asked = {name for board in BOARDS.values() for text in texts(board, "expr") for name in metrics(text)}

    assert asked
    assert asked - known == set()


def test_alerts_watch_metrics_that_there_are(known: set[str]) -> None:
    """A renamed metric would never raise its alarm."""
    rules = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))
    asked = {name for text in texts(rules, "expr") for name in metrics(text)}

    assert asked
    assert asked - known == set()


def test_the_metrics_page_of_the_docs_knows_them_all(known: set[str]) -> None:
    """docs/operations.md lists every metric of every process."""
    described = metrics((GRAFANA.parents[1] / "docs" / "operations.md").read_text("utf-8"))

    assert known - described == set()


@pytest.fixture(scope="module")
def written() -> str:
    """Line protocol of a reading with every signal that a profile has."""
    signals = {name for profile in load_profiles().values() for name in profile.signals}
    one = np.zeros(1, np.int64)
    block = Block(
        "rf-260", ("a",), one.astype(np.int32), one, one, {s: np.ones(1) for s in signals}, ("1.0",)
    )
    return line_protocol(block).decode()


def test_flux_asks_for_fields_that_history_writes(written: str) -> None:
    """Names and patterns of `_field`, but for the signal that the reader of a chart chooses."""
    _, fields, _ = written.split(" ")
    names = {field.partition("=")[0] for field in fields.split(",")}
    queries = [query for board in BOARDS.values() for query in texts(board, "query")]
    exact = {name for query in queries for name in re.findall(r'r\._field == "([^"]+)"', query)}
    patterns = {name for query in queries for name in re.findall(r"r\._field =~ /([^/]+)/", query)}

    assert exact - {"${signal}"} <= names
    assert all(any(re.search(pattern, name) for name in names) for pattern in patterns)


def test_flux_reads_columns_that_points_have(written: str) -> None:
    """The tag of history, and InfluxDB's own."""
    series, _, _ = written.split(" ")
    tags = {pair.partition("=")[0] for pair in series.split(",")[1:]}
    queries = [query for board in BOARDS.values() for query in texts(board, "query")]
    columns = {name for query in queries for name in re.findall(r"\br\.(\w+)", query)}
    asked = {name for query in queries for name in re.findall(r'tag: "(\w+)"', query)}

    assert asked == tags
    assert columns <= tags | {"_measurement", "_field", "_value", "_time"}


@BOARD
def test_every_query_goes_to_a_provisioned_source(name: str) -> None:
    """By its uid, with the language that the source speaks."""
    sources = yaml.safe_load((GRAFANA / "provisioning/datasources/foremend.yaml").read_text("utf-8"))
    kinds = {source["uid"]: source["type"] for source in sources["datasources"]}

    for panel in BOARDS[name]["panels"]:
        for target in panel.get("targets", ()):
            speaks = "prometheus" if "expr" in target else "influxdb"
            assert kinds[target["datasource"]["uid"]] == speaks


@BOARD
def test_panels_have_their_own_place(name: str) -> None:
    """Ids are unique, and no panel lies on another or sticks out."""
    panels = BOARDS[name]["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells

    assert len({panel["id"] for panel in panels}) == len(panels)


def test_dashboards_are_where_grafana_is_told_to_look() -> None:
    """The provider's folder is the one that compose.yaml mounts."""
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/foremend.yaml").read_text("utf-8"))
    compose = yaml.safe_load((GRAFANA.parent / "compose.yaml").read_text("utf-8"))
    (folder,) = {one["options"]["path"] for one in provider["providers"]}

    assert f"./grafana/dashboards:{folder}:ro" in compose["services"]["grafana"]["volumes"]


def test_dashboards_differ_in_name_and_uid() -> None:
    """Grafana would show only one of two that share either."""
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS) == 3
    assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS)
