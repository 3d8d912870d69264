"""Whether a household that speaks through its appliances has fallen silent, and how urgent that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.wellbeing import DAYS_KEPT, Level
from models.wellbeing.clock import US_PER_DAY, US_PER_HOUR, instant, wall
from models.wellbeing.habits import LEAST_DAYS as LEAST_DAYS
from models.wellbeing.habits import Habits, is_up, latest, learn, nights, unheard
from models.wellbeing.signs import merged

AT_REST = 75 * US_PER_HOUR // 60
"""So long after its last word an appliance at rest may still be listening: some speak once an hour."""

Spans = Sequence[tuple[int, int]]

_NIGHT_AWAY = 1.2  # times the longest usual one
_LONGER = {Level.CALL: 2 * US_PER_HOUR, Level.GO: 5 * US_PER_HOUR}  # after LOOK
_LEAST_BUSY = 5  # quarters of an hour with a sign, of the twenty in the quietest hours
_BUSIER, _MORE = 1.5, 3  # so many times as much as in the busiest night before, and so many quarters more
_OUT = 2  # times as long, where nobody was there in the evening


@dataclass(frozen=True, slots=True)
class Quiet:
    """A silence that is unlike the last weeks.

    >>> Quiet(Level.LOOK, last_sign=0, usual_by=US_PER_DAY, why="stopped").level
    <Level.LOOK: 'look'>
    """

    level: Level
    last_sign: int  # us UTC
    usual_by: int  # us UTC: nine of ten days had a first sign of life by then
    why: Literal["stopped", "shifted"]  # nothing at all, or something at unusual times only


def judged(
    signs: NDArray[np.int64],
    now: int,
    zone: ZoneInfo,
    away: Spans = (),
    well_since: int | None = None,
    seen: Spans | None = None,
) -> Quiet | None:
    """What there is to tell at `now`, us UTC, of a household with `signs` (n,) of life, us UTC, sorted, in `zone`.

    None while all is as ever, while the rhythm is not learnt (`LEAST_DAYS` mornings of the last `DAYS_KEPT` days),
    while `now` is in one of the spans `away`, and while nobody listens. Spans are (from, to), us UTC: in `away`
    somebody said that nobody is at home; in `seen` every device that shows signs of life spoke (None: all the time).
    What is in `away` or not in `seen` is unknown: neither learnt from nor counted as silence. That somebody was well at
    `well_since`, us UTC, counts as a sign of life then, and so does the end of an absence. Signs later than `now` are
    not looked at.
    """
    seen = None if seen is None else [(a, now if b <= now <= b + AT_REST else b) for a, b in seen]
    if any(since <= now < until for since, until in away) or not _listened(seen, now):
        return None
    since = now - DAYS_KEPT * US_PER_DAY
    known = signs[(signs > since) & (signs <= now)]
    unknown = _wall_spans(_unknown(away, seen, since, now), zone)
    at_home = known[~_within(known, away)]
    shown, clock = wall(at_home, zone), int(wall(np.array([now]), zone)[0])
    habits = learn(shown, unknown)
    if habits is None:
        return None
    said = [until for _, until in away if until <= now]
    said += [well_since] if well_since is not None and well_since <= now else []
    well = wall(np.array(said, np.int64), zone)
    told = _stopped(habits, shown, clock, unknown, well) or _shifted(habits, shown, clock, well)
    if told is None:
        return None
    level, day, why = told
    usual_by = instant(habits.usual_on(day) + habits.often, zone)
    return Quiet(level, int(at_home[-1]), usual_by, why)


Told = tuple[Level, int, Literal["stopped", "shifted"]]


def _stopped(
    habits: Habits,
    shown: NDArray[np.int64],
    clock: int,
    unknown: NDArray[np.int64],
    said: NDArray[np.int64],
) -> Told | None:
    """Nobody was up when somebody should have been on the first household day after the last on which somebody was."""
    last, day = int(shown[-1]), _last_up(habits, shown, said) + 1
    while (told_at := _told_at(habits, day, last)) <= clock:
        begun = habits.first_of(day) + habits.up
        if not unheard(unknown, np.array([begun]), np.array([told_at]))[0]:
            out = last < habits.first_of(day - 1) + habits.evening
            return _level(clock - told_at, out), day, "stopped"
        day += 1
    return None


def _told_at(habits: Habits, day: int, last: int) -> int:
    """By when nothing of `day` is told, where the `last` sign was before it: later where nights away are usual."""
    told_at = habits.usual_on(day) + habits.late
    if last < habits.first_of(day - 1) + habits.evening:
        return max(told_at, last + int(_NIGHT_AWAY * habits.night_away))
    return told_at


def _last_up(habits: Habits, shown: NDArray[np.int64], said: NDArray[np.int64]) -> int:
    """The last household day on which somebody was up: did something after the night, or was said to be well."""
    active = shown[is_up(shown, habits.begins, habits.up)]
    return max(
        int(active[-1] - habits.begins) // US_PER_DAY, *((said - habits.begins) // US_PER_DAY).tolist(), 0
    )


def _shifted(habits: Habits, shown: NDArray[np.int64], clock: int, said: NDArray[np.int64]) -> Told | None:
    """In the quietest hours of the last night, or of the last two, far more was done than in those before.

    It is told until the next night begins, or somebody is said to be well.
    """
    busy = nights(shown, habits.begins, clock)
    day = (clock - habits.begins) // US_PER_DAY
    if (said >= habits.first_of(day)).any():
        return None
    for many, level in ((2, Level.CALL), (1, Level.LOOK)):
        total = np.convolve(busy, np.ones(many, np.int64), "valid")
        before = total[:-many]
        if len(before) and total[-1] >= max(_LEAST_BUSY * many, _BUSIER * latest(before) + _MORE):
            return level, day, "shifted"
    return None


def _level(over: int, out: bool) -> Level:
    level = Level.LOOK
    for more in (Level.CALL, Level.GO):
        if over >= _LONGER[more] * (_OUT if out else 1):
            level = more
    return level


def _listened(seen: Spans | None, now: int) -> bool:
    return seen is None or any(since <= now <= until for since, until in seen)


def _within(times: NDArray[np.int64], spans: Spans) -> NDArray[np.bool_]:
    inside = np.zeros(len(times), np.bool_)
    for since, until in spans:
        inside |= (times >= since) & (times < until)
    return inside


def _unknown(away: Spans, seen: Spans | None, since: int, now: int) -> list[tuple[int, int]]:
    """Spans of the time from `since` to `now` in which nobody listened or all were away, sorted and apart."""
    gaps = list(away)
    if seen is not None:
        edges = [since, *(t for span in sorted(seen) for t in span), now]
        gaps += list(zip(edges[::2], edges[1::2], strict=True))
    within = ((max(a, since), min(b, now)) for a, b in gaps)
    return merged(span for span in within if span[0] < span[1])


def _wall_spans(spans: list[tuple[int, int]], zone: ZoneInfo) -> NDArray[np.int64]:
    return wall(np.array(spans, np.int64).reshape(-1), zone).reshape(-1, 2)
