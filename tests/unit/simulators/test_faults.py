"""Fault courses: onset, growth, first sign, failure, repair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from foremend.vocabulary.types import MS_PER_DAY
from simulators.air_conditioner.appliance import InverterAirConditioner
from simulators.base import FaultEffect
from simulators.categories import PHYSICS
from simulators.fleet.faults import FaultCourse, afflicted, draw_course, draw_courses, repair_time
from simulators.fleet.household import CLIMATES
from simulators.refrigerator.appliance import Refrigerator

DAY = MS_PER_DAY
COURSE = FaultCourse(
    row=0, fault="refrigerant-leak", growth="progressive", onset=10 * DAY, full=50 * DAY, shape=1.5, reach=1.0,
    sign_at=0.3, slots_seed=1,
)  # fmt: skip


def test_severity_is_nought_before_the_onset_and_one_from_the_failure() -> None:
    """In between it only grows."""
    grown = [COURSE.severity(day * DAY) for day in range(70)]

    assert grown[:11] == [0.0] * 11
    assert grown[50:] == [1.0] * 20
    assert grown == sorted(grown)


def test_the_first_sign_lies_where_severity_passes_its_mark() -> None:
    """Neither at the onset nor at the failure."""
    sign = COURSE.first_sign

    assert sign is not None
    assert COURSE.severity(sign) == pytest.approx(0.3, abs=1e-6)
    assert COURSE.onset < sign < COURSE.full


def test_a_repair_ends_it() -> None:
    """A repair before the failure prevents it; one before the first sign leaves nothing to see."""
    assert COURSE.mended(60 * DAY).severity(60 * DAY) == 0.0
    assert COURSE.mended(60 * DAY).failure == COURSE.full
    assert COURSE.mended(40 * DAY).failure is None
    assert COURSE.mended(11 * DAY).first_sign is None


def test_an_arrested_fault_stops_half_way_and_never_fails() -> None:
    """Some leaks stop: an honest predictor cannot know."""
    arrested = COURSE.reaching(0.5)

    assert arrested.severity(100 * DAY) == 0.5
    assert arrested.failure is None
    assert repair_time(np.random.default_rng(1), arrested) is None
    assert COURSE.reaching(0.2).first_sign is None


def test_a_sudden_fault_is_all_there_at_once() -> None:
    """Its failure may follow later, when the appliance no longer copes."""
    sudden = replace(COURSE, growth="sudden")

    assert sudden.severity(COURSE.onset - 1) == 0.0
    assert sudden.severity(COURSE.onset) == 1.0
    assert sudden.failure == COURSE.full


def test_an_intermittent_fault_comes_and_goes() -> None:
    """It shows in some slots only, and always after the failure."""
    shy = replace(COURSE, growth="intermittent")

    shown = np.array([shy.severity(11 * DAY + k * DAY // 4) > 0 for k in range(100)])
    assert 0.1 < shown.mean() < 0.9
    assert all(shy.severity((50 + k) * DAY) == 1.0 for k in range(10))


def test_courses_have_the_usual_length_of_their_fault() -> None:
    """Days from onset to failure are drawn from the effect's own range."""
    effect = FaultEffect("progressive", (20.0, 30.0), 0.3, lambda p, s: p)

    drawn = [draw_course(np.random.default_rng(k), 0, "x", effect, onset=0) for k in range(200)]

    days = np.array([course.full for course in drawn]) / DAY
    assert days.min() >= 20.0
    assert days.max() <= 30.0
    assert 0.05 < np.mean([course.failure is None for course in drawn]) < 0.3


def test_the_rate_is_the_share_of_appliances_that_fall_ill() -> None:
    """One in ten of them has two faults at once."""
    courses = draw_courses(
        np.random.default_rng(1), Refrigerator(), [CLIMATES["berlin"]] * 2_000, 0, 90, rate=0.2
    )

    ill = {course.row for course in courses}
    assert len(ill) / 2_000 == pytest.approx(0.2, abs=0.03)
    assert len(courses) / len(ill) == pytest.approx(1.1, abs=0.04)


def test_what_freezes_or_drips_comes_in_the_warm_season_only() -> None:
    """A drain cannot clog, nor a coil freeze, where and while nobody cools; other faults come all year."""
    physics, year = InverterAirConditioner(), 365
    start = 20_454 * DAY  # 2026-01-01

    def months(climate: str) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        rng = np.random.default_rng(1)
        for course in draw_courses(rng, physics, [CLIMATES[climate]] * 3_000, start, year, rate=1.0):
            at_ends = {int((time - start) // DAY // 30.5) % 12 + 1 for time in (course.onset, course.full)}
            found.setdefault(course.fault, set()).update(at_ends)
        return found

    beijing, berlin = months("beijing"), months("berlin")
    assert beijing["drain-blockage"] | beijing["indoor-coil-icing"] <= {6, 7, 8, 9}
    assert beijing["filter-clog"] == set(range(1, 13))
    assert not {"drain-blockage", "indoor-coil-icing"} & set(berlin)


def test_coexisting_faults_act_together_on_their_own_appliance_alone() -> None:
    """Two courses on row 0 change both its parameters; row 1 stays as it was made."""
    physics = Refrigerator()
    p = physics.draw(np.random.default_rng(1), 2, "rf-260")
    both = [COURSE, replace(COURSE, fault="condenser-fouling")]

    now = afflicted(physics, p, both, 2, 40 * DAY)

    assert now.charge[0] < p.charge[0]
    assert now.ua_condenser[0] < p.ua_condenser[0]
    assert (now.charge[1], now.ua_condenser[1]) == (p.charge[1], p.ua_condenser[1])


@pytest.mark.parametrize("physics", PHYSICS, ids=lambda physics: type(physics).__name__)
def test_every_effect_has_a_sane_course(physics: object) -> None:
    """Days in order and a sign between onset and failure, for every fault of every category."""
    for effect in physics.faults.values():  # type: ignore[attr-defined]
        assert 0.0 <= effect.days[0] <= effect.days[1]
        assert 0.0 <= effect.sign_at < 1.0
