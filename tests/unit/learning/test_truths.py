"""What people confirmed, as what was true of each appliance of a recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from foremend.learning.backtest import Truth
from foremend.learning.truths import Heard, known, read_known
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import MS_PER_DAY
from ingest.replay.outcomes import Confirmed, Moment, OutcomeColumns
from models.settings import ModelsSettings
from simulators.fleet.fleet import Fleet
from simulators.fleet.history import write_history
from simulators.fleet.scenario import plain_fleet

LEAK, CLOG = "refrigerant-leak", "drain-blockage"
SPAN = load_catalogue()[LEAK].days_to_failure[1]
HEARD: Heard = {"a-1": (0, 300 * MS_PER_DAY)}


def day(number: float) -> int:
    return round(number * MS_PER_DAY)


def found(
    confirmed: float | None,
    fault: str = LEAK,
    appliance: str = "a-1",
    repaired: float | None = None,
    onset: float | None = None,
) -> Confirmed:
    moments = [None if at is None else Moment(day(at)) for at in (confirmed, repaired, onset)]
    return Confirmed(appliance, fault, *moments)


def truths(*outcomes: Confirmed, heard: Heard = HEARD) -> tuple[Truth, ...]:
    return known(outcomes, heard, (LEAK, CLOG), ModelsSettings()).truths


def test_whoever_nothing_was_confirmed_of_stayed_well() -> None:
    """From its first reading to its last."""
    heard = HEARD | {"a-2": (day(5), day(50))}

    assert truths(found(200), heard=heard)[1:] == (Truth("a-2", day(5), day(50)),)


def test_telling_counts_from_the_longest_time_that_the_catalogue_gives_the_fault() -> None:
    """Nobody knows the onset; where somebody does, it counts from there, and of a strange fault from the horizon."""
    (usual,), (known_onset,), (strange,) = (
        truths(found(200)),
        truths(found(200, onset=170)),
        truths(found(200, "loose-screw")),
    )

    assert (usual.onset, usual.failure) == (day(200 - SPAN), day(200))
    assert known_onset.onset == day(170)
    assert strange.onset == day(200 - ModelsSettings().horizon_days)


def test_a_window_does_not_begin_before_the_recording_or_the_last_repair_of_the_same() -> None:
    """What was mended was not under way."""
    first, second = truths(found(20, repaired=22), found(100))

    assert (first.onset, first.well_again) == (0, day(22))
    assert (second.onset, second.failure) == (max(day(100 - SPAN), day(22)), day(100))


def test_what_was_confirmed_days_after_the_last_reading_failed_within_the_recording() -> None:
    """A dead appliance no longer reports, and the technician comes later; after weeks nobody knows."""
    settle = ModelsSettings().history.settle_days

    soon, late = truths(found(300 + settle))[0], truths(found(301 + settle))[0]

    assert (soon.ill, late.ill) == (True, False)
    assert soon.end == soon.failure


def test_outcomes_that_fit_nothing_are_counted_and_named() -> None:
    """Of strangers, of another time, of a fault that nothing could name."""
    outcomes = (found(200, appliance="b-9"), found(-5), found(900), found(200, "refrigerant-leek"))

    notes = known(outcomes, HEARD, (LEAK, CLOG), ModelsSettings()).notes

    assert len(notes) == 3
    assert "1 outcomes are about appliances that were not recorded: b-9" in notes[0]
    assert "2 outcomes lie before or after" in notes[1]
    assert "'refrigerant-leek', which the profile does not have: did you mean 'refrigerant-leak'?" in notes[2]


def test_outcomes_of_which_none_is_about_the_recording_are_refused() -> None:
    """Nothing told would be the ids' fault."""
    with pytest.raises(InputError, match=r"they are about A-1, and recorded are a-1: write the ids alike"):
        truths(found(200, appliance="A-1"))


def test_a_simulation_s_truth_is_read_as_it_is(tmp_path: Path) -> None:
    """Onset, failure and repair are known; what it has not failed yet asks nothing."""
    fleet = Fleet(plain_fleet({"wh-60": 6}, 20, 1.0), seed=3)
    written = write_history(fleet, tmp_path / "fleet").folder

    outcomes = read_known(written / "truth.json", OutcomeColumns())

    courses = [course for each in fleet.courses.values() for course in each]
    assert sorted(one.onset.ms for one in outcomes if one.onset) == sorted(one.onset for one in courses)
    assert {one.fault for one in outcomes} == {one.fault for one in courses}
