"""The vapour-compression cycle of R410A, quasi-steady, as closed expressions that a numba loop can call.

The property fits stay within 3 % of the tables (Lemmon, Equations of state for R410A, Int. J. Thermophysics 24,
2003) for evaporation at -15..20 degC and condensation at 25..65 degC.
"""

from __future__ import annotations

from math import exp

from foremend.vocabulary.compiling import compiled

KELVIN = 273.15
NORMAL_SUPERHEAT = 5.0  # K
RATED_LOW, RATED_HIGH = 11.0, 48.0  # degC of evaporation and condensation at ISO 5151 T1 (27/35 degC)


@compiled()
def saturation_pressure(temperature: float) -> float:
    """Bar at `temperature` degC: 8.0 bar at 0, 27.3 bar at 45."""
    return exp(10.772 - 2375.0 / (temperature + KELVIN))


@compiled()
def vapour_density(temperature: float) -> float:
    """kg/m3 of saturated vapour at `temperature` degC: 30.6 at 0, 41.9 at 10."""
    return 30.6 * exp(0.0314 * temperature)


@compiled()
def compress(
    low: float, high: float, feed: float, bypass: float, drawn: float, efficiency: float
) -> tuple[float, float, float]:
    """Heat taken up at the low side (W), electric power (W) and discharge temperature (degC).

    `low` and `high` are the saturation temperatures (degC), `drawn` the compressor's swept volume (m3/s).
    `feed` is the liquid the evaporator gets over what it needs: below 1 it runs dry in part, the superheat
    rises and the suction gas thins (Kim and Braun 2012). `bypass` is the share of compressed gas that leaks back
    through worn valves or a half-shut four-way valve and is compressed again, hotter (Rossi and Braun 1997).
    """
    ratio = max(1.05, saturation_pressure(high) / saturation_pressure(low))
    dry = dryness(feed)
    superheat = NORMAL_SUPERHEAT + 45.0 * dry + 35.0 * bypass
    suction = low + KELVIN + superheat
    thinner = (low + KELVIN + NORMAL_SUPERHEAT) / suction
    flow = drawn * vapour_density(low) * thinner * max(0.3, 1.02 - 0.05 * ratio)
    lift = 670.0 * suction * (ratio**0.145 - 1.0) / efficiency
    heat = flow * (1.0 - bypass) * (158e3 - 1_750.0 * (high - 45.0) - 15e3 * dry)
    gas = 250.0 * (low - 10.0) + 1_150.0 * superheat + 0.9 * lift - 2_600.0
    return heat, flow * lift, high + gas / 1_400.0


@compiled()
def dryness(feed: float) -> float:
    """Share of the evaporator that carries no liquid, 0..0.8, when it is fed `feed` of what it needs."""
    return min(0.8, max(0.0, 1.0 - feed))


@compiled()
def approach(value: float, power: float, conductance: float, mass: float, seconds: float) -> float:
    """`value` after `seconds` of a net `power` (W) that falls by `conductance` W for each K it moves.

    The exponential Euler step: exact for a linear exchange and stable however small `mass` (J/K) is.
    """
    return value + power / conductance * (1.0 - exp(-seconds * conductance / mass))
