"""Training from history: all outcomes teach, nobody judges who saw the appliance, the same seed gives the same."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from foremend.config import load_settings
from foremend.learning.crossed import figures
from foremend.learning.model_building import build_from_past, fitted_predictor, load_fitted, load_watched
from foremend.learning.outcomes import read_outcomes
from foremend.learning.past import Past, from_history, stored_in
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import Profile
from models.outcomes import Outcome
from models.registry.registry import Registry
from models.settings import ModelsSettings, TrainingSettings
from rules.evaluator import RuleBook

DAY = 86_400_000


def settings(seed: int = 0) -> ModelsSettings:
    return ModelsSettings(training=TrainingSettings(seed=seed, every_days=1))


RULES = RuleBook(load_settings(None).rules)


def past_of(profile: Profile, folder: Path, outcomes: list[Outcome]) -> Past:
    return from_history(profile, stored_in(folder), outcomes, settings())


@pytest.fixture(scope="module")
def outcomes(past: Path) -> list[Outcome]:
    return read_outcomes(past / "truth.json")


@pytest.fixture(scope="module")
def whole(profile: Profile, past: Path, outcomes: list[Outcome]) -> Past:
    return past_of(profile, past, outcomes)


def test_every_fault_that_shows_is_learnt_from(whole: Past, outcomes: list[Outcome]) -> None:
    """None that was confirmed by the last day is held back for judging: few are confirmed."""
    shown = np.isfinite(whole.rows.days_to_failure).any(axis=1)
    ill = set(whole.rows.appliance[shown].tolist())
    confirmed = {one.appliance_id for one in outcomes if one.confirmed_at <= whole.days.time.max()}

    assert len(ill) == len(confirmed) > 5
    assert whole.rows.healthy.any()


def test_no_appliance_is_judged_by_votes_that_saw_it(profile: Profile, whole: Past) -> None:
    """Take an ill appliance's rows away: what is said of its days by the votes of its fold stays as it was."""
    rows = whole.rows
    due = rows.days_to_failure <= 90.0
    shared = np.flatnonzero([len(np.unique(rows.appliance[column])) > 2 for column in due.T])
    one = rows.appliance[due[:, shared[0]]][0]
    mine = whole.numbers[whole.days.appliance] == one

    learnt = fitted_predictor(profile, rows, 90.0, 1.0, 0, 5)
    days = whole.days.values[mine]
    columns, votes = learnt._apart[learnt._fold[one]]
    seen = learnt._votes.score(learnt._drawn_in(days)[:, learnt._columns])
    unseen = votes.score(learnt._drawn_in(days)[:, columns])

    assert (seen[:, shared[0]].max(), unseen[:, shared[0]].max()) != (0.0, 0.0)
    assert not np.array_equal(seen, unseen)
    asked = learnt.unseen(np.full(len(days), one, np.int32), days)
    np.testing.assert_array_equal(asked, learnt._odds.probability(unseen))


def test_the_same_history_and_seed_give_the_same_predictions(
    profile: Profile, whole: Past, tmp_path: Path
) -> None:
    """To the last bit; another seed does not. What was judged by comes back from the registry as it was."""
    registry = Registry(tmp_path)
    few = replace(whole, rows=whole.rows.take(slice(None, None, 3)))
    cards = [
        build_from_past(
            profile, few, registry, settings(seed), RULES, recipe="r", source={"source": "history"}, at=0
        )
        for seed in (5, 5, 6)
    ]
    said = []
    for card in cards:
        fitted = load_fitted(profile.name, card.version, registry)
        days = whole.days.appliance, whole.days.time, whole.days.values
        said.append((fitted.predictor.score(*days).probability, fitted.detectors[0].score(*days).value))

    assert cards[0].data == cards[1].data
    np.testing.assert_equal(dict(cards[0].metrics), dict(cards[1].metrics))
    for first, second in zip(said[0], said[1], strict=True):
        np.testing.assert_array_equal(first, second)
    assert any((first != other).any() for first, other in zip(said[0], said[2], strict=True))
    kept = load_watched(profile.name, cards[0].version, registry)
    assert kept is not None
    again = figures(profile, RULES, kept, kept.probability, 90.0)
    np.testing.assert_equal(again, {name: cards[0].metrics[name] for name in again})
    assert kept.truths
    assert not {*kept.ids, *(one.appliance for one in kept.truths)} & set(few.ids)  # a model tells of nobody


def test_what_is_confirmed_after_the_last_day_changes_nothing_learnt(
    profile: Profile, past: Path, outcomes: list[Outcome], tmp_path: Path
) -> None:
    """Take the last ten days away: whoever knows what came in them learns the same as who does not."""
    shorter = tmp_path / "shorter"
    shutil.copytree(past / "history", shorter / "history")
    days = sorted((shorter / "history").glob("*/day=*"))
    for day in days[-10:]:
        shutil.rmtree(day)
    known_until = int(np.datetime64(days[-10].name.removeprefix("day="), "ms").astype(np.int64))
    early = [one for one in outcomes if one.confirmed_at < known_until]
    assert 0 < len(early) < len(outcomes)

    without, with_all = (past_of(profile, shorter, known).rows for known in (early, outcomes))

    assert without.fingerprint() == with_all.fingerprint()
    assert not without.healthy.all()


def test_who_did_not_agree_teaches_nothing_and_is_counted(
    profile: Profile, past: Path, outcomes: list[Outcome], whole: Past
) -> None:
    """Neither as ill nor as well, nor to judge by."""
    sick = {one.appliance_id for one in outcomes}
    left = {*sorted(sick)[:2], next(one for one in whole.ids if one not in sick)}

    found = from_history(
        profile, stored_in(past), outcomes, settings(), permitted=lambda ids: set(ids) - left
    )

    assert (found.left_out, whole.left_out) == (3, 0)
    gone = {int(whole.numbers[whole.ids.index(one)]) for one in left}
    assert not gone & set(found.rows.appliance.tolist())
    assert not left & {found.ids[at] for at in np.unique(found.days.appliance)}
    assert not left & {one.appliance for one in found.truths}


def test_a_folder_without_history_is_named(profile: Profile, tmp_path: Path) -> None:
    """The sentence says what to name."""
    with pytest.raises(ConfigError, match="holds no whole day of rf-260"):
        past_of(profile, tmp_path, [])


def test_history_without_a_confirmed_fault_teaches_nothing(profile: Profile, past: Path) -> None:
    """Refused before anything is stored."""
    with pytest.raises(ConfigError, match="teach no fault of rf-260"):
        past_of(profile, past, [])


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
