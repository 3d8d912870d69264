"""The fleet: a seed decides everything, and a fault disturbs nobody else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from alerts.phone_numbers import mobile_number
from foremend.vocabulary.types import MS_PER_DAY
from simulators.fleet.fleet import Fleet, Telemetry
from simulators.fleet.scenario import BadCohort, ConsentMix, Scenario, ScriptedFault, Update

CALM = {"weekends_away": 0.0, "holidays_per_year": 0.0}


def readings(scenario: Scenario, seed: int = 7) -> list[Telemetry]:
    return list(Fleet(scenario, seed).telemetry())


def assert_same(some: Sequence[Telemetry], others: Sequence[Telemetry]) -> None:
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one.time, other.time)
        for name, column in one.signals.items():
            np.testing.assert_array_equal(column, other.signals[name])


def test_the_same_seed_gives_the_same_fleet() -> None:
    """Readings, members, owners and faults; another seed gives another."""
    scenario = Scenario(days=2, appliances={"rf-260": 5, "wh-60": 3}, fault_rate=0.5)

    assert_same(readings(scenario), readings(scenario))
    assert Fleet(scenario, 7).owners == Fleet(scenario, 7).owners
    assert Fleet(scenario, 7).courses == Fleet(scenario, 7).courses
    assert readings(scenario, 8)[0].signals["power"][0] != readings(scenario)[0].signals["power"][0]


def test_readings_are_ordered_and_numbered() -> None:
    """By appliance, then by time; sequence numbers go on from day to day without a gap."""
    first, second = readings(Scenario(days=2, appliances={"rf-260": 4}))

    for day in (first, second):
        order = np.lexsort((day.time, day.appliance))
        np.testing.assert_array_equal(order, np.arange(len(day)))
    for row in range(4):
        seq = np.concatenate([day.seq[day.appliance == row] for day in (first, second)])
        np.testing.assert_array_equal(seq, np.arange(1, len(seq) + 1))


def test_a_fault_changes_nothing_before_its_onset_and_nobody_else_ever() -> None:
    """The same seed with and without one scripted fault: equal to the bit elsewhere, different afterwards."""
    well = Scenario(days=4, appliances={"rf-260": 3}, **CALM)
    script = ScriptedFault(appliance="rf-260-00002", fault="refrigerant-leak", onset_day=1, days_to_failure=2)
    ill = well.model_copy(update={"faults": (script,)})

    before, after = readings(well), readings(ill)

    assert_same(before[:1], after[:1])
    for name, column in before[3].signals.items():
        others = before[3].appliance != 1
        np.testing.assert_array_equal(column[others], after[3].signals[name][others])
    mine = before[3].appliance == 1
    assert not np.array_equal(before[3].signals["power"][mine], after[3].signals["power"][mine])


def test_a_longer_fleet_begins_like_a_shorter_one() -> None:
    """Days do not depend on how many follow."""
    short = Scenario(days=1, appliances={"rf-260": 3}, **CALM)

    assert_same(readings(short), readings(short.model_copy(update={"days": 3}))[:1])


def test_a_bad_batch_falls_ill_more_often_than_its_siblings() -> None:
    """The script's rate holds for the batch alone."""
    cohort = BadCohort(
        by="batch", name="2025-44", appliance_model="rf-260", fault="start-relay-failure", rate=0.6
    )
    fleet = Fleet(Scenario(days=30, appliances={"rf-260": 300}, bad_cohorts=(cohort,)), 1)

    ill = {course.row for course in fleet.courses["rf-260"]}
    batches = [member.batch for member in fleet.members]

    assert all(batches[row] == "2025-44" for row in ill)
    assert len(ill) / batches.count("2025-44") == pytest.approx(0.6, abs=0.12)


def test_firmware_changes_on_the_day_of_its_update() -> None:
    """For the share of the fleet that the update reaches."""
    update = Update(to="2.0.0", day=1, share=0.5)
    first, second = readings(Scenario(days=2, appliances={"rf-260": 4}, updates=(update,)))

    assert "2.0.0" not in first.firmware
    assert second.firmware[:2] == ("2.0.0", "2.0.0")
    assert "2.0.0" not in second.firmware[2:]


def test_simulated_numbers_are_taken_at_registration() -> None:
    """Each is one that an SMS could go to, and none is given out to anybody."""
    numbers = [owner.phone for owner in Fleet(Scenario(days=1, appliances={"rf-260": 2_000}), 1).owners]

    assert len(set(numbers)) == 2_000
    assert [mobile_number(one, None) for one in numbers] == numbers


def test_owners_differ_in_what_they_agree_to() -> None:
    """Some to everything, some to nothing, some change their minds within the time."""
    mix = ConsentMix(full=1, monitoring_only=1, none=1, withdraws=1)
    scenario = Scenario(days=30, appliances={"rf-260": 200, "wh-60": 100}, consent=mix)
    owners = Fleet(scenario, 1).owners

    assert len(owners) == 200
    assert {len(owner.purposes) for owner in owners} == {0, 1, 7}
    withdrawn = [owner.withdraws for owner in owners if owner.withdraws is not None]
    assert len(withdrawn) == pytest.approx(50, abs=20)
    assert all(scenario.start_ms < time < scenario.end_ms for time in withdrawn)
    assert sum(len(owner.appliances) == 2 for owner in owners) == 100


def test_reporting_every_other_sample_halves_the_readings() -> None:
    """And takes nothing from the counters."""
    every = Scenario(days=1, appliances={"rf-260": 3}, **CALM)

    (all_of_them,) = readings(every)
    (half,) = readings(every.model_copy(update={"report_every": 2}))

    assert len(half) / len(all_of_them) == pytest.approx(0.5, abs=0.01)
    assert half.signals["door_openings"].max() >= all_of_them.signals["door_openings"].max() - 1


def test_the_first_day_begins_at_the_scenarios_midnight() -> None:
    """Give or take the clocks of the appliances."""
    scenario = Scenario(days=1, appliances={"rf-260": 5})

    (day,) = readings(scenario)

    assert day.day == scenario.start_ms
    assert np.median(day.time) == pytest.approx(scenario.start_ms + MS_PER_DAY / 2, abs=600_000)
