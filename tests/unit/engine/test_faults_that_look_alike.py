"""What looks like use is named by practice alone, on days that show it; what looks like a fault speaks for both."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.engine.by_signature import BySignature, Joined
from foremend.engine.fitted import Day, FittedModel, Scored
from foremend.engine.lane import deviations
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.features import Kind
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.types import Prediction, Rows
from models.predictors.numbers import written

FAULT = "compressor-short-cycling"
SHORT = {
    "compressor_starts": 0.5,
    "pause_mean_s": -0.5,
    "run_mean_s": -0.4,
    "visit_mean_s while cooling": -0.4,
}
SHORTER_RUNS_ALONE = {"run_mean_s": -0.3, "pause_mean_s": 0.3, "visit_mean_s while cooling": -0.3}


def day_of(profile: Profile, moved: dict[str, float]) -> Day:
    """One appliance that sends everything; its numbers `moved`, from its own usual and from siblings alike."""
    columns, features = deviations(profile), profile.daily_features
    keys = {one.name: written(one) for one in features}
    row = [moved.get(keys.get(one.of, ""), 0.0) if one.kind is not Kind.TREND else 0.0 for one in columns]
    who, when = np.zeros(1, np.int32), np.zeros(1, np.int64)
    plain = Rows(who, when, tuple(one.name for one in features), np.ones((1, len(features))))
    moves = Rows(who, when, tuple(one.name for one in columns), np.array([row]))
    return Day(plain, moves, np.ones(1, np.bool_), np.full(len(columns), np.nan))


def probabilities(
    moved: dict[str, float], practised: dict[str, float], taught: frozenset[str] | None = None
) -> dict[str, float]:
    """How likely faults are on such a day, where a model that `practised` says so much; empty: there is no model."""
    profile = load_profiles()["ac-35i"]
    day, signatures = day_of(profile, moved), BySignature(profile, deviations(profile))
    rows, unknown = day.deviations, np.full((1, len(practised)), np.nan)
    prediction = Prediction(
        tuple(practised),
        90.0,
        rows.appliance,
        rows.time,
        np.array([list(practised.values())]),
        unknown,
        unknown,
        unknown,
    )
    model = FittedModel("v1", rows.names, (), predictor=None, taught=taught)  # type: ignore[arg-type]
    said = Scored(model, rows, None, (), prediction) if practised else None
    joined = Joined(signatures, day, said).prediction
    return dict(zip(joined.faults, joined.probability[0].tolist(), strict=True))


def test_it_is_believed_of_what_starts_more_often_for_shorter() -> None:
    """More starts of shorter runs, with shorter pauses, are what practice knows."""
    assert probabilities(SHORT, {FAULT: 0.95})[FAULT] == pytest.approx(0.95)


@pytest.mark.parametrize("moved", [{}, SHORTER_RUNS_ALONE], ids=["usual", "shorter-runs-longer-pauses"])
def test_it_opens_no_episode_on_days_that_do_not_show_it(moved: dict[str, float]) -> None:
    """However sure a model is: less was asked, or nothing changed at all."""
    assert probabilities(moved, {FAULT: 0.95})[FAULT] <= 0.6


def test_nothing_is_named_by_it_alone() -> None:
    """People who switch on and off more often do the very same, so without practice nobody calls it a fault."""
    assert load_catalogue()[FAULT].shows
    assert FAULT not in probabilities(SHORT, {})


STARVED = {  # of gas: too little is in the circuit, or the valve lets too little in
    "discharge_temp - outdoor_coil_temp while cooling": 6.0,
    "power while cooling": -0.05,
    "outdoor_coil_temp - outdoor_temp while cooling": -1.0,
}
LEAK, VALVE = "refrigerant-undercharge", "expansion-valve-stuck"


def test_votes_that_two_faults_share_count_for_the_commoner() -> None:
    """Half for a leak and half for a stuck valve are hardly a doubt that the evaporator is fed too little."""
    found = probabilities(STARVED, {LEAK: 0.5, VALVE: 0.4})

    assert found[LEAK] == pytest.approx(0.9)
    assert found[VALVE] == pytest.approx(0.4)


def test_a_plain_fault_does_not_speak_for_the_commoner() -> None:
    """Who is sure of the valve does not mean the leak."""
    found = probabilities(STARVED, {LEAK: 0.3, VALVE: 0.95})

    assert found[LEAK] == pytest.approx(0.3)


def test_shared_votes_do_not_replace_physics() -> None:
    """On a day on which nothing moved a leak is too little believed to be told, however the votes add up."""
    assert probabilities({}, {LEAK: 0.5, VALVE: 0.5})[LEAK] <= 0.6


def test_what_outcomes_taught_stands_for_itself() -> None:
    """A fleet whose failures were confirmed one by one has taught the two apart."""
    found = probabilities(STARVED, {LEAK: 0.4, VALVE: 0.4}, taught=frozenset({LEAK, VALVE}))

    assert found[LEAK] == pytest.approx(0.4)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2))
def test_no_fault_becomes_less_likely_by_what_looks_like_it(votes: list[float]) -> None:
    """Nor more likely than certain."""
    found = probabilities(STARVED, dict(zip((LEAK, VALVE), votes, strict=True)))

    assert votes[0] - 1e-9 <= found[LEAK] <= 1.0
