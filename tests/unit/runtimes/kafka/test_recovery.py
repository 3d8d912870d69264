"""Mistakes of ours in a partition: the appliance to blame is set aside, and all else is as if it had not spoken.

A real partition with a real database and history; what Kafka keeps is a list here. `tests/integration/kafka` has Kafka.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerts.desk import Alerts
from alerts.effects import DatabaseEffects
from alerts.queries import counts
from foremend.engine.engine import Engine
from foremend.engine.lane import Lane
from foremend.engine.packing import pack, unpack
from foremend.history.parquet import ParquetHistory
from foremend.runtimes.kafka import partition as partition_module
from foremend.runtimes.kafka.blocks import decode, encode
from foremend.runtimes.kafka.partition import PartitionRuntime, Record
from foremend.runtimes.kafka.recovery import recover
from foremend.runtimes.kafka.suspects import only
from foremend.runtimes.rescue import MOST_IN_A_ROW, NOT_TRIED
from foremend.vocabulary.errors import DefectError
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block, DeadLetter
from ingest.quarantine import INTERNAL_ERROR
from ingest.reorder import Reorder
from rules.evaluator import RuleState
from rules.question import Question
from rules.settings import RulesSettings
from tests.injection import raise_for
from tests.unit.runtimes.kafka.test_partition import MINUTE, MODEL, RULES, START, alerts, partition

MARK = 666.0  # W
A_RECORD = 20  # minutes
FLEET = ("freezer-1", "freezer-2", "freezer-3")
__all__ = ["alerts"]


class Log:
    """The records of a partition, its last checkpoint, and its dead letters."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.all = list(records)
        self.packed: bytes | None = None
        self.covered = 0
        self.waiting: list[DeadLetter] = []
        self.letters: list[DeadLetter] = []
        self.runtime: PartitionRuntime | None = None  # that works on it

    async def saved(self) -> tuple[memoryview | None, int]:
        self.waiting.clear()
        return None if self.packed is None else memoryview(bytearray(self.packed)), 0

    async def records(self, first: int, up_to: int) -> AsyncGenerator[Sequence[Record], None]:
        for start in range(first, up_to, 7):
            yield self.all[start : min(start + 7, up_to)]

    def put(self, letters: Sequence[DeadLetter]) -> None:
        self.waiting += letters

    async def keep(self, packed: bytearray, next_offset: int) -> None:
        self.letters += self.waiting
        self.waiting.clear()
        self.packed, self.covered = bytes(packed), next_offset
        assert self.runtime is not None
        self.runtime.covered(next_offset)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One that runs beside, as the worker's does."""
    one = asyncio.new_event_loop()
    thread = threading.Thread(target=one.run_forever)
    thread.start()
    yield one
    one.call_soon_threadsafe(one.stop)
    thread.join()
    one.close()


def block(offset: int, bad: Sequence[tuple[str, int]] = (), fleet: Sequence[str] = FLEET) -> Block:
    """Twenty minutes of a fleet, minute by minute; the first one draws too much from minute 600 on."""
    minute = np.repeat(np.arange(offset * A_RECORD, (offset + 1) * A_RECORD), len(fleet))
    who = np.tile(np.arange(len(fleet), dtype=np.int32), A_RECORD)
    power = np.where((who == 0) & (minute > 600), 2_000.0, 90.0 * (minute % 40 < 14))
    for one, at in bad:
        power[(who == fleet.index(one)) & (minute == at)] = MARK
    return Block(
        MODEL, tuple(fleet), who, START + minute * MINUTE, minute, {"power": power}, ("",) * len(fleet)
    )


def as_records(blocks: Sequence[Block]) -> list[Record]:
    return [
        Record(n, f"{MODEL}/0".encode(), encode(one), START + n * A_RECORD * MINUTE) for n, one in enumerate(blocks)
    ]  # fmt: skip


def worked_on(
    folder: Path,
    effects: Any,
    log: Log,
    loop: asyncio.AbstractEventLoop,
    every: int = 10,
    rules: RulesSettings = RULES,
) -> PartitionRuntime:
    """From the last checkpoint on through all records, as a worker does, with a checkpoint now and then."""
    one = log.runtime = partition(folder, effects, rules=rules)
    one.restore(None if log.packed is None else unpack(bytearray(log.packed)))
    log.waiting.clear()
    ask = asyncio.run_coroutine_threadsafe
    while one.next_offset < len(log.all):
        before = one.next_offset
        try:
            log.put(one.process(log.all[before]))
        except Exception as error:  # noqa: BLE001
            recover(one, log, loop, one._quarantine, error, before, before + 1)
        if one.next_offset % every == 0 or one.next_offset == len(log.all):
            try:
                packed = pack(one.checkpoint())
            except Exception as error:  # noqa: BLE001
                recover(one, log, loop, one._quarantine, error, log.covered, one.next_offset)
            else:
                ask(log.keep(packed, one.next_offset), loop).result()
    return one


def state(one: PartitionRuntime) -> bytes:
    """All that is known; rooms that nobody is in hold what was there before, and are left out."""
    engines = {}
    for key, engine in one.engines.items():
        snapshot = engine.snapshot()
        waiting = snapshot[MODEL]["lane"]["stream"]["waiting"]
        waiting["values"] = waiting["values"].shape
        engines[key] = snapshot
    return bytes(pack(engines))


def stored(folder: Path) -> list[tuple[str, int]]:
    return sorted(
        (found.appliance_ids[row], int(time))
        for found in ParquetHistory(folder / "history").read(MODEL, START, START + 30 * MS_PER_DAY)
        for row, time in zip(found.appliance, found.time, strict=True)
    )


def waits_marked(history: Any, *_: Any) -> bool:
    return any((table["power"].to_numpy() == MARK).any() for _, _, table in history._waiting.by_day())


STAGES: dict[str, tuple[Any, str, Callable[..., bool]]] = {
    "engine": (Lane, "push", lambda _lane, some: bool((some.signals["power"] == MARK).any())),
    "reorder": (Reorder, "push", lambda _self, _a, _t, _s, values: bool((values == MARK).any())),
}  # fmt: skip
"""Where the marked reading itself raises."""


def inject(patch: pytest.MonkeyPatch, stage: str) -> None:
    where, name, found = STAGES[stage]
    patch.setattr(where, name, raise_for(found, getattr(where, name), ZeroDivisionError("by the mark")))


BAD = {13: ("freezer-2", "freezer-3"), 0: ("freezer-1",), 29: ("freezer-1",), 49: ("freezer-2",)}
"""Who has a marked reading, by record."""


def marked() -> tuple[list[Block], list[Block]]:
    """A story with marked readings, and the same without what those appliances said in those records."""
    blocks = [block(n, [(one, n * A_RECORD + 7) for one in BAD.get(n, ())]) for n in range(50)]
    good = [only(one, set(FLEET) - set(BAD.get(n, ()))) for n, one in enumerate(blocks)]
    return blocks, good


@pytest.mark.parametrize("stage", STAGES)
def test_who_raises_is_set_aside_and_all_else_is_as_if_it_had_not_spoken(
    stage: str, tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, stored and judged: those of the same record, too."""
    blocks, good = marked()
    undisturbed = worked_on(tmp_path / "undisturbed", alerts.effects.of("other"), Log(as_records(good)), loop)
    before = counts(alerts.engine).findings
    inject(monkeypatch, stage)
    log = Log(as_records(blocks))

    one = worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop)

    assert [letter.topic.split("/")[3] for letter in log.letters] == [
        name for n in sorted(BAD) for name in BAD[n]
    ]
    assert all(letter.reason.startswith(f"{INTERNAL_ERROR} (engine: ZeroDivision") for letter in log.letters)
    assert before == counts(alerts.engine).findings == 1
    assert one.totals.readings == undisturbed.totals.readings == 50 * 60 - 5 * A_RECORD
    assert (one.totals.records, one.totals.dead_letters) == (50, 5)
    assert stored(tmp_path) == stored(tmp_path / "undisturbed")
    assert state(one) == state(undisturbed)


def test_a_kill_at_any_checkpoint_of_the_search_repeats_no_effect(
    tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next worker finds it again; dead letters are of the same ids."""
    blocks, good = marked()
    undisturbed = worked_on(tmp_path / "undisturbed", alerts.effects.of("other"), Log(as_records(good)), loop)
    inject(monkeypatch, "engine")
    log = Log(as_records(blocks))
    real_keep = log.keep
    monkeypatch.setattr(log, "keep", _dying(real_keep))

    for _ in range(60):
        with suppress(_KilledError):
            one = worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop)
            break

    assert log.covered == 50
    assert len({(letter.topic, letter.payload, letter.reason) for letter in log.letters}) == 5
    assert counts(alerts.engine).findings == 1
    assert one.totals.readings == undisturbed.totals.readings
    assert stored(tmp_path) == stored(tmp_path / "undisturbed")
    assert state(one) == state(undisturbed)


class _KilledError(BaseException):
    pass


def _dying(real: Callable[..., Any]) -> Callable[..., Any]:
    calls: list[int] = []

    async def keep(*given: Any) -> None:
        calls.append(1)
        if len(calls) % 2:
            raise _KilledError
        await real(*given)

    return keep


def test_effects_and_rules_that_raise_for_one_appliance_hold_up_nobody_else(
    tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their records are used without it, and after three tries it is not tried for an hour."""
    blocks = [block(n, fleet=("freezer-1", "freezer-2", "freezer-3")) for n in range(50)]
    for one in blocks:
        one.signals["power"][(one.appliance == 2) & (one.seq > 600)] = 2_000.0
    real = DatabaseEffects.apply

    def raising(effects: Any, findings: Any, letters: Any, position: int) -> None:
        if any(finding.appliance_id == "freezer-3" for finding in findings):
            raise ZeroDivisionError("by the mark")
        real(effects, findings, letters, position)

    def found(_rules: Any, asked: Question) -> bool:
        return asked.kind == "hour" and any(asked.ids[row] == "freezer-2" for row in asked.rows.appliance)

    monkeypatch.setattr(DatabaseEffects, "apply", raising)
    monkeypatch.setattr(RuleState, "evaluate", raise_for(found, RuleState.evaluate, KeyError("by the mark")))
    log = Log([one._replace(received=START) for one in as_records(blocks)])

    one = worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop)

    assert counts(alerts.engine).findings == 1
    assert sum(letter.reason != NOT_TRIED for letter in log.letters) == 6
    assert {letter.topic.split("/")[3] for letter in log.letters} == {"freezer-2", "freezer-3"}
    assert {letter.reason.split("(")[1].split(":")[0] for letter in log.letters if letter.reason != NOT_TRIED} == {
        "effects", "engine"
    }  # fmt: skip
    assert one.totals.readings == 50 * 60 - sum(letter.payload.count(b'"ts"') for letter in log.letters)
    assert sum(time < START + 600 * MINUTE for name, time in stored(tmp_path) if name == "freezer-1") == 600


def test_a_flood_of_poison_from_one_appliance_costs_three_searches(
    tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In short records, three within ten minutes: all others are kept untried, until the hour is over."""
    blocks = [block(n, [("freezer-2", n * A_RECORD)] if n < 40 else ()) for n in range(45)]
    records = [
        one._replace(received=START + (n if n < 40 else MS_PER_HOUR + n))
        for n, one in enumerate(as_records(blocks))
    ]
    inject(monkeypatch, "engine")
    searches: list[int] = []
    real = PartitionRuntime.suspects
    monkeypatch.setattr(
        PartitionRuntime, "suspects", lambda self, record: searches.append(1) or real(self, record)
    )
    log = Log(records)

    one = worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop)

    assert len(searches) == 3
    assert [letter.reason == NOT_TRIED for letter in log.letters] == [False] * 3 + [True] * 37
    assert one.totals.readings == 45 * 60 - 40 * A_RECORD


def test_a_record_that_cannot_even_be_read_is_set_aside_whole(
    tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it came, so that it can be written again after the mend."""
    blocks, _ = marked()
    monkeypatch.setattr(
        partition_module, "decode",
        raise_for(lambda value: bool((decode(value).signals["power"] == MARK).any()), decode, KeyError("mark")),
    )  # fmt: skip
    log = Log(as_records(blocks))

    one = worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop)

    assert [letter.payload for letter in log.letters] == [log.all[n].value for n in sorted(BAD)]
    assert one.totals.readings == 50 * 60 - len(BAD) * 60


def test_history_that_cannot_be_written_because_of_a_reading_sets_its_appliance_aside(
    tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found among everything since the last checkpoint, as only the flush raises."""
    late = block(0, [("freezer-2", 5)])
    late = late.take(late.seq == 5)
    late.time[:] += 30_000  # too late to be used: stored at once
    blocks = [block(n) for n in range(9)] + [late] + [block(n) for n in range(9, 20)]
    monkeypatch.setattr(
        ParquetHistory, "_store", raise_for_before(waits_marked, ParquetHistory._store, ZeroDivisionError())
    )
    log = Log(as_records(blocks))

    one = worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop)

    assert [letter.topic.split("/")[3] for letter in log.letters] == ["freezer-2"]
    assert log.letters[0].reason.startswith(f"{INTERNAL_ERROR} (history")
    assert one.totals.readings == 20 * 60 + 2
    times = stored(tmp_path)
    assert len(times) == len(set(times)) == 20 * 60 - 11 * len(FLEET) + 2


def raise_for_before(
    found: Callable[..., bool], real: Callable[..., Any], error: Exception
) -> Callable[..., Any]:
    def wrapped(*given: Any) -> Any:
        if found(*given):
            raise error
        return real(*given)

    return wrapped


def test_a_day_that_cannot_be_judged_is_left_out_and_every_record_is_used(
    tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends the first reading behind midnight is not to blame, even where somebody else is."""
    blocks = [block(n) for n in range(3 * 72)]
    day = START + MS_PER_DAY
    bad = next(n for n in range(len(blocks)) if (blocks[n].time > day + MS_PER_DAY + 11 * MINUTE).any())
    blocks[bad] = block(bad, [("freezer-2", bad * A_RECORD + 15)])
    inject(monkeypatch, "engine")

    def found(_engine: Any, _lane: Any, _rules: Any, ended: Any) -> bool:
        return bool((ended.plain.time == day).any())

    monkeypatch.setattr(Engine, "_judge_day", raise_for(found, Engine._judge_day, ZeroDivisionError()))
    log = Log(as_records(blocks))

    one = worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop, every=50)

    assert len(log.letters) <= 1
    assert one.totals.readings == len(blocks) * 60 - len(log.letters) * A_RECORD
    assert one.days_left_out >= 1
    assert one._quarantine.counts["day"] == 1


def test_where_nothing_goes_through_the_worker_ends_and_a_mended_one_goes_on(
    tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No fleet becomes dead letters because of a version that can take nothing; another start changes nothing."""
    fleet = [f"freezer-{n}" for n in range(100)]
    records = as_records([block(n, [(one, n * A_RECORD) for one in fleet], fleet) for n in range(3)])
    log = Log(records)
    with monkeypatch.context() as patch:
        inject(patch, "engine")
        for _ in range(2):
            with pytest.raises(DefectError, match=f"{MOST_IN_A_ROW} messages in a row"):
                worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop)
        assert (log.letters, log.covered) == ([], 0)

    mended = worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop)

    assert mended.totals.readings == 3 * 100 * A_RECORD


@pytest.mark.parametrize("where", ["process", "restore"])
def test_half_of_a_step_is_never_written(
    where: str, tmp_path: Path, alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that ends in the middle of a record, or of a state that is taken over: no checkpoint has half of it."""
    one = partition(tmp_path, alerts.effects.of("fleet-0"))
    one.restore(None)
    one.process(as_records([block(0)])[0])
    packed = pack(one.checkpoint())
    monkeypatch.setattr(
        Engine, where, raise_for(lambda *_, **__: True, getattr(Engine, where), MemoryError())
    )

    acts = {
        "process": lambda: one.process(as_records([block(0), block(1)])[1]),
        "restore": lambda: one.restore(unpack(packed)),
    }

    with pytest.raises(MemoryError):
        acts[where]()

    assert not one.whole


def test_what_raises_beside_the_stream_stops_nothing(
    tmp_path: Path, alerts: Alerts, caplog: pytest.LogCaptureFixture
) -> None:
    """Progress that cannot be told: one traceback, no more."""

    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    one = partition(tmp_path, alerts.effects.of("fleet-0"), broken)
    one.restore(None)

    one.report()
    one.report()

    assert len([record for record in caplog.records if "ZeroDivisionError" in record.message]) == 1
