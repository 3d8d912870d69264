"""The fleet: n appliances of several models, their homes, their faults, day after day in event time.

A seed decides everything. Appliances are simulated in shards of one model so that memory stays bounded at any
fleet size; each shard and day has its own random stream, so a fault in one never disturbs another.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR
from simulators.base import Floats, Measured, Parameters, Physics, State
from simulators.categories import physics_of
from simulators.fleet.faults import FaultCourse, afflicted
from simulators.fleet.household import CLIMATES, Homes, Weather
from simulators.fleet.population import Member, Owner, Population, populate, stream
from simulators.fleet.scenario import Scenario, row_of
from simulators.fleet.sensors import Sensors, draw_sensors
from simulators.fleet.wear import caused, draw_dust, uses, wear

SPAN_HOURS = 6  # parameters hold for this long
SHARD = 500
_SETTLE_DAYS = 1


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One day's readings of one shard, ordered by (appliance, device time as sampled).

    `appliance` indexes `members`; times are the device's own clock. Holds no truth.
    """

    appliance_model: str
    members: tuple[Member, ...]
    firmware: tuple[str, ...]  # per member, on this day
    day: int  # ms UTC of the midnight it starts at
    appliance: NDArray[np.int32]  # (m,)
    time: NDArray[np.int64]  # (m,) ms
    seq: NDArray[np.int64]  # (m,)
    signals: Mapping[str, Floats]  # name -> (m,), NaN where a reading lacks it

    def __len__(self) -> int:
        return len(self.time)


@dataclass
class Shard:
    """Up to SHARD appliances of one model with everything that moves."""

    number: int
    seed: int
    physics: Physics
    appliance_model: str
    members: tuple[Member, ...]
    parameters: Parameters
    state: State
    homes: Homes
    sensors: Sensors
    courses: tuple[FaultCourse, ...]  # rows count from the shard's first member
    report_every: int
    seq: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.seq = np.zeros(len(self.members), dtype=np.int64)

    def stream(self, day: int, purpose: int) -> np.random.Generator:
        """The random stream of this shard for one day (counted from the start) and purpose."""
        model = zlib.crc32(self.appliance_model.encode())
        return np.random.default_rng((self.seed, model, self.number, day + _SETTLE_DAYS, purpose))

    def run_day(self, weather: Weather, start: int) -> Telemetry:
        """Simulate the day that starts at `start`, ms UTC."""
        day = (start - weather.start) // MS_PER_DAY
        streams = [self.stream(day, purpose) for purpose in range(3)]
        spans = [
            self._span(weather, start + k * SPAN_HOURS * MS_PER_HOUR, streams)
            for k in range(24 // SPAN_HOURS)
        ]
        time = np.concatenate([t for t, _, _ in spans], axis=1)
        kept = np.concatenate([k for _, _, k in spans], axis=1)
        names = spans[0][1]
        signals = {name: np.concatenate([s[name] for _, s, _ in spans], axis=1)[kept] for name in names}
        return self._telemetry(start, time, kept, signals)

    def rehearse_day(self, weather: Weather, start: int) -> list[Measured]:
        """Live the day that starts at `start`, ms UTC, as `run_day` does; nothing is sensed or sent."""
        day = (start - weather.start) // MS_PER_DAY
        streams = [self.stream(day, purpose) for purpose in range(2)]
        return [
            self._lived(weather, start + k * SPAN_HOURS * MS_PER_HOUR, streams)
            for k in range(24 // SPAN_HOURS)
        ]

    def _lived(self, weather: Weather, start: int, streams: list[np.random.Generator]) -> Measured:
        home, physics = streams
        span = self.homes.span(weather, start, SPAN_HOURS, home)
        now = afflicted(self.physics, self.parameters, self.courses, len(self.members), start)
        return self.physics.run(now, self.state, span, physics)

    def _span(
        self, weather: Weather, start: int, streams: list[np.random.Generator]
    ) -> tuple[NDArray[np.int64], dict[str, Floats], NDArray[np.bool_]]:
        *living, sensing = streams
        measured = self._lived(weather, start, living)
        time, reported, kept = self.sensors.measure(measured, start, self.physics.sample_s * 1_000, sensing)
        if measured.sent is None:  # an appliance that chooses its moments keeps to them
            kept &= np.arange(1, kept.shape[1] + 1) % self.report_every == 0
        return time, reported, kept

    def _telemetry(
        self, start: int, time: NDArray[np.int64], kept: NDArray[np.bool_], signals: dict[str, Floats]
    ) -> Telemetry:
        seq = self.seq[:, None] + np.cumsum(kept, axis=1)
        self.seq = seq[:, -1].copy()
        rows = np.broadcast_to(np.arange(len(self.members), dtype=np.int32)[:, None], kept.shape)
        return Telemetry(
            appliance_model=self.appliance_model,
            members=self.members,
            firmware=tuple(member.firmware_at(start) for member in self.members),
            day=start,
            appliance=rows[kept],
            time=time[kept],
            seq=seq[kept],
            signals=signals,
        )


DayLived = Callable[[str, int, int], object]
"""Told what is going on (`simulate`, or before it `wear out` where faults have causes) and how many of how many days
are done; a large fleet wears out in parts, of which each has its days."""


class Fleet:
    """A scenario brought to life by a seed.

    `members` are the appliances, `owners` the people (for the registration of owners, never for the wire) and
    `courses` the truth.
    """

    def __init__(
        self, scenario: Scenario, seed: int, lived: DayLived = lambda what, done, total: None
    ) -> None:
        self.scenario = scenario
        self.seed = seed
        self._lived = lived
        self._population: Population = populate(scenario, seed)
        self._shards: list[Shard] | None = None

    @property
    def members(self) -> tuple[Member, ...]:
        return self._population.members

    @property
    def owners(self) -> tuple[Owner, ...]:
        return self._population.owners

    @cached_property
    def courses(self) -> Mapping[str, tuple[FaultCourse, ...]]:
        """Appliance model -> the faults of its appliances. With `causes` each of their models lives once beforehand."""
        drawn = self._population.courses
        return {model: (*courses, *self._caused(model)) for model, courses in drawn.items()}

    @property
    def offline(self) -> Mapping[str, tuple[tuple[int, int], ...]]:
        """Appliance id -> spells (first ms, last ms) without a link."""
        return self._population.offline

    def days(self) -> Iterator[Iterator[Telemetry]]:
        """Day after day the shards' readings, simulated as they are taken; take a day whole before the next."""
        for day in range(self.scenario.days):
            start = self.scenario.start_ms + day * MS_PER_DAY
            yield (shard.run_day(self._population.weather, start) for shard in self._settled())
            self._lived("simulate", day + 1, self.scenario.days)

    def telemetry(self) -> Iterator[Telemetry]:
        """Every shard of every day, in order of days."""
        for day in self.days():
            yield from day

    def _settled(self) -> list[Shard]:
        if self._shards is None:
            self._shards = [
                shard for model in self.scenario.appliances for shard in self._of_model(model, self.courses)
            ]
            for shard in self._shards:
                self._settle(shard)
        return self._shards

    def _caused(self, model: str) -> Iterator[FaultCourse]:
        """Courses of what wears out by how it lives, beside the faults that it has anyway."""
        causes = [cause for cause in self.scenario.causes if cause.appliance_model == model]
        if not causes:
            return
        start, days = self.scenario.start_ms, self.scenario.days
        dust = draw_dust(stream(self.seed, "dust"), max(self.scenario.appliances.values()))
        shards = list(self._of_model(model, self._population.courses))
        for number, shard in enumerate(shards):
            self._settle(shard)
            lived = self._rehearsed(shard, number * days, len(shards) * days)
            rows = [row_of(member.appliance_id) for member in shard.members]
            climates = [CLIMATES[member.region] for member in shard.members]
            used = list(uses(lived, shard.physics.sample_s))
            for cause in causes:
                worn = np.stack([wear(cause, day, dust[rows]) for day in used])
                rng = stream(self.seed, f"{model} {cause.fault} {shard.number}")
                effect = shard.physics.faults[cause.fault]
                for course in caused(rng, cause, effect, worn, climates, start):
                    yield replace(course, row=rows[course.row])

    def _rehearsed(self, shard: Shard, before: int, total: int) -> Iterator[list[Measured]]:
        """The days that a shard lives beforehand; `before` of `total` days were lived by others."""
        for day in range(self.scenario.days):
            yield shard.rehearse_day(self._population.weather, self.scenario.start_ms + day * MS_PER_DAY)
            self._lived("wear out", before + day + 1, total)

    def _settle(self, shard: Shard) -> None:
        for day in range(_SETTLE_DAYS, 0, -1):
            shard.run_day(self._population.weather, self.scenario.start_ms - day * MS_PER_DAY)
        shard.seq[:] = 0

    def _of_model(self, model: str, courses: Mapping[str, tuple[FaultCourse, ...]]) -> Iterator[Shard]:
        members = tuple(m for m in self.members if m.appliance_model == model)
        for number, first in enumerate(range(0, len(members), SHARD)):
            yield self._shard(model, number, members[first : first + SHARD], courses[model])

    def _shard(
        self, model: str, number: int, members: tuple[Member, ...], courses: tuple[FaultCourse, ...]
    ) -> Shard:
        rng = np.random.default_rng((self.seed, zlib.crc32(model.encode()), number))
        physics, n = physics_of(model), len(members)
        parameters = physics.draw(rng, n, model)
        rows = np.array([row_of(member.appliance_id) for member in members])
        return Shard(
            number=number,
            seed=self.seed,
            physics=physics,
            appliance_model=model,
            members=members,
            parameters=parameters,
            state=physics.begin(rng, parameters),
            homes=self._population.homes.take(rows),
            sensors=draw_sensors(
                rng, self.scenario.imperfections, physics.signals, n, self.scenario.start_ms
            ),
            courses=tuple(
                replace(course, row=course.row - int(rows[0]))
                for course in courses
                if rows[0] <= course.row <= rows[-1]
            ),
            report_every=self.scenario.report_every,
        )
