"""Mistakes of ours at every stage of a real pipeline: the message to blame is set aside, and all else is as ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from sqlalchemy import select

from alerts.database import reading
from alerts.desk import Alerts
from alerts.effects import DatabaseEffects
from alerts.queries import counts
from alerts.tables import DeadLetterRow
from foremend.engine.engine import Engine
from foremend.engine.lane import Lane
from foremend.engine.packing import pack
from foremend.history.parquet import ParquetHistory
from foremend.runtimes import inprocess
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.runtimes.rescue import MANY_TOPICS, MOST_IN_A_ROW, NOT_TRIED
from foremend.stores.journal import SqliteJournal
from foremend.vocabulary.errors import DefectError
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, RawMessage
from ingest import decode
from ingest.batch import Waiting
from ingest.decode import Ingest
from ingest.payloads import PlainPayloads
from ingest.quarantine import INTERNAL_ERROR
from ingest.reorder import Reorder
from rules.evaluator import RuleState
from rules.question import Question
from tests.injection import raise_for
from tests.integration.runtime.test_inprocess import (
    MINUTE,
    MODEL,
    OPENED,
    START,
    ListSource,
    desk,
    drain,
    runtime,
)

MARK = 666.0  # W
LONG = 600  # minutes: long enough for a finding
FLEET = ("freezer-1", "freezer-2", "freezer-3")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Every desk that a test opened."""
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/foremend.db"


def message(appliance: str, minute: float, watts: float) -> RawMessage:
    time = START + int(minute * MINUTE)
    body = {"ts": time, "seq": int(10 * minute), "signals": {"power": watts}}
    return RawMessage(f"dt/appliance/{MODEL}/{appliance}/telemetry", orjson.dumps(body), time)


def story(minutes: int, bad: Sequence[tuple[str, int]] = (), every: int = 1) -> list[RawMessage]:
    """A fleet of three; the first one draws too much from minute 300 on. `bad` (appliance, minute) have the mark."""
    return [
        message(one, minute, MARK if (one, minute) in bad else watts(one, minute))
        for minute in range(0, minutes, every)
        for one in FLEET
    ]


def watts(appliance: str, minute: int) -> float:
    return 2_000.0 if appliance == FLEET[0] and minute > 300 else 90.0 * (minute % 40 < 14)


def is_bad(said: RawMessage) -> bool:
    return b"666.0" in said.payload


def letters(alerts: Alerts) -> list[tuple[bytes, str]]:
    with reading(alerts.engine) as session:
        return sorted((row.payload, row.reason) for row in session.scalars(select(DeadLetterRow)))


def state(one: InProcessRuntime) -> bytes:
    """All that is known of the fleet; rooms that nobody is in hold what was there before, and are left out."""
    snapshot = one._engine.snapshot()
    waiting = snapshot[MODEL]["lane"]["stream"]["waiting"]
    waiting["values"] = waiting["values"].shape
    return bytes(pack(snapshot))


def stored(folder: Path) -> list[tuple[str, int]]:
    blocks = ParquetHistory(folder / "history").read(MODEL, START, START + 30 * MS_PER_DAY)
    return sorted(
        (block.appliance_ids[row], int(time))
        for block in blocks
        for row, time in zip(block.appliance, block.time, strict=True)
    )


def recovered(one: InProcessRuntime) -> None:
    one.recover()
    drain(one)


def run_through(one: InProcessRuntime) -> None:
    recovered(one)
    one.checkpoint()


def lived(folder: Path, messages: Sequence[RawMessage], database: str) -> tuple[InProcessRuntime, Alerts]:
    """A pipeline that took all of `messages`, with a last checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    alerts = desk(folder, database)
    one = runtime(folder, ListSource(messages), alerts.effects)
    one.recover()
    drain(one)
    one.checkpoint()
    return one, alerts


def waits(_payloads: object, waiting: Waiting, *_: object) -> bool:
    return any(b"666.0" in one for one in waiting.payloads)


STAGES: dict[str, Sequence[tuple[Any, str, Callable[..., bool]]]] = {
    "decode": [(PlainPayloads, "read", waits), (decode, "check_single", waits)],
    "blocks": [(decode.Columns, "block", lambda columns, *_: bool((columns.values == MARK).any()))],
    "engine": [(Lane, "push", lambda _lane, block: bool((block.signals["power"] == MARK).any()))],
    "reorder": [(Reorder, "push", lambda _self, _a, _t, _s, values: bool((values == MARK).any()))],
}
"""Where the marked message itself raises."""


def inject(patch: pytest.MonkeyPatch, stage: str, error: Exception) -> None:
    patch.setattr(decode, "WORTH_BYTES", 0)
    for where, name, found in STAGES[stage]:
        patch.setattr(where, name, raise_for(found, getattr(where, name), error))


@pytest.mark.parametrize("stage", STAGES)
def test_what_raises_is_set_aside_and_all_else_is_as_if_it_had_not_been_sent(
    tmp_path: Path, database: str, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, stored and judged; a message in the middle, the first and the last of a take, two together."""
    bad = [("freezer-2", 13), ("freezer-3", 13), ("freezer-2", 160), ("freezer-1", 299), ("freezer-1", 0)]
    sent = story(LONG, bad)
    good = [one for one in sent if not is_bad(one)]
    undisturbed, _ = lived(tmp_path / "undisturbed", good, f"sqlite:///{tmp_path}/undisturbed.db")
    inject(monkeypatch, stage, ZeroDivisionError("by the mark"))

    one, alerts = lived(tmp_path, sent, database)

    assert [payload for payload, _ in letters(alerts)] == sorted(m.payload for m in sent if is_bad(m))
    assert all(reason.startswith(INTERNAL_ERROR) for _, reason in letters(alerts))
    assert all("ZeroDivisionError" in reason for _, reason in letters(alerts))
    assert counts(alerts.engine).findings == 1
    assert (one.progress.messages, one.progress.dead_letters) == (len(sent), len(bad))
    assert one.progress.readings == len(good)
    assert stored(tmp_path) == stored(tmp_path / "undisturbed")
    assert state(one) == state(undisturbed)


@pytest.mark.parametrize("stage", STAGES)
def test_poison_in_the_journal_s_tail_is_no_crash_loop(
    tmp_path: Path, sqlite: str, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with it in the journal and not judged: the start sets it aside, and goes on."""
    sent = story(60, [("freezer-2", 30)])
    alerts = desk(tmp_path, sqlite)
    SqliteJournal(tmp_path / "journal.db").append(sent)
    inject(monkeypatch, stage, ZeroDivisionError("by the mark"))

    one = runtime(tmp_path, ListSource([]), alerts.effects)
    one.recover()
    drain(one)

    assert one.progress.readings == len(sent) - 1
    assert len(letters(alerts)) == 1


HALFWAY: dict[str, tuple[Any, str, int]] = {
    "decode": (Ingest, "decode", 20),
    "reorder": (Reorder, "push", 20),
    "engine": (Engine, "process", 20),
    "rules": (RuleState, "evaluate", 5),
    "history": (ParquetHistory, "write", 20),
    "effects": (DatabaseEffects, "apply", 20),
    "flush": (ParquetHistory, "flush", 1),
}
"""A part of each stage, and at which of its calls the machine fails."""


@pytest.mark.parametrize("stage", HALFWAY)
def test_an_error_that_no_message_is_to_blame_for_stores_no_half_advanced_state(
    tmp_path: Path, sqlite: str, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends; its last checkpoint is none; the restart counts, stores and judges as if nothing had been."""
    sent = story(LONG)
    undisturbed, _ = lived(tmp_path / "undisturbed", sent, f"sqlite:///{tmp_path}/undisturbed.db")
    alerts = desk(tmp_path, sqlite)
    source = ListSource(sent)
    where, name, calls = HALFWAY[stage]
    left = iter(range(calls - 1, -10_000, -1))
    with monkeypatch.context() as patch:
        broken = raise_for(lambda *_, **__: next(left) == 0, getattr(where, name), MemoryError())
        patch.setattr(where, name, broken)
        first = runtime(tmp_path, source, alerts.effects)
        with pytest.raises(MemoryError):
            run_through(first)
        first.checkpoint()

    second = runtime(tmp_path, source, alerts.effects)
    second.recover()
    drain(second)
    second.checkpoint()

    assert letters(alerts) == []
    assert counts(alerts.engine).findings == 1
    assert second.progress == undisturbed.progress
    assert stored(tmp_path) == stored(tmp_path / "undisturbed")
    assert state(second) == state(undisturbed)


def test_effects_that_raise_for_one_appliance_hold_up_nobody_else(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its finding comes again with each of its messages: three are tried, the others are kept untried."""
    sent = [
        message(one, minute, watts(FLEET[0] if one == "freezer-3" else one, minute))
        for minute in range(LONG)
        for one in FLEET
    ]
    alerts = desk(tmp_path, sqlite)
    real = type(alerts.effects).apply

    def raising(effects: Any, findings: Any, dead_letters: Any, position: int) -> None:
        if any(finding.appliance_id == "freezer-3" for finding in findings):
            raise ZeroDivisionError("by the mark")
        real(effects, findings, dead_letters, position)

    monkeypatch.setattr(type(alerts.effects), "apply", raising)
    one = runtime(tmp_path, ListSource(sent), alerts.effects)
    one.recover()
    drain(one)

    told = letters(alerts)
    assert counts(alerts.engine).findings == 1
    assert all(b"666" not in payload for payload, _ in told)
    assert 3 <= sum(reason != NOT_TRIED for _, reason in told) <= 3 * (LONG // 60)
    assert one.progress.readings == len(sent) - len(told)
    assert 3 < len(told) < 200


def test_rules_that_raise_for_one_appliance_hold_up_nobody_else(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour of it cannot be judged; the others' hours are."""
    sent = story(240)

    def found(_rules: Any, asked: Question) -> bool:
        return asked.kind == "hour" and any(asked.ids[row] == "freezer-3" for row in asked.rows.appliance)

    monkeypatch.setattr(RuleState, "evaluate", raise_for(found, RuleState.evaluate, KeyError("by the mark")))

    one, alerts = lived(tmp_path, sent, sqlite)

    told = letters(alerts)
    assert told
    assert sum(reason != NOT_TRIED for _, reason in told) <= 3 * (240 // 60)
    assert one.progress.readings == len(sent) - len(told)
    assert one.progress.messages == len(sent)


def test_history_that_cannot_be_written_because_of_a_reading_sets_aside_what_brings_it(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found among everything since the last checkpoint, as only the flush raises."""
    sent = story(120)
    late = message("freezer-2", 5.5, MARK)  # too late to be used: stored at once
    sent.insert(200, late)
    real = ParquetHistory._store

    def raising(history: Any, name: str, forgotten: Any) -> None:
        if any((table["power"].to_numpy() == MARK).any() for _, _, table in history._waiting.by_day()):
            raise ZeroDivisionError("by the mark")
        real(history, name, forgotten)

    monkeypatch.setattr(ParquetHistory, "_store", raising)

    one, alerts = lived(tmp_path, sent, sqlite)

    assert [payload for payload, _ in letters(alerts)] == [late.payload]
    assert one.progress.readings == len(sent) - 1
    assert len(stored(tmp_path)) == len(set(stored(tmp_path))) == len(sent) - 1 - 11 * len(FLEET)


def test_a_day_that_cannot_be_judged_is_left_out_and_every_message_is_used(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends the first reading behind midnight is not to blame."""
    sent = story(4 * 24 * 60, every=10)
    day = START + 2 * MS_PER_DAY

    def found(_engine: Any, _lane: Any, _rules: Any, ended: Any) -> bool:
        return bool((ended.plain.time == day).any())

    monkeypatch.setattr(Engine, "_judge_day", raise_for(found, Engine._judge_day, ZeroDivisionError()))

    one, alerts = lived(tmp_path, sent, sqlite)

    assert letters(alerts) == []
    assert one.progress.readings == len(sent)
    assert one.days_left_out() == 1
    assert one._ingest.quarantine.counts["day"] == 1
    assert len(stored(tmp_path)) == len(sent) - 2 * len(FLEET)


def test_a_flood_of_poison_from_one_topic_costs_three_searches(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it is kept, the others' messages are used, and after an hour the topic is tried again."""
    flood = [message("freezer-9", minute % 8, MARK + 0.0) for minute in range(400)]
    flood = [
        RawMessage(one.topic, one.payload.replace(b"666.0", b"666.0" + b"0" * n), one.received)
        for n, one in enumerate(flood)
    ]
    good = story(100)
    later = message("freezer-9", 100, 90.0)
    sent = [*good[:100], *flood, *good[100:], later]
    inject(monkeypatch, "engine", ZeroDivisionError("by the mark"))
    searches: list[int] = []
    real = InProcessRuntime.put_aside
    monkeypatch.setattr(
        InProcessRuntime, "put_aside", lambda self, error: searches.append(1) or real(self, error)
    )

    one, alerts = lived(tmp_path, sent, sqlite)

    assert len(searches) == 3
    assert one.progress.dead_letters == len(flood)
    assert len(letters(alerts)) == 100  # of one topic and kind of reason no more are kept in an hour
    assert one.progress.readings == len(good) + 1


def test_where_nothing_goes_through_the_pipeline_ends_and_a_mended_one_goes_on(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No fleet becomes dead letters because of a version that can take nothing; another start changes nothing."""
    sent = [message(f"freezer-{n}", n, MARK) for n in range(100)]
    alerts = desk(tmp_path, sqlite)
    source = ListSource(sent)
    with monkeypatch.context() as patch:
        inject(patch, "engine", ZeroDivisionError("by the mark"))
        for _ in range(3):
            one = runtime(tmp_path, source, alerts.effects)
            with pytest.raises(DefectError, match="in a row") as ended:
                recovered(one)
            one.checkpoint()
        assert ended.value.exit_code == 1
    assert len(letters(alerts)) == MOST_IN_A_ROW >= MANY_TOPICS

    mended = runtime(tmp_path, source, alerts.effects)
    mended.recover()
    drain(mended)

    assert mended.progress.readings == len(sent) - MOST_IN_A_ROW


def test_what_raises_beside_the_stream_stops_nothing(
    tmp_path: Path, sqlite: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A promotion that cannot be taken up, or progress that cannot be told: one traceback, no more."""
    alerts = desk(tmp_path, sqlite)
    one = runtime(tmp_path, ListSource(story(60)), alerts.effects)

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    one._follow, one._report = broken, broken
    one.recover()
    drain(one)

    assert one.progress.readings == 180
    assert len([record for record in caplog.records if "ZeroDivisionError" in record.message]) == 1


def test_a_kill_while_poison_is_searched_for_repeats_no_effect(
    tmp_path: Path, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every checkpoint of the search: one dead letter, each reading once."""
    sent = story(LONG, [("freezer-2", 160)])
    good = [one for one in sent if not is_bad(one)]
    undisturbed, _ = lived(tmp_path / "undisturbed", good, f"sqlite:///{tmp_path}/undisturbed.db")
    inject(monkeypatch, "engine", ZeroDivisionError("by the mark"))
    alerts, source = desk(tmp_path, sqlite), ListSource(sent)
    real = inprocess.save_snapshot
    saved: list[int] = []

    def dying(*given: Any) -> None:
        saved.append(1)
        if len(saved) % 2:
            raise KeyboardInterrupt
        real(*given)

    monkeypatch.setattr(inprocess, "save_snapshot", dying)
    for _ in range(40):
        one = runtime(tmp_path, source, alerts.effects)
        try:
            one.recover()
            drain(one)
            one.checkpoint()
            break
        except KeyboardInterrupt:
            continue

    assert len(saved) > 6
    assert len(letters(alerts)) == 1
    assert counts(alerts.engine).findings == 1
    assert stored(tmp_path) == stored(tmp_path / "undisturbed")
    assert one.progress.readings == undisturbed.progress.readings
    assert np.array_equal(state(one), state(undisturbed))


assert MS_PER_HOUR > 8 * MINUTE  # the flood is within one hold
