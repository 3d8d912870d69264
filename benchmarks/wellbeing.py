"""A household that falls silent: how soon it is told, and how often a year somebody who is well is told of.

    python -m benchmarks.wellbeing --seeds 2 --json

Each seed is 24 people who live alone, for two years (`benchmarks.living_alone`); the first 60 days are not counted.
An alarm is a silence of which anything was told, whatever its level, or a morning on which a shift is. While nobody
is in need all count as false, absences that nobody announced among them; days ill in bed are counted beside. Nobody
ever says "well". Silences are judged at their last quarter of an hour (what is told of one stands until it ends)
and when the devices fall silent; those shorter than four hours are left out; shifts are looked for once a day, at
nine.

Then everybody stops for ever at two instants of the second year at which they are at home, and at two others
shifts: all is done 4 to 10 h later, or twelve, or a tenth of it. Each quarter of an hour is judged until it is
told, for three days. `median_hours` is the median over households of each one's median, from the next usual first
sign of life; it is negative before that, and 72 where it is missed.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks._common import by_seeds
from benchmarks.living_alone import DAYS, US_PER_HOUR, Household, Spell, household
from foremend.vocabulary.wellbeing import DAYS_KEPT
from models.wellbeing import Quiet, judged

HOUSEHOLDS = 24
QUARTER = US_PER_HOUR // 4
US_PER_DAY = 24 * US_PER_HOUR
SHORT = 4 * US_PER_HOUR
LONGEST = 72  # h
EMERGENCIES = ("stop", "stop", "shift", "shift")
ILL = "ill in bed"
CAUSES = (
    "outage",
    "holiday",
    "night away",
    ILL,
    "left early",
    "lie-in",
    "visitors",
    "day out",
    "evening out",
)


class Heard(NamedTuple):
    """What the watch is given of a household."""

    away: list[tuple[int, int]]
    seen: list[tuple[int, int]]


def heard_of(home: Household) -> Heard:
    """Announced absences, and the time between outages."""
    off = home.spans(lambda spell: (spell.since, spell.until) if spell.why == "outage" else None)
    edges = [int(home.signs[0]), *(t for span in off for t in span), int(home.signs[-1]) + 10 * US_PER_DAY]
    seen = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
    return Heard(home.spans(lambda spell: spell.said), seen)


def ask(home: Household, heard: Heard, signs: NDArray[np.int64], now: int) -> Quiet | None:
    """What is told at `now`, of the last days alone."""
    since = now - DAYS_KEPT * US_PER_DAY
    mine = signs[np.searchsorted(signs, since) : np.searchsorted(signs, now, side="right")]
    away, seen = ([span for span in spans if span[1] > since and span[0] <= now] for spans in heard)
    return judged(mine, now, home.zone, away, None, seen)


def false_alarms(home: Household, heard: Heard) -> list[tuple[str, str, str]]:
    """(level, why, cause) of each silence that was told of somebody who is well."""
    told: list[tuple[str, str, str]] = []
    counted = home.signs[0] + DAYS_KEPT * US_PER_DAY
    nights = home.instants(np.arange(DAYS_KEPT + 2, DAYS - 1, dtype=np.float64) * 24 + 9)
    long = np.flatnonzero((np.diff(home.signs) >= SHORT) & (home.signs[1:] > counted))
    for at in long:
        first, then = int(home.signs[at]), int(home.signs[at + 1])
        moments = [(then - 1) // QUARTER * QUARTER, *(b for _, b in heard.seen if first < b < then)]
        found = [one for now in moments if (one := ask(home, heard, home.signs, now)) is not None]
        if found:
            told.append((str(found[0].level), found[0].why, cause_of(home, first, then)))
    for now in nights.tolist():
        one = ask(home, heard, home.signs, now)
        if one is not None and one.why == "shifted":
            told.append((str(one.level), one.why, cause_of(home, now - US_PER_DAY // 2, now)))
    return told


def cause_of(home: Household, first: int, then: int) -> str:
    """The first of `CAUSES` that was part of the silence."""
    for cause in CAUSES:
        for since, until in home.spans(lambda spell, cause=cause: _span(spell, cause)):  # type: ignore[misc]
            if since < then - US_PER_HOUR and until > first:
                return cause
    return "nothing"


def _span(spell: Spell, cause: str) -> tuple[float, float] | None:
    return (spell.since, spell.until) if spell.why == cause else None


def emergency(rng: np.random.Generator, home: Household, heard: Heard, what: str) -> dict[str, Any]:
    """One that begins at a random instant of the second year."""
    at = _at_home(rng, home)
    before, after = home.signs[home.signs <= at], home.signs[home.signs > at]
    form = "stop" if what == "stop" else str(rng.choice(["later", "turned", "abed"]))
    signs = np.concatenate([before, _changed(rng, after, form)])
    usual = int(home.usual[np.searchsorted(home.usual, at)])
    first = (at // QUARTER + 1) * QUARTER
    for hour in range(first, usual + LONGEST * US_PER_HOUR, US_PER_HOUR):
        if ask(home, heard, signs, hour) is not None:
            quarters = range(max(first, hour - 3 * QUARTER), hour + 1, QUARTER)
            now = next(quarter for quarter in quarters if ask(home, heard, signs, quarter) is not None)
            return {"form": form, "hours": (now - usual) / US_PER_HOUR}
    return {"form": form, "hours": None}


def _at_home(rng: np.random.Generator, home: Household) -> int:
    gone = home.spans(
        lambda spell: (spell.since, spell.until) if spell.gone or spell.why == "outage" else None
    )
    while True:
        at = int(home.signs[0] + rng.uniform(365, DAYS - 20) * US_PER_DAY)
        if not any(since - US_PER_HOUR <= at < until for since, until in gone):
            return at


def _changed(rng: np.random.Generator, after: NDArray[np.int64], form: str) -> NDArray[np.int64]:
    if form == "abed":
        return after[rng.random(len(after)) < 0.1]
    hours = {"stop": 10**5, "turned": 12, "later": rng.uniform(4, 10)}[form]
    return after + int(hours * US_PER_HOUR)


def a_household(rng: np.random.Generator) -> dict[str, Any]:
    """A person's two years, and what is told of them."""
    home = household(rng)
    heard = heard_of(home)
    return {
        "kind": home.kind,
        "false": false_alarms(home, heard),
        "emergencies": [emergency(rng, home, heard, what) for what in EMERGENCIES],
    }


def summary(seeds: range) -> dict[str, Any]:
    """Over all households of all seeds."""
    homes = [a_household(np.random.default_rng((seed, one))) for seed in seeds for one in range(HOUSEHOLDS)]
    years = (DAYS - DAYS_KEPT) / 365.25
    false = [alarm for home in homes for alarm in home["false"]]
    ill = [one for home in homes for one in home["emergencies"]]
    by_home = [np.median([_hours(one) for one in home["emergencies"]]) for home in homes]
    return {
        "seeds": list(seeds),
        "households": len(homes),
        "median_hours": round(float(np.median(by_home)), 2),
        "false_a_household_year": round(sum(cause != ILL for _, _, cause in false) / len(homes) / years, 3),
        "with_days_in_bed": round(len(false) / len(homes) / years, 3),
        "false_by_level": _a_year(Counter(level for level, _, _ in false), len(homes) * years),
        "false_by_cause": _a_year(Counter(cause for _, _, cause in false), len(homes) * years),
        "false_by_kind": {
            kind: round(
                float(np.mean([len(one["false"]) for one in homes if one["kind"] == kind])) / years, 3
            )
            for kind in sorted({one["kind"] for one in homes})
        },
        "households_with_more_than_one_a_year": sum(len(one["false"]) / years > 1 for one in homes),
        "by_form": {
            form: _of(one for one in ill if one["form"] == form)
            for form in ("stop", "later", "turned", "abed")
        },
        "by_kind": {
            kind: _of(e for h in homes if h["kind"] == kind for e in h["emergencies"])
            for kind in sorted({h["kind"] for h in homes})
        },
        "missed": sum(one["hours"] is None for one in ill),
        "emergencies": len(ill),
    }


def _of(some: Any) -> dict[str, Any]:
    found = list(some)
    hours = [_hours(one) for one in found]
    within = sum(one <= 3 for one in hours)
    return {
        "of": len(found),
        "median_hours": round(float(np.median(hours)), 2),
        "nine_of_ten": round(float(np.quantile(hours, 0.9)), 2),
        "within_3_h": within,
        "missed": sum(one["hours"] is None for one in found),
    }


def _hours(one: dict[str, Any]) -> float:
    return LONGEST if one["hours"] is None else one["hours"]


def _a_year(counts: Counter[str], years: float) -> dict[str, float]:
    return {name: round(count / years, 3) for name, count in counts.most_common()}


if __name__ == "__main__":
    by_seeds(__doc__, 2, summary)
