"""Whether a household that speaks through its appliances has fallen silent, and how urgent that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.wellbeing import Level
from models.wellbeing.clock import US_PER_DAY, US_PER_HOUR, instant, wall
from models.wellbeing.habits import LEAST_DAYS as LEAST_DAYS
from models.wellbeing.habits import Habits, learn, unheard

DAYS_KEPT = 60
"""Older signs of life say nothing: habits change."""

Spans = Sequence[tuple[int, int]]

_AFTER_A_DAY_OUT = US_PER_HOUR  # who was not there in the evening has this much longer
_NIGHT_AWAY = 1.2  # times the longest usual one
_LONGER = {Level.CALL: 2 * US_PER_HOUR, Level.GO: 5 * US_PER_HOUR}  # at least, after LOOK
_RARER = {Level.CALL: np.log(10.0), Level.GO: np.log(100.0)}
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
    if any(since <= now < until for since, until in away) or not _listened(seen, now):
        return None
    since = now - DAYS_KEPT * US_PER_DAY
    known = signs[(signs > since) & (signs <= now)]
    unknown = _wall_spans(_unknown(away, seen, since, now), zone)
    at_home = known[~_within(known, away)]
    habits = learn(wall(at_home, zone), unknown)
    if habits is None:
        return None
    said = [until for _, until in away if until <= now]
    said += [well_since] if well_since is not None and well_since <= now else []
    return _silence(habits, at_home, now, zone, said, unknown)


def _silence(
    habits: Habits,
    signs: NDArray[np.int64],
    now: int,
    zone: ZoneInfo,
    said: list[int],
    unknown: NDArray[np.int64],
) -> Quiet | None:
    shown, clock = wall(signs, zone), int(wall(np.array([now]), zone)[0])
    last = int(shown[-1])
    day = 1 + max(
        _last_up(habits, shown),
        *((int(t) - habits.begins) // US_PER_DAY for t in wall(np.array(said, np.int64), zone)),
        -(10**6),
    )
    out = last < habits.first_of(day - 1) + habits.evening
    told_at = habits.usual_on(day) + habits.late
    if out:
        told_at = max(told_at + _AFTER_A_DAY_OUT, last + int(_NIGHT_AWAY * habits.night_away))
    over = (
        clock
        - told_at
        - int(unheard(unknown, np.array([habits.first_of(day) + habits.up]), np.array([clock]))[0])
    )
    if over < 0:
        return None
    usual_by = instant(habits.usual_on(day) + habits.often, zone)
    return Quiet(
        _level(over, habits.scale, out), int(signs[-1]), usual_by, "shifted" if last > told_at else "stopped"
    )


def _last_up(habits: Habits, shown: NDArray[np.int64]) -> int:
    """The last household day on which somebody was up: did something after the night."""
    day, since = np.divmod(shown - habits.begins, US_PER_DAY)
    return int(day[since >= habits.up][-1])


def _level(over: int, scale: int, out: bool) -> Level:
    level = Level.LOOK
    for more in (Level.CALL, Level.GO):
        if over >= max(_LONGER[more], _RARER[more] * scale) * (_OUT if out else 1):
            level = more
    return level


def _listened(seen: Spans | None, now: int) -> bool:
    return seen is None or any(since <= now <= until + US_PER_HOUR for since, until in seen)


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
    merged: list[tuple[int, int]] = []
    for first, until in sorted((max(a, since), min(b, now)) for a, b in gaps):
        if first >= until:
            continue
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((first, until))
    return merged


def _wall_spans(spans: list[tuple[int, int]], zone: ZoneInfo) -> NDArray[np.int64]:
    return wall(np.array(spans, np.int64).reshape(-1), zone).reshape(-1, 2)
