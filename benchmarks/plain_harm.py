"""Machines behind smart plugs that come to harm, each of another make: how soon it is told, nothing trained.

Half are compressors that run and pause, half inverters whose power never reaches zero. Drawn at random for each: how
long and how high they run, noise (below zero at rest, too), readings every second to every ten minutes or only on
change with a heartbeat, an odd first hour or three as of a plug that was just fitted, days that were well, and the
minute at which the harm begins. Everything goes through the whole engine under the rules of config.yaml.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks._common import Result
from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block, Finding, FindingKind
from rules.evaluator import RuleBook

Column = NDArray[np.float64]

SERIES = 50
"""Of each kind of harm."""
AFTER_H = 30.0
"""How long the harm is watched."""
SEED = 20_263
EVERY_S = (1, 10, 30, 60, 120, 300, 600)
START = 20_000 * MS_PER_DAY
MINUTE = 60_000
TOLD = {"stopped", "runs-on", "starts-too-often", "stuck-meter", "power-gone", "silent"}


class Series(NamedTuple):
    """Readings of one machine, and when it came to harm."""

    minute: Column  # (n,) since its first reading
    power: Column  # (n,) W
    begun: float  # minute


class Machine(NamedTuple):
    """How one machine runs when it is well."""

    period: float  # min
    duty: float
    running: float  # W
    idle: float  # W
    noise: float  # W


def a_machine(rng: np.random.Generator, inverter: bool) -> Machine:
    """A compressor that runs and pauses, or one that only slows down."""
    running = rng.uniform(40.0, 180.0)
    idle = running * rng.uniform(0.15, 0.45) if inverter else rng.choice([0.0, rng.uniform(0.5, 4.0)])
    return Machine(rng.uniform(25.0, 110.0), rng.uniform(0.2, 0.6), running, idle, rng.uniform(0.1, 1.5))


def phase_of(minute: Column, machine: Machine, rng: np.random.Generator) -> Column:
    """(n,) how far each reading is within its run and pause, 0..1; periods differ by some percent, and by the hour."""
    turns = int(minute[-1] / machine.period * 1.5) + 8
    by_day = 1.0 + 0.1 * np.sin(np.arange(turns) * machine.period / 1440.0 * 2.0 * np.pi)
    ends = np.cumsum(machine.period * by_day * rng.normal(1.0, 0.06, turns).clip(0.6, 1.4))
    which = np.searchsorted(ends, minute, side="right")
    begins = np.concatenate([[0.0], ends])[which]
    phase: Column = (minute - begins) / (ends[which] - begins)
    return phase


def well(minute: Column, machine: Machine, rng: np.random.Generator) -> Column:
    """(n,) W of a machine that is well; whoever fitted the plug had unplugged it, so its first run may last hours."""
    runs = phase_of(minute, machine, rng) < machine.duty
    runs |= minute < rng.choice([0.0, 60.0, 180.0])
    level = np.where(runs, machine.running, machine.idle)
    return level + rng.normal(0.0, machine.noise, len(minute)) * np.where(runs, 1.0, 0.3)


def dead(power: Column, harmed: NDArray[np.bool_], machine: Machine, rng: np.random.Generator) -> Column:
    """It draws nothing any more, but what a meter makes of that."""
    return np.where(harmed, rng.normal(0.0, 0.1, len(power)), power)


def on_and_on(power: Column, harmed: NDArray[np.bool_], machine: Machine, rng: np.random.Generator) -> Column:
    """It does not pause any more."""
    return np.where(harmed, machine.running + rng.normal(0.0, machine.noise, len(power)), power)


def stuck(power: Column, harmed: NDArray[np.bool_], machine: Machine, rng: np.random.Generator) -> Column:
    """The meter says the last value of a run for ever."""
    return np.where(harmed, round(machine.running, 1), power)


HARMS: dict[str, Callable[[Column, NDArray[np.bool_], Machine, np.random.Generator], Column]] = {
    "dead": dead,
    "on_and_on": on_and_on,
    "stuck": stuck,
    "silent": lambda power, harmed, machine, rng: np.where(harmed, np.nan, power),
}


def on_change(series: Series, step: float) -> Series:
    """What a device sends that speaks when its value has moved by `step` W, and every half an hour."""
    keep = np.zeros(len(series.power), np.bool_)
    said, at = np.inf, -np.inf
    for row, (minute, power) in enumerate(zip(series.minute.tolist(), series.power.tolist(), strict=True)):
        if abs(power - said) >= step or minute - at >= 30.0:
            keep[row], said, at = True, power, minute
    return series._replace(minute=series.minute[keep], power=series.power[keep])


def a_series(harm: str, rng: np.random.Generator, number: int) -> Series:
    """One machine that is well for nine to sixteen days and then is not."""
    machine = a_machine(rng, inverter=number % 2 == 1)
    begun = rng.uniform(9.0, 16.0) * 1440.0
    every = EVERY_S[number % len(EVERY_S)] / 60.0
    minute = np.arange(0.0, begun + AFTER_H * 60.0, every)
    power = HARMS[harm](well(minute, machine, rng), minute >= begun, machine, rng)
    heard = np.isfinite(power)
    series = Series(minute[heard], np.round(power[heard], 1), begun)
    return on_change(series, max(2.0, 4.0 * machine.noise)) if number % 5 == 4 else series


def told(profile: Profile, series: Series) -> list[Finding]:
    """Episodes of plain harm that the engine opens, by readings and then by looks at the clock."""
    settings = load_settings()
    engine = Engine({profile.name: profile}, RuleBook(settings.rules), lateness_ms=settings.ingest.lateness)
    n = len(series.minute)
    time = START + np.round(series.minute * MINUTE).astype(np.int64)
    seq = np.arange(n, dtype=np.int64)
    readings = Block(profile.name, ("new",), np.zeros(n, np.int32), time, seq, {"power": series.power})
    found = engine.process(readings)
    until = START + round((series.begun + AFTER_H * 60.0) * MINUTE)
    for look in range(int(time[-1]) + MINUTE, until, MINUTE):
        found += engine.advance(look, caught_up=True)
    return [one for one in found if one.kind is FindingKind.OPENED and one.fault in TOLD]


def harm_of(profile: Profile, harm: str, count: int) -> Result:
    """How soon `count` machines are told, as shares, and false findings an appliance-year before."""
    rng = np.random.default_rng([SEED, list(HARMS).index(harm)])
    after, false, years = [], 0, 0.0
    for number in range(count):
        series = a_series(harm, rng, number)
        hours = [(one.time - START) / MS_PER_HOUR - series.begun / 60.0 for one in told(profile, series)]
        after.append(min((one for one in hours if one >= 0.0), default=np.inf))
        false += sum(one < 0.0 for one in hours)
        years += series.begun / 1440.0 / 365.0
    share = {f"within_{limit}h": round(float(np.mean(np.array(after) <= limit)), 3) for limit in (6, 13, 24)}
    return {**share, "false_a_year": round(false / years, 3), "series": count}


def plain_harm(profile: Profile, count: int = SERIES) -> Result:
    """All kinds of harm."""
    return {harm: harm_of(profile, harm, count) for harm in HARMS}
