"""From true signals to what an appliance reports: noise, drift, quantisation, jitter, gaps, reboots, a wrong clock.

All draws have shapes that depend on the number of appliances and readings alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.schema import Strict
from foremend.vocabulary.types import MS_PER_DAY
from simulators.base import Floats, Measured, Signal


class Imperfections(Strict):
    """How bad sensors and links are; zero everywhere is a perfect fleet."""

    noise: float = 1.0  # factor on each signal's own noise
    drift_per_year: float = 0.3  # degC, standard deviation between thermistors
    jitter_ms: float = 200.0  # standard deviation of the sampling moment
    missing: float = 0.001  # share of readings never made
    reboots_per_month: float = 0.5  # each resets the counters and loses two minutes
    offline_per_month: float = 0.4  # spells without a link, uploaded afterwards
    offline_hours: float = 5.0  # median length; one in ten is above five times this
    duplicates: float = 0.002  # share of messages delivered twice
    skew_ms: float = 1_500.0  # standard deviation between clocks; one in fifty is minutes wrong


_REBOOT_READINGS_MS = 120_000


@dataclass
class Sensors:
    """The sensors and clocks of n appliances; `bases` holds each counter's true value at the last reboot."""

    imperfections: Imperfections
    signals: Sequence[Signal]
    start: int  # ms UTC; drift is nil then
    offset: Floats  # (signals, n), of thermistors, in the signal's unit
    drift: Floats  # (signals, n) per ms
    skew: NDArray[np.int64]  # (n,) ms the clock is ahead
    bases: Floats  # (signals, n)

    def measure(
        self, measured: Measured, start: int, sample_ms: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], dict[str, Floats], NDArray[np.bool_]]:
        """(device time ms (n, r), signals as reported, kept (n, r)) of a span that starts at `start`."""
        n, readings = next(iter(measured.signals.values())).shape
        nominal = start + sample_ms * (1 + np.arange(readings, dtype=np.int64))
        kept = rng.random((n, readings), dtype=np.float32) >= self.imperfections.missing
        jitter = rng.standard_normal((n, readings), dtype=np.float32) * self.imperfections.jitter_ms
        time = nominal[None, :] + self.skew[:, None] + np.clip(jitter, -0.4 * sample_ms, 0.4 * sample_ms)
        rebooted = self._reboots(n, readings, sample_ms, rng)
        reported = {
            signal.name: self._report(j, signal, measured.signals[signal.name], nominal, rebooted, rng)
            for j, signal in enumerate(self.signals)
            if signal.name in measured.signals
        }
        self._go_silent(kept, rebooted, sample_ms)
        if measured.sent is not None:
            kept &= measured.sent
        return time.astype(np.int64), reported, kept

    def _reboots(self, n: int, readings: int, sample_ms: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """(n,) reading at which the appliance reboots in this span, or -1."""
        chance = self.imperfections.reboots_per_month * readings * sample_ms / (30 * MS_PER_DAY)
        happens, at = rng.random(n) < chance, rng.integers(0, readings, n)
        return np.where(happens, at, -1)

    def _report(
        self,
        j: int,
        signal: Signal,
        true: Floats,
        nominal: NDArray[np.int64],
        rebooted: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Floats:
        if signal.counter:
            return self._count(j, signal, true, rebooted)
        value = true
        if signal.drifts:
            value = value + self.offset[j, :, None] + self.drift[j, :, None] * (nominal - self.start)
        if signal.noise:
            sd = np.float32(signal.noise * self.imperfections.noise)
            value = value + sd * rng.standard_normal(true.shape, dtype=np.float32)
        if signal.unit != "degC":  # only a temperature can be below nothing
            value = np.maximum(value, 0.0)
        return quantised(value, signal.resolution)

    def _count(self, j: int, signal: Signal, true: Floats, rebooted: NDArray[np.int64]) -> Floats:
        value = true - self.bases[j, :, None]
        for row in np.flatnonzero(rebooted >= 0):
            at = rebooted[row]
            self.bases[j, row] = true[row, at]
            value[row, at:] = true[row, at:] - true[row, at]
        return quantised(value, signal.resolution, np.floor)

    def _go_silent(self, kept: NDArray[np.bool_], rebooted: NDArray[np.int64], sample_ms: int) -> None:
        lost = max(1, _REBOOT_READINGS_MS // sample_ms)
        for row in np.flatnonzero(rebooted >= 0):
            kept[row, rebooted[row] : rebooted[row] + lost] = False


def quantised(value: Floats, resolution: float, rounding: np.ufunc = np.rint) -> Floats:
    """`value` in whole steps of `resolution`; decimal steps come out as the shortest decimals."""
    per_unit = 1.0 / resolution
    if abs(per_unit - round(per_unit)) < 1e-9 * per_unit:
        return np.asarray(rounding(value * round(per_unit)) / round(per_unit))
    return np.asarray(rounding(value / resolution) * resolution)


def draw_sensors(
    rng: np.random.Generator, imperfections: Imperfections, signals: Sequence[Signal], n: int, start: int
) -> Sensors:
    """Sensors of n appliances as delivered: small offsets, a drift each, clocks set by hand."""
    shape = (len(signals), n)
    drift = rng.normal(0.0, imperfections.drift_per_year, shape) / (365.25 * MS_PER_DAY)
    offset = rng.normal(0.0, 0.5 * imperfections.drift_per_year, shape)
    skew = rng.normal(0.0, imperfections.skew_ms, n)
    wrong = rng.random(n) < 0.02
    skew = np.where(wrong, skew * 100.0, skew)
    bases = -rng.integers(0, 3_000, shape).astype(np.float64)  # counted since a reboot before our time
    return Sensors(imperfections, signals, start, offset, drift, skew.astype(np.int64), bases)


def draw_offline(
    rng: np.random.Generator, imperfections: Imperfections, n: int, start: int, days: int
) -> list[list[tuple[int, int]]]:
    """Per appliance the spells (first ms, last ms) without a link."""
    counts = rng.poisson(imperfections.offline_per_month * days / 30.0, n)
    spells: list[list[tuple[int, int]]] = []
    for count in counts:
        first = start + (rng.random(count) * days * MS_PER_DAY).astype(np.int64)
        hours = imperfections.offline_hours * np.exp(1.25 * rng.standard_normal(count))
        last = first + (np.minimum(hours, 72.0) * 3_600_000).astype(np.int64)
        spells.append(sorted(zip(first.tolist(), last.tolist(), strict=True)))
    return spells
