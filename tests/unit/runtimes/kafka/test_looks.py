"""Looks at the clock: when a gateway writes them, what a partition makes of them, and that a bad one stops nobody."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.desk import Alerts
from alerts.effects import DatabaseEffects
from alerts.queries import findings as told
from foremend.config import Settings
from foremend.engine.packing import pack, unpack
from foremend.engine.silence import APART_MS, STEP_MS, FleetClock, Silence
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.blocks import decode, encode
from foremend.runtimes.kafka.gateway import Gateway
from foremend.runtimes.kafka.hearing import Hearing
from foremend.runtimes.kafka.looks import CAUGHT_UP, EVERY_MS, KEY, Look, Looks
from foremend.runtimes.kafka.meter import Meter
from foremend.runtimes.kafka.partition import PartitionRuntime, Record
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block, Finding
from ingest.decode import Ingest
from ingest.quarantine import Quarantine
from rules.settings import RulesSettings
from tests.injection import raise_for
from tests.unit.runtimes.kafka.test_gateway import Silent
from tests.unit.runtimes.kafka.test_partition import MINUTE, MODEL, START, Engines, alerts
from tests.unit.runtimes.kafka.test_recovery import Log, loop, worked_on

__all__ = ["alerts", "loop"]

WALL = START + 400 * MS_PER_DAY
RULE = {"name": "no-data", "fault": "silent", "when": {"silent_for": "2 h"}}
RULES = RulesSettings.model_validate({"book": [RULE]})
FLEETS = {
    f"{MODEL}/0": tuple(f"freezer-{n:02}" for n in range(12)),
    f"{MODEL}/3": tuple(f"cooler-{n:02}" for n in range(11)),
    "rf-260/0": ("lonely",),
}
"""By record key; the first two are each enough for a silence of many."""


class Wall:
    """A wall clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = WALL

    def now_ms(self) -> int:
        return self.now


def test_a_gateway_looks_at_most_once_a_minute_and_only_while_it_hears() -> None:
    """One that comes back looks at once, unless it looked within the minute; a clock set back is looked at, too."""
    wall = Wall()
    looks = Looks(wall)
    looked = []
    minute, hour = EVERY_MS, MS_PER_HOUR
    for after, connected in [
        (0, False), (1, True), (minute // 2, True), (minute, True), (5 * minute, False), (10, True), (-hour, True),
    ]:  # fmt: skip
        wall.now += after
        looked.append(looks.due(connected=connected, caught_up=False))

    walls = [look.wall - WALL for look in looked if look is not None]
    assert [look is not None for look in looked] == [False, True, False, True, False, True, True]
    assert walls == [1, 90_001, 390_011, 390_011 - MS_PER_HOUR]


@pytest.mark.parametrize(("caught_up", "value"), [(True, CAUGHT_UP), (False, b"")])
def test_a_look_goes_into_every_partition_and_acknowledges_nothing(caught_up: bool, value: bytes) -> None:
    """With the gateway's own time; once."""
    kafka, ingest = Settings().kafka, Ingest(Settings().ingest, {})
    gateway = Gateway(Silent(), ingest, kafka, looks=Looks(Wall()))

    take, again = gateway._look(caught_up), gateway._look(caught_up)

    assert take is not None
    assert again is None
    assert [record.partition for record in take.records] == list(range(kafka.partitions))
    assert {(one.topic, one.key, one.value, one.time) for one in take.records} == {
        (kafka.blocks_topic, KEY, value, WALL)
    }
    assert (list(take.tokens), gateway.counts.blocks) == ([], 0)


LOOKS = st.lists(
    st.tuples(st.integers(0, STEP_MS - APART_MS), st.integers(0, APART_MS - 1)), min_size=1, max_size=60
)
"""Of several gateways together: ms since the last of any, and how far this one's clock is ahead."""


@given(LOOKS)
def test_gateways_whose_clocks_differ_a_little_give_the_clock_of_one(looks: list[tuple[int, int]]) -> None:
    """Whoever comes and goes, in whatever order: never deaf, and never further off than their clocks are."""
    clock, now, began = FleetClock(), 0, looks[0][0]

    for passed, ahead in looks:
        now += passed
        assert not clock.was_deaf(WALL + now + ahead)
        assert clock.look(START, WALL + now + ahead)
        assert abs((clock.now - START) - (now - began)) < APART_MS


@given(LOOKS, st.one_of(st.integers(STEP_MS + APART_MS, 10**10), st.integers(-(10**10), -2 * APART_MS)))
def test_a_clock_that_jumps_puts_silence_off(looks: list[tuple[int, int]], jump: int) -> None:
    """As a time in which nobody listened."""
    clock, now = FleetClock(), 0
    for passed, ahead in looks:
        now += passed
        clock.look(START, WALL + now + ahead)

    assert clock.was_deaf(WALL + now + jump)
    assert not clock.look(START, WALL + now + jump)
    assert clock.looked == WALL + now + jump


def block(key: str, names: Sequence[str], minutes: Sequence[int]) -> Block:
    """A reading of each of `names` at each of `minutes` after the start."""
    time = START + np.repeat(np.array(minutes, np.int64), len(names)) * MINUTE
    who = np.tile(np.arange(len(names), dtype=np.int32), len(minutes))
    power = {"power": np.full(len(time), 90.0)}
    return Block(key.rpartition("/")[0], tuple(names), who, time, time // MINUTE, power, ("",) * len(names))


def said(key: str, names: Sequence[str], minutes: Sequence[int]) -> Record:
    return Record(0, key.encode(), encode(block(key, names, minutes)), START)


def look(minutes: int, caught_up: bool = True) -> Record:
    """So long after the first."""
    one = Look(WALL + minutes * MINUTE, caught_up)
    return Record(0, KEY, one.value, one.wall)


def numbered(records: Sequence[Record]) -> list[Record]:
    return [record._replace(offset=offset) for offset, record in enumerate(records)]


SPOKEN = [said(key, names, range(0, 120, 10)) for key, names in FLEETS.items()]
"""Everybody is known."""


class Kept:
    """What a partition found, each with its position, as a database would keep it."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self._position = 0

    def position(self) -> int:
        return self._position

    def apply(self, findings: Sequence[Finding], letters: Sequence[Any], position: int) -> None:
        if position > self._position:
            self.findings += findings
            self._position = position


class Nowhere:
    """A history that keeps nothing."""

    waiting_rows = 0

    def write(self, block: Block) -> None: ...

    def flush(self, first: int, last: int) -> None: ...

    def forget_after(self, position: int, still_ours: object = None) -> None: ...


Event = tuple[str, Any]
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("looks"), st.tuples(st.integers(1, 4), st.integers(1, 60), st.booleans())),
        st.tuples(
            st.just("said"),
            st.sampled_from(sorted(FLEETS)).flatmap(
                lambda key: st.tuples(
                    st.just(key), st.lists(st.sampled_from(FLEETS[key]), min_size=1, unique=True)
                )
            ),
        ),
    ),
    max_size=12,
)


def story(events: list[Event]) -> list[Record]:
    """Records: bursts of looks some minutes apart, and readings of some at the time that it is then."""
    records, minutes = [*SPOKEN, look(0)], 0
    for kind, what in events:
        if kind == "looks":
            every, count, caught_up = what
            for _ in range(count):
                minutes += every
                records.append(look(minutes, caught_up))
        else:
            records.append(said(*what, [120 + minutes]))
    return numbered(records)


def alone(records: Sequence[Record]) -> list[Finding]:
    """What an engine of each key finds by itself."""
    engines = {key.encode(): Engines(RULES)(key, lambda block: None).engine for key in sorted(FLEETS)}
    found: list[Finding] = []
    for record in records:
        assert record.key is not None
        assert record.value is not None
        if record.key == KEY:
            for engine in engines.values():
                found += engine.advance(record.received, caught_up=record.value == CAUGHT_UP)
        else:
            found += engines[record.key].process(decode(record.value))
    return found


def in_memory(effects: Kept) -> PartitionRuntime:
    return PartitionRuntime(
        topic="blocks",
        engines=Engines(RULES),
        effects=effects,
        history=Nowhere(),
        permitted=lambda block: block,
        report=lambda engines, status: None,
        clock=SystemClock(),
        meter=Meter(),
        quarantine=Quarantine(),
    )


@given(EVENTS, st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=40)
def test_a_partition_finds_what_its_engines_find_alone_wherever_it_is_cut(
    events: list[Event], saved_at: float, killed_at: float
) -> None:
    """Killed behind a checkpoint: the next one hears the same looks in the same places. Looks are no messages."""
    records, effects = story(events), Kept()
    killed = round(killed_at * len(records))
    saved = round(saved_at * killed)
    first, second = in_memory(effects), in_memory(effects)
    first.restore(None)
    for record in records[:saved]:
        first.process(record)
    packed = pack(first.checkpoint())
    for record in records[saved:killed]:
        first.process(record)
    second.restore(unpack(packed))
    for record in records[saved:]:
        second.process(record)

    assert effects.findings == alone(records)
    assert second.totals.records == sum(record.key != KEY for record in records)
    assert second.next_offset == len(records)


OUTAGE = [*SPOKEN, *(look(minutes) for minutes in range(0, 200, 2))]
"""Everybody says the last word two hours after the start, and somebody listens on."""


def test_many_of_two_keys_at_once_are_one_finding_a_key_and_none_is_the_others() -> None:
    """At the very same time; and one each when all are back."""
    effects = Kept()
    one = in_memory(effects)
    one.restore(None)
    back = [said(key, names, [330]) for key, names in FLEETS.items()]
    for record in numbered([*OUTAGE, *back, look(200)]):
        one.process(record)

    assert [(found.appliance_id, found.fault, found.kind.value) for found in effects.findings] == [
        ("*generic-compressor/0", "silent-together", "opened"),
        ("*generic-compressor/3", "silent-together", "opened"),
        ("lonely", "silent", "opened"),
        ("lonely", "silent", "closed"),
        ("*generic-compressor/0", "silent-together", "closed"),
        ("*generic-compressor/3", "silent-together", "closed"),
    ]
    assert len({found.episode_id for found in effects.findings}) == 3
    assert len({found.episode_start for found in effects.findings if found.fault == "silent-together"}) == 1


BROKEN = f"{MODEL}/3"


def of_broken(lanes: Any) -> bool:
    return MODEL in lanes and FLEETS[BROKEN][0] in lanes[MODEL].ids


def told_of(alerts: Alerts) -> list[tuple[str, str]]:
    return sorted((found["appliance_id"], found["kind"]) for found in told(alerts.engine, 100).items)


def test_an_engine_that_raises_at_looks_is_passed_over_and_the_others_hear_them(
    tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Searched for three times, then not tried for an hour; its readings are used as ever."""
    monkeypatch.setattr(
        Silence, "advance",
        raise_for(lambda _self, lanes, *_: of_broken(lanes), Silence.advance, ZeroDivisionError("by the mark")),
    )  # fmt: skip
    searches: list[int] = []
    real = Hearing.suspects
    monkeypatch.setattr(Hearing, "suspects", lambda self, *given: searches.append(1) or real(self, *given))
    log = Log(numbered([*OUTAGE[:60], said(BROKEN, FLEETS[BROKEN], [240]), *OUTAGE[60:]]))

    one = worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop, rules=RULES)

    assert len(searches) == 12  # three an hour, in 200 minutes
    assert len(log.letters) == 12
    assert all(
        letter.reason.endswith(f"the engine of {BROKEN}, at a look at the clock") for letter in log.letters
    )
    assert told_of(alerts) == [("*generic-compressor/0", "opened"), ("lonely", "opened")]
    assert one.engines[BROKEN].lanes[MODEL].newest == START + 240 * MINUTE
    assert (one.totals.records, one.totals.dead_letters) == (4, 12)


def test_findings_of_a_look_that_cannot_be_kept_hold_up_nobody_else(
    tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's part raises for those of one key alone."""
    real = DatabaseEffects.apply

    def raising(effects: Any, findings: Any, letters: Any, position: int) -> None:
        if any(finding.appliance_id == f"*{BROKEN}" for finding in findings):
            raise KeyError("by the mark")
        real(effects, findings, letters, position)

    monkeypatch.setattr(DatabaseEffects, "apply", raising)
    log = Log(numbered(OUTAGE))

    worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop, rules=RULES)

    assert {letter.reason for letter in log.letters} == {
        "internal error, kept for a developer (effects: KeyError: 'by the mark'):"
        f" the engine of {BROKEN}, at a look at the clock"
    }
    assert told_of(alerts) == [("*generic-compressor/0", "opened"), ("lonely", "opened")]


def test_looks_at_which_everything_raises_stop_no_readings(
    tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve engines, and no message in between that would go through: the worker neither ends nor searches on."""
    monkeypatch.setattr(
        Silence, "advance", raise_for(lambda *_: True, Silence.advance, ZeroDivisionError("by the mark"))
    )
    keys = {f"{MODEL}/{n}": f"freezer-{n}" for n in range(12)}
    spoken = [said(key, [name], range(0, 120, 10)) for key, name in keys.items()]
    looks = [look(minutes) for minutes in range(0, 40, 2)]
    log = Log(numbered([*spoken, *looks, said(f"{MODEL}/7", ["freezer-7"], [200])]))

    one = worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop, rules=RULES)

    assert len(log.letters) == 3 * len(keys)
    assert one.totals.records == len(spoken) + 1
    assert one._quarantine.counts["held"] == (len(looks) - 3) * len(keys)


def test_a_look_for_which_no_engine_is_to_blame_is_put_aside_whole(
    tmp_path: Path, alerts: Alerts, loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was the partition's own mistake; the next one is heard."""
    at = WALL + 10 * MINUTE
    monkeypatch.setattr(
        Hearing, "advance",
        raise_for(lambda _self, _engines, look, _without: look.wall == at, Hearing.advance, KeyError("by the mark")),
    )  # fmt: skip
    log = Log(numbered(OUTAGE))

    worked_on(tmp_path, alerts.effects.of("fleet-0"), log, loop, rules=RULES)

    (letter,) = log.letters
    assert (letter.payload, letter.received) == (CAUGHT_UP, at)
    assert len(told_of(alerts)) == 3
