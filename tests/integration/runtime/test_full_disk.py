"""What else writes, on a disk that is really full: it says so, leaves no half behind, and goes on with room."""

from __future__ import annotations

import json
import logging
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sqlalchemy import Engine, select

from alerts.channels import Message, OutboxFileChannel
from alerts.database import open_database, reading, upsert, writing
from alerts.tables import PositionRow
from foremend.commands.demo.processes import free_port
from foremend.history.compaction import ON_COMMAND
from foremend.history.parquet import ParquetHistory
from foremend.history.parquet_settings import ParquetSettings
from foremend.history.upkeep import Upkeep
from foremend.learning.promotions import LOOK_EVERY_MS, PromotionFollower
from foremend.stores.journal import SqliteJournal
from foremend.stores.snapshots import load_snapshot, save_snapshot
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Block, RawMessage
from models.registry.card import ModelCard
from models.registry.registry import Registry

MODEL = "rf-260"
SMS = Message("nt_1", "foremend.warning", "冰箱" * 3_000, "+8613800001234", "zh", 5)


@dataclass
class StillClock:
    """A clock that stands."""

    now: int = 20_000 * MS_PER_DAY

    def now_ms(self) -> int:
        return self.now


class Watched:
    """An engine that has something new to report at each look."""

    looks = 0

    def report(self, name: str) -> dict[str, Any]:
        self.looks += 1
        return {"champion": None, "looks": self.looks}


def names(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.name != "filler"}


def two_days(root: Path) -> None:
    """Ten files of a day that is over and one of the next, all settled."""
    history = ParquetHistory(root, "stream")
    for part in range(11):
        day = 20_000 + part // 10
        time = day * MS_PER_DAY + np.arange(part * 5_000, (part + 1) * 5_000, dtype=np.int64)
        power = np.random.default_rng(part).normal(size=5_000)
        history.write(Block(MODEL, ("a",), np.zeros(5_000, np.int32), time, time, {"power": power}))
        history.flush(part, part + 1)
    history.flush(11, 11)


def card() -> ModelCard:
    return ModelCard(MODEL, "recipe", ("own.duty",), ("refrigerant-leak",), {"source": "simulated"})


def test_a_model_that_does_not_fit_leaves_no_version(small_disk: Any) -> None:
    """Nor does it take the number of one."""
    registry = Registry(small_disk.path)
    small_disk.fill()
    before = names(small_disk.path)
    with pytest.raises(UnavailableError, match="No space left"):
        registry.add(card(), {"edges": np.arange(30_000.0)})

    assert names(small_disk.path) - before <= {MODEL}
    small_disk.free()
    assert registry.add(card(), {"edges": np.arange(3.0)}).version == "v0001"


def test_a_registry_without_room_keeps_models_in_use(
    small_disk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """What was seen live waits: one line when lost, one when back, and why meanwhile."""
    registry = Registry(small_disk.path)
    registry.note_live(MODEL, {})
    follow = PromotionFollower(registry, Watched(), {MODEL: load_profiles()[MODEL]})  # type: ignore[arg-type]
    small_disk.fill()
    for look in (1, 2):
        follow(look * LOOK_EVERY_MS)
    trouble = follow.trouble()
    small_disk.free()
    follow(3 * LOOK_EVERY_MS)

    assert trouble is not None
    assert "No space left" in trouble
    assert follow.trouble() is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    assert registry.live(MODEL)["looks"] == 4
    assert not list(small_disk.path.rglob("*.new"))


def test_a_message_that_does_not_fit_leaves_no_half_line(small_disk: Any) -> None:
    """The next one would be written behind it, and both would be lost."""
    file = small_disk.path / "sms.jsonl"
    channel = OutboxFileChannel(file, "sms")
    channel.send(Message("nt_0", "foremend.warning", "first", SMS.address))
    small_disk.fill()
    with pytest.raises(UnavailableError, match="cannot be written"):
        channel.send(SMS)
    small_disk.free()
    channel.send(SMS)

    assert [json.loads(line)["id"] for line in file.read_text().splitlines()] == ["nt_0", "nt_1"]


def test_a_snapshot_that_does_not_fit_leaves_the_old_one(small_disk: Any) -> None:
    """And nothing beside it."""
    file = small_disk.path / "engine.snapshot"
    save_snapshot(file, {"position": 1})
    small_disk.fill()
    with pytest.raises(UnavailableError, match="No space left"):
        save_snapshot(file, {"position": 2, "state": np.zeros(100_000)})

    kept = load_snapshot(file)
    assert kept == {"position": 1}
    assert names(small_disk.path) == {"engine.snapshot"}


def test_a_compaction_that_does_not_fit_leaves_the_day_as_it_was(small_disk: Any) -> None:
    """Its half-made files are gone at once: they would keep the disk full."""
    root = small_disk.path / "history"
    two_days(root)
    upkeep = Upkeep(root, ParquetSettings(), StillClock())
    small_disk.fill()
    before = names(root)

    full = upkeep.round(ON_COMMAND)

    assert full is not None
    assert any("No space left" in problem for problem in full.failed)
    assert names(root) == before
    assert not [one for one in names(small_disk.path / "history.work") if one.endswith(".parquet")]
    small_disk.free()
    done = upkeep.round(ON_COMMAND)
    assert done is not None
    assert (done.failed, done.readings) == ([], 50_000)


def test_upkeep_says_what_it_could_not_do(small_disk: Any, caplog: pytest.LogCaptureFixture) -> None:
    """For /readyz, and in one line; files stay as they are."""
    two_days(small_disk.path / "history")
    small_disk.fill()
    upkeep = Upkeep(small_disk.path / "history", ParquetSettings(), StillClock())
    upkeep.start()
    for _ in range(24_000):
        if upkeep.trouble() is not None:
            break
        threading.Event().wait(0.01)
    upkeep.close()

    assert "No space left" in str(upkeep.trouble())
    assert len(caplog.records) == 1


@pytest.mark.parametrize("full", ["storage", "database", "key_file"])
def test_a_start_without_room_ends_with_a_sentence(full: str, tmp_path: Path, small_disk: Any) -> None:
    """What was never there cannot be waited for in peace: code 4, for a supervisor to try again."""
    places = {name: tmp_path / name for name in ("storage", "database", "key_file")}
    places[full] = small_disk.path / full
    alerts = {"database": f"sqlite:///{places['database']}", "key_file": str(places["key_file"])}
    settings = {
        "extends": "shipped",
        "service": {"port": free_port()},
        "storage": {"folder": str(places["storage"])},
        "models": {"appliance_models": [], "registry": str(tmp_path / "models")},
        "alerts": alerts | {"sms": None, "push": None},
    }
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(settings))
    small_disk.fill()

    command = [sys.executable, "-m", "foremend", "run", "--config", str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 4, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("foremend: ")
    assert str(places[full]) in ended.stderr or "the effects database" in ended.stderr


@contextmanager
def broken_writes() -> Iterator[None]:
    """No file of this process may grow beyond a page: what SQLite calls a disk I/O error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_journal_that_meets_an_io_error_works_again_afterwards(tmp_path: Path) -> None:
    """Nothing of the batch is kept, so that the broker's second try is the first one here."""
    journal = SqliteJournal(tmp_path / "journal.db")
    message = RawMessage("topic", bytes(50_000), 1)
    with broken_writes(), pytest.raises(UnavailableError, match="disk I/O error"):
        journal.append([message])

    assert journal.append([message]) == 1
    assert journal.read(0, 10) == [(1, message)]


def test_a_database_that_meets_an_io_error_works_again_afterwards(tmp_path: Path) -> None:
    """All or nothing of the transaction."""
    engine = open_database(f"sqlite:///{tmp_path}/effects.db")
    with broken_writes(), pytest.raises(UnavailableError, match="disk I/O error"):
        keep(engine, 1)

    keep(engine, 2)
    with reading(engine) as session:
        assert [(row.stream, row.value) for row in session.scalars(select(PositionRow))] == [("s", 2)]
    engine.dispose()


def keep(engine: Engine, value: int) -> None:
    with writing(engine) as session:
        upsert(session, PositionRow, [{"stream": "s", "value": value}])
