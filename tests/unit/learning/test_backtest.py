"""What was told of a fleet against what was true, on cases made by hand."""

from __future__ import annotations

import pytest

from foremend.learning.backtest import Truth, episodes, judged, score
from foremend.vocabulary.types import MS_PER_DAY, Finding, FindingKind, Severity

YEAR = round(365.25 * MS_PER_DAY)
WELL = Truth("well", 0, YEAR)
ILL = Truth("ill", 0, YEAR, "belt-slip", 100 * MS_PER_DAY, 160 * MS_PER_DAY)


def said(
    day: float,
    fault: str = "belt-slip",
    appliance: str = "ill",
    severity: Severity = Severity.WARNING,
    kind: FindingKind = FindingKind.OPENED,
    opened: float | None = None,
) -> Finding:
    start = round((day if opened is None else opened) * MS_PER_DAY)
    return Finding(kind, appliance, "wm-7", fault, "rule", severity, round(day * MS_PER_DAY), start, 0.9)


def test_a_fleet_of_which_nothing_is_said_has_told_nothing_and_falsely_alarmed_nobody() -> None:
    """Silence is no fault found, and no false alarm."""
    figures = score([], [WELL, ILL])

    assert (figures["told"], figures["named"], figures["lead_days"], figures["false_per_100"]) == (
        0,
        0,
        None,
        0,
    )
    assert figures["ill"] == 1


def test_a_warning_that_names_the_fault_in_time_is_told_and_named_with_the_days_that_were_left() -> None:
    """The first of two counts for the lead."""
    figures = score(episodes([said(120), said(150)]), [WELL, ILL])

    assert (figures["told"], figures["named"], figures["lead_days"]) == (1, 1, 40)
    assert figures["faults"]["belt-slip"]["lead_days"] == 40


def test_another_fault_s_name_tells_that_something_is_wrong_and_is_counted_as_misnamed() -> None:
    """Whoever comes finds an ill appliance: told, not named, not false."""
    figures = score(episodes([said(130, "heater-scale")]), [WELL, ILL])

    assert (figures["told"], figures["named"], figures["misnamed"], figures["false"]) == (1, 0, 1, 0)


def test_a_symptom_tells_and_is_no_wrong_name() -> None:
    """That something is unusual is true, and names nothing."""
    figures = score(episodes([said(130, "abnormal-behaviour")]), [WELL, ILL])

    assert (figures["told"], figures["named"], figures["misnamed"]) == (1, 0, 0)


def test_a_group_of_faults_that_holds_the_right_one_is_its_name() -> None:
    """What cannot be told apart may be named together; a group without it is a wrong name."""
    groups = {"drive": frozenset({"belt-slip", "drum-bearing-wear"}), "water": frozenset({"drain-pump-clog"})}

    right = score(episodes([said(130, "drive")]), [ILL], groups)
    wrong = score(episodes([said(130, "water")]), [ILL], groups)

    assert (right["named"], right["misnamed"]) == (1, 0)
    assert (wrong["named"], wrong["misnamed"]) == (0, 1)


def test_information_is_shown_and_tells_nobody() -> None:
    """Nobody is sent for it, so it is neither told nor false."""
    figures = score(
        episodes([said(130, severity=Severity.INFO), said(30, appliance="well", severity=Severity.INFO)]),
        [WELL, ILL],
    )

    assert (figures["shown"], figures["told"], figures["false"]) == (1, 0, 0)


def test_an_episode_counts_from_when_it_rose_above_information() -> None:
    """It was open for thirty days before anybody would have come."""
    rose = said(140, opened=110, kind=FindingKind.UPDATED)

    figures = score(episodes([said(110, severity=Severity.INFO), rose]), [ILL])

    assert figures["lead_days"] == 20


def test_a_warning_from_before_the_onset_is_false_and_tells_nothing_however_long_it_stays() -> None:
    """Its updates during the fault are no foresight."""
    figures = score(episodes([said(90), said(120, opened=90, kind=FindingKind.UPDATED)]), [ILL])

    assert (figures["told"], figures["false"], figures["faults"]["belt-slip"]["false"]) == (0, 1, 1)


def test_false_warnings_are_counted_over_the_time_in_which_nothing_was_wrong() -> None:
    """One year of the well one and a hundred days of the other, before its onset."""
    figures = score(episodes([said(10, appliance="well")]), [WELL, ILL])

    assert figures["well_years"] == pytest.approx(1 + 100 / 365.25, abs=0.001)
    assert figures["false_per_100"] == pytest.approx(100 / (1 + 100 / 365.25), abs=0.1)


def test_after_the_failure_nothing_tells_and_a_wrong_name_is_counted_apart() -> None:
    """A dead machine that is given another fault's name had its failure unforeseen."""
    figures = score(episodes([said(161, "heater-scale")]), [WELL, ILL])

    assert (figures["told"], figures["false"], figures["misnamed"], figures["misnamed_after"]) == (0, 0, 0, 1)


def test_silence_is_no_fault() -> None:
    """An appliance that is not heard of is not told to be ill."""
    assert episodes([said(130, "silent")]) == []


def test_a_fault_that_does_not_fail_within_the_recording_asks_nothing_and_counts_only_until_its_onset() -> (
    None
):
    """Nobody can say yet whether a warning came in time."""
    later = Truth("ill", 0, 150 * MS_PER_DAY, "belt-slip", 100 * MS_PER_DAY, 160 * MS_PER_DAY)

    figures = score(episodes([said(120)]), [later])

    assert (figures["ill"], figures["told"], figures["false"]) == (0, None, 0)
    assert figures["well_years"] == pytest.approx(100 / 365.25, abs=0.001)


def test_one_that_was_repaired_is_well_again_and_may_be_alarmed_falsely() -> None:
    """From then on its time counts as that of the well."""
    repaired = Truth(
        "ill", 0, YEAR, "belt-slip", 100 * MS_PER_DAY, 160 * MS_PER_DAY, well_again=165 * MS_PER_DAY
    )

    figures = score(episodes([said(130), said(162, "heater-scale"), said(200)]), [repaired])

    assert (figures["told"], figures["misnamed_after"], figures["false"]) == (1, 1, 1)
    assert figures["well_years"] == pytest.approx(1 - 65 / 365.25, abs=0.001)


def test_two_faults_of_one_appliance_are_judged_each_on_its_own() -> None:
    """A warning in the time of both tells both and names one; the time of neither is counted twice."""
    second = Truth("ill", 0, YEAR, "heater-scale", 120 * MS_PER_DAY, 180 * MS_PER_DAY)

    judgement = judged(episodes([said(130)]), [ILL, second])

    assert [(one.lead_days, one.named, one.misnamed) for one in judgement.ill] == [
        (30, True, 0),
        (50, False, 0),
    ]
    figures = judgement.figures()
    assert (figures["appliances"], figures["ill"], figures["false"]) == (1, 2, 0)
    assert figures["well_years"] == pytest.approx(100 / 365.25, abs=0.001)
