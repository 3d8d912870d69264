"""People who live alone, by what their kitchens show over two years: nothing here knows how they are watched.

Who they are, when they get up and by which law that varies, how often they open a door, go out, stay away with or
without a word, have guests, lie in, are ill in bed or lose their network is drawn for each. The numbers are guesses:
none is from a study, and docs/quality.md says which were changed while seed 1 was looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rng = np.random.Generator

DAYS = 730
START = datetime(2024, 1, 1)
US_PER_HOUR = 3_600_000_000
ZONES = ("Europe/Berlin", "Europe/Madrid", "America/New_York", "Asia/Shanghai", "Australia/Sydney")
KINDS = {"steady": 0.35, "early": 0.15, "late": 0.15, "irregular": 0.15, "shift": 0.1, "outgoing": 0.1}
RISES = {"early": (5, 6.5), "late": (8, 10.5), "irregular": (7, 10), "shift": (6, 8)}  # h; others 6.5 to 8
SPREADS = {"early": (0.15, 0.5), "late": (0.4, 0.9), "irregular": (0.9, 1.8)}  # h; others 0.2 to 0.6
LAWS: tuple[Callable[[Rng, int], Floats], ...] = (
    lambda rng, n: rng.standard_normal(n),
    lambda rng, n: rng.laplace(0, 0.7, n),
    lambda rng, n: np.exp(0.6 * rng.standard_normal(n)) - 1.0,
    lambda rng, n: rng.standard_t(4, n) / 1.4,
    lambda rng, n: rng.uniform(-1.7, 1.7, n),
)
_KITCHEN = 0.275  # h: at the mean, from getting up to the first sign
TURNS = (-1.5, 2.0, 8.0)  # h: early, late and night shift, a week each


@dataclass(slots=True)
class Spell:
    """Something out of the ordinary, by hours since the first midnight on the wall."""

    why: str
    since: float
    until: float
    said: tuple[float, float] | None = None  # what was announced
    gone: bool = False


@dataclass(slots=True)
class Household:
    """What it did, and what of it can be known."""

    kind: str
    zone: ZoneInfo
    signs: NDArray[np.int64]  # (n,) us UTC
    usual: NDArray[np.int64]  # (DAYS,) us UTC: when a first sign is usual on each day
    spells: list[Spell] = field(default_factory=list)

    def instants(self, hours: Floats) -> NDArray[np.int64]:
        """us UTC of hours since the first midnight on the wall."""
        return _instants(hours, self.zone)

    def spans(self, what: Callable[[Spell], tuple[float, float] | None]) -> list[tuple[int, int]]:
        """(from, to), us UTC, sorted, of what `what` gives of each spell."""
        found = sorted(span for spell in self.spells if (span := what(spell)) is not None)
        return [(int(a), int(b)) for a, b in (self.instants(np.array(span)) for span in found)]


def household(rng: Rng) -> Household:
    """One person, for two years."""
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    zone = ZoneInfo(str(rng.choice(ZONES)))
    usual = _usual_rises(rng, kind)
    rises = usual + rng.uniform(*SPREADS.get(kind, (0.2, 0.6))) * LAWS[rng.integers(len(LAWS))](rng, DAYS)
    rises += _body_clock(rng, zone)
    beds = usual + rng.uniform(15, 16.5) + rng.uniform(0.3, 1.0) * rng.standard_normal(DAYS)
    rises = np.clip(rises, 3.0 if kind != "shift" else -3, 20)
    firsts = rises + rng.uniform(0.05, 0.5, DAYS)
    firsts += np.where(rng.random(DAYS) < rng.uniform(0, 0.08), rng.uniform(0.5, 2, DAYS), 0)  # no breakfast
    spells = _spells(rng, kind, usual, firsts)
    hours = _doings(rng, firsts, beds, spells)
    dark = [spell for spell in spells if spell.why == "outage"]
    hours = hours[~_inside(hours, dark)]
    return Household(
        kind,
        zone,
        np.unique(_instants(hours, zone)),
        _instants(usual + _KITCHEN + np.arange(DAYS) * 24, zone),
        spells,
    )


def _instants(hours: Floats, zone: ZoneInfo) -> NDArray[np.int64]:
    """By the clock's offset at noon for what is after 3:00, by that at midnight for what is before."""
    first, last = int(hours.min() // 24) - 1, int(hours.max() // 24) + 1
    offsets = np.array([[_offset(day, at, zone) for at in (0, 12)] for day in range(first, last + 1)])
    day = (hours // 24).astype(np.int64)
    offset = offsets[day - first, (hours % 24 >= 3).astype(np.int64)]
    base = round(START.replace(tzinfo=UTC).timestamp()) * 1_000_000
    return np.asarray(base + np.rint((hours - offset) * US_PER_HOUR), np.int64)


def _offset(day: int, hour: int, zone: ZoneInfo) -> float:
    offset = (START + timedelta(days=day, hours=hour)).replace(tzinfo=zone).utcoffset() or timedelta()
    return offset.total_seconds() / 3_600


def _weekday(day: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(day % 7)  # START was a Monday


def _usual_rises(rng: Rng, kind: str) -> Floats:
    day = np.arange(DAYS)
    rises = np.full(DAYS, rng.uniform(*RISES.get(kind, (6.5, 8))))
    rises += np.where(_weekday(day) >= 5, rng.choice([0.0, rng.uniform(0.3, 1.8)]), 0.0)
    rises += rng.uniform(0, 0.4) * np.cos(2 * np.pi * day / 365)  # winter mornings are dark
    if kind == "shift":
        turns = TURNS if rng.random() < 0.5 else TURNS[:2]
        rises += np.where(_weekday(day) < 5, np.array(turns)[day // 7 % len(turns)], 0.5)
    return np.asarray(rises)


def _body_clock(rng: Rng, zone: ZoneInfo) -> Floats:
    """Some days after the clock was changed one still gets up by the old one."""
    offsets = np.array([_offset(day, 12, zone) for day in range(-1, DAYS)])
    late, lasts = np.zeros(DAYS), rng.uniform(0.5, 5)
    for day in np.flatnonzero(np.diff(offsets)):
        after = np.arange(DAYS - day)
        late[day:] += (offsets[day + 1] - offsets[day]) * np.exp(-after / lasts)
    return late


def _spells(rng: Rng, kind: str, usual: Floats, firsts: Floats) -> list[Spell]:
    announces = rng.uniform(0.6, 1.0)
    spells = [
        *_trips(rng, announces, "holiday", 1.5, (3, 21)),
        *_trips(rng, announces, "night away", rng.uniform(0, 2), (1, 3)),
    ]
    outings = rng.uniform(2, 5) if kind == "outgoing" else rng.uniform(0.2, 2.5)
    for day in _some_days(rng, outings * 52):
        back = 24 * day + max(
            firsts[day] + 5, rng.uniform(13, 20) if rng.random() < 0.9 else rng.uniform(20, 25)
        )
        spells.append(Spell("day out", 24 * day + firsts[day] + rng.uniform(0.3, 3.5), back, gone=True))
    for day in _some_days(rng, rng.uniform(0, 1.5) * 52):
        spells.append(
            Spell(
                "evening out", 24 * day + rng.uniform(17, 19.5), 24 * day + rng.uniform(20.5, 24.5), gone=True
            )
        )
    for day in _some_days(rng, 0.5):
        spells.append(Spell("left early", 24 * day + 2, 24 * day + usual[day] + rng.uniform(2, 8), gone=True))
    spells += [
        Spell("lie-in", 24 * d + 2, 24 * d + usual[d] + rng.uniform(0.5, 3)) for d in _some_days(rng, 4)
    ]
    spells += [Spell("visitors", 24 * d, 24 * (d + int(rng.integers(1, 8)))) for d in _some_days(rng, 4)]
    spells += [
        Spell("ill in bed", 24 * d + 5, 24 * (d + int(rng.integers(1, 5))) + 5) for d in _some_days(rng, 2)
    ]
    outages = [24 * d + rng.uniform(0, 24) for d in _some_days(rng, 6)]
    spells += [Spell("outage", at, at + float(np.exp(rng.uniform(0, 3.9)))) for at in outages]
    return spells


def _some_days(rng: Rng, a_year: float) -> list[int]:
    return [int(day) for day in rng.integers(3, DAYS - 12, rng.poisson(a_year * DAYS / 365))]


def _trips(rng: Rng, announces: float, why: str, a_year: float, nights: tuple[int, int]) -> list[Spell]:
    """Half leave in the morning, after breakfast; one in seven who told when comes home up to a day later."""
    trips = []
    for day in _some_days(rng, a_year):
        since = 24 * day + rng.uniform(7, 20)
        until = 24 * (day + int(rng.integers(nights[0], nights[1] + 1))) + rng.uniform(11, 21)
        said = (since - 1, until) if rng.random() < announces else None
        until += rng.uniform(0, 24) if said and rng.random() < 1 / 7 else 0
        trips.append(Spell(why, since, until, said, gone=True))
    return trips


def _doings(rng: Rng, firsts: Floats, beds: Floats, spells: list[Spell]) -> Floats:
    """Hours of everything done at home."""
    gap, shape = rng.uniform(0.4, 1.2), rng.choice([0.7, 1.0, 2.0])
    nap, nights = rng.uniform(0, 0.8), rng.uniform(0, 0.5)
    parts = []
    for day in range(DAYS):
        up, bed = 24 * day + firsts[day], 24 * day + max(beds[day], firsts[day] + 8)
        at = up + np.cumsum(rng.gamma(shape, gap / shape, 120))
        meals = [up, up + rng.uniform(0.1, 0.3), up + rng.uniform(0.3, 0.8)]
        meals += [*(up + 5 + rng.uniform(0, 1, 2)), *(up + 11 + rng.uniform(0, 1.5, 2))]
        awake = np.concatenate([at, meals])
        if rng.random() < nap:
            asleep = up + rng.uniform(6, 8)
            awake = awake[(awake < asleep) | (awake > asleep + rng.uniform(0.7, 2.5))]
        night = bed + rng.uniform(0.5, 7) + rng.uniform(0, 0.1, rng.integers(1, 3))
        parts += [awake[awake < bed], night if rng.random() < nights else night[:0]]
    return _as_it_came(rng, np.sort(np.concatenate(parts)), spells)


def _as_it_came(rng: Rng, hours: Floats, spells: list[Spell]) -> Floats:
    """Nobody there, asleep for longer, ill in bed with a quarter of all doings, or more of them by guests."""
    quiet = [spell for spell in spells if spell.gone or spell.why == "lie-in"]
    ill = [spell for spell in spells if spell.why == "ill in bed"]
    guests = [spell for spell in spells if spell.why == "visitors"]
    hours = hours[~_inside(hours, ill) | (rng.random(len(hours)) < 0.25)]
    more = hours[_inside(hours, guests)]
    hours = np.concatenate(
        [hours, more + rng.uniform(-0.5, 1.5, len(more)), *([spell.until] for spell in quiet)]
    )
    return np.sort(hours[(hours > 0) & (hours < DAYS * 24) & ~_inside(hours, quiet)])


def _inside(hours: Floats, spells: list[Spell]) -> NDArray[np.bool_]:
    inside = np.zeros(len(hours), np.bool_)
    for spell in spells:
        inside |= (hours >= spell.since) & (hours < spell.until)
    return inside
