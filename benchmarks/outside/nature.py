"""What the three physics share: how a fault grows, what the weather does, how a sensor reads. Seeded, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_SECOND

Array = NDArray[np.float64]
GROWTHS = ("linear", "accelerating", "stepwise", "intermittent")
_STEPS = 6  # of a fault that grows in steps
_SPELL_HOURS = 6  # a fault that comes and goes is there, or not, for so long


@dataclass(frozen=True, slots=True)
class Course:
    """One fault of one appliance; days since its first reading."""

    fault: str
    onset: float
    failure: float
    growth: str
    seed: int = 0

    def severity(self, days: Array) -> Array:
        """(n,) 0 up to the onset, 1 from the failure on. One that comes and goes is there ever more often between."""
        share = np.clip((days - self.onset) / (self.failure - self.onset), 0.0, 1.0)
        if self.growth == "linear":
            return share
        if self.growth == "accelerating":
            return np.asarray(np.expm1(3.0 * share) / np.expm1(3.0))
        if self.growth == "stepwise":
            return np.floor(share * _STEPS) / _STEPS
        return np.where(self._spells(days) < 0.25 + 0.75 * share, share, 0.0)

    def failed(self, days: Array) -> NDArray[np.bool_]:
        """(n,) whether it has failed."""
        return days >= self.failure

    def _spells(self, days: Array) -> Array:
        """(n,) one number in [0, 1) for each spell, the same however finely time is looked at."""
        number = (days * 24 / _SPELL_HOURS).astype(np.int64)
        return np.random.default_rng(self.seed).random(int(number.max(initial=0)) + 1)[number]


@dataclass(frozen=True, slots=True)
class Telling:
    """What one appliance sent."""

    time: NDArray[np.int64]  # (n,) ms UTC
    signals: Mapping[str, Array]  # name -> (n,), in the profile's units

    def without(self, names: tuple[str, ...]) -> Telling:
        """The same from an appliance that has no such sensors."""
        return replace(self, signals={name: got for name, got in self.signals.items() if name not in names})


@dataclass(frozen=True, slots=True)
class Case:
    """One appliance as it was, and what it sent; `course` is None where it stays well."""

    appliance: str
    telling: Telling
    course: Course | None


def clock(days: int, step_s: float) -> Array:
    """(n,) seconds since the first reading, which is at midnight."""
    return np.arange(round(days * 86_400 / step_s), dtype=np.float64) * step_s


def outdoor(
    seconds: Array,
    day_of_year: int,
    rng: np.random.Generator,
    mean: float = 15.0,
    season: float = 11.0,
    daily: float = 5.0,
) -> Array:
    """(n,) degC: a yearly wave that is warmest late in July, a daily one at 15 h, and days that depend on the last."""
    days = seconds / 86_400
    nights = np.zeros(int(days[-1]) + 2)
    for k in range(1, len(nights)):
        nights[k] = 0.75 * nights[k - 1] + rng.normal(0, 1.6)
    year = np.cos(2 * np.pi * (day_of_year + days - 205) / 365.25)
    hours = np.cos(2 * np.pi * (days - 15 / 24))
    return np.asarray(mean + season * year + daily * hours + np.interp(days, np.arange(len(nights)), nights))


def read(true: Array, step: float, noise: float | Array, rng: np.random.Generator) -> Array:
    """(n,) what a sensor with that noise (standard deviation) and resolution tells."""
    return np.asarray(np.round((true + rng.normal(0, noise, len(true))) / step) * step)


def sent(
    seconds: Array, keep: NDArray[Any], start_ms: int, signals: Mapping[str, Array], rng: np.random.Generator
) -> Telling:
    """The readings at `keep`, stamped by a device's clock that is up to a second off."""
    off = rng.integers(0, MS_PER_SECOND)
    time = start_ms + (seconds[keep] * MS_PER_SECOND).astype(np.int64) + off
    return Telling(time, {name: got[keep] for name, got in signals.items()})


def midnight_ms(year: int, day_of_year: int) -> int:
    """Midnight UTC of a day of a year, ms UTC."""
    first = np.datetime64(f"{year}-01-01", "D").astype(np.int64)
    return int((first + day_of_year - 1) * MS_PER_DAY)
