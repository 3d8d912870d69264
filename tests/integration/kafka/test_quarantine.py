"""Mistakes of ours at every stage of a worker on a real Kafka: no crash loop, and all else is as if it had not been."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sqlalchemy import select

from alerts.database import open_database, reading
from alerts.tables import DeadLetterRow, FindingRow
from benchmarks.worker_process import WorkerProcess, coverage, feed
from foremend.engine.packing import pack, unpack
from foremend.history.parquet import ParquetHistory
from foremend.runtimes.kafka import topics
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.runtimes.rescue import NOT_TRIED
from foremend.vocabulary.types import MS_PER_DAY, Block
from ingest.quarantine import INTERNAL_ERROR
from tests.integration.kafka.checkpoints import last_checkpoints

START = 20_000 * MS_PER_DAY
MINUTE = 60_000
PATIENCE_S = 240.0
pytestmark = pytest.mark.timeout(800)
MARKS = {"record": 661.0, "reorder": 662.0, "engine": 663.0, "history": 664.0}  # W, see faulty_worker.py
STAGES = {"generic-compressor": "record", "rf-260": "reorder", "wm-7": "engine"}
"""Which mistake the readings of an appliance model meet."""
NAMED = "ac-35i"  # the model of those whose rules and effects raise, whatever they say
POISON = (3, 7)  # hours
FAULTY = (str(Path(__file__).with_name("faulty_worker.py")),)
RULE = {
    "name": "overload",
    "fault": "overload",
    "when": {"signal": "power", "above": 1_000, "unit": "W"},
    "sustained_for": "2 h",
}


def configured(kafka: KafkaSettings, folder: Path) -> Path:
    """Topics that are there, a rule, an empty database, and no trained model."""
    asyncio.run(topics.create(kafka))
    folder.mkdir()
    written = {
        "kafka": {
            "brokers": list(kafka.brokers), "prefix": kafka.prefix, "partitions": kafka.partitions,
            "checkpoint_every": "2 s", "session_timeout": "10 s",
        },
        "ingest": {"oldest": None},  # the readings are of 2024
        "models": {"appliance_models": []},
        "rules": {"book": [RULE]},
        "alerts": {"database": f"sqlite:///{folder}/foremend.db", "key_file": "key"},
        "storage": {"folder": str(folder / "storage")},
    }  # fmt: skip
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(written))
    return path


def block(model: str, names: Sequence[str], hour: int, mark: float | None = None) -> Block:
    """Readings a minute; the first appliance draws too much from the tenth hour on, the last has the mark."""
    minute = np.repeat(np.arange(hour * 60, (hour + 1) * 60), len(names))
    who = np.tile(np.arange(len(names), dtype=np.int32), 60)
    overload = (minute > 600) & ((who == 0) | (np.array(names)[who] == "effects-bad"))
    power = np.where(overload, 2_000.0, 90.0 * (minute % 40 < 14))
    if mark is not None:
        power[(who == len(names) - 1) & (minute == hour * 60 + 20)] = mark
    return Block(
        model, tuple(names), who, START + minute * MINUTE, minute, {"power": power}, ("",) * len(names)
    )


def late(hour: int) -> Block:
    """A reading that comes two hours late, so that history alone has it."""
    at = np.array([(hour - 2) * 60])
    return Block(
        "rf-260", ("rf-260-1",), np.zeros(1, np.int32), START + at * MINUTE + 1, at,
        {"power": np.array([MARKS["history"]])}, ("",),
    )  # fmt: skip


def hours(first: int, last: int, poisoned: bool) -> list[Block]:
    """A block a model and hour; without `poisoned` those to blame say nothing in that hour."""
    told: list[Block] = []
    for hour in range(first, last):
        bad = hour in POISON
        for model, stage in STAGES.items():
            names = [f"{model}-1", f"{model}-2"]
            if not bad:
                told.append(block(model, names, hour))
            elif stage == "record" and poisoned:
                told += [block(model, names[:1], hour), block(model, names[1:], hour, MARKS[stage])]
            else:
                told.append(
                    block(model, names if poisoned else names[:1], hour, MARKS[stage] if poisoned else None)
                )
        others = ["rules-bad", "effects-bad"] if poisoned else []
        told.append(block(NAMED, [f"{NAMED}-1", *others], hour))
        told += [late(hour)] if bad and poisoned else []
    return told


def wait_until(done: Callable[[], bool], worker: WorkerProcess) -> None:
    until = time.monotonic() + PATIENCE_S
    while not done():
        assert worker.returncode is None, worker.log.read_text()
        assert time.monotonic() < until, worker.log.read_text()
        time.sleep(0.2)  # neither Kafka nor a database tells of it


def told(folder: Path, column: Any) -> list[Any]:
    engine = open_database(f"sqlite:///{folder}/foremend.db")
    with reading(engine) as session:
        found = list(session.scalars(select(column)))
    engine.dispose()
    return found


def states(kafka: KafkaSettings) -> dict[str, bytes]:
    """By record key, what the last checkpoints know; rooms that nobody is in hold what was there before."""
    found = {}
    for saved in last_checkpoints(kafka):
        for key, engine in (unpack(saved.packed)["engines"] if saved else {}).items():
            waiting = engine[key.partition("/")[0]]["lane"]["stream"]["waiting"]
            waiting["values"] = waiting["values"].shape
            found[key] = bytes(pack(engine))
    return found


def stored(folder: Path) -> Counter[tuple[str, int]]:
    """Of whom and when, without those whom rules and effects set aside."""
    history = ParquetHistory(folder / "storage" / "history")
    return Counter(
        (some.appliance_ids[row], int(time))
        for model in (*STAGES, NAMED)
        for some in history.read(model, START, START + 2 * MS_PER_DAY)
        for row, time in zip(some.appliance, some.time, strict=True)
        if not some.appliance_ids[row].endswith("-bad")
    )


def test_what_raises_in_a_worker_is_set_aside_and_all_else_is_as_if_it_had_not_been_sent(
    kafka: KafkaSettings, covered: Callable[[], bool], tmp_path: Path
) -> None:
    """Decode, reorder, engine, history, rules, effects; killed on the way, and a second worker goes on."""
    other = kafka.model_copy(update={"prefix": f"{kafka.prefix}-clean"})
    clean, faulty = configured(other, tmp_path / "clean"), configured(kafka, tmp_path / "faulty")
    feed(other, hours(0, 14, poisoned=False))
    with WorkerProcess(clean, tmp_path / "clean.log") as worker:
        with coverage(other) as other_covered:
            wait_until(other_covered, worker)
        assert worker.stop() == 0

    feed(kafka, hours(0, 6, poisoned=True))
    with WorkerProcess(faulty, tmp_path / "first.log", FAULTY) as worker:
        wait_until(covered, worker)
        feed(kafka, hours(6, 10, poisoned=True))
        worker.kill()
    feed(kafka, hours(10, 14, poisoned=True))
    with WorkerProcess(faulty, tmp_path / "second.log", FAULTY) as worker:
        wait_until(lambda: covered() and len(letters_of_marks(tmp_path / "faulty")) == 8, worker)
        assert worker.stop() == 0

    log = (tmp_path / "first.log").read_text() + (tmp_path / "second.log").read_text()
    assert "starting anew" not in log
    assert all("ZeroDivisionError" in reason for reason in letters_of_marks(tmp_path / "faulty"))
    assert set(told(tmp_path / "faulty", FindingRow.id)) == set(told(tmp_path / "clean", FindingRow.id))
    assert stored(tmp_path / "faulty") == stored(tmp_path / "clean")
    mine, theirs = states(kafka), states(other)
    assert all(mine[f"{model}/0"] == theirs[f"{model}/0"] for model in STAGES)


def letters_of_marks(folder: Path) -> list[str]:
    """Reasons of the dead letters of marked readings: not of the named ones, who are tried, and then are not."""
    reasons = [
        reason
        for topic, reason in zip(
            told(folder, DeadLetterRow.topic), told(folder, DeadLetterRow.reason), strict=True
        )
        if not topic.endswith("-bad/telemetry")
    ]
    assert all(reason.startswith(INTERNAL_ERROR) and reason != NOT_TRIED for reason in reasons)
    return reasons
