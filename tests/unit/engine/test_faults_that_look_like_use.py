"""What looks like use is named by practice alone, and only on days that show it."""

from __future__ import annotations

import numpy as np
import pytest

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


def likely(moved: dict[str, float], practised: float | None) -> float:
    """How likely the fault is on such a day, where a model that `practised` says so much; None: there is none."""
    profile = load_profiles()["ac-35i"]
    day, signatures = day_of(profile, moved), BySignature(profile, deviations(profile))
    said = None
    if practised is not None:
        rows, unknown = day.deviations, np.full((1, 1), np.nan)
        probability = np.full((1, 1), practised)
        prediction = Prediction(
            (FAULT,), 90.0, rows.appliance, rows.time, probability, unknown, unknown, unknown
        )
        model = FittedModel("v1", rows.names, (), predictor=None)  # type: ignore[arg-type]
        said = Scored(model, rows, None, (), prediction)
    joined = Joined(signatures, day, said).prediction
    return float(joined.probability[0, joined.faults.index(FAULT)]) if FAULT in joined.faults else 0.0


def test_it_is_believed_of_what_starts_more_often_for_shorter() -> None:
    """More starts of shorter runs, with shorter pauses, are what practice knows."""
    assert likely(SHORT, practised=0.95) == pytest.approx(0.95)


@pytest.mark.parametrize("moved", [{}, SHORTER_RUNS_ALONE], ids=["usual", "shorter-runs-longer-pauses"])
def test_it_opens_no_episode_on_days_that_do_not_show_it(moved: dict[str, float]) -> None:
    """However sure a model is: less was asked, or nothing changed at all."""
    assert likely(moved, practised=0.95) <= 0.6


def test_nothing_is_named_by_it_alone() -> None:
    """People who switch on and off more often do the very same, so without practice nobody calls it a fault."""
    assert load_catalogue()[FAULT].shows
    assert likely(SHORT, practised=None) == 0.0
