"""A washing machine in a home: when it is used, and what its sensors tell."""

from __future__ import annotations

import numpy as np

from benchmarks.outside.nature import Array, Course, Telling, clock, outdoor, read, sent
from benchmarks.outside.washing_machine import FAULTS, IDLE, STEP_S, Machine, Wash, wash

OPTIONAL = ("current", "water_level", "drum_speed", "vibration", "water_temp")
_TELLS_S, _RESTS_S = 60.0, 1_800.0

__all__ = ["FAULTS", "OPTIONAL", "telling"]


def programmes(days: int, rng: np.random.Generator) -> list[float]:
    """Days at which one is started: some a week, in the morning or the evening, never two at a time."""
    a_day, begins = rng.uniform(0.5, 1.1), []
    for day in range(days):
        for hour in sorted(rng.choice([9.5, 14.0, 19.0], rng.binomial(2, a_day / 2), replace=False)):
            begins.append(day + (hour + rng.normal(0, 0.4)) / 24)
    return begins


def telling(
    days: int, start_ms: int, day_of_year: int, course: Course | None, rng: np.random.Generator
) -> Telling:
    """What one machine sends: every minute while a programme runs, every half hour at rest."""
    machine, warm = Machine.drawn(rng), outdoor(clock(days + 1, 86_400.0), day_of_year, rng)
    times, parts, end = [], [], 0.0
    liked = rng.choice([30.0, 40.0, 60.0], 3)
    for begin in programmes(days, rng):
        chosen = Wash(
            float(np.clip(rng.normal(4.0, 1.2), 1.0, 6.5)),
            float(rng.choice(liked)),
            float(rng.gamma(4.0, 0.06)),
            float(12 + 0.35 * (warm[int(begin)] - 12) + rng.normal(0, 0.5)),
            float(rng.normal(1.0, 0.06)),
        )
        severity, failed = _state(course, begin)
        made = wash(machine, chosen, severity, failed, course.fault if course else None)
        every = round(_TELLS_S / STEP_S)
        times += [np.arange(end + _RESTS_S, begin * 86_400 - 60, _RESTS_S)]
        times += [begin * 86_400 + np.arange(0, len(made), every) * STEP_S]
        parts += [np.tile([1.2, 0.0, 0.0, 0.0, 20.0, IDLE], (len(times[-2]), 1)), made[::every]]
        end = float(times[-1][-1])
    seconds, made = np.concatenate(times), np.concatenate(parts).T
    keep = np.arange(len(seconds))
    return sent(seconds, keep, start_ms, _sensed(made, rng), rng)


def _state(course: Course | None, day: float) -> tuple[float, bool]:
    if course is None:
        return 0.0, False
    return float(course.severity(np.array([day]))[0]), bool(course.failed(np.array([day]))[0])


def _sensed(made: Array, rng: np.random.Generator) -> dict[str, Array]:
    volts = 230 + rng.normal(0, 1.5, made.shape[1])
    runs = made[5] != IDLE
    return {
        "power": read(made[0], 1.0, 0.01 * made[0], rng),
        "current": read(made[0] / volts / 0.93, 0.01, 0.005 * made[0] / 230, rng),
        "water_level": read(made[1], 1.0, 0.8 * runs, rng),
        "drum_speed": read(made[2], 1.0, 0.004 * made[2], rng),
        "vibration": read(made[3], 0.01, 0.06 * made[3], rng),
        "water_temp": read(made[4], 0.5, 0.15, rng),
        "programme_phase": made[5],
    }
