"""Units on the wire -> units of the profile. Linear conversions only: value * scale + offset."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import ConfigError

Number = TypeVar("Number", float, NDArray[np.float64])

_ALIASES = {
    "C": "degC",
    "°C": "degC",
    "F": "degF",
    "°F": "degF",
    "Wmin": "W min",
    "m³/h": "m3/h",
    "L/min": "l/min",
}

_UNITS: dict[
    str, tuple[str, float, float]
] = {  # unit -> (quantity, scale, offset) to the first of its quantity
    "W": ("power", 1.0, 0.0),
    "mW": ("power", 1e-3, 0.0),
    "kW": ("power", 1e3, 0.0),
    "A": ("current", 1.0, 0.0),
    "mA": ("current", 1e-3, 0.0),
    "V": ("voltage", 1.0, 0.0),
    "mV": ("voltage", 1e-3, 0.0),
    "kV": ("voltage", 1e3, 0.0),
    "degC": ("temperature", 1.0, 0.0),
    "degF": ("temperature", 5.0 / 9.0, -160.0 / 9.0),
    "K": ("temperature", 1.0, -273.15),
    "Wh": ("energy", 1.0, 0.0),
    "kWh": ("energy", 1e3, 0.0),
    "W min": ("energy", 1.0 / 60.0, 0.0),
    "J": ("energy", 1.0 / 3600.0, 0.0),
    "Hz": ("frequency", 1.0, 0.0),
    "rpm": ("frequency", 1.0 / 60.0, 0.0),
    "mm": ("length", 1.0, 0.0),
    "cm": ("length", 10.0, 0.0),
    "m": ("length", 1e3, 0.0),
    "mm/s": ("speed", 1.0, 0.0),
    "m/s": ("speed", 1e3, 0.0),
    "in/s": ("speed", 25.4, 0.0),
    "l/min": ("flow", 1.0, 0.0),
    "l/h": ("flow", 1.0 / 60.0, 0.0),
    "m3/h": ("flow", 1000.0 / 60.0, 0.0),
    "bar": ("pressure", 1.0, 0.0),
    "kPa": ("pressure", 1e-2, 0.0),
    "psi": ("pressure", 0.0689475729, 0.0),
    "%": ("ratio", 1.0, 0.0),
    "1": ("ratio", 100.0, 0.0),
}


class Conversion(NamedTuple):
    """value on the wire * scale + offset = value in the profile's unit."""

    scale: float
    offset: float

    def apply(self, value: Number) -> Number:
        """The value, or the whole column, in the profile's unit."""
        if self == SAME:
            return value
        return value * self.scale + self.offset


SAME = Conversion(1.0, 0.0)


def conversion(wire: str, wanted: str) -> Conversion:
    """How to turn `wire` units into `wanted` ones.

    Raises ConfigError when a unit is unknown or the two measure different things. Equal units need not be known.
    """
    wire, wanted = _ALIASES.get(wire, wire), _ALIASES.get(wanted, wanted)
    if wire == wanted:
        return SAME
    if wire not in _UNITS:
        raise ConfigError(
            f"unit '{wire}' is unknown: use {wanted} or {', '.join(_like(wanted)) or 'no other'}"
        )
    quantity, scale, offset = _UNITS[wire]
    wanted_quantity, wanted_scale, wanted_offset = _UNITS.get(wanted, (wanted, 1.0, 0.0))
    if quantity != wanted_quantity:
        raise ConfigError(f"'{wire}' ({quantity}) cannot become '{wanted}' ({wanted_quantity})")
    return Conversion(scale / wanted_scale, (offset - wanted_offset) / wanted_scale)


def quantity_of(unit: str) -> str:
    """What `unit` measures, as 'power'; empty where it is not known."""
    return _UNITS.get(_ALIASES.get(unit, unit), ("",))[0]


def is_temperature(unit: str) -> bool:
    """Whether `unit` is one of temperature."""
    return quantity_of(unit) == "temperature"


def _like(unit: str) -> list[str]:
    quantity = _UNITS.get(unit, ("",))[0]
    return [name for name, (other, _, _) in _UNITS.items() if other == quantity and name != unit]
