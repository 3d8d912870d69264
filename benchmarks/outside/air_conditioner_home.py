"""An air conditioner in a home: when it is switched on, and what its sensors tell."""

from __future__ import annotations

import numpy as np

from benchmarks.outside.air_conditioner import STEP_S, Machine, live
from benchmarks.outside.nature import Array, Course, Telling, clock, outdoor, read, sent

OPTIONAL = (
    "current",
    "voltage",
    "room_temp",
    "outdoor_temp",
    "indoor_coil_temp",
    "outdoor_coil_temp",
    "discharge_temp",
    "compressor_speed",
    "indoor_fan_speed",
    "indoor_fan_target",
    "outdoor_fan_speed",
    "module_temp",
    "compressor_starts",
)


def used(seconds: Array, outside: Array, rng: np.random.Generator) -> Array:
    """(n,) set point while a household has it switched on, NaN elsewhere: evenings, weekends, hot nights."""
    wanted, feels_warm = np.full(len(seconds), np.nan), rng.uniform(21.0, 24.0)
    habit, a_day = float(rng.integers(23, 27)), round(86_400 / STEP_S)
    sleeps_cool = rng.random() < 0.5
    for day in range(len(seconds) // a_day):
        hot = outside[day * a_day : (day + 1) * a_day].max() > feels_warm
        if not hot or rng.random() < 0.08:
            continue
        begin = rng.normal(11.5, 1.5) if day % 7 >= 5 else rng.normal(17.5, 1.0)
        end = rng.normal(30.0, 0.7) if sleeps_cool and rng.random() < 0.8 else rng.normal(22.8, 0.6)
        part = slice(*(round((day * 24 + hour) * 3600 / STEP_S) for hour in (max(begin, 0.5), end)))
        wanted[part] = habit + rng.choice([-1.0, 0.0, 0.0, 0.0, 1.0])
    return wanted


def telling(
    inverter: bool,
    days: int,
    start_ms: int,
    day_of_year: int,
    course: Course | None,
    rng: np.random.Generator,
) -> Telling:
    """What one machine sends: every two minutes while it is switched on, every ten at rest."""
    machine, seconds = Machine.drawn(inverter, rng), clock(days, STEP_S)
    at = seconds / 86_400
    outside = outdoor(seconds, day_of_year, rng, mean=rng.uniform(17, 20))
    sun = np.maximum(np.sin(np.pi * (at % 1 * 24 - 6) / 12), 0.0) + 0.3
    wanted = used(seconds, outside, rng)
    none = np.zeros(len(seconds))
    severity, failed = (course.severity(at), course.failed(at).astype(float)) if course else (none, none)
    made = live(machine, outside, sun, wanted, severity, failed, course.fault if course else None).T
    on = np.isfinite(wanted)
    voltage = 230 + 4 * np.sin(2 * np.pi * (at - 0.2)) + rng.normal(0, 1.2, len(at)) - 0.4 * made[0] / 230
    factor = (0.97 if inverter else 0.93) - 0.25 * severity * (
        course is not None and course.fault == "run-capacitor-degradation"
    )
    signals = {
        "power": read(made[0], 1.0, made[0] * 0.004, rng),
        "current": read(made[0] / voltage / factor, 0.01, 0.005 * made[0] / 230, rng),
        "voltage": read(voltage, 0.1, 0.2, rng),
        "room_temp": read(made[1] + rng.normal(0, 0.4), 0.1, 0.05, rng),
        "outdoor_temp": read(outside + rng.normal(0, 0.5), 0.1, 0.15, rng),
        "set_point": np.where(on, wanted, 25.0),
        "indoor_coil_temp": read(made[2] + rng.normal(0, 0.4), 0.1, 0.1, rng),
        "outdoor_coil_temp": read(made[3] + rng.normal(0, 0.4), 0.1, 0.1, rng),
        "discharge_temp": read(made[4], 0.5, 0.3, rng),
        "compressor_speed": read(made[5], 1.0, 0.0, rng),
        "indoor_fan_speed": read(made[6] * (1 + rng.normal(0, 0.01)), 10.0, 6.0, rng) * (made[6] > 0),
        "indoor_fan_target": read(made[7], 10.0, 0.0, rng),
        "outdoor_fan_speed": read(made[8] * (1 + rng.normal(0, 0.01)), 10.0, 6.0, rng) * (made[8] > 0),
        "module_temp": read(made[9], 0.5, 0.3, rng),
        "mode": on.astype(float),
        "compressor_starts": made[10],
    }
    if not inverter:
        signals = {
            name: got for name, got in signals.items() if name not in ("compressor_speed", "module_temp")
        }
    tick = np.arange(len(seconds))
    keep = np.flatnonzero((tick % 10 == 0) & (on | (tick % 50 == 0)))
    return sent(seconds, keep, start_ms, signals, rng)
