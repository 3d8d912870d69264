"""Faults that come of how an appliance lives: what it does adds up, and when it is more than it endures one sets in.

Each kind of use counts as a share of what wears out a usual one by itself, and the shares add up linearly (Miner,
Cumulative damage in fatigue, Journal of Applied Mechanics 12, 1945). What an appliance will do is found by letting it
live beforehand without the fault: up to the onset an ill one equals its healthy twin, so the rehearsal is its life.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from foremend.vocabulary.types import MS_PER_DAY
from simulators.base import FaultEffect, Floats, Measured, spread
from simulators.fleet.faults import FaultCourse, draw_course, in_season, repair_time
from simulators.fleet.household import Climate
from simulators.fleet.scenario import Cause

RUNNING_W = 25.0
"""Above it something runs: electronics at rest, or a lamp, take less."""

_DUSTY = 0.6  # log-normal standard deviation between homes
_J_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class Use:
    """What n appliances did on one day; arrays are (n,).

    >>> Use(starts=np.array([42.0]), kwh=np.array([0.7]), hours=np.array([6.4])).starts
    array([42.])
    """

    starts: Floats  # of the compressor; 0 where there is none
    kwh: Floats
    hours: Floats  # of running


def uses(days: Iterable[Sequence[Measured]], sample_s: int) -> Iterator[Use]:
    """Of each day's spans of true signals, one after the other."""
    before: Floats | None = None
    for spans in days:
        power = np.concatenate([one.signals["power"] for one in spans], axis=1)
        counter = [one.signals.get("compressor_starts") for one in spans]
        starts = np.zeros(len(power))
        if counter[0] is not None and counter[-1] is not None:
            starts = counter[-1][:, -1] - (counter[0][:, 0] if before is None else before)
            before = counter[-1][:, -1].copy()
        yield Use(
            starts=starts,
            kwh=np.nansum(power, axis=1) * sample_s / _J_PER_KWH,
            hours=(power > RUNNING_W).sum(axis=1) * sample_s / 3_600.0,
        )


def draw_dust(rng: np.random.Generator, homes: int) -> Floats:
    """(homes,) how dusty each is, 1 is usual."""
    return spread(rng, homes, 1.0, _DUSTY)


def wear(cause: Cause, use: Use, dust: Floats) -> Floats:
    """(n,) share of a usual life that a day took: 1 is all of it.

    >>> day = Use(starts=np.array([40.0, 80.0]), kwh=np.array([0.8, 0.8]), hours=np.array([9.0, 9.0]))
    >>> relay = Cause(appliance_model="rf-260", fault="compressor-wear", starts=400, kwh=16)
    >>> wear(relay, day, np.ones(2)).round(3)
    array([0.15, 0.25])
    """
    each = (
        (use.starts, cause.starts),
        (use.kwh, cause.kwh),
        (use.hours * dust, cause.dusty_hours),
    )
    return sum((done / life for done, life in each if life is not None), np.zeros(len(dust)))


def onsets(worn: Floats, endurance: Floats) -> Floats:
    """(n,) when what is `worn` a day, (days, n), comes to its `endurance`, in days; NaN where it never does.

    >>> onsets(np.full((4, 2), 0.5), np.array([1.25, 9.0]))
    array([2.5, nan])
    """
    total = worn.cumsum(axis=0)
    over = total >= endurance
    day = over.argmax(axis=0)
    on_day, until = (np.take_along_axis(one, day[None], axis=0)[0] for one in (worn, total))
    ended = over.any(axis=0)
    beyond = np.divide(until - endurance, on_day, out=np.zeros(len(endurance)), where=ended)
    return np.where(ended, day + 1.0 - beyond, np.nan)


def caused(
    rng: np.random.Generator,
    cause: Cause,
    effect: FaultEffect,
    worn: Floats,
    climates: Sequence[Climate],
    start: int,
) -> Iterator[FaultCourse]:
    """A course for each of n appliances that wears out in the days of `worn`, from `start`, ms UTC; rows are theirs.

    What is out of season then does not come.
    """
    endurance = spread(rng, worn.shape[1], 1.0, cause.spread)
    for row, day in enumerate(onsets(worn, endurance)):
        if np.isfinite(day):
            onset = start + round(float(day) * MS_PER_DAY)
            course = draw_course(rng, row, cause.fault, effect, onset)
            repaired = repair_time(rng, course)
            if in_season(effect, climates[row], course.onset, course.full):
                yield course.mended(repaired)
