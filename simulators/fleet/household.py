"""Where appliances live: climates with weather, homes with habits, people who go away.

Weather is a yearly and a daily cosine about published normals (WMO climatological standard normals 1991-2020,
rounded) plus an autocorrelated anomaly from day to day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from simulators.base import Floats, Span

_ANOMALY_MEMORY = 0.75  # correlation of one day's anomaly with the next
_HOTTEST_DAY = 205.0  # of the year, northern hemisphere
_HOTTEST_HOUR = 15.0  # local
_YEAR_DAYS = 365.25


def _season(day: Floats) -> Floats:
    """1 on the hottest day of the year, -1 half a year from it; `day` counts from a 1 January."""
    return np.asarray(np.cos(2 * np.pi * (day - _HOTTEST_DAY) / _YEAR_DAYS))


@dataclass(frozen=True, slots=True)
class Climate:
    """A region's weather in numbers, degC and relative humidity."""

    mean: float
    yearly: float  # amplitude
    daily: float  # amplitude
    anomaly: float  # standard deviation of a day's mean
    humidity: float  # 0..1, yearly mean
    utc_offset: int  # h

    def normal(self, time: int) -> float:
        """degC: what the day about `time`, ms UTC, has on average over the years."""
        return self.mean + self.yearly * float(_season(np.array(time / MS_PER_DAY)))


CLIMATES: dict[str, Climate] = {
    "beijing": Climate(13.3, 15.0, 5.0, 2.5, 0.53, 8),
    "guangzhou": Climate(22.5, 7.5, 3.8, 2.0, 0.76, 8),
    "shanghai": Climate(17.2, 11.8, 3.6, 2.2, 0.73, 8),
    "harbin": Climate(5.3, 21.0, 5.2, 3.2, 0.64, 8),
    "berlin": Climate(10.0, 9.8, 4.3, 3.2, 0.74, 1),
    "madrid": Climate(15.0, 9.8, 5.8, 2.4, 0.55, 1),
}

# Share of the day's doing by local hour for three kinds of household; each row averages about 0.35.
_HABITS: dict[str, tuple[float, ...]] = {
    "workers": (
        *(0.05, 0.02, 0.02, 0.02, 0.02, 0.1, 0.6, 0.9, 0.4, 0.1, 0.1, 0.1),
        *(0.1, 0.1, 0.1, 0.1, 0.2, 0.6, 1.2, 1.3, 0.9, 0.7, 0.5, 0.2),
    ),
    "family": (
        *(0.03, 0.02, 0.02, 0.02, 0.05, 0.2, 0.8, 0.9, 0.5, 0.3, 0.3, 0.5),
        *(0.7, 0.3, 0.2, 0.3, 0.5, 0.8, 1.1, 0.9, 0.6, 0.4, 0.2, 0.1),
    ),
    "retired": (
        *(0.03, 0.02, 0.02, 0.03, 0.1, 0.3, 0.6, 0.7, 0.6, 0.5, 0.5, 0.8),
        *(0.7, 0.3, 0.2, 0.4, 0.5, 0.7, 0.7, 0.4, 0.3, 0.2, 0.1, 0.05),
    ),
}
KINDS: tuple[str, ...] = tuple(_HABITS)
_AT_WORK = {"workers": (8, 18), "family": (8, 12), "retired": (0, 0)}
_PEOPLE = {"workers": 2.0, "family": 4.0, "retired": 1.5}


class Weather:
    """Hourly outdoor temperature and humidity of each region over the whole simulated time."""

    def __init__(self, rng: np.random.Generator, regions: Sequence[str], start: int, days: int) -> None:
        """`start` is ms UTC of a midnight; anomalies are drawn for `days` and one more."""
        self.start = start
        self._climates = [CLIMATES[region] for region in regions]
        steps = rng.standard_normal((days + 2, len(regions))).T
        anomaly = steps.copy()
        for day in range(1, days + 2):
            fresh = np.sqrt(1 - _ANOMALY_MEMORY**2)
            anomaly[:, day] = _ANOMALY_MEMORY * anomaly[:, day - 1] + fresh * steps[:, day]
        self._anomaly = anomaly

    def outdoor(self, start: int, hours: int) -> tuple[Floats, Floats]:
        """(temperature degC, relative humidity 0..1), each (regions, hours + 1), at the full hours."""
        since: Floats = (start - self.start) / MS_PER_DAY + np.arange(hours + 1) / 24
        of_year = (start / MS_PER_DAY + np.arange(hours + 1, dtype=np.float64) / 24) % _YEAR_DAYS
        of_day = (start / MS_PER_HOUR + np.arange(hours + 1, dtype=np.float64)) % 24
        pairs = [self._region(k, since, of_year, of_day) for k in range(len(self._climates))]
        return np.stack([t for t, _ in pairs]), np.stack([h for _, h in pairs])

    def _region(self, k: int, since: Floats, of_year: Floats, of_day: Floats) -> tuple[Floats, Floats]:
        c = self._climates[k]
        season = _season(of_year)
        day = np.cos(2 * np.pi * (of_day + c.utc_offset - _HOTTEST_HOUR) / 24)
        odd = np.interp(since, np.arange(self._anomaly.shape[1]), self._anomaly[k])
        humidity = np.clip(c.humidity + 0.06 * season - 0.12 * day - 0.04 * odd, 0.15, 0.98)
        temperature: Floats = c.mean + c.yearly * season + c.daily * day + c.anomaly * odd
        return temperature, humidity

    def daily_mean(self, start: int) -> Floats:
        """(regions,) degC: the mean of the 24 h about `start`, which buildings and pipes feel."""
        return self.outdoor(start - MS_PER_DAY // 2, 24)[0].mean(axis=1)

    def cold_water(self, start: int) -> Floats:
        """(regions,) degC of the mains: the ground follows the year, damped and a month late."""
        of_year = (start / MS_PER_DAY) % _YEAR_DAYS
        late = np.cos(2 * np.pi * (of_year - _HOTTEST_DAY - 35.0) / _YEAR_DAYS)
        return np.array([max(4.0, c.mean + 1.0 + 0.6 * c.yearly * late) for c in self._climates])


@dataclass(frozen=True, slots=True)
class Homes:
    """The homes of n appliances: where they are, who lives there, when nobody does."""

    region: NDArray[np.int32]  # (n,) row of the weather
    utc_offset: NDArray[np.int64]  # (n,) h
    kind: NDArray[np.int32]  # (n,) index into KINDS
    warmth: Floats  # (n,) K, this home against the usual one
    busy: Floats  # (n,) factor on activity
    volts: Floats  # (n,) V, the street's usual voltage
    away: tuple[tuple[tuple[int, int], ...], ...]  # per appliance, (first ms, last ms) of absences

    def take(self, rows: NDArray[np.int64]) -> Homes:
        """The homes of `rows` alone."""
        return Homes(
            region=self.region[rows],
            utc_offset=self.utc_offset[rows],
            kind=self.kind[rows],
            warmth=self.warmth[rows],
            busy=self.busy[rows],
            volts=self.volts[rows],
            away=tuple(self.away[row] for row in rows),
        )

    def with_absences(self, away: tuple[tuple[tuple[int, int], ...], ...]) -> Homes:
        """The same homes, empty during `away`."""
        return replace(self, away=away)

    def span(self, weather: Weather, start: int, hours: int, rng: np.random.Generator) -> Span:
        """The surroundings of all n appliances from `start`, ms UTC at a full hour."""
        outdoor, humidity = (x[self.region] for x in weather.outdoor(start, hours))
        presence, activity = self._people_at(start, hours, rng)
        return Span(
            start=start,
            hours=hours,
            outdoor=outdoor,
            indoor=self._indoor(outdoor, weather.daily_mean(start)[self.region]),
            humidity=humidity,
            voltage=self.volts[:, None] + rng.normal(0.0, 1.5, (len(self.volts), hours + 1)),
            presence=presence,
            activity=activity,
            people=np.array([_PEOPLE[KINDS[k]] for k in self.kind]),
            mains_water=weather.cold_water(start)[self.region],
        )

    def _indoor(self, outdoor: Floats, mean: Floats) -> Floats:
        """Heated to about 20 degC in winter, following the weather by 60 % in summer."""
        warm = np.maximum(0.0, mean - 19.0)[:, None]
        return 20.0 + self.warmth[:, None] + 0.6 * warm + 0.12 * (outdoor - mean[:, None])

    def _people_at(self, start: int, hours: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        utc = start // MS_PER_HOUR + np.arange(hours)
        local = utc[None, :] + self.utc_offset[:, None]
        hour, weekend = local % 24, ((local // 24) + 3) % 7 >= 5  # day 0 was a Thursday
        table = np.array([_HABITS[kind] for kind in KINDS])
        work = np.array([_AT_WORK[kind] for kind in KINDS])
        activity = table[self.kind[:, None], hour] * self.busy[:, None]
        at_work = (hour >= work[self.kind, :1]) & (hour < work[self.kind, 1:]) & ~weekend
        activity = np.where(weekend & (hour >= 8) & (hour < 18), np.maximum(activity, 0.45), activity)
        busy: Floats = activity * np.exp(rng.normal(-0.06, 0.35, activity.shape))
        home = ~self._absent(start, hours)
        return (home & ~at_work).astype(np.float64), home * busy

    def _absent(self, start: int, hours: int) -> NDArray[np.bool_]:
        at = start + np.arange(hours) * MS_PER_HOUR
        gone = np.zeros((len(self.away), hours), dtype=np.bool_)
        for row, spells in enumerate(self.away):
            for first, last in spells:
                gone[row] |= (at >= first) & (at < last)
        return gone


def draw_homes(rng: np.random.Generator, region: NDArray[np.int32], regions: Sequence[str]) -> Homes:
    """One home per entry of `region` (row of `regions`), at home every day until `with_absences`."""
    n = len(region)
    offsets = np.array([CLIMATES[name].utc_offset for name in regions], dtype=np.int64)
    return Homes(
        region=region,
        utc_offset=offsets[region],
        kind=rng.choice(len(KINDS), n, p=[0.4, 0.4, 0.2]).astype(np.int32),
        warmth=rng.normal(0.0, 1.0, n),
        busy=np.exp(rng.normal(0.0, 0.2, n)),
        volts=rng.normal(229.0, 3.0, n),
        away=((),) * n,
    )


def draw_absences(
    rng: np.random.Generator, n: int, start: int, days: int, weekends: float, weeks: float
) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Weekends away (probability of each) and holidays of 5 to 14 days (`weeks` a year), per household."""
    spells: list[tuple[tuple[int, int], ...]] = []
    fridays = [d for d in range(days) if (start // MS_PER_DAY + d + 3) % 7 == 4]
    for _ in range(n):
        mine = [(d, d + 2) for d in fridays if rng.random() < weekends]
        for _ in range(int(rng.poisson(weeks * days / _YEAR_DAYS))):
            first = int(rng.integers(0, max(1, days)))
            mine.append((first, first + int(rng.integers(5, 15))))
        evening = 18 * MS_PER_HOUR
        spells.append(
            tuple((start + a * MS_PER_DAY + evening, start + b * MS_PER_DAY + evening) for a, b in mine)
        )
    return tuple(spells)
