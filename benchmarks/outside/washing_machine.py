"""A front-loading washing machine, programme by programme, from textbook equations.

- Inlet and drain: flow through a resistance, sqrt(pressure / K); a pump's curve H0 - k Q^2 against the system's
  (White, Fluid Mechanics, 7th ed., ch. 6.10 and 11.3).
- Heating: one lumped capacity (Incropera et al., 7th ed., ch. 5.1) behind the element's surface and its scale, two
  resistances in series (ch. 3.1, eq. 3.12; fouling, ch. 11.2); the element's limiter opens at a surface temperature.
- Drum: J dw/dt = torque - friction; the lift of the wet load while tumbling (Shigley's Mechanical Engineering Design,
  9th ed., ch. 11: friction of bearings); the most that a belt carries by Euler and Eytelwein (ch. 17.2, eq. 17-7).
- Shaking: rotating unbalance on a damped spring (Rao, Mechanical Vibrations, 5th ed., eq. 3.82), as a velocity.
Not in it: foam, the load's spreading while it speeds up, water that the load soaks up over time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from benchmarks.outside.nature import Array

STEP_S = 2.0
FAULTS = (
    "drum-bearing-wear",
    "drain-pump-clog",
    "heater-scale",
    "belt-slip",
    "inlet-valve-clog",
    "shock-absorber-wear",
)
IDLE, FILL, HEAT, WASH, DRAIN, RINSE, SPIN = range(7)
_LONGEST = 3 * 1_800  # steps: three hours
_COLUMNS = 6
_LIMITER_C = 158.0  # where the element's own limiter opens


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine; SI units unless said."""

    heater_w: float = 1950.0
    inlet_l_min: float = 8.0
    drum_kg_m2: float = 0.55
    friction_nm: float = 1.1
    spin_rpm: float = 1200.0
    suspended_kg: float = 45.0
    resonance_rpm: float = 190.0
    damping: float = 0.28
    pump_w: float = 28.0

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Machine:
        """One of many."""
        return cls(
            rng.uniform(1750, 2100),
            rng.uniform(6.0, 10.0),
            rng.uniform(0.45, 0.65),
            rng.uniform(0.8, 1.5),
            float(rng.choice([1000.0, 1200.0, 1400.0])),
            rng.uniform(38, 52),
            rng.uniform(160, 230),
            rng.uniform(0.24, 0.33),
            rng.uniform(22, 34),
        )


@dataclass(frozen=True, slots=True)
class Wash:
    """One programme as a household chose it."""

    load_kg: float = 4.0
    wanted_c: float = 40.0
    unbalance_kg: float = 0.25
    inlet_c: float = 14.0
    pressure: float = 1.0  # of the mains, over the usual


@njit(cache=True)
def _wash(m, w, severity, dead, kind, out):  # type: ignore[no-untyped-def]
    """Fill `out` step by step; how many steps it took. `kind`: 0 is no fault."""
    heater, inlet, inertia, friction, spin_rpm, mass, resonance, damping, pump_w = m
    load, wanted, unbalance, inlet_c, pressure = w
    bearing = severity * (kind == 1)
    inlet = inlet * np.sqrt(pressure) * (1.0 - 0.8 * severity * (kind == 5))
    zeta = damping * (1.0 - 0.8 * severity * (kind == 6))
    grip = 1.0 - 0.85 * severity * (kind == 4)
    creep = 0.02 + 0.18 * severity * (kind == 4)  # of the speed, at the most that the belt carries
    scale = 0.055 * severity * (kind == 3)  # K/W beyond the clean surface's
    choke = 1.0 + 25.0 * severity * (kind == 2)
    heats, pumps, fills, drives = (
        not (dead and kind == 3),
        not (dead and kind == 2),
        not (dead and kind == 5),
        not (dead and kind == 4),
    )
    friction = friction * (1.0 + 1.0 * bearing + 1.5 * (dead and kind == 1))
    mu_wrap = np.exp(0.35 * 2.6)
    belt_nm = 2.0 * 250.0 * grip * 0.14 * (mu_wrap - 1.0) / (mu_wrap + 1.0)
    level_l, temp, speed = 0.0, inlet_c, 0.0
    element_on, k = True, 0
    inertia = inertia + load * 0.25**2 * 1.6
    # phase, until (l, or s)
    phases = (FILL, HEAT, WASH, DRAIN, FILL, RINSE, DRAIN, FILL, RINSE, DRAIN, SPIN)
    for p in range(len(phases)):
        phase, spent = phases[p], 0.0
        goal_l = 11.0 + 1.1 * load if p == 0 else 14.0 + 1.3 * load
        while k < len(out):
            spent += STEP_S
            power, torque, target = 4.0, 0.0, 0.0
            if phase == FILL:
                if fills:
                    got = inlet / 60.0 * STEP_S
                    temp = (temp * level_l + inlet_c * got) / (level_l + got)
                    level_l += got
                power += 7.0
                done = level_l >= goal_l or spent > 1200.0
            elif phase == HEAT:
                hotter = heater * (0.028 + scale)  # K, the element's surface over the water
                cycles = temp + hotter > _LIMITER_C  # open until it is some 25 K colder
                share = (_LIMITER_C - 12.0 - temp) / hotter if cycles else 1.0
                share = min(max(share, 0.05), 1.0) * heats
                element_on = ((k * 7) % 20) < 20.0 * share
                heat = heater * share
                temp += STEP_S * (heat - 6.5 * (temp - 20.0)) / (4186.0 * level_l + 9000.0)
                power += heater * element_on
                done = temp >= wanted or spent > 3600.0
            elif phase in (WASH, RINSE):
                turns = (spent % 16.0) < 11.0
                target = 47.0 if turns else 0.0
                temp += STEP_S * -6.5 * (temp - 20.0) / (4186.0 * level_l + 9000.0)
                done = spent > (2400.0 if phase == WASH else 420.0)
            elif phase == DRAIN:
                if pumps:
                    head = 1.6 - (0.9 - 0.3 * level_l / 20.0)
                    level_l = max(level_l - STEP_S * 1000.0 * np.sqrt(head / (3.0e6 + 6.0e6 * choke)), 0.0)
                power += pump_w * (1.0 - 0.25 * (1.0 - 1.0 / choke))
                done = (level_l <= 0.3 and spent > 30.0) or spent > 600.0
            else:
                if level_l > 3.0:  # it does not spin in water
                    return k
                target = min(spin_rpm, 90.0 + spent * 2.2)
                power += pump_w * 0.8
                done = spent > 720.0
            # ---- the drum follows the motor as far as the belt carries
            w_drum = speed * 2 * np.pi / 60.0
            drag = (friction + 0.0035 * w_drum + 0.000013 * w_drum**2 * (1.0 + bearing)) * (speed > 1.0)
            lift = (load * 1.8 * 9.81 * 0.2 * 0.45) * (target > 0.0 and phase != SPIN)
            if target > 0.0 and drives:
                need = inertia * (target - speed) * 2 * np.pi / 60.0 / STEP_S + drag + lift
                torque = min(need, belt_nm)
            change = (torque - drag - lift * (torque > 0.0)) * STEP_S / inertia * 60.0 / (2 * np.pi)
            if target == 0.0:
                speed = max(speed - 30.0, 0.0)
            else:
                speed = max(min(speed + change, target * (1.0 - creep * torque / belt_nm)), 0.0)
            motor = max(torque, 0.0) * (target * 2 * np.pi / 60.0)  # a slipping belt turns the rest into heat
            power += motor / 0.62
            r = speed / resonance
            amplitude = unbalance * 0.24 / mass * r * r / np.sqrt((1.0 - r * r) ** 2 + (2.0 * zeta * r) ** 2)
            shake = (
                0.1 * amplitude * 1000.0 * (speed * 2 * np.pi / 60.0) / np.sqrt(2.0)
            )  # felt at the cabinet
            shake = np.sqrt(shake**2 + (0.3 + bearing * 0.006 * speed) ** 2) * (speed > 1.0)
            row = out[k]
            row[0], row[1], row[2], row[3], row[4], row[5] = power, level_l * 6.0, speed, shake, temp, phase
            k += 1
            if done:
                break
        if phase == DRAIN and level_l > 5.0:  # nothing goes on in a full tub
            return k
        if phase == FILL and level_l < 4.0:
            return k
    return k


def wash(machine: Machine, chosen: Wash, severity: float, failed: bool, fault: str | None) -> Array:
    """(n, 6): power W, level mm, drum rpm, shaking mm/s, water degC, phase; one row in `STEP_S`."""
    out = np.zeros((_LONGEST, _COLUMNS))
    made, asked = (tuple(float(getattr(one, name)) for name in one.__slots__) for one in (machine, chosen))
    kind = 0 if fault is None else 1 + FAULTS.index(fault)
    return out[: _wash(made, asked, severity, failed, kind, out)]
