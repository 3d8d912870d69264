"""A split air conditioner that cools one room, fixed speed or inverter, from textbook equations.

- Room: air and walls as two lumped capacities (Incropera et al., Fundamentals of Heat and Mass Transfer, 7th ed.,
  ch. 5.1-5.3; the network of ISO 13790, annex C, with one mass node).
- Coils: a fluid that changes phase, effectiveness 1 - exp(-NTU) (Incropera, ch. 11.4, eq. 11.35a); a wet coil takes
  heat over the sensible heat ratio (Stoecker and Jones, Refrigeration and Air Conditioning, 2nd ed., ch. 3 and 8).
- Refrigerant R410A: saturation by Clausius and Clapeyron, suction gas as ideal (Cengel and Boles, Thermodynamics,
  7th ed., eq. 12-24 and 3-10), latent heat that falls with the temperature.
- Compressor: volumetric efficiency of a clearance (Stoecker and Jones, eq. 11-3), polytropic work (Cengel, eq. 7-57b),
  discharge temperature by the isentropic efficiency (eq. 7-63).
- Fans: flow with speed, and against a resistance (fan laws, Stoecker and Jones, ch. 6.12).
Not in it: humidity as a state, frost, heating, oil, the expansion device's own control.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from benchmarks.outside.nature import Array

STEP_S = 12.0
FAULTS = (
    "refrigerant-undercharge",
    "filter-clog",
    "outdoor-coil-fouling",
    "outdoor-fan-bearing-wear",
    "compressor-valve-wear",
)
FIXED_FAULTS = (*FAULTS, "run-capacitor-degradation")
INVERTER_FAULTS = (*FAULTS, "inverter-board-overheating")
_KINDS = (*FIXED_FAULTS, "inverter-board-overheating")
_COLUMNS = 11


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine in its room; SI units unless said."""

    inverter: bool
    size: float = 1.0  # of 3.5 kW
    room_j_k: float = 3.0e5
    walls_j_k: float = 6.0e6
    wall_w_k: float = 260.0
    outside_w_k: float = 75.0
    airing_w_k: float = 25.0
    gain_w: float = 350.0
    sensor_at: float = (
        0.8  # how far along the coil its sensor sits: beyond the wet part it feels superheated gas
    )
    hides_filter: float = 0.0  # share of the lost air that the fan's controller brings back

    @classmethod
    def drawn(cls, inverter: bool, rng: np.random.Generator) -> Machine:
        """One of many."""
        size, room = rng.uniform(0.8, 1.2), rng.uniform(0.7, 1.15)
        return cls(
            inverter,
            size,
            3.0e5 * room,
            6.0e6 * room * rng.uniform(0.7, 1.5),
            260 * room,
            75 * room * rng.uniform(0.7, 1.3),
            25 * room * rng.uniform(0.5, 1.5),
            350 * rng.uniform(0.5, 1.4),
            rng.uniform(0.5, 0.95),
            float(rng.choice([0.0, 0.5, 0.9])),
        )


@njit(cache=True)
def _live(outside, sun, wanted, severity, failed, kind, speed0, m, out):  # type: ignore[no-untyped-def]
    """Every step of `STEP_S`. `wanted`: set point where it is switched on, NaN elsewhere; `kind`: 0 is no fault."""
    inverter, size, c_air, c_wall, ua_wall, ua_out, ua_air, gain, sensor_at, hides = m
    air, wall = outside[0] + 4.0, outside[0] + 4.0
    cold, hot = air, outside[0]  # evaporating and condensing temperature
    speed, rest, sum_error, module, out_since = 0.0, 1e9, 0.0, outside[0], 1e9
    starts, shut = 0.0, 0.0
    for k in range(len(outside)):
        s, dead, to = severity[k], failed[k], outside[k]
        charge = 1.0 - 0.5 * s * (kind == 1)
        clog = 0.65 * s * (kind == 2) * (1.0 - hides)
        dirt = s * (kind == 3)
        lame = s * (kind == 4)
        worn = s * (kind == 5)
        weak = s * (kind == 6)
        hot_paste = s * (kind == 7)
        # ---- control
        on = not np.isnan(wanted[k])
        error = air - wanted[k] if on else 0.0
        rest += STEP_S
        shut = max(shut - STEP_S, 0.0)
        was = speed
        if not on or shut > 0.0:
            speed = 0.0
        elif inverter > 0.0:
            running = speed > 0.0
            if (running and error > -1.0) or (not running and error > 0.4 and rest > 180.0):
                sum_error = min(max(sum_error + error * STEP_S / 900.0, 0.0), 4.0)
                most = 95.0 if module < 88.0 else max(15.0, 95.0 - 8.0 * (module - 88.0))
                speed = min(max(18.0 + 22.0 * (error + sum_error), 18.0), most)
            else:
                speed, sum_error = 0.0, 0.0
        elif speed > 0.0:
            speed = 50.0 if error > -0.6 else 0.0
        elif error > 0.6 and rest > 180.0:
            speed = 50.0
        blocked = dead and (kind == 5 or kind == 6 or kind == 7)  # it hums or is silent, and does not turn
        hum = 0.0
        if blocked and speed > 0.0:
            hum, speed, rest = 1.0, 0.0, 0.0
            shut = 1200.0 if kind == 6 else 600.0
        if was > 0.0 and speed == 0.0:
            rest = 0.0
        if was == 0.0 and speed > 0.0:
            starts += 1.0
        # ---- fans
        target = 1150.0 * speed0 if on else 0.0
        fan_in = target * (1.0 + 0.07 * s * (kind == 2) * (1.0 - 0.3 * hides))
        flow_in = 0.18 * size * (1.0 - clog) * (target / 1150.0)
        fan_out = 850.0 * (1.0 - 0.55 * lame) if speed > 0.0 else 0.0
        if dead and kind == 4:
            fan_out = 0.0
        flow_out = 0.62 * size * (1.0 - 0.5 * dirt) * max(fan_out / 850.0, 0.06)
        # ---- coils and refrigerant
        wet_part = min(1.0, max(0.1, 1.0 - 1.5 * (1.0 - charge)))
        shr = 0.76
        eps_in = 1.0 - np.exp(-330.0 * size * wet_part / (max(flow_in, 0.01) * 1006.0))
        eps_out = 1.0 - np.exp(-620.0 * size * (1.0 - 0.45 * dirt) / (flow_out * 1006.0))
        q_in = eps_in * max(flow_in, 0.004) * 1006.0 * (air - cold) / shr
        q_out = eps_out * flow_out * 1006.0 * (hot - to)
        flow = work = lift = 0.0
        gas = hot
        if speed > 0.0:
            superheat = 6.0 + 40.0 * (1.0 - charge)
            low = 800e3 * np.exp(2370.7 * (1 / 273.15 - 1 / (cold + 273.15)))
            high = 800e3 * np.exp(2370.7 * (1 / 273.15 - 1 / (hot + 273.15)))
            ratio = max(high / low, 1.01)
            suction = cold + 273.15 + superheat
            volumetric = (1.04 - 0.04 * ratio ** (1 / 1.15)) * (1.0 - 0.5 * worn)
            flow = max(volumetric, 0.0) * 15.8e-6 * size * speed * low / (114.5 * suction)
            each = 1.12 / 0.12 * 114.5 * suction * (ratio ** (0.12 / 1.12) - 1.0)
            efficiency = 0.66 * (1.0 - 0.12 * worn) * (1.0 - 0.25 * weak)
            work = flow * each / efficiency
            lift = flow * max(215e3 - 1500.0 * (hot - cold) - 800.0 * cold, 3e4) * (0.55 + 0.45 * charge)
            gas = suction - 273.15 + suction * (ratio ** (0.17 / 1.17) - 1.0) / (0.75 * (1.0 - 0.3 * worn))
            if hot > 68.0:  # the high-pressure switch
                shut, rest = 600.0, 0.0
        cold += STEP_S * (q_in - lift) / (7500.0 * size)
        hot += STEP_S * (lift + 0.9 * work - q_out) / (9000.0 * size)
        out_since = 0.0 if speed > 0.0 else out_since + STEP_S
        # ---- room
        cooling = q_in * shr
        air += STEP_S * (ua_wall * (wall - air) + ua_air * (to - air) + gain * sun[k] - cooling) / c_air
        wall += STEP_S * (ua_wall * (air - wall) + ua_out * (to + 6.0 * sun[k] - wall)) / c_wall
        # ---- electricity
        fans = (25.0 * (target / 1150.0) ** 2 + 2.0) * on + (
            38.0 * (1.0 + 0.3 * lame) if speed > 0.0 else 0.0
        )
        power = 1.5 + fans + work * (1.04 if inverter > 0.0 else 1.0) + hum * 900.0 * (kind == 6)
        module += STEP_S * (0.035 * work - (module - to) / (0.55 * (1.0 + 2.5 * hot_paste))) / 220.0
        dry = max(sensor_at - wet_part, 0.0)  # of the coil before the sensor
        felt = cold + (air - cold) * min(1.6 * dry, 0.9)
        row = out[k]
        row[0], row[1], row[2], row[3], row[4] = power, air, felt, hot if out_since < 300.0 else to, gas
        row[5], row[6], row[7], row[8], row[9], row[10] = speed, fan_in, target, fan_out, module, starts
        if out_since > 0.0:
            hot += (to - hot) * STEP_S / 240.0
            cold += (air - cold) * STEP_S / 400.0
            row[4] = max(hot, to)


def live(
    machine: Machine,
    outside: Array,
    sun: Array,
    wanted: Array,
    severity: Array,
    failed: Array,
    fault: str | None,
) -> Array:
    """(n, 11): power W, room, indoor coil, outdoor coil, discharge degC, Hz, fan in, its target, fan out rpm, module
    degC, starts; one row in `STEP_S`.
    """
    out = np.zeros((len(outside), _COLUMNS))
    numbers = tuple(float(getattr(machine, name)) for name in machine.__slots__)
    kind = 0 if fault is None else 1 + _KINDS.index(fault)
    _live(outside, sun, wanted, severity, failed, kind, 1.0, numbers, out)
    return out
