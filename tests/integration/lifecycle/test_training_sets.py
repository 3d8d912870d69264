"""Training from history: nothing of the future, and no appliance, is on both sides; the same seed gives the same."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from foremend.learning.model_building import build, load_fitted
from foremend.learning.outcomes import read_outcomes
from foremend.learning.past import from_history, stored_in
from foremend.learning.training_sets import Split
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import Profile
from models.outcomes import Outcome
from models.registry.registry import Registry
from models.settings import ModelsSettings, TrainingSettings

DAY = 86_400_000


def settings(seed: int = 0) -> ModelsSettings:
    return ModelsSettings(training=TrainingSettings(seed=seed, every_days=1))


def split(profile: Profile, folder: Path, outcomes: list[Outcome]) -> Split:
    return from_history(profile, stored_in(folder), outcomes, settings())


@pytest.fixture(scope="module")
def outcomes(past: Path) -> list[Outcome]:
    return read_outcomes(past / "truth.json")


@pytest.fixture(scope="module")
def whole(profile: Profile, past: Path, outcomes: list[Outcome]) -> Split:
    return split(profile, past, outcomes)


def test_no_appliance_is_on_both_sides(whole: Split) -> None:
    """Who is judged by was never learnt from, and both know faults."""
    assert not set(whole.learn.appliance) & set(whole.judge.appliance)
    assert whole.learn.appliances > 3 * whole.judge.appliances > 0
    assert not whole.learn.healthy.all()
    assert whole.learn.healthy.any()


def test_what_is_confirmed_after_the_time_to_learn_changes_nothing_learnt(
    profile: Profile, past: Path, outcomes: list[Outcome], whole: Split
) -> None:
    """Take away every outcome of the last third: the same rows, the same labels."""
    first = min(day.name for day in (past / "history").glob("*/day=*")).removeprefix("day=")
    cut = (
        int(np.datetime64(first, "ms").astype(np.int64)) + 62 * DAY
    )  # 70 % of what follows the two first weeks
    early = [one for one in outcomes if one.confirmed_at < cut]
    assert 0 < len(early) < len(outcomes)

    without = split(profile, past, early)

    assert without.learn.fingerprint() == whole.learn.fingerprint()


def test_the_same_history_and_seed_give_the_same_predictions(
    profile: Profile, whole: Split, tmp_path: Path
) -> None:
    """To the last bit; another seed does not."""
    registry = Registry(tmp_path)
    few = Split(whole.learn.take(slice(None, None, 3)), whole.judge)
    cards = [
        build(profile, few, registry, settings(seed), recipe="r", source={"source": "history"}, at=0)
        for seed in (5, 5, 6)
    ]
    said = []
    for card in cards:
        fitted = load_fitted(profile.name, card.version, registry)
        rows = whole.judge.appliance, np.zeros(len(whole.judge.appliance), np.int64), whole.judge.features
        said.append((fitted.predictor.score(*rows).probability, fitted.detectors[0].score(*rows).value))

    assert cards[0].data == cards[1].data
    assert cards[0].metrics == cards[1].metrics
    for first, second in zip(said[0], said[1], strict=True):
        np.testing.assert_array_equal(first, second)
    assert any((first != other).any() for first, other in zip(said[0], said[2], strict=True))


def test_days_that_come_later_do_not_change_what_was_learnt_of_earlier_ones(
    profile: Profile, past: Path, outcomes: list[Outcome], whole: Split, tmp_path: Path
) -> None:
    """Take the last ten days away: the rows that are still learnt from are the same to the last bit."""
    shorter = tmp_path / "shorter"
    shutil.copytree(past / "history", shorter / "history")
    days = sorted((shorter / "history").glob("*/day=*"))
    for day in days[-10:]:
        shutil.rmtree(day)
    known_until = int(np.datetime64(days[-10].name.removeprefix("day="), "ms").astype(np.int64))

    early = split(profile, shorter, [one for one in outcomes if one.confirmed_at < known_until]).learn

    later = {row.tobytes() for row in whole.learn.features}
    known = [row.tobytes() in later for row in early.features]
    assert len(known) > 100
    assert np.mean(known) > 0.9  # the rest is in doubt, now that more was confirmed


def test_a_folder_without_history_is_named(profile: Profile, tmp_path: Path) -> None:
    """The sentence says what to name."""
    with pytest.raises(ConfigError, match="holds no whole day of rf-260"):
        split(profile, tmp_path, [])


def test_history_without_a_confirmed_fault_teaches_nothing(profile: Profile, past: Path) -> None:
    """Refused before anything is stored."""
    with pytest.raises(ConfigError, match="teach no fault of rf-260"):
        split(profile, past, [])


def test_outcomes_are_read_from_a_table(tmp_path: Path) -> None:
    """ISO 8601 with or without a zone, or ms UTC; a repair that is not known stays unknown."""
    path = tmp_path / "outcomes.csv"
    path.write_text(
        "appliance_id,fault,confirmed_at,repaired_at\n"
        "rf-1,refrigerant-leak,1970-01-02T08:00:00+08:00,172800000\n"
        "rf-2,dirty-condenser,1970-01-02,\n"
    )

    assert read_outcomes(path) == [
        Outcome("rf-1", "refrigerant-leak", DAY, 2 * DAY),
        Outcome("rf-2", "dirty-condenser", DAY, None),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("appliance_id,fault\nrf-1,x\n", "lacks the column confirmed_at"),
        ("appliance_id,fault,confirmed_at\nrf-1,x,soon\n", "line 2: 'soon' is not a time"),
    ],
)
def test_a_table_that_cannot_be_read_names_the_place(tmp_path: Path, text: str, sentence: str) -> None:
    """File, line and what was expected."""
    path = tmp_path / "outcomes.csv"
    path.write_text(text)

    with pytest.raises(ConfigError, match=sentence):
        read_outcomes(path)


def test_a_technician_knows_a_simulated_fault_only_when_it_failed_or_was_repaired(past: Path) -> None:
    """No outcome comes with the time of its first sign."""
    outcomes = read_outcomes(past / "truth.json")

    assert outcomes
    assert all(replace(one).repaired_at is None or one.repaired_at >= one.confirmed_at for one in outcomes)
