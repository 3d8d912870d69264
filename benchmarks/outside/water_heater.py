"""An electric storage water heater from textbook equations.

- Tank: two volumes, hot over cold, plug flow from the inlet up and exchange between them (Duffie and Beckman, Solar
  Engineering of Thermal Processes, 4th ed., ch. 8.3-8.4); loss through the jacket (eq. 8.3.1).
- Element: ohmic, P = V^2 / R; its surface over the water by film and scale, two resistances in series (Incropera et
  al., Fundamentals of Heat and Mass Transfer, 7th ed., eq. 3.12; fouling, ch. 11.2); a limiter on its sheath.
- Thermostat: two-point with a differential; a weld holds it on until the safety cut-out opens.
- Relief valve: an orifice, flow as the opening (White, Fluid Mechanics, 7th ed., ch. 6.12).
Not in it: the wall's own capacity, mixing by turbulence, the anode, mains that vary over the day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from benchmarks.outside.nature import Array, Course, Telling, clock, outdoor, read, sent

STEP_S = 20.0
FAULTS = ("element-scale", "element-degradation", "thermostat-stuck", "safety-valve-leak")
OPTIONAL = ("current", "voltage", "tank_temp", "inlet_temp", "flow", "set_point", "energy", "ambient_temp")
_COLUMNS = 4
_CUT_OUT_C = 88.0
_LIMITER_C = 150.0


@dataclass(frozen=True, slots=True)
class Machine:
    """One heater; SI units unless said."""

    litres: float = 60.0
    ohm: float = 26.5
    loss_w_k: float = 1.5
    set_c: float = 62.0
    differential: float = 5.0

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Machine:
        """One of many."""
        return cls(
            rng.uniform(50, 75),
            rng.uniform(24, 36),
            rng.uniform(1.1, 2.0),
            float(rng.integers(56, 68)),
            rng.uniform(3, 7),
        )


@njit(cache=True)
def _live(drawn, cold, room, volts, severity, failed, kind, m, out):  # type: ignore[no-untyped-def]
    """Every step of `STEP_S`; `drawn` in l/min at the taps. `kind`: 0 is no fault."""
    litres, ohm, loss, wanted, differential = m
    top_l, low_l = 0.6 * litres, 0.4 * litres
    top, low, on, limited, cut_out, sheath = wanted, wanted, False, False, False, wanted
    for k in range(len(drawn)):
        s, dead = severity[k], failed[k] > 0.0
        resistance = 0.026 + 0.075 * s * (kind == 1)
        wire = ohm * (1.0 + 1.2 * s * (kind == 2))
        leak = (0.25 * s + 0.35 * dead) * (kind == 4)  # l/min
        weld = 6.0 * s * (kind == 3)
        # ---- thermostat, in the lower third
        if low < wanted - differential:
            on = True
        if low > wanted + weld and not (dead and kind == 3):
            on = False
        if dead and kind == 3 and not cut_out:
            on = True
        if max(top, low) > _CUT_OUT_C:
            cut_out = True  # and somebody would have to press it in again
        broken = dead and (kind == 1 or kind == 2)
        # ---- element
        power = 0.0
        if on and not cut_out and not broken and not limited:
            power = volts[k] ** 2 / wire
        sheath += (low + power * resistance - sheath) * min(STEP_S / 60.0, 1.0)
        if sheath > _LIMITER_C:
            limited = True
        elif sheath < _LIMITER_C - 20.0:
            limited = False
        # ---- water
        flow = drawn[k] + leak
        moved = flow / 60.0 * STEP_S
        share_low, share_top = min(moved / low_l, 1.0), min(moved / top_l, 1.0)
        top += share_top * (low - top)
        low += share_low * (cold[k] - low)
        mixing = 220.0 if low > top else 4.0  # what is lighter rises at once
        between = mixing * (low - top)
        lost = loss * (top - room[k])
        low += STEP_S * (power - between - 0.4 * loss * (low - room[k])) / (4186.0 * low_l)
        top += STEP_S * (between - 0.6 * lost) / (4186.0 * top_l)
        row = out[k]
        row[0], row[1], row[2], row[3] = power, 0.7 * top + 0.3 * low, flow, sheath


def live(
    machine: Machine,
    drawn: Array,
    cold: Array,
    room: Array,
    volts: Array,
    severity: Array,
    failed: Array,
    fault: str | None,
) -> Array:
    """(n, 4): power W, tank degC, flow l/min, the element's sheath degC; one row in `STEP_S`."""
    out = np.zeros((len(drawn), _COLUMNS))
    numbers = tuple(float(getattr(machine, name)) for name in machine.__slots__)
    kind = 0 if fault is None else 1 + FAULTS.index(fault)
    _live(drawn, cold, room, volts, severity, failed, kind, numbers, out)
    return out


def draws(seconds: Array, rng: np.random.Generator) -> Array:
    """(n,) l/min: showers in the morning and evening, hands and dishes between; some days nobody is at home."""
    flow, persons = np.zeros(len(seconds)), int(rng.integers(1, 5))
    for day in range(int(seconds[-1] // 86_400) + 1):
        if rng.random() < 0.04:
            continue
        showers = [
            (rng.choice([7.0, 21.0]) + rng.normal(0, 0.6), rng.uniform(4, 8), 4.0) for _ in range(persons)
        ]
        small = [
            (rng.uniform(6.5, 22.5), rng.uniform(0.4, 2.0), 2.0) for _ in range(int(rng.poisson(4 * persons)))
        ]
        for hour, minutes, rate in showers + small:
            first = round((day * 24 + hour) * 3600 / STEP_S)
            flow[first : first + max(1, round(minutes * 60 / STEP_S))] += rate * rng.uniform(0.85, 1.15)
    return np.minimum(flow, 9.0)


def telling(
    days: int, start_ms: int, day_of_year: int, course: Course | None, rng: np.random.Generator
) -> Telling:
    """What one heater sends, once in one or two minutes."""
    machine, seconds = Machine.drawn(rng), clock(days, STEP_S)
    at = seconds / 86_400
    outside = outdoor(seconds, day_of_year, rng)
    cold = 12 + 0.5 * (np.convolve(outside, np.full(4320, 1 / 4320), "same") - 12)
    room, volts = 20 + 0.2 * (outside - 15), 230 + 4 * np.sin(2 * np.pi * at) + rng.normal(0, 1.0, len(at))
    none = np.zeros(len(seconds))
    severity, failed = (course.severity(at), course.failed(at).astype(float)) if course else (none, none)
    taken = draws(seconds, rng)
    made = live(machine, taken, cold, room, volts, severity, failed, course.fault if course else None).T
    every = int(rng.choice([3, 6]))
    signals = {
        "power": read(made[0], 0.1, 0.003 * made[0], rng),
        "current": read(made[0] / volts, 0.001, 0.002 * made[0] / volts, rng),
        "voltage": read(volts, 0.1, 0.1, rng),
        "tank_temp": read(made[1], 0.1, 0.1, rng),
        "inlet_temp": read(np.where(made[2] > 0.5, cold, 0.5 * (cold + room)), 0.1, 0.1, rng),
        "flow": read(made[2], 0.01, 0.01 * made[2], rng),
        "set_point": np.full(len(at), machine.set_c),
        "energy": np.floor(np.cumsum(made[0]) * STEP_S / 3600),
        "ambient_temp": read(room, 0.1, 0.1, rng),
    }
    return sent(seconds, np.arange(0, len(seconds), every), start_ms, signals, rng)
