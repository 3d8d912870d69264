"""The fleets of benchmarks.outside: drawn by a seed, cut into halves, sent as blocks, learnt from in time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks.outside import recorded
from benchmarks.outside.fleets import OWN, blocks, truth
from benchmarks.outside.nature import Case, Course, Telling
from benchmarks.outside.outcomes import first_outcomes, halves
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY

KIND = "washing-machine"  # the cheapest


def quiet(done: int, of: int) -> None:
    """Nobody listens."""


def drawn(appliances: int = 8, seed: int = 1, name: str = KIND) -> list[Case]:
    return OWN[name].cases(appliances, seed, quiet)


def failing(number: int, failure: float | None, fault: str = "belt-slip") -> Case:
    """An appliance that sends one reading a day for a hundred days."""
    course = None if failure is None else Course(fault, failure - 10, failure, "linear")
    time = np.arange(100) * MS_PER_DAY
    return Case(f"one-{number:02d}", Telling(time, {"power": np.ones(100)}), course)


def test_the_same_seed_draws_the_same_fleet_and_another_seed_another() -> None:
    """To the last reading and fault."""
    one, again, other = drawn(seed=1), drawn(seed=1), drawn(seed=2)

    assert [case.course for case in one] == [case.course for case in again]
    for case, same in zip(one, again, strict=True):
        np.testing.assert_array_equal(case.telling.time, same.telling.time)
        for name, got in case.telling.signals.items():
            np.testing.assert_array_equal(got, same.telling.signals[name])
    assert [case.course for case in one] != [case.course for case in other]


def test_an_appliance_does_not_depend_on_how_many_others_there_are() -> None:
    """A small fleet while developing is the beginning of the large one."""
    np.testing.assert_array_equal(drawn(2)[1].telling.time, drawn(4)[1].telling.time)


@pytest.mark.parametrize("name", OWN)
def test_fleets_send_what_their_profile_knows_within_its_limits(name: str) -> None:
    """Signals, units' limits and faults are those of the bundled profile."""
    profile = load_profiles()[OWN[name].appliance_model]
    for case in drawn(2, name=name):
        assert set(case.telling.signals) <= set(profile.signals)
        for signal, got in case.telling.signals.items():
            assert np.isfinite(got).all(), signal
            assert profile.signals[signal].min <= got.min(), signal
            assert got.max() <= profile.signals[signal].max, signal
    assert set(OWN[name].faults) <= set(profile.faults)


def test_half_of_a_fleet_falls_ill_of_every_fault_in_turn_and_fails_within_the_recording() -> None:
    """Healthy appliances are as many as ill ones; there is time to see what is usual, and what follows a failure."""
    fleet = drawn(12)

    ill = [truth(case) for case in fleet if case.course]

    assert len(ill) == 6
    assert {one.fault for one in ill} == set(OWN[KIND].faults)
    assert all(one.ill and (one.onset or 0) - one.begin > 29 * MS_PER_DAY for one in ill)


def test_some_appliances_tell_less_and_power_always() -> None:
    """As plugs and simple machines do."""
    told = [set(case.telling.signals) for case in drawn(16)]

    assert all("power" in names for names in told)
    assert 3 <= sum(names != set.union(*told) for names in told) <= 13


def test_blocks_bring_every_reading_once_in_the_order_of_time_and_nothing_after_the_end() -> None:
    """What a fleet sent up to a moment."""
    some = drawn(4)
    until = int(some[0].telling.time[0]) + 20 * MS_PER_DAY

    got = list(blocks("wm-7", some, until))

    times = np.concatenate([block.time for block in got])
    assert (np.diff(times) >= 0).all()
    assert times.max() <= until
    assert len(times) == sum(int((case.telling.time <= until).sum()) for case in some)
    assert all(a.time[-1] <= b.time[0] for a, b in pairwise(got))


def test_halves_share_out_every_fault_and_no_appliance_is_in_both() -> None:
    """Whoever gives outcomes is never judged."""
    some = [failing(k, 50.0 if k % 2 else None, ("belt-slip", "heater-scale")[k % 4 // 2]) for k in range(16)]

    judging, giving = halves(some)

    assert not {case.appliance for case in judging} & {case.appliance for case in giving}
    for half in (judging, giving):
        faults = [case.course.fault if case.course else None for case in half]
        assert {fault: faults.count(fault) for fault in set(faults)} == {
            None: 4,
            "belt-slip": 2,
            "heater-scale": 2,
        }


def test_the_first_outcomes_are_those_that_failed_first() -> None:
    """Later ones are not known yet."""
    some = [failing(k, day) for k, day in enumerate((70.0, 30.0, None, 50.0, 120.0))]

    assert [one.appliance for one in first_outcomes(some, 2)] == ["one-01", "one-03"]


def test_more_outcomes_than_there_are_is_said_with_both_numbers() -> None:
    """A failure after the recording is no outcome."""
    with pytest.raises(ConfigError, match="has 1, not 15"):
        first_outcomes([failing(0, 50.0), failing(1, 120.0), failing(2, None)], 15)


def test_a_recorded_fleet_that_is_not_there_is_said_with_what_to_do(tmp_path: Path) -> None:
    """The data lies beside the project, not in it."""
    with pytest.raises(InputError, match=r"fleet-a/truth\.csv is not there: .*--data"):
        recorded.cases(tmp_path, power_alone=False)


@pytest.mark.skipif(not recorded.DATA.exists(), reason="no ../shared/data beside the project")
def test_the_recorded_fleets_have_59_refrigerators_of_which_35_fall_ill_of_catalogued_faults() -> None:
    """All signals, or power alone."""
    rich, plain = (recorded.cases(recorded.DATA, power_alone=alone) for alone in (False, True))

    ill = [truth(case) for case in rich if case.course]
    assert (len(rich), len(ill)) == (59, 35)
    assert {one.fault for one in ill} <= set(load_profiles()["rf-260"].faults)
    assert set(rich[0].telling.signals) == {
        "power",
        "current",
        "cabinet_temp",
        "ambient_temp",
        "compressor_starts",
    }
    assert {name for case in plain for name in case.telling.signals} == {"power"}
