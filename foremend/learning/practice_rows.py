"""Rows to learn from, of the fleets that a fault predictor practises on.

The truth of the simulation is used here and nowhere else; the pipeline meets it only as a fitted model.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from foremend.engine.follow import Days, follow
from foremend.learning.practice import FLEETS, practice_fleets
from foremend.learning.training_sets import TrainingSet
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import MS_PER_DAY, Block
from models.evaluation import USUAL_DAYS
from models.settings import TrainingSettings
from simulators.fleet.faults import FaultCourse
from simulators.fleet.fleet import Telemetry

_DAYS_THAT_SHOW = 2  # of running since the first sign, before a row teaches the fault
_DAYS_THAT_FORGET = 4  # of running since the repair, before a row teaches health again
_ROWS = 15  # that the course of a fault gives at most
_NUMBERS = 1_000_000  # appliances of one practice fleet are numbered apart from those of the next


Told = Callable[[float], object]
"""Hears what share of the practice is over, 0..1."""


def simulated_rows(
    profile: Profile,
    settings: TrainingSettings,
    each: Callable[..., Iterable[TrainingSet]] = map,
    told: Told | None = None,
) -> TrainingSet:
    """Daily deviations of simulated fleets with the days each fault was from failure.

    `each` has the fleets live, one after the other or at once: `map`, or that of a pool of processes, where `told`
    cannot be used.
    """
    parts = list(each(partial(fleet_rows, profile, settings, told=told), range(FLEETS)))
    return TrainingSet(
        parts[0].names,
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.days_to_failure for part in parts]),
        np.concatenate([part.appliance + k * _NUMBERS for k, part in enumerate(parts)]),
    )


def fleet_rows(
    profile: Profile, settings: TrainingSettings, number: int, *, told: Told | None = None
) -> TrainingSet:
    """What one of the fleets brings, 0 to FLEETS - 1; `told` hears how far all of them are, one after the other."""
    fleet = next(islice(practice_fleets(profile.name, profile.faults, settings), number, None))

    def blocks() -> Iterator[Block]:
        for day, telemetry in enumerate(fleet.telemetry(), start=1):
            yield as_block(telemetry)
            if told is not None:
                told((number + day / settings.days) / FLEETS)

    days = follow(profile, blocks())
    return _labelled(days, fleet.courses[profile.name], profile, settings)


def as_block(telemetry: Telemetry) -> Block:
    """One simulated day in the order of time, as a fleet would send it."""
    order = np.argsort(telemetry.time, kind="stable")
    return Block(
        telemetry.appliance_model,
        tuple(member.appliance_id for member in telemetry.members),
        telemetry.appliance[order],
        telemetry.time[order],
        telemetry.seq[order],
        {name: column[order] for name, column in telemetry.signals.items()},
        telemetry.firmware,
    )


def _labelled(
    lived: Days,
    courses: Iterable[FaultCourse],
    profile: Profile,
    settings: TrainingSettings,
) -> TrainingSet:
    by_row: dict[int, list[FaultCourse]] = {}
    for course in courses:
        by_row.setdefault(course.row, []).append(course)
    ran = {appliance: days.tolist() for appliance, days in lived.ran().items()}
    features, labels, appliances = [], [], []
    for rows in (day.deviations for day in lived.each):
        for k, (row, time) in enumerate(zip(rows.appliance.tolist(), rows.time.tolist(), strict=True)):
            number = int(lived.ids[row].rpartition("-")[2]) - 1
            mine = by_row.get(number, ())
            shows = _could_show(mine, ran[lived.ids[row]], time)
            due = days_to_failure(mine, time, profile.faults) if shows else None
            if due is None or (time // MS_PER_DAY + number) % _every(mine, time, settings.every_days):
                continue
            features.append(rows.values[k])
            labels.append(due)
            appliances.append(number)
    known = np.isfinite(np.array(features)).any(axis=1)
    return TrainingSet(
        lived.names,
        np.array(features)[known],
        np.array(labels)[known],
        np.array(appliances, np.int32)[known],
    )


def _every(courses: Iterable[FaultCourse], time: int, every_days: int) -> int:
    """One row in so many days is learnt from: a slow fault's days are much alike, and a sudden one has few."""
    spans = [(course.full - course.onset) / MS_PER_DAY for course in courses if _under_way(course, time)]
    return max(1, round(min(spans) / _ROWS)) if spans else every_days


def _under_way(course: FaultCourse, time: int) -> bool:
    return course.onset < time and (course.repaired is None or time < course.repaired)


def _could_show(courses: Iterable[FaultCourse], ran: Sequence[int], time: int) -> bool:
    """Whether what `time` shows is what the truth says, by the days on which the appliance `ran`.

    Not while its usual is not known, nor where it was not before a fault's first sign, nor when it hardly ran since,
    nor after a repair until its averages have forgotten the fault.
    """

    def days(since: int) -> int:
        return bisect(ran, time) - bisect(ran, since)

    if bisect(ran, time) < USUAL_DAYS:
        return False
    for course in courses:
        if course.repaired is not None and time >= course.repaired:
            clear = days(course.repaired) >= _DAYS_THAT_FORGET
        elif course.first_sign is not None and time >= course.first_sign:
            clear = (
                bisect(ran, course.first_sign) >= USUAL_DAYS and days(course.first_sign) >= _DAYS_THAT_SHOW
            )
        else:
            continue
        if not clear:
            return False
    return True


def days_to_failure(
    courses: Iterable[FaultCourse], time: int, faults: tuple[str, ...]
) -> NDArray[np.float64] | None:
    """(faults,) days until each would fail, inf where none is under way.

    None while a fault has begun and nobody could see it yet: such a row teaches neither health nor fault.
    """
    due = np.full(len(faults), np.inf)
    for course in courses:
        if not _under_way(course, time):
            continue
        if course.first_sign is None or time < course.first_sign:
            return None
        due[faults.index(course.fault)] = max(course.full - time, 0) / MS_PER_DAY
    return due
