"""Causes: what an appliance does wears it out, nothing else of the fleet changes, and a seed decides when."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import MS_PER_DAY
from simulators.base import Floats
from simulators.fleet.fleet import Fleet, Telemetry
from simulators.fleet.scenario import Cause, Scenario
from simulators.fleet.sensors import Imperfections
from simulators.fleet.wear import Use, onsets, wear

MODEL = "rf-260"
PERFECT = Imperfections(noise=0.0, missing=0.0, reboots_per_month=0.0, duplicates=0.0)
WORN = Cause(appliance_model=MODEL, fault="compressor-wear", starts=150, spread=0.0)
DAYS = 8

a_life = arrays(np.float64, (30, 4), elements=st.floats(0, 100))


def fleet(*causes: Cause, seed: int = 7, **more: object) -> Fleet:
    """A dozen refrigerators and a few air conditioners for eight days."""
    appliances = {MODEL: 12, "ac-35i": 3}
    return Fleet(Scenario(days=DAYS, appliances=appliances, causes=causes, **more), seed)  # type: ignore[arg-type]


def came(starts: Floats, hours: Floats, dust: float = 1.0) -> Floats:
    """When each of four lives, (days, 4), comes to its end."""
    cause = Cause(appliance_model=MODEL, fault="compressor-wear", starts=900, dusty_hours=700)
    worn = [
        wear(cause, Use(day, np.zeros(4), hour), np.full(4, dust))
        for day, hour in zip(starts, hours, strict=True)
    ]
    return np.nan_to_num(onsets(np.stack(worn), np.array([0.2, 0.5, 1.0, 2.0])), nan=np.inf)


@given(a_life, a_life, a_life)
def test_more_starts_or_dusty_hours_are_never_later(starts: Floats, hours: Floats, more: Floats) -> None:
    """And never sooner by one of them alone being less."""
    as_is = came(starts, hours)

    assert (came(starts + more, hours) <= as_is + 1e-9).all()
    assert (came(starts, hours + more) <= as_is + 1e-9).all()
    assert (came(starts, hours, dust=2.0) <= as_is + 1e-9).all()


def test_it_sets_in_when_so_many_starts_are_counted() -> None:
    """What each appliance had counted at its onset, in its own readings, is what the scenario says wears one out."""
    worn = fleet(WORN, imperfections=PERFECT)
    telemetry = [one for one in worn.telemetry() if one.appliance_model == MODEL]
    assert len({course.onset // MS_PER_DAY for course in worn.courses[MODEL]}) > 1

    for course in worn.courses[MODEL]:
        time, counter = counted(telemetry, course.row)
        until = counter[time <= course.onset][-1] - counter[0]
        assert until == pytest.approx(WORN.starts, abs=6)  # within a day they are spread evenly
    assert len(worn.courses[MODEL]) > 6


def counted(telemetry: Sequence[Telemetry], row: int) -> tuple[Floats, Floats]:
    """Times and starts of one appliance."""
    rows = [
        (one.time[one.appliance == row], one.signals["compressor_starts"][one.appliance == row])
        for one in telemetry
    ]
    time, counter = (np.concatenate(column) for column in zip(*rows, strict=True))
    return time, counter


def test_a_cause_that_never_comes_true_changes_nothing() -> None:
    """Not a byte of any reading: to live beforehand is to live apart."""
    endless = Cause(appliance_model=MODEL, fault="compressor-wear", starts=1e9)
    for one, other in zip(
        fleet(fault_rate=0.3).telemetry(), fleet(endless, fault_rate=0.3).telemetry(), strict=True
    ):
        assert (one.appliance_model, one.day) == (other.appliance_model, other.day)
        for name, column in one.signals.items():
            np.testing.assert_array_equal(column, other.signals[name])


def test_faults_drawn_anyway_and_other_models_are_as_without_a_cause() -> None:
    """The worn ones come beside them; a model without a cause has none."""
    without, worn = fleet(fault_rate=0.5), fleet(WORN, fault_rate=0.5)

    drawn = without.courses[MODEL]
    assert worn.courses[MODEL][: len(drawn)] == drawn
    assert {one.fault for one in worn.courses[MODEL][len(drawn) :]} == {WORN.fault}
    assert worn.courses["ac-35i"] == without.courses["ac-35i"]


def test_a_seed_decides_when() -> None:
    assert fleet(WORN).courses == fleet(WORN).courses
    assert fleet(WORN).courses != fleet(WORN, seed=8).courses


@pytest.mark.parametrize(
    ("cause", "complaint"),
    [
        (
            {"appliance_model": MODEL, "fault": "compressor-wear"},
            "nothing causes compressor-wear: write 'starts'",
        ),
        (
            {"appliance_model": "wh-60", "fault": "element-scale", "starts": 9},
            "wh-60 counts no compressor starts",
        ),
        ({"appliance_model": MODEL, "fault": "rust", "starts": 9}, "rust"),
        ({"appliance_model": MODEL, "fault": "compressor-wear", "starts": 0}, "greater than 0"),
    ],
)
def test_a_cause_that_cannot_be_is_refused(cause: dict[str, object], complaint: str) -> None:
    data = {"appliances": {MODEL: 1}, "causes": [cause]}
    with pytest.raises(ConfigError, match=complaint):
        validated(Scenario, data, "scenario")


def test_two_causes_of_one_fault_are_one() -> None:
    """Shares add up within a cause alone."""
    data = {"appliances": {MODEL: 1}, "causes": [WORN.model_dump(), WORN.model_dump()]}
    with pytest.raises(ConfigError, match="two causes of compressor-wear of rf-260"):
        validated(Scenario, data, "scenario")


def test_whoever_waits_hears_of_each_day_that_wears_out_and_of_each_that_is_simulated() -> None:
    """Before the first reading a fleet with causes lives once for nobody to see."""
    heard: list[tuple[str, int, int]] = []
    scenario = Scenario(days=3, appliances={MODEL: 2}, causes=(WORN,))

    for _ in Fleet(scenario, 7, lambda *said: heard.append(said)).telemetry():
        pass

    assert heard == [(what, day, 3) for what in ("wear out", "simulate") for day in (1, 2, 3)]
