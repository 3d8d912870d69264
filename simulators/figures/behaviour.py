"""What an attentive eye reads from signals: how long it runs, how often it starts, how warm it is while running.

Names are those of the fault catalogue: a signal, or a behaviour such as `run_length`. Every measure takes signals as
(n, readings) columns with NaN where nothing was sent, and gives one number over all of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simulators.base import Floats

Signals = Mapping[str, Floats]
Mask = NDArray[np.bool_]

_ON_WATTS = {"air-conditioner": 100.0, "refrigerator": 25.0, "water-heater": 100.0}
_COOLING, _IDLE = 1.0, 0.0  # signal `mode`, signal `programme_phase`
_PHASES = {"fill_time": (1.0,), "heat_time": (2.0,), "drain_time": (4.0,)}
_SPIN, _SPINNING_RPM = 6.0, 550.0
_ALWAYS = {"cabinet_temp", "freezer_temp", "tank_temp", "flow", "water_alarm"}
"""Signals that count at rest too; the others are compared while the appliance runs."""


def running(category: str, signals: Signals) -> Mask:
    """Whether the compressor, the element or, in a washing machine, the spin is on; cooling only."""
    if category == "washing-machine":
        return signals["programme_phase"] == _SPIN
    on = signals["power"] > _ON_WATTS[category]
    return on & (signals["mode"] == _COOLING) if category == "air-conditioner" else on


def measure(category: str, name: str, signals: Signals, sample_s: int) -> float:
    """The mean of a signal, or a behaviour in minutes, a day, Wh a day or as a share; NaN where it never ran.

    Raises KeyError for a name that is neither a signal of this category nor a behaviour.
    """
    minutes = sample_s / 60.0
    if name in _PHASES or name == "spin_up_time":
        return _per_wash(name, signals) * minutes
    on = running(category, signals)
    days = on.shape[0] * on.shape[1] * minutes / 1_440.0
    starts = max(1, int(np.count_nonzero(on[:, 1:] & ~on[:, :-1])))
    able = signals["mode"] == _COOLING if category == "air-conditioner" else np.ones_like(on)
    behaviours = {
        "run_length": on.sum() * minutes / starts,
        "pause_length": (able & ~on).sum() * minutes / starts,
        "starts_per_day": starts / days,
        "duty": on.sum() / max(1, able.sum()),
        "energy_per_day": float(np.nansum(signals["power"])) * minutes / 60.0 / days,
    }
    if name in behaviours:
        return float(behaviours[name])
    return _signal(name, signals[name], on, days)


def _signal(name: str, values: Floats, on: Mask, days: float) -> float:
    if name == "compressor_starts":
        return float(np.nansum(np.diff(values, axis=1)) / days)
    known = ~np.isnan(values) if name in _ALWAYS else on & ~np.isnan(values)
    return float(values[known].mean()) if known.any() else float("nan")


def _per_wash(name: str, signals: Signals) -> float:
    """Readings of the phase per wash."""
    phase = signals["programme_phase"]
    active = ~np.isnan(phase) & (phase != _IDLE)
    washes = max(1, int(np.count_nonzero(active[:, 1:] & ~active[:, :-1])))
    if name == "spin_up_time":
        return float(np.count_nonzero((phase == _SPIN) & (signals["drum_speed"] < _SPINNING_RPM)) / washes)
    return float(np.count_nonzero(np.isin(phase, _PHASES[name])) / washes)
