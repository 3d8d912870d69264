"""Who is in the fleet: appliances with firmware, batch and home; owners with what they agreed to; who falls ill."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from foremend.vocabulary.types import MS_PER_DAY, Purpose
from simulators.categories import physics_of
from simulators.fleet.faults import FaultCourse, draw_course, draw_courses, in_season, repair_time
from simulators.fleet.household import CLIMATES, Homes, Weather, draw_absences, draw_homes
from simulators.fleet.scenario import BadCohort, Scenario, ScriptedFault, appliance_id, row_of
from simulators.fleet.sensors import draw_offline

_AREAS = (201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 220, 223, 224)


@dataclass(frozen=True, slots=True)
class Member:
    """One appliance as its maker and its owner know it."""

    appliance_id: str
    appliance_model: str
    category: str
    batch: str
    region: str
    owner_id: str
    firmware: tuple[tuple[int, str], ...]  # (from ms UTC, version), oldest first

    def firmware_at(self, time: int) -> str:
        """The version it runs at `time`, ms UTC."""
        return next((v for since, v in reversed(self.firmware) if since <= time), self.firmware[0][1])


@dataclass(frozen=True, slots=True)
class Owner:
    """A household's answer to the consent questions.

    Telephone numbers are those that the USA keep for fiction, 555-0100 to 555-0199 of each area; after 2,000 they
    come again.
    """

    owner_id: str
    language: str  # "zh" or "en"
    utc_offset: int  # h
    phone: str
    appliances: tuple[str, ...]
    purposes: tuple[Purpose, ...]
    withdraws: int | None  # ms UTC; None never


@dataclass(frozen=True, slots=True)
class Population:
    """Everything about the fleet that does not move."""

    members: tuple[Member, ...]
    owners: tuple[Owner, ...]
    homes: Homes  # one row per household; row r of every model lives in household r
    weather: Weather
    courses: Mapping[str, tuple[FaultCourse, ...]]
    offline: Mapping[str, tuple[tuple[int, int], ...]]


def populate(scenario: Scenario, seed: int) -> Population:
    """Draw the fleet of `scenario`; the same seed gives the same fleet."""
    rng = stream(seed, "homes")
    regions = tuple(scenario.regions)
    households = max(scenario.appliances.values())
    region = rng.choice(len(regions), households, p=_shares(scenario.regions)).astype(np.int32)
    homes = draw_homes(rng, region, regions)
    weather = Weather(stream(seed, "weather"), regions, scenario.start_ms, scenario.days)
    away = draw_absences(
        rng, households, scenario.start_ms, scenario.days, scenario.weekends_away, scenario.holidays_per_year
    )
    homes = homes.with_absences(_scripted_absences(scenario, away))
    makers = stream(seed, "makers")
    members = tuple(
        _member(makers, scenario, model, row, regions[region[row]])
        for model, count in scenario.appliances.items()
        for row in range(count)
    )
    return Population(
        members=members,
        owners=_owners(stream(seed, "owners"), scenario, members, homes),
        homes=homes,
        weather=weather,
        courses={
            model: _courses(stream(seed, model), scenario, model, members) for model in scenario.appliances
        },
        offline=_offline(stream(seed, "links"), scenario, members),
    )


def stream(seed: int, purpose: str) -> np.random.Generator:
    """A stream a purpose, so that a scripted fault changes neither homes nor links."""
    return np.random.default_rng((seed, zlib.crc32(purpose.encode())))


def _shares(weights: Mapping[str, float]) -> list[float]:
    total = sum(weights.values())
    return [weight / total for weight in weights.values()]


def _pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    return str(rng.choice(list(weights), p=_shares(weights)))


def _member(rng: np.random.Generator, scenario: Scenario, model: str, row: int, region: str) -> Member:
    history = [(0, _pick(rng, scenario.firmware))]
    for update in scenario.updates:
        if row < update.share * scenario.appliances[model]:
            history.append((scenario.start_ms + update.day * MS_PER_DAY, update.to))
    return Member(
        appliance_id=appliance_id(model, row),
        appliance_model=model,
        category=physics_of(model).category,
        batch=_pick(rng, scenario.batches),
        region=region,
        owner_id=f"owner-{row + 1:05d}",
        firmware=tuple(sorted(history)),
    )


def _owners(
    rng: np.random.Generator, scenario: Scenario, members: tuple[Member, ...], homes: Homes
) -> tuple[Owner, ...]:
    things: dict[str, list[str]] = {}
    for member in members:
        things.setdefault(member.owner_id, []).append(member.appliance_id)
    return tuple(
        _owner(rng, scenario, owner_id, tuple(things[owner_id]), int(homes.utc_offset[k]), k)
        for k, owner_id in enumerate(sorted(things))
    )


def _owner(
    rng: np.random.Generator, scenario: Scenario, owner_id: str, things: tuple[str, ...], offset: int, k: int
) -> Owner:
    pattern = _pick(rng, scenario.consent.model_dump())
    part = float(rng.uniform(0.2, 0.8))
    purposes: tuple[Purpose, ...] = tuple(one for one in Purpose if one is not Purpose.WELLBEING)
    if pattern == "none":
        purposes = ()
    elif pattern == "monitoring_only":
        purposes = (Purpose.MONITORING,)
    leaves = scenario.start_ms + round(part * scenario.days * MS_PER_DAY)
    return Owner(
        owner_id=owner_id,
        language="zh" if offset == 8 else "en",
        utc_offset=offset,
        phone=f"+1{_AREAS[k // 100 % len(_AREAS)]}55501{k % 100:02d}",
        appliances=things,
        purposes=purposes,
        withdraws=leaves if pattern == "withdraws" else None,
    )


def _courses(
    rng: np.random.Generator, scenario: Scenario, model: str, members: tuple[Member, ...]
) -> tuple[FaultCourse, ...]:
    physics = physics_of(model)
    climates = [CLIMATES[member.region] for member in members if member.appliance_model == model]
    courses = draw_courses(rng, physics, climates, scenario.start_ms, scenario.days, scenario.fault_rate)
    for script in scenario.faults:
        if scenario.model_of(script.appliance) == model:
            courses.append(_scripted_course(rng, scenario, model, script))
    for cohort in scenario.bad_cohorts:
        if cohort.appliance_model == model:
            courses += _cohort_courses(rng, scenario, cohort, members)
    return tuple(courses)


def _scripted_course(
    rng: np.random.Generator, scenario: Scenario, model: str, script: ScriptedFault
) -> FaultCourse:
    onset = scenario.start_ms + round(script.onset_day * MS_PER_DAY)
    effect = physics_of(model).faults[script.fault]
    if script.days_to_failure is not None:
        effect = effect.within(script.days_to_failure)
    course = draw_course(rng, row_of(script.appliance), script.fault, effect, onset).reaching(script.reach)
    if script.repair_day is not None:
        return course.mended(scenario.start_ms + round(script.repair_day * MS_PER_DAY))
    return course.mended(repair_time(rng, course))


def _cohort_courses(
    rng: np.random.Generator, scenario: Scenario, cohort: BadCohort, members: tuple[Member, ...]
) -> list[FaultCourse]:
    effect = physics_of(cohort.appliance_model).faults[cohort.fault]
    courses = []
    for member in members:
        ill, when = rng.random() < cohort.rate, float(rng.uniform(0.05, 0.5))
        if member.appliance_model != cohort.appliance_model or not ill or not _belongs(member, cohort):
            continue
        onset = scenario.start_ms + round(when * scenario.days * MS_PER_DAY)
        course = draw_course(rng, row_of(member.appliance_id), cohort.fault, effect, onset)
        if in_season(effect, CLIMATES[member.region], course.onset, course.full):
            courses.append(course.mended(repair_time(rng, course)))
    return courses


def _belongs(member: Member, cohort: BadCohort) -> bool:
    if cohort.by == "firmware":
        return any(version == cohort.name for _, version in member.firmware)
    return (member.batch if cohort.by == "batch" else member.region) == cohort.name


def _scripted_absences(
    scenario: Scenario, away: tuple[tuple[tuple[int, int], ...], ...]
) -> tuple[tuple[tuple[int, int], ...], ...]:
    spells = [list(mine) for mine in away]
    for absence in scenario.holidays:
        rows = set(range(round(absence.share * len(spells)))) | {row_of(a) for a in absence.appliances}
        first = scenario.start_ms + round(absence.from_day * MS_PER_DAY)
        last = scenario.start_ms + round(absence.to_day * MS_PER_DAY)
        for row in rows:
            spells[row].append((first, last))
    return tuple(tuple(mine) for mine in spells)


def _offline(
    rng: np.random.Generator, scenario: Scenario, members: tuple[Member, ...]
) -> dict[str, tuple[tuple[int, int], ...]]:
    drawn = draw_offline(rng, scenario.imperfections, len(members), scenario.start_ms, scenario.days)
    spells = {member.appliance_id: list(mine) for member, mine in zip(members, drawn, strict=True)}
    for outage in scenario.outages:
        first = scenario.start_ms + round(outage.from_day * MS_PER_DAY)
        chosen = {member.appliance_id for member in members[: round(outage.share * len(members))]}
        for appliance in chosen | set(outage.appliances):
            spells[appliance].append((first, first + round(outage.hours * 3_600_000)))
    return {appliance: tuple(sorted(mine)) for appliance, mine in spells.items()}
