"""`foremend history compact` and `forget`, alone and beside a pipeline that runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pyarrow.dataset as ds
import pytest
import yaml
from sqlalchemy import select
from typer.testing import CliRunner

from alerts.audit import verify
from alerts.database import open_database, reading
from alerts.forgotten import ForgottenAppliances
from alerts.tables import AuditRow
from foremend.cli import app
from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.history.parquet import ParquetHistory
from foremend.installation.history import open_history
from foremend.runtimes.clock import SystemClock
from foremend.stores.journal import SqliteJournal
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.ports import History
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Block, RawMessage
from ingest.decode import Ingest
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

MINUTE = 60_000
DAY = 20_000 * MS_PER_DAY


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Everything in a folder of the test's own; readings are kept for ever."""
    file = tmp_path / "config.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "storage": {"folder": str(tmp_path / "var")},
                "alerts": {
                    "database": f"sqlite:///{tmp_path}/foremend.db",
                    "key_file": str(tmp_path / "key"),
                },
            }
        )
    )
    return file


def run(*command: str) -> dict[str, object]:
    result = CliRunner().invoke(app, [*command, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def store(config: Path, readings: Callable[..., Block]) -> ParquetHistory:
    """Twenty flushes of two appliances, all settled."""
    history = ParquetHistory(load_settings(config).storage.folder / "history", "j")
    for k in range(20):
        history.write(readings([DAY + k], [1.0], appliance="stays"))
        history.write(readings([DAY + k], [1.0], appliance="leaves"))
        history.flush(k, k + 1)
    history.forget_after(20)
    return history


def appliances(root: Path) -> dict[str, int]:
    """How many readings others see of each."""
    table = ds.dataset(root, partitioning="hive").to_table(["appliance"])
    return {one["values"]: one["counts"] for one in table["appliance"].value_counts().to_pylist()}


def test_compact_tells_what_became_of_the_files(config: Path, readings: Callable[..., Block]) -> None:
    """Files and bytes before and after, and how fast."""
    store(config, readings)

    said = run("history", "compact", "--config", str(config))

    assert (said["days_compacted"], said["files_before"], said["files_after"]) == (1, 20, 1)
    assert (said["readings"], said["repeats"], said["failed"]) == (40, 0, [])
    assert {"bytes_before", "bytes_after", "readings_per_second", "days_over_retention"} <= said.keys()


def test_compact_applies_the_retention(config: Path, readings: Callable[..., Block]) -> None:
    """The readings are of 2024."""
    store(config, readings)
    settings = yaml.safe_load(config.read_text())
    settings["storage"]["parquet"] = {"retention": "30 d"}
    config.write_text(yaml.safe_dump(settings))

    said = run("history", "compact", "--config", str(config))

    assert said["days_over_retention"] == 1
    assert not list((config.parent / "var" / "history").rglob("*.parquet"))


def test_compact_has_nothing_to_do_for_influx(config: Path) -> None:
    """It says so."""
    settings = yaml.safe_load(config.read_text())
    settings["storage"] |= {"history": "influx", "influx": {"token_env": "A_TOKEN"}}
    config.write_text(yaml.safe_dump(settings))

    with pytest.raises(ConfigError, match="InfluxDB compacts by itself"):
        run("history", "compact", "--config", str(config))


def test_forget_says_how_many_readings_went(config: Path, readings: Callable[..., Block]) -> None:
    """Only those of the appliance; the audit log has it."""
    store(config, readings)

    said = run(
        "history", "forget", "--appliance-model", "rf-260", "--appliance", "leaves", "--config", str(config)
    )

    assert said == {"appliance_model": "rf-260", "appliance": "leaves", "readings": 20}
    assert appliances(config.parent / "var" / "history") == {"stays": 20}
    database = open_database(load_settings(config).alerts.database)
    with reading(database) as session:
        actions = [row.action for row in session.scalars(select(AuditRow).order_by(AuditRow.seq))]
    assert actions == ["history.forget", "history.forgotten"]
    assert verify(database).intact
    database.dispose()


class Pipeline:
    """What of the pipeline holds readings: journal, engine and history; the engine keeps ten minutes to sort them."""

    def __init__(self, config: Path) -> None:
        settings, profiles = load_settings(config), load_profiles()
        self.journal = SqliteJournal(settings.storage.folder / "journal.db")
        self.database = open_database(settings.alerts.database)
        forgotten = ForgottenAppliances(self.database, SystemClock()).all
        self.history: History = open_history(settings.storage, self.journal.id, forgotten)
        self.history.forget_after(0)
        self.engine = Engine(
            profiles, RuleBook(RulesSettings()), lateness_ms=10 * MINUTE, on_readings=self.history.write
        )
        self.ingest = Ingest(settings.ingest, {name: one.signals for name, one in profiles.items()})
        self.replay()

    def replay(self) -> None:
        for _, messages in self.journal.replay(0, self.journal.last_position()):
            self._process(messages)

    def take(self, messages: list[RawMessage]) -> None:
        self.journal.append(messages)
        self._process(messages)

    def flush(self) -> None:
        self.history.flush(0, self.journal.last_position())

    def close(self) -> None:
        self.journal.close()
        self.database.dispose()

    def _process(self, messages: object) -> None:
        for block in self.ingest.decode(messages).blocks:  # type: ignore[arg-type]
            self.engine.process(block)


def message(appliance: str, minutes: range, start: int) -> RawMessage:
    body = [{"ts": start + k * MINUTE, "seq": k, "signals": {"power": 1.0}} for k in minutes]
    received = start + minutes.stop * MINUTE
    return RawMessage(f"dt/appliance/rf-260/{appliance}/telemetry", orjson.dumps(body), received)


def test_a_running_pipeline_does_not_bring_a_forgotten_appliance_back(config: Path) -> None:
    """Neither what waits in its memory, nor what the engine still sorts, nor a replay after a crash."""
    root = config.parent / "var" / "history"
    start = SystemClock().now_ms() - 2 * 60 * MINUTE
    both = [message(appliance, range(60), start) for appliance in ("stays", "leaves")]
    pipeline = Pipeline(config)
    pipeline.take(both)
    pipeline.flush()
    pipeline.take([message(appliance, range(60, 90), start) for appliance in ("stays", "leaves")])

    said = run(
        "history", "forget", "--appliance-model", "rf-260", "--appliance", "leaves", "--config", str(config)
    )
    pipeline.take([message(appliance, range(90, 110), start) for appliance in ("stays", "leaves")])
    pipeline.flush()
    seen_running = appliances(root)
    pipeline.close()
    restarted = Pipeline(config)
    restarted.flush()
    restarted.close()
    run("history", "compact", "--config", str(config))

    assert np.greater(said["readings"], 40)
    assert seen_running.keys() == {"stays"}
    assert appliances(root) == seen_running
