"""Writing to InfluxDB's API, on a real server that speaks it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from foremend.engine.engine import Engine
from foremend.history import influx
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.stores.journal import SqliteJournal
from foremend.vocabulary.errors import RefusedError, UnavailableError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import Block, DeadLetter, Finding, RawMessage
from ingest.decode import Ingest
from ingest.settings import IngestSettings
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

OpenHistory = Callable[[str], influx.InfluxHistory]
MakeBlock = Callable[..., Block]

DAY = 1_763_683_200_000  # 2025-11-21
MINUTE = 60_000
PATIENCE_S = 20.0


def test_every_number_arrives(victoria: Any, open_history: OpenHistory, readings: MakeBlock) -> None:
    """More readings than a batch holds, of several appliances, with the device's own times."""
    victoria.start()
    history = open_history(victoria.url)
    n = influx.BATCH_ROWS + 7
    times, power = (
        list(range(DAY, DAY + n * 1_000, 1_000)),
        np.random.default_rng(1).random(n).round(6).tolist(),
    )

    history.write(readings(times, power))
    history.write(readings([DAY], [0.1], appliance="odd name, with=marks"))
    history.flush(0, 1)

    expected = {("rf-260-01", time, value) for time, value in zip(times, power, strict=True)}
    assert victoria.export("rf-260_power") == expected | {("odd name, with=marks", DAY, 0.1)}
    assert victoria.export("rf-260_door_openings") == set()


def test_a_replay_in_other_blocks_changes_nothing(
    victoria: Any, open_history: OpenHistory, readings: MakeBlock
) -> None:
    """The times are the device's, so what is written again falls on itself."""
    victoria.start()
    times, power = [DAY, DAY + MINUTE, DAY + 2 * MINUTE], [90.0, 91.5, 3.0]
    history = open_history(victoria.url)
    history.write(readings(times, power))
    history.flush(0, 3)

    again = open_history(victoria.url)
    again.forget_after(0)
    again.write(readings(times[:2], power[:2]))
    again.write(readings(times[2:], power[2:], first_seq=2))
    again.flush(0, 3)

    assert victoria.export("rf-260_power") == {
        ("rf-260-01", time, value) for time, value in zip(times, power, strict=True)
    }


def test_what_a_stopped_server_did_not_take_still_waits(
    victoria: Any, open_history: OpenHistory, readings: MakeBlock
) -> None:
    """Nothing is dropped: the next flush goes on where this one broke off."""
    victoria.start()
    history = open_history(victoria.url)
    history.write(readings([DAY], [1.0]))
    history.flush(0, 1)
    victoria.stop()

    history.write(readings([DAY + MINUTE], [2.0]))
    with pytest.raises(UnavailableError, match="cannot be written in InfluxDB"):
        history.flush(1, 2)
    assert history.waiting_rows == 1
    victoria.start()
    history.flush(1, 2)

    assert history.waiting_rows == 0
    assert victoria.export("rf-260_power") == {
        ("rf-260-01", DAY, 1.0),
        ("rf-260-01", DAY + MINUTE, 2.0),
    }


@pytest.mark.parametrize(("status", "raised"), [(503, UnavailableError), (429, UnavailableError)])
def test_an_overloaded_server_is_asked_again(
    recorded: Any, open_history: OpenHistory, readings: MakeBlock, status: int, raised: type[Exception]
) -> None:
    """What waits is kept until it is taken."""
    recorded.answers["POST /api/v2/write"] = (status, '{"code": "unavailable", "message": "queue full"}')
    history = open_history(recorded.url)
    history.write(readings([DAY], [1.0]))

    with pytest.raises(raised, match="queue full"):
        history.flush(0, 1)
    recorded.answers["POST /api/v2/write"] = (204, "")
    history.flush(0, 1)

    assert history.waiting_rows == 0


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "check the token"), (404, "foremend history create"), (422, "not understood")],
)
def test_what_will_never_be_taken_is_refused_with_advice(
    recorded: Any, open_history: OpenHistory, readings: MakeBlock, status: int, advice: str
) -> None:
    """A wrong token or a missing bucket does not mend itself."""
    recorded.answers["POST /api/v2/write"] = (status, '{"code": "x", "message": "not understood"}')
    history = open_history(recorded.url)
    history.write(readings([DAY], [1.0]))

    with pytest.raises(RefusedError, match=advice):
        history.flush(0, 1)


def test_readings_older_than_the_bucket_keeps_stop_nobody(
    recorded: Any, open_history: OpenHistory, readings: MakeBlock, caplog: pytest.LogCaptureFixture
) -> None:
    """InfluxDB takes the others and says so with 422: an appliance long offline must not stop the pipeline."""
    dropped = "partial write: dropped 1 points outside retention policy of duration 720h0m0s"
    recorded.answers["POST /api/v2/write"] = (
        422,
        json.dumps({"code": "unprocessable entity", "message": dropped}),
    )
    history = open_history(recorded.url)
    history.write(readings([DAY], [1.0]))

    history.flush(0, 1)

    assert history.waiting_rows == 0
    assert "older than InfluxDB keeps" in caplog.text


def test_two_readings_of_one_millisecond_are_two_points(
    recorded: Any, open_history: OpenHistory, readings: MakeBlock
) -> None:
    """They differ by `seq`, which is in the nanoseconds; as in the protocol's own description, all else is text."""
    recorded.answers["POST /api/v2/write"] = (204, "")
    history = open_history(recorded.url)

    history.write(readings([DAY, DAY], [1.0, 2.5]))
    history.flush(0, 1)

    assert recorded.asked[0][1].splitlines() == [
        f'rf-260,appliance=rf-260-01 seq=0,fw="1.0.0",power=1 {DAY}000000',
        f'rf-260,appliance=rf-260-01 seq=1,fw="1.0.0",power=2.5 {DAY}000001',
    ]


@dataclass
class Effects:
    """Keeps the position alone: these tests are about readings."""

    at: int = 0

    def position(self) -> int:
        return self.at

    def apply(self, findings: Sequence[Finding], dead_letters: Sequence[DeadLetter], position: int) -> None:
        self.at = position


class Messages:
    """A source whose messages are there already."""

    def __init__(self, messages: list[RawMessage]) -> None:
        self._messages = messages

    def connect(self) -> None:
        """Nothing to do."""

    def connected(self) -> bool:
        return True

    def take(self, timeout_s: float) -> list[tuple[RawMessage, Any]]:
        taken, self._messages = self._messages, []
        return [(message, None) for message in taken]

    def acknowledge(self, tokens: Any) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


def pipeline(folder: Path, history: influx.InfluxHistory, messages: list[RawMessage]) -> InProcessRuntime:
    profiles = load_profiles()
    return InProcessRuntime(
        source=Messages(messages),
        journal=SqliteJournal(folder / "journal.db"),
        ingest=Ingest(IngestSettings(), {name: profile.signals for name, profile in profiles.items()}),
        engine=Engine(profiles, RuleBook(RulesSettings()), lateness_ms=0, on_readings=history.write),
        effects=Effects(),
        history=history,
        snapshot_file=folder / "engine.snapshot",
        clock=SystemClock(),
        checkpoint_every_ms=10**9,
        permitted=lambda block: block,
        report=lambda progress: None,
    )


def test_the_pipeline_waits_for_a_stopped_server_and_loses_nothing(
    victoria: Any,
    open_history: OpenHistory,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its checkpoint, and so the journal's pruning, comes after history has everything."""
    monkeypatch.setattr("foremend.stores.patience.RETRY_S", 0.05)
    times = range(DAY, DAY + 30 * MINUTE, MINUTE)
    body = [{"ts": time, "seq": i, "signals": {"power": float(i)}} for i, time in enumerate(times)]
    message = RawMessage("dt/appliance/rf-260/rf-260-01/telemetry", orjson.dumps(body), DAY + 30 * MINUTE)
    runtime = pipeline(tmp_path, open_history(victoria.url), [message])
    runtime.recover()
    runtime.step()
    refused = threading.Event()
    caplog.set_level(logging.ERROR, "foremend.stores.patience")
    monkeypatch.setattr(caplog.handler, "emit", lambda record: refused.set())

    waiting = threading.Thread(target=runtime.checkpoint)
    waiting.start()
    assert refused.wait(PATIENCE_S)
    assert not (tmp_path / "engine.snapshot").exists()
    victoria.start()
    waiting.join(PATIENCE_S)

    assert (tmp_path / "engine.snapshot").exists()
    stored = victoria.export("rf-260_power")
    assert {time for _, time, _ in stored} == set(times[:-1])
