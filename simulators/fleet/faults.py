"""The course of faults in time: onset, growth, failure, repair. What each does to the physics is in its category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from simulators.base import FaultEffect, Floats, Parameters, Physics
from simulators.fleet.household import Climate

_SLOT_MS = 6 * MS_PER_HOUR  # an intermittent fault shows or hides for this long
_ARRESTED = 0.15  # share of progressive faults that stop growing before failure


@dataclass(frozen=True, slots=True)
class FaultCourse:
    """One fault of one appliance: the truth. Times in ms UTC.

    Severity rises from 0 at `onset` as ((t - onset) / (full - onset)) ** shape, stops at `reach`, and is 0 again
    from `repaired` on. A sudden course is at `reach` at once and `full` is when the appliance no longer copes. An
    intermittent one hides in some of its six-hour slots, less often as it grows.
    """

    row: int  # of the appliance among those of its model
    fault: str
    growth: str
    onset: int
    full: int  # when the appliance fails, if nothing stops the fault
    shape: float
    reach: float  # 1 leads to failure
    sign_at: float
    slots_seed: int
    repaired: int | None = None

    @property
    def failure(self) -> int | None:
        """When the appliance stops doing its work; None if the fault never gets that far."""
        if self.reach < 1.0 or (self.repaired is not None and self.repaired <= self.full):
            return None
        return self.full

    @property
    def first_sign(self) -> int | None:
        """When it first shows in the signals above noise and habit; None if it never does."""
        if self.reach < self.sign_at:
            return None
        seen = self.onset + round((self.full - self.onset) * self.sign_at ** (1.0 / self.shape))
        return seen if self.repaired is None or seen < self.repaired else None

    def severity(self, time: int) -> float:
        """0 (healthy) to 1 (failed) at `time`."""
        if time < self.onset or (self.repaired is not None and time >= self.repaired):
            return 0.0
        if self.growth == "sudden":
            return self.reach
        share = min(1.0, (time - self.onset) / max(1, self.full - self.onset))
        grown = min(share**self.shape, self.reach)
        return grown if self.growth != "intermittent" or self._shows(time, grown) else 0.0

    def reaching(self, reach: float) -> FaultCourse:
        """The same course, growing no further than `reach`."""
        return replace(self, reach=reach)

    def mended(self, time: int | None) -> FaultCourse:
        """The same course, repaired at `time`."""
        return replace(self, repaired=time)

    def _shows(self, time: int, grown: float) -> bool:
        luck = np.random.default_rng((self.slots_seed, time // _SLOT_MS)).random()
        return bool(grown >= 1.0 or luck < 0.3 + 0.7 * grown)


def draw_course(
    rng: np.random.Generator, row: int, fault: str, effect: FaultEffect, onset: int
) -> FaultCourse:
    """A course of `fault` from `onset` with this kind of fault's usual speed; sudden ones never stop half way."""
    days = float(rng.uniform(*effect.days))
    arrested = bool(rng.random() < _ARRESTED) and effect.growth == "progressive"
    return FaultCourse(
        row=row,
        fault=fault,
        growth=effect.growth,
        onset=onset,
        full=onset + round(days * MS_PER_DAY),
        shape=float(rng.uniform(0.8, 1.8)),
        reach=float(rng.uniform(0.4, 0.9)) if arrested else 1.0,
        sign_at=effect.sign_at,
        slots_seed=int(rng.integers(2**31)),
    )


def in_season(effect: FaultEffect, climate: Climate, onset: int, full: int) -> bool:
    """Whether `climate` is warm enough for this fault at both ends of its course, ms UTC."""
    return min(climate.normal(onset), climate.normal(full)) > effect.needs_warmth


def repair_time(rng: np.random.Generator, course: FaultCourse) -> int | None:
    """One to six days after the failure, when the technician has come; None where nothing failed."""
    if course.failure is None:
        return None
    return course.failure + round(float(rng.uniform(1.0, 6.0)) * MS_PER_DAY)


def draw_courses(
    rng: np.random.Generator,
    physics: Physics,
    climates: Sequence[Climate],
    start: int,
    days: int,
    rate: float,
) -> list[FaultCourse]:
    """Each appliance, one per climate, falls ill with probability `rate` between 5 % and 85 % of the time.

    One in ten of them does so twice. What is out of season then does not come.
    """
    courses: list[FaultCourse] = []
    names = list(physics.faults)
    for row, climate in enumerate(climates):
        ill, twice = rng.random() < rate, rng.random() < 0.1
        if not (ill and names):
            continue
        for k in rng.choice(len(names), 1 + (twice and len(names) > 1), replace=False):
            onset = start + round(float(rng.uniform(0.05, 0.85)) * days * MS_PER_DAY)
            effect = physics.faults[names[k]]
            course = draw_course(rng, row, names[k], effect, onset)
            repaired = repair_time(rng, course)
            if in_season(effect, climate, course.onset, course.full):
                courses.append(course.mended(repaired))
    return courses


def severities(courses: Sequence[FaultCourse], n: int, time: int) -> dict[str, Floats]:
    """Fault name -> (n,) severity at `time`, only for faults that somebody has now; several courses add to 1."""
    found: dict[str, Floats] = {}
    for course in courses:
        severity = course.severity(time)
        if severity > 0.0:
            column = found.setdefault(course.fault, np.zeros(n))
            column[course.row] = min(1.0, column[course.row] + severity)
    return found


def afflicted(
    physics: Physics, parameters: Parameters, courses: Sequence[FaultCourse], n: int, time: int
) -> Parameters:
    """The parameters with every fault's change at `time` applied, in the order of the category's list."""
    now = severities(courses, n, time)
    for name, effect in physics.faults.items():
        if name in now:
            parameters = effect.change(parameters, now[name])
    return parameters
