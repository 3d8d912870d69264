"""The fleets: appliances of this package's own physics, drawn by a seed, and refrigerators that others simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.outside import (
    air_conditioner,
    air_conditioner_home,
    recorded,
    washing_machine_home,
    water_heater,
)
from benchmarks.outside.nature import GROWTHS, Case, Course, Telling, midnight_ms
from foremend.learning.backtest import Truth
from foremend.vocabulary.types import MS_PER_DAY, Block

Tell = Callable[[int, int, int, "Course | None", np.random.Generator], Telling]
Progress = Callable[[int, int], None]
SEED = 20_264
_FIRST_ONSET = 30.0
_GROWS_DAYS = (25.0, 80.0)
_TELL_LESS = 0.5


@dataclass(frozen=True, slots=True)
class Kind:
    """A fleet that this package simulates."""

    appliance_model: str
    faults: tuple[str, ...]
    optional: tuple[str, ...]
    tell: Tell
    day_of_year: int
    days: int
    grows: dict[str, tuple[float, float]]  # faults that are faster than the others, days

    def cases(self, appliances: int, seed: int, progress: Progress) -> list[Case]:
        """So many, half of them ill, faults in turn; about half of the ill and of the well tell less."""
        return [_counted(self._case(k, seed), progress, k + 1, appliances) for k in range(appliances)]

    def _case(self, number: int, seed: int) -> Case:
        rng = np.random.default_rng((seed, number))
        course = self._course(number // 2, rng) if number % 2 else None
        told = self.tell(self.days, midnight_ms(2026, self.day_of_year), self.day_of_year, course, rng)
        if rng.random() < _TELL_LESS:
            told = told.without(tuple(rng.permutation(self.optional)[: rng.integers(2, len(self.optional))]))
        return Case(f"{self.appliance_model}-out-{number:04d}", told, course)

    def _course(self, turn: int, rng: np.random.Generator) -> Course:
        fault = self.faults[turn % len(self.faults)]
        grows = float(rng.uniform(*self.grows.get(fault, _GROWS_DAYS)))
        onset = float(rng.uniform(_FIRST_ONSET, max(self.days - 10 - grows, _FIRST_ONSET + 5)))
        growth = GROWTHS[int(rng.integers(len(GROWTHS)))]
        return Course(fault, onset, onset + grows, growth, int(rng.integers(2**31)))


def _air_conditioner(inverter: bool) -> Kind:
    names = air_conditioner.INVERTER_FAULTS if inverter else air_conditioner.FIXED_FAULTS
    tell = partial(air_conditioner_home.telling, inverter)
    model = "ac-35i" if inverter else "ac-35f"
    return Kind(model, names, air_conditioner_home.OPTIONAL, tell, 125, 150, {})


OWN = {
    "air-conditioner-fixed": _air_conditioner(False),
    "air-conditioner-inverter": _air_conditioner(True),
    "washing-machine": Kind(
        "wm-7",
        washing_machine_home.FAULTS,
        washing_machine_home.OPTIONAL,
        washing_machine_home.telling,
        40,
        170,
        {},
    ),
    "water-heater": Kind(
        "wh-60",
        water_heater.FAULTS,
        water_heater.OPTIONAL,
        water_heater.telling,
        40,
        150,
        {"thermostat-stuck": (6, 20)},
    ),
}
RECORDED = {"fleet-a": "rf-260", "fleet-a-plug": "generic-compressor"}
"""fleet-a and fleet-a2 together: with all their signals, and by power alone."""
NAMES = (*RECORDED, *OWN)


def appliance_model(name: str) -> str:
    """Under which of the bundled profiles a fleet is watched."""
    return RECORDED[name] if name in RECORDED else OWN[name].appliance_model


def cases(name: str, appliances: int, seed: int, data: Path, progress: Progress) -> list[Case]:
    """The appliances of a fleet. Raises InputError where a recorded one is not below `data`."""
    if name in RECORDED:
        return recorded.cases(data, power_alone=name.endswith("plug"))
    return OWN[name].cases(appliances, seed, progress)


def truth(case: Case) -> Truth:
    """What was true of a case, ms UTC."""
    begin, end = int(case.telling.time[0]), int(case.telling.time[-1])
    if case.course is None:
        return Truth(case.appliance, begin, end)
    midnight = begin // MS_PER_DAY * MS_PER_DAY
    onset, failure = (midnight + round(day * MS_PER_DAY) for day in (case.course.onset, case.course.failure))
    return Truth(case.appliance, begin, end, case.course.fault, onset, failure)


def blocks(model: str, some: Sequence[Case], until: int | None = None) -> Iterator[Block]:
    """A block a day, all appliances in the order of time, as a fleet sends them; up to `until`, ms UTC."""
    ids = tuple(case.appliance for case in some)
    names = sorted({name for case in some for name in case.telling.signals})
    first = min(int(case.telling.time[0]) for case in some) // MS_PER_DAY
    last = max(int(case.telling.time[-1]) for case in some) // MS_PER_DAY
    for day in range(first, last + 1):
        end = min((day + 1) * MS_PER_DAY, (until or 2**62) + 1)
        cut = [np.searchsorted(case.telling.time, (day * MS_PER_DAY, end)) for case in some]
        parts = [slice(int(a), max(int(a), int(b))) for a, b in cut]
        count = [part.stop - part.start for part in parts]
        if sum(count):
            time = np.concatenate([case.telling.time[part] for case, part in zip(some, parts, strict=True)])
            columns = {name: np.concatenate(list(_column(name, some, parts))) for name in names}
            who, order = (
                np.repeat(np.arange(len(ids), dtype=np.int32), count),
                np.argsort(time, kind="stable"),
            )
            yield Block(model, ids, who, time, np.full(len(time), -1), columns).take(order)


def _column(name: str, some: Sequence[Case], parts: Sequence[slice]) -> Iterator[np.ndarray]:
    for case, part in zip(some, parts, strict=True):
        got = case.telling.signals.get(name)
        yield np.full(part.stop - part.start, np.nan) if got is None else got[part].astype(np.float64)


def _counted(case: Case, progress: Progress, done: int, of: int) -> Case:
    progress(done, of)
    return case
