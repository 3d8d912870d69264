"""A machine that ran and paused by itself for days and does no more is told within hours, without any training."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.engine.packing import pack, unpack
from foremend.engine.resting import RestRules
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block, Finding, FindingKind, Severity
from rules.evaluator import RuleBook

PLUG = "generic-compressor"
START = 20_000 * MS_PER_DAY
MINUTE = 60_000
HARMS = {"stopped", "runs-on", "starts-too-often", "stuck-meter"}
DATA = Path(__file__).parents[3] / ".." / "shared" / "data"
Column = NDArray[np.float64]


@cache
def profiles() -> dict[str, Profile]:
    return load_profiles()


def new_engine() -> Engine:
    return Engine(profiles(), RuleBook(load_settings(None).rules), lateness_ms=10 * MINUTE)


def minutes(days: float, every: float = 2.0) -> Column:
    """Minutes of a plug's readings from its first one on."""
    return np.arange(0, days * 1440, every)


def freezer(at: Column, rng: np.random.Generator, idle: float = 2.0) -> Column:
    """W: it runs for about eighteen minutes in fifty."""
    phase = np.cumsum(np.diff(at, prepend=0.0) / rng.normal(50, 0.5))
    return np.where(phase % 1 < 0.36, 90.0, idle) + rng.normal(0, 0.5, len(at))


def plug(at: Column, power: Column, model: str = PLUG) -> Block:
    """Readings of one plug."""
    n = len(at)
    time = START + np.round(at * MINUTE).astype(np.int64)
    return Block(model, ("new",), np.zeros(n, np.int32), time, np.arange(n, dtype=np.int64), {"power": power})


def told(readings: Block) -> list[Finding]:
    """Findings of harm."""
    return [one for one in new_engine().process(readings) if one.fault in HARMS]


def hours_after(one: Finding, begun: float) -> float:
    """Hours from minute `begun` on to a finding."""
    return (one.time - START - begun * MINUTE) / MS_PER_HOUR


def dies(at: Column, begun: float, power: Column) -> Column:
    return np.where(at < begun, power, 0.0)


@pytest.mark.parametrize("every", [0.25, 1, 5, 10])
@pytest.mark.parametrize("begun", [9 * 1440 + 7, 9 * 1440 + 641])
def test_a_freezer_that_dies_is_told_within_six_hours(every: float, begun: float) -> None:
    """Critical, once, and with how long it rested and usually does."""
    at = minutes(12, every)
    power = freezer(at, np.random.default_rng(3))

    (found,) = told(plug(at, dies(at, begun, power)))

    assert (found.fault, found.kind, found.severity) == ("stopped", FindingKind.OPENED, Severity.CRITICAL)
    assert 2.5 < hours_after(found, begun) <= 6
    (evidence,) = found.evidence
    assert evidence.feature == "resting_for"
    assert evidence.value == pytest.approx(3, abs=0.3)
    assert evidence.usual == pytest.approx(0.55, abs=0.15)


@pytest.mark.parametrize("first_hours", [1, 3, 24])
def test_the_first_run_after_a_plug_was_fitted_teaches_nothing(first_hours: float) -> None:
    """Whoever fits a plug unplugs the machine; it then runs for hours."""
    at = minutes(14)
    power = np.where(at < 60 * first_hours, 91.0, freezer(at, np.random.default_rng(4)))
    begun = 12 * 1440 + 200

    runs_on = told(plug(at, np.where(at < begun, power, 91.3 + 0.1 * (at % 14))))
    dead = told(plug(at, dies(at, begun, power)))

    assert [one.fault for one in runs_on] == ["runs-on"]
    assert hours_after(runs_on[0], begun) <= 12.5
    assert [one.fault for one in dead] == ["stopped"]
    assert hours_after(dead[0], begun) <= 6


def test_two_long_rests_teach_nothing() -> None:
    """A defrosting by hand, an evening without power in the kitchen."""
    at = minutes(14)
    power = freezer(at, np.random.default_rng(5))
    power[(at > 2 * 1440) & (at < 2 * 1440 + 600)] = 0.0
    power[(at > 6 * 1440) & (at < 6 * 1440 + 600)] = 0.0
    begun = 12 * 1440 + 200

    last = [one for one in told(plug(at, dies(at, begun, power))) if hours_after(one, begun) > 0]

    assert [one.fault for one in last] == ["stopped"]
    assert hours_after(last[0], begun) <= 6


def test_a_machine_that_never_paused_is_told_after_a_day() -> None:
    """Nobody has seen it well."""
    at = minutes(3)

    (found,) = told(plug(at, np.random.default_rng(6).normal(88.0, 1.0, len(at))))

    assert (found.fault, found.severity) == ("runs-on", Severity.WARNING)
    assert 24 <= hours_after(found, 0) <= 25


def test_short_cycling_is_told_and_closes_when_it_is_over() -> None:
    """A start every six minutes for half a day, where one in fifty minutes is usual."""
    at = minutes(12, 1.0)
    begun = 9 * 1440 + 100
    flutters = (at >= begun) & (at < begun + 720)
    power = np.where(flutters, np.where(at % 6 < 3, 95.0, 2.0), freezer(at, np.random.default_rng(7)))

    opened, *_, closed = told(plug(at, power))

    assert (opened.fault, opened.kind) == ("starts-too-often", FindingKind.OPENED)
    assert hours_after(opened, begun) <= 6
    assert (closed.fault, closed.kind) == ("starts-too-often", FindingKind.CLOSED)


def test_a_meter_that_hangs_is_told() -> None:
    """The value of a run that does not move by a tenth of a watt."""
    at = minutes(12)
    begun = 9 * 1440 + 8
    power = np.where(at < begun, freezer(at, np.random.default_rng(8)), 90.4)

    first = told(plug(at, power))[0]

    assert first.fault == "stuck-meter"
    assert hours_after(first, begun) <= 6


def test_one_that_runs_again_is_well_again() -> None:
    """The episode closes within two hours of the first run."""
    at = minutes(12)
    power = freezer(at, np.random.default_rng(9))
    power[(at > 9 * 1440) & (at < 9 * 1440 + 700)] = 0.0

    opened, closed = told(plug(at, power))

    assert (opened.kind, closed.kind) == (FindingKind.OPENED, FindingKind.CLOSED)
    assert hours_after(closed, 9 * 1440 + 700) <= 3


def test_readings_that_were_lost_are_not_rest() -> None:
    """A plug without network for ten hours, whose freezer rested before and after."""
    at = minutes(12)
    power = freezer(at, np.random.default_rng(10))
    heard = (at < 9 * 1440) | (at > 9 * 1440 + 600)

    assert told(plug(at[heard], power[heard])) == []


def switched(at: Column, hours: Sequence[tuple[float, float]]) -> Column:
    """True within these hours of each day."""
    hour = at / 60 % 24
    return np.any([(hour >= a) & (hour < b) for a, b in hours], axis=0)


QUIET = {
    "rests at night": lambda at, rng: np.where(switched(at, [(7, 22)]), freezer(at, rng), 1.0),
    "a heater in the morning": lambda at, rng: np.where(switched(at, [(6, 9)]), freezer(at, rng), 0.0),
    "a heater, given up after three days": lambda at, rng: np.where(at < 3 * 1440, freezer(at, rng), 0.0),
    "a washing machine, twice a week": lambda at, rng: np.where(
        (at // 1440 % 3.5 < 1) & switched(at, [(10, 12)]), freezer(at * 5, rng), 0.0
    ),
    "a computer by day": lambda at, rng: np.where(switched(at, [(8, 19)]), 70.0, 3.0),
    "a router": lambda at, rng: rng.normal(9, 0.4, len(at)),
    "an inverter that never rests": lambda at, rng: freezer(at, rng, idle=31.0),
    "a freezer that defrosts": lambda at, rng: np.where(at % 700 < 25, 230.0, freezer(at, rng)),
    "a freezer on hot afternoons": lambda at, rng: np.where(switched(at, [(12, 19)]), 95.0, freezer(at, rng)),
}


@pytest.mark.parametrize("kind", QUIET)
def test_well_machines_are_left_alone(kind: str) -> None:
    """For three weeks of each."""
    at = minutes(21)

    assert told(plug(at, QUIET[kind](at, np.random.default_rng(11)))) == []


def test_a_refrigerator_with_a_trained_model_is_told_as_well() -> None:
    """It needs none, so it does not matter whether there is one."""
    at = minutes(12)
    begun = 9 * 1440 + 30

    (found,) = told(plug(at, dies(at, begun, freezer(at, np.random.default_rng(12))), "rf-260"))

    assert found.fault == "stopped"


@cache
def eventful() -> Block:
    """Twelve days of a plug: lost readings, a death, a revival, a run without end."""
    at = minutes(12, 5)
    power = freezer(at, np.random.default_rng(13))
    power[(at > 6 * 1440) & (at < 6 * 1440 + 900)] = 0.3
    power[at > 11 * 1440] = 90.0
    return plug(at[at % 1000 > 45], power[at % 1000 > 45])


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 3300), max_size=8), kept=st.integers(0, 3300))
def test_harm_does_not_depend_on_blocks_restarts_and_rests(cuts: list[int], kept: int) -> None:
    """Cut anywhere, stored and brought back, or put to rest in between: the same findings."""
    readings, engine = eventful(), new_engine()
    rests = RestRules(after=0, strangers_after=0, most_strangers=0)

    found = []
    for a, b in pairwise([0, *sorted(cuts), len(readings)]):
        found += engine.process(readings.take(slice(a, b)))
        packed = pack(engine.snapshot())
        engine = new_engine()
        engine.restore(unpack(packed))
        if a <= kept < b:
            found += engine.readmit(engine.retire(rests))

    assert [one for one in found if one.fault in HARMS] == told(readings)


def recorded(folder: str, pattern: str) -> dict[str, Block]:
    """Real appliances by their device, a reading in ten seconds; skips where they are not there."""
    if not (DATA / folder).is_dir():
        pytest.skip(f"no recordings at {DATA / folder}: they are not part of the project")
    devices: dict[str, list[Path]] = {}
    for file in sorted((DATA / folder).glob(pattern)):
        devices.setdefault(f"{file.parent.name}/{file.name.rsplit('_', 1)[0]}", []).append(file)
    return {name: _trace(files) for name, files in devices.items()}


def _trace(files: list[Path]) -> Block:
    rows = [
        row.split(";") for file in files for row in gzip.decompress(file.read_bytes()).decode().splitlines()
    ]
    stamps = [row[0].split(" ") for row in rows]
    days = ["-".join(reversed(day.split("/"))) for day, _ in stamps]
    time = np.array([f"{day}T{clock}" for day, (_, clock) in zip(days, stamps, strict=True)], "datetime64[s]")
    minute = (time - time[0]).astype(np.int64) / 60
    keep = np.flatnonzero(np.diff(minute // (1 / 6), prepend=-1) > 0)
    return plug(minute[keep], np.array([float(row[1]) for row in rows])[keep])


@pytest.mark.parametrize(
    ("folder", "pattern"), [("tracebase", "dev_*.csv.gz"), ("tracebase-kinds", "*/dev_*.csv.gz")]
)
def test_real_appliances_that_are_well_are_left_alone(folder: str, pattern: str) -> None:
    """Refrigerators, and seven kinds of appliance that people switch on."""
    for name, readings in recorded(folder, pattern).items():
        assert told(readings) == [], name


def silence_after(days: float, power: Column, at: Column, hours: float, model: str = PLUG) -> list[Finding]:
    """What is told of one that was heard for so long, and then of nobody for so many hours of listening."""
    engine = new_engine()
    engine.process(plug(at, power, model))
    wall = START + round(days * MS_PER_DAY)
    looks = range(wall, wall + round(hours * MS_PER_HOUR), 2 * MINUTE)
    return [one for look in looks for one in engine.advance(look, caught_up=True) if one.fault == "silent"]


def test_a_freezer_without_a_word_is_a_warning_within_the_hour() -> None:
    """Three hours of silence, whatever the clock on the wall says of it at first."""
    at = minutes(9)

    (found,) = silence_after(9, freezer(at, np.random.default_rng(14)), at, 4)

    assert (found.kind, found.severity) == (FindingKind.OPENED, Severity.WARNING)
    assert 3 <= hours_after(found, 9 * 1440) <= 4


def test_a_connected_refrigerator_may_be_offline_for_two_days() -> None:
    """It keeps its readings and sends them later; that is no ticket."""
    at = minutes(9)

    assert silence_after(9, freezer(at, np.random.default_rng(15)), at, 48, "rf-260") == []


def test_what_people_switch_on_may_be_silent() -> None:
    """Nothing within a day is told of a heater's plug; after three days it is, as information."""
    at = minutes(9)
    power = np.where(switched(at, [(6, 9)]), 800.0, 0.0)

    assert silence_after(9, power, at, 24) == []
    assert [one.severity for one in silence_after(9, power, at, 73)] == [Severity.INFO]


def test_a_kettle_that_is_used_or_left_alone_for_days_is_told_of_nothing() -> None:
    """It is there to show that somebody is at home: used thrice a day, then not for a fortnight, then once for long."""
    at = minutes(30, every=1)
    boils = switched(at, [(7, 7.06), (13, 13.05), (19.5, 19.56)]) & ((at < 14 * 1440) | (at > 28 * 1440))
    power = np.where(boils | ((at > 29 * 1440) & (at < 29 * 1440 + 90)), 2_200.0, 0.4)

    assert list(new_engine().process(plug(at, power, "kettle"))) == []
