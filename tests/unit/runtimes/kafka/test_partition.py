"""What one partition does, without Kafka: the same after a crash, and never stopped by a bad record."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.queries import counts
from alerts.settings import AlertsSettings
from alerts.shared_status import Said, say
from alerts.vault import open_vault
from foremend.engine.engine import Engine, ReadingsListener
from foremend.engine.packing import pack, unpack
from foremend.history.parquet import ParquetHistory
from foremend.installation.erasing import workers_forgot
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.blocks import decode, encode
from foremend.runtimes.kafka.event_times import EventTimes
from foremend.runtimes.kafka.meter import Meter
from foremend.runtimes.kafka.partition import Keyed, PartitionRuntime, Record
from foremend.vocabulary.errors import IntegrityError, UnavailableError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Block, DeadLetter, Finding
from ingest.quarantine import Quarantine
from ingest.settings import IngestSettings
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

MODEL = "generic-compressor"
START = 20_000 * MS_PER_DAY
MINUTE = 60_000
A_RECORD = 20  # minutes
PROFILES = load_profiles()
RULES = RulesSettings.model_validate(
    {
        "book": [
            {
                "name": "overload",
                "fault": "overload",
                "when": {"signal": "power", "above": 1_000, "unit": "W"},
                "sustained_for": "2 h",
            }
        ]
    }
)


class Engines:
    """An engine by rules alone."""

    appliance_models: Collection[str] = (MODEL, "rf-260")

    def __init__(self, rules: RulesSettings = RULES) -> None:
        self._rules = RuleBook(rules)

    def __call__(self, key: str, on_readings: ReadingsListener) -> Keyed:
        engine = Engine(
            PROFILES, self._rules, lateness_ms=10 * MINUTE, on_readings=on_readings, everybody=f"*{key}"
        )
        return Keyed(engine, lambda now_ms: None)


class Reluctant:
    """Effects whose database is away for the first calls, then the real ones; counts what it is asked."""

    def __init__(self, real: Any, refusals: int = 0) -> None:
        self._real, self.refusals, self.calls = real, refusals, 0

    def position(self) -> int:
        return int(self._real.position())

    def apply(self, findings: Sequence[Finding], letters: Sequence[DeadLetter], position: int) -> None:
        self.calls += 1
        if self.refusals:
            self.refusals -= 1
            raise UnavailableError("the database is away")
        self._real.apply(findings, letters, position)


@pytest.fixture
def alerts(tmp_path: Path) -> Iterator[Alerts]:
    settings = AlertsSettings(
        database=f"sqlite:///{tmp_path}/foremend.db", key_file=tmp_path / "key", sms=None, push=None
    )
    vault = open_vault(settings, os.environ)
    opened = open_alerts(settings, SystemClock(), vault, {}, np.random.default_rng(0), {}, {})
    yield opened
    opened.close()


def partition(
    folder: Path,
    effects: Any,
    report: Any = lambda engines, status: None,
    rules: RulesSettings = RULES,
    **more: Any,
) -> PartitionRuntime:
    return PartitionRuntime(
        topic="blocks",
        engines=Engines(rules),
        effects=effects,
        history=ParquetHistory(folder / "history", "fleet-0"),
        permitted=lambda block: block,
        report=report,
        clock=SystemClock(),
        meter=Meter(),
        quarantine=Quarantine(),
        **more,
    )


def record(offset: int, appliance: str = "freezer-1", model: str = MODEL, group: int = 0) -> Record:
    """Twenty minutes of one appliance; from minute 600 on it draws too much."""
    minute = np.arange(offset * A_RECORD, (offset + 1) * A_RECORD)
    power = np.where(minute > 600, 2_000.0, 90.0 * (minute % 40 < 14))
    block = Block(
        model, (appliance,), np.zeros(A_RECORD, np.int32), START + minute * MINUTE, minute, {"power": power}, ("",)
    )  # fmt: skip
    return Record(offset, f"{model}/{group}".encode(), encode(block), START)


RECORDS = [record(offset) for offset in range(50)]


def stored(folder: Path) -> list[int]:
    history = ParquetHistory(folder / "history")
    return [int(time) for block in history.read(MODEL, START, START + MS_PER_DAY) for time in block.time]


@pytest.mark.parametrize("checkpoint_at", [10, 33, 40])
@pytest.mark.parametrize("crash_at", [40, 46])
def test_a_crash_after_a_checkpoint_repeats_no_effect_and_loses_none(
    tmp_path: Path, alerts: Alerts, checkpoint_at: int, crash_at: int
) -> None:
    """Whoever takes over goes on from the checkpoint: one finding, and each reading stored once."""
    effects = alerts.effects.of("fleet-0")
    first = partition(tmp_path, effects)
    first.restore(None)
    for one in RECORDS[:checkpoint_at]:
        first.process(one)
    saved = pack(first.checkpoint())
    for one in RECORDS[checkpoint_at:crash_at]:
        first.process(one)

    second = partition(tmp_path, effects)
    second.restore(unpack(saved))
    assert second.next_offset == checkpoint_at
    for one in RECORDS[checkpoint_at:]:
        second.process(one)
    second.checkpoint()

    assert counts(alerts.engine).findings == 1
    times = stored(tmp_path)
    assert len(times) == len(set(times)) == 1_000 - 11  # the last ten minutes are held for late ones
    assert second.totals.records == len(RECORDS)


def test_whatever_was_committed_only_rebuilds_state(tmp_path: Path, alerts: Alerts) -> None:
    """The same records again, from the beginning: not a word to the database before they are new."""
    effects = Reluctant(alerts.effects.of("fleet-0"))
    first = partition(tmp_path, effects)
    first.restore(None)
    for one in RECORDS[:40]:
        first.process(one)
    first.checkpoint()
    told = effects.calls

    second = partition(tmp_path, effects)
    second.restore(None)
    for one in RECORDS[:40]:
        second.process(one)

    assert effects.calls == told
    assert counts(alerts.engine).findings == 1


def test_blocks_that_lead_to_nothing_cost_no_transaction(tmp_path: Path, alerts: Alerts) -> None:
    """The position moves with the checkpoint."""
    effects = Reluctant(alerts.effects.of("fleet-0"))
    one = partition(tmp_path, effects)
    one.restore(None)

    for each in RECORDS[:20]:
        one.process(each)
    assert effects.calls == 0
    one.checkpoint()

    assert effects.position() == 20


GARBAGE = {
    "no arrow": Record(1, b"generic-compressor/0", b"\x00\xff garbage", 7),
    "no key": RECORDS[1]._replace(key=None),
    "no value": Record(1, b"generic-compressor/0", None, 7),
    "another model's key": RECORDS[1]._replace(key=b"rf-260/0"),
    "a key that is no text": RECORDS[1]._replace(key=b"\xff\xfe/0"),
    "a model without a profile": record(1, model="toaster-9"),
    "times of another age": record(10**9)._replace(offset=1),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_a_bad_record_becomes_a_dead_letter_and_the_partition_goes_on(
    kind: str, tmp_path: Path, alerts: Alerts
) -> None:
    """With its reason; what comes behind it is judged as ever."""
    one = partition(tmp_path, alerts.effects.of("fleet-0"))
    one.restore(None)

    letters = [one.process(each) for each in (RECORDS[0], GARBAGE[kind], RECORDS[2])]

    assert (letters[0], letters[2]) == ([], [])
    assert letters[1][0].reason
    assert (one.next_offset, one.totals.readings, one.totals.dead_letters) == (3, 2 * A_RECORD, 1)


def test_one_reading_of_another_age_does_not_take_its_neighbours_along(
    tmp_path: Path, alerts: Alerts
) -> None:
    """The others of its record are used, and the dead letter says how many were not."""
    block = decode(RECORDS[0].value or b"")
    block.time[3] = START - 800 * MS_PER_DAY
    one = partition(tmp_path, alerts.effects.of("fleet-0"), event_times=EventTimes.of(IngestSettings()))
    one.restore(None)

    (letter,) = one.process(RECORDS[0]._replace(value=encode(block)))

    assert one.totals.readings == A_RECORD - 1
    assert letter.reason.startswith(f"1 of {A_RECORD} readings are too old or ahead")


def test_a_database_that_is_away_is_waited_for(
    tmp_path: Path, alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finding comes when it is back, once."""
    monkeypatch.setattr("foremend.stores.patience.RETRY_S", 0.01)
    effects = Reluctant(alerts.effects.of("fleet-0"), refusals=3)
    one = partition(tmp_path, effects)
    one.restore(None)

    for each in RECORDS:
        one.process(each)

    assert effects.calls == 4
    assert counts(alerts.engine).findings == 1
    assert not one.waiting
    assert one.trouble is None


def test_who_lost_the_partition_waits_no_longer(tmp_path: Path, alerts: Alerts) -> None:
    """An abandoned partition lets go of its thread although the database never comes back."""
    one = partition(tmp_path, Reluctant(alerts.effects.of("fleet-0"), refusals=10**9))
    one.restore(None)
    one.abandon()

    with pytest.raises(UnavailableError, match="away"):
        list(map(one.process, RECORDS))


def test_each_key_has_an_engine_of_its_own(tmp_path: Path, alerts: Alerts) -> None:
    """Keys that share a partition never share a clock or siblings; both are in the checkpoint."""
    one = partition(tmp_path, alerts.effects.of("fleet-0"))
    one.restore(None)
    one.process(RECORDS[0])
    one.process(record(1, "freezer-2", group=1))
    one.process(record(2, "fridge-1", "rf-260"))

    again = partition(tmp_path, alerts.effects.of("fleet-0"))
    again.restore(unpack(pack(one.checkpoint())))

    assert set(again.engines) == {"generic-compressor/0", "generic-compressor/1", "rf-260/0"}
    assert again.engines["generic-compressor/1"].lanes[MODEL].ids == ["freezer-2"]
    assert again.counts() == one.counts()


def test_what_retention_removed_is_not_waited_for(tmp_path: Path, alerts: Alerts) -> None:
    """With a checkpoint older than the first record that is left, the partition goes on with that record."""
    one = partition(tmp_path, alerts.effects.of("fleet-0"))
    one.restore(None)
    one.process(RECORDS[0])

    again = partition(tmp_path, alerts.effects.of("fleet-0"))
    again.restore(unpack(pack(one.checkpoint())), first_offset=30)

    assert again.next_offset == 30


def test_state_of_a_model_whose_profile_is_gone_is_refused(tmp_path: Path, alerts: Alerts) -> None:
    """In a sentence that says what to do."""
    one = partition(tmp_path, alerts.effects.of("fleet-0"))
    one.restore(None)
    one.process(RECORDS[0])
    state = unpack(pack(one.checkpoint()))
    engine = state["engines"]["generic-compressor/0"]
    engine["toaster-9"] = engine.pop(MODEL)

    with pytest.raises(IntegrityError, match="no profile"):
        partition(tmp_path, alerts.effects.of("fleet-0")).restore(state)


def test_a_report_says_how_far_the_partition_is(tmp_path: Path, alerts: Alerts) -> None:
    """And what cannot be told now, since the database is away, stops nobody."""
    heard = []

    def hear(engines: Any, status: Any) -> None:
        heard.append(status)
        raise UnavailableError("the database is away")

    one = partition(tmp_path, alerts.effects.of("fleet-0"), hear)
    one.restore(None)
    one.process(RECORDS[0])
    one.checkpoint()

    one.report()

    assert (heard[0].messages, heard[0].readings, heard[0].position, heard[0].committed) == (
        1,
        A_RECORD,
        1,
        1,
    )


def test_the_log_says_how_many_are_heard_of_for_the_first_time(
    tmp_path: Path, alerts: Alerts, caplog: pytest.LogCaptureFixture
) -> None:
    """In a worker as in `run`: the first readings, then whoever is new, and nobody again after a takeover."""
    caplog.set_level(logging.INFO, "foremend.runtimes.arrivals")
    one = partition(tmp_path, alerts.effects.of("fleet-0"))
    one.restore(None)
    one.process(record(0))
    one.process(record(1, "freezer-2"))
    one.process(record(2))
    packed = pack(one.checkpoint())
    again = partition(tmp_path, alerts.effects.of("fleet-0"))
    again.restore(unpack(packed))
    again.process(record(3))

    assert caplog.messages == [
        f"the first readings are here: {A_RECORD} of {MODEL}",
        f"heard of for the first time: 1 of {MODEL}",
        f"heard of for the first time: 1 of {MODEL}",
        f"the first readings are here: {A_RECORD} of {MODEL}",
    ]


def test_a_checkpoint_forgets_whom_an_erasure_is_about_and_says_so_once_it_is_durable(
    tmp_path: Path, alerts: Alerts
) -> None:
    """No byte of it is in the packed state; others stay, and what comes of it afterwards is a stranger's."""
    alerts.owners.register_owners([Owner("owner-7", {})])
    alerts.owners.register_appliances([OwnedAppliance("freezer-1", "owner-7", MODEL)])
    runtime = partition(tmp_path, alerts.effects, erasures=alerts.erasures.pending)
    runtime.restore(None)
    for offset in range(20):
        runtime.process(record(offset, ("freezer-1", "freezer-2")[offset % 2]))
    before = pack(runtime.checkpoint())

    job = alerts.erasures.ask("owner-7", "case 7", 0, "test")
    after = pack(runtime.checkpoint())
    told_too_soon = runtime.status().forgot
    runtime.covered(runtime.next_offset)

    assert b"freezer-1" in before
    assert b"freezer-1" not in after
    assert b"freezer-2" in after
    assert told_too_soon == ()
    assert runtime.status().forgot == (job.id,)
    runtime.process(record(20))
    (engine,) = runtime.engines.values()
    assert engine.lanes[MODEL].ids == ["freezer-2", "freezer-1"]
    assert engine.lanes[MODEL].strangers().tolist() == [False, True]


def test_an_erasure_on_kafka_waits_for_every_partition(tmp_path: Path, alerts: Alerts) -> None:
    """Those whose worker wrote no checkpoint since are counted in the reason."""
    alerts.owners.register_owners([Owner("owner-7", {})])
    job = alerts.erasures.ask("owner-7", "case 7", 0, "test")
    say(alerts.engine, Said("fleet-0", {"forgot": [job.id]}, 1), [])
    say(alerts.engine, Said("fleet-1", {}, 1), [])

    with pytest.raises(UnavailableError, match="1 of 2 partitions have no checkpoint"):
        workers_forgot(alerts.engine, ("fleet-0", "fleet-1"), job)
    say(alerts.engine, Said("fleet-1", {"forgot": ["er-before", job.id]}, 2), [])

    workers_forgot(alerts.engine, ("fleet-0", "fleet-1"), job)
