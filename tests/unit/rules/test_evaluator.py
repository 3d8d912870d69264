"""Rules on windows, scores and predictions: what opens, what changes, what closes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.types import MS_PER_DAY, Evidence, FindingKind, Prediction, Rows, Severity
from rules.evaluator import RuleBook
from rules.question import Question
from rules.settings import RulesSettings

BOOK = """
- name: warm
  fault: cooling-lost
  when: {signal: cabinet_temp, above: 10, unit: degC}
  sustained_for: 2 h
  clear_below: 8
  severity: info
- name: hot
  fault: cooling-lost
  when: {signal: cabinet_temp, above: 15, unit: degC}
  severity: critical
"""
LIKELY = np.array([[0.9, 0.1, 0.001], [0.95, 0.2, 0.001]])
PREDICTED = """
- name: predicted
  when: {probability: any, above: 0.8}
  sustained_for: 1 d
  clear_below: 0.4
  escalate: {days_to_failure_below: 7, severity: critical}
"""


def test_two_rules_on_one_fault_share_the_episode(bench: Any, told: Any) -> None:
    """The second rule makes the open episode more urgent; it closes when neither rule holds it."""
    findings = bench(BOOK).hours([11, 11, 11, 20, 12, 7])

    assert told(findings) == [("opened", 3), ("updated", 4), ("closed", 6)]
    assert [f.severity for f in findings] == [Severity.INFO, Severity.CRITICAL, Severity.CRITICAL]
    assert len({f.episode_id for f in findings}) == 1


def test_faults_predicted_by_one_rule_are_episodes_of_their_own(bench: Any) -> None:
    """`any` watches each fault by itself."""
    predicted = bench(PREDICTED)

    first = predicted.probabilities([0.9, 0.9], fault="refrigerant-leak")
    second = predicted.probabilities([0.9, 0.9], at=3, fault="door-gasket-leak")

    assert [f.fault for f in first + second] == ["refrigerant-leak", "door-gasket-leak"]


def test_days_without_use_neither_count_nor_open(bench: Any, told: Any) -> None:
    """A week in which an appliance stood still repeats what is known: only the next day of use can confirm it."""
    week = [False] * 7
    predicted = bench(PREDICTED)

    assert predicted.probabilities([0.9] * 8, used=[True, *week]) == []
    assert told(predicted.probabilities([0.9], at=9, used=[True]), MS_PER_DAY) == [("opened", 9)]

    slower = bench(PREDICTED.replace("1 d", "2 d"))
    assert slower.probabilities([0.9] * 9, used=[True, *week, True]) == []
    assert told(slower.probabilities([0.9], at=10, used=[True]), MS_PER_DAY) == [("opened", 10)]


def test_an_open_episode_closes_on_days_without_use(bench: Any, told: Any) -> None:
    """What stands still is not held open by that."""
    predicted = bench(PREDICTED)

    findings = predicted.probabilities([0.9, 0.9, 0.1], used=[True, True, False])

    assert told(findings, MS_PER_DAY) == [("opened", 2), ("closed", 3)]


def test_a_finding_on_a_prediction_tells_probability_and_days(bench: Any) -> None:
    """What the predictor said goes with the finding, with its interval."""
    (opened,) = bench(PREDICTED).probabilities([0.9, 0.95], days=20)

    assert (opened.score, opened.probability) == (0.95, 0.95)
    assert (opened.days_low, opened.days_to_failure, opened.days_high) == (10, 20, 40)


def test_a_finding_on_a_prediction_tells_what_else_it_may_be(bench: Any) -> None:
    """Every fault that is not next to impossible on that day; one on a level says nothing of the kind."""
    two = bench(PREDICTED)
    both = Rows(np.zeros(2, np.int32), np.array([1, 2]) * MS_PER_DAY, ("leak", "fan", "relay"), LIKELY)
    nan = np.full(LIKELY.shape, np.nan)
    said = Prediction(both.names, 30, both.appliance, both.time, LIKELY, nan, nan, nan)

    (opened,) = two.rules.evaluate(Question.about(said, two.ids))

    assert (opened.fault, opened.candidates) == ("leak", {"leak": 0.95, "fan": 0.2})
    assert bench(BOOK).hours([11, 11, 11])[0].candidates == {}


def test_an_unknown_time_to_failure_is_none(bench: Any) -> None:
    """NaN never leaves the rules."""
    (opened,) = bench(PREDICTED).probabilities([0.9, 0.95], days=float("nan"))

    assert (opened.days_low, opened.days_to_failure, opened.days_high) == (None, None, None)


def test_an_episode_escalates_once_and_stays_escalated(bench: Any) -> None:
    """Few days left make it critical at once; more days left later do not calm it."""
    predicted = bench(PREDICTED)
    predicted.probabilities([0.9, 0.9], days=30)

    near = predicted.probabilities([0.9], at=3, days=5)
    later = predicted.probabilities([0.9, 0.99, 0.1], at=4, days=20)

    assert [(f.kind, f.severity) for f in near] == [(FindingKind.UPDATED, Severity.CRITICAL)]
    assert [(f.kind, f.severity) for f in later] == [(FindingKind.CLOSED, Severity.CRITICAL)]


def test_a_materially_changed_probability_is_an_update(bench: Any, told: Any) -> None:
    """A tenth more is told a day later; a hundredth more is not."""
    predicted = bench(PREDICTED)

    findings = predicted.probabilities([0.81, 0.82, 0.83, 0.97, 0.98])

    assert told(findings, MS_PER_DAY) == [("opened", 2), ("updated", 4)]


def test_an_old_estimate_is_told_anew(bench: Any, told: Any) -> None:
    """Whoever reads "in 20 days" three weeks later must not believe it still holds."""
    predicted = bench(PREDICTED)

    findings = predicted.probabilities([0.9] * 16, days=20)

    assert told(findings, MS_PER_DAY) == [("opened", 2), ("updated", 9), ("updated", 16)]


def test_a_level_to_be_below(bench: Any, told: Any) -> None:
    """`below` opens under the level and `clear_above` closes at or over its own."""
    frozen = bench(
        "- {name: frozen, fault: too-cold, when: {signal: cabinet_temp, below: 0, unit: degC}, clear_above: 2}"
    )

    findings = frozen.hours([1, -1, 1, -1, 2.5])

    assert told(findings) == [("opened", 2), ("closed", 5)]
    assert findings[0].evidence == (Evidence("cabinet_temp_mean", -1, unit="degC"),)


def test_an_unknown_value_passes(bench: Any, told: Any) -> None:
    """A window without the signal neither breaks a warm spell nor counts for it."""
    findings = bench(BOOK).hours([11, float("nan"), 11])

    assert told(findings) == [("opened", 3)]


def test_any_detector_can_alarm_and_all_must_calm_down(bench: Any, told: Any) -> None:
    """Detectors that agree hold one episode together."""
    odd = bench("- {name: odd, fault: abnormal-behaviour, when: {score: any, above: 0.9}}")

    findings = [
        *odd.windows("score", [0.95], [MS_PER_DAY], "forest"),
        *odd.windows("score", [0.99], [2 * MS_PER_DAY], "drift"),
        *odd.windows("score", [0.1], [3 * MS_PER_DAY], "forest"),
        *odd.windows("score", [0.1], [4 * MS_PER_DAY], "drift"),
    ]

    assert [f.kind for f in findings] == [FindingKind.OPENED, FindingKind.CLOSED]
    assert findings[0].score == 0.95


def test_detectors_of_the_same_day_are_each_heard(bench: Any) -> None:
    """The second detector's score of a day is not taken for a repeat of the first one's."""
    odd = bench("- {name: odd, fault: abnormal-behaviour, when: {score: drift, above: 0.9}}")

    first = odd.windows("score", [0.95], [MS_PER_DAY], "forest")
    second = odd.windows("score", [0.95], [MS_PER_DAY], "drift")

    assert (first, [f.kind for f in second]) == ([], [FindingKind.OPENED])


def test_evidence_is_asked_for_findings_only(bench: Any) -> None:
    """The numbers behind a finding are put together when there is one, for its row and column."""
    odd = bench("- {name: odd, fault: abnormal-behaviour, when: {score: any, above: 0.9}}")
    asked = []

    def evidence(row: int, column: int) -> tuple[Evidence, ...]:
        asked.append((row, column))
        return (Evidence("duty", 0.8, usual=0.4),)

    scores = np.array([[0.1], [0.95], [0.2]])
    appliance = np.array([0, 1, 2], np.int32)
    rows = Rows(appliance, np.full(3, 9), ("forest",), scores)
    (opened,) = odd.rules.evaluate(Question("score", odd.ids, rows, evidence=evidence))

    assert (opened.appliance_id, opened.evidence) == ("f-1", (Evidence("duty", 0.8, usual=0.4),))
    assert asked == [(1, 0)]


def test_an_episode_closes_when_its_rule_is_taken_out(bench: Any) -> None:
    """No ticket hangs for ever since somebody edited config.yaml."""
    before, after = bench(BOOK), bench(PREDICTED)
    (opened,) = before.hours([16])

    after.rules.restore(before.rules.snapshot())
    (closed,) = after.hours([16, 16], at=2)

    assert (closed.kind, closed.episode_id) == (FindingKind.CLOSED, opened.episode_id)


def test_a_snapshot_holds_the_fleet_without_its_spare_room(bench: Any) -> None:
    """Room grows by doubling; what is stored of it would be written and read by every checkpoint. Nor anybody of whom
    nothing is going on."""
    rules, ids, scores = bench(BOOK).rules, [], np.ones((1, 1))
    for number in range(5):
        ids.append(f"f-{number}")
        rows = Rows(np.array([number], np.int32), np.array([MS_PER_DAY]), ("cabinet_temp_mean",), scores)
        rules.evaluate(Question("hour", ids, rows))

    snapshot = rules.snapshot()

    assert len(snapshot["latest"]["hour/cabinet_temp_mean"]) == 5
    assert {len(array) for spells in snapshot["spells"].values() for array in spells.values()} == {0}


def test_two_episodes_never_share_an_id(bench: Any) -> None:
    """A slow rule whose condition held through an earlier episode opens one that starts after it."""
    slow = (
        BOOK + "- {name: slow, fault: cooling-lost, sustained_for: 4 h,"
        " when: {signal: cabinet_temp, statistic: max, above: 5, unit: degC}}"
    )
    rules = bench(slow)
    columns, appliance = ("cabinet_temp_mean", "cabinet_temp_max"), np.zeros(6, np.int32)
    mean, peak = [20, 20, 6, 6, 6, 6], [20.0] * 6

    rows = Rows(appliance, np.arange(6) * 3_600_000, columns, np.column_stack([mean, peak]))
    findings = rules.rules.evaluate(Question("hour", rules.ids, rows))

    assert [f.kind.value for f in findings] == ["opened", "closed", "opened"]
    assert len({f.episode_id for f in findings}) == 2


def test_rules_apply_to_what_they_name(bench: Any) -> None:
    """A rule for air conditioners is silent about a refrigerator."""
    book = BOOK.replace("  severity: critical", "  applies_to: {category: air-conditioner}")

    assert len(bench(book).hours([20])) == 0
    assert len(bench(BOOK).hours([20])) == 1


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        (
            "{signal: cabinet_temp, above: 50, unit: degF}",
            "cabinet_temp is measured in degC, not in degF: write the level in degC (50 degF is 10 degC)",
        ),
        ("{signal: current, above: 1, unit: W}", "current is measured in A, not in W"),
    ],
)
def test_a_rule_in_another_unit_is_refused(bench: Any, when: str, sentence: str) -> None:
    """The sentence says the same level in the unit that is measured, where it can be converted."""
    with pytest.raises(ConfigError) as caught:
        bench(f"- {{name: warm, fault: x, when: {when}}}")

    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            {"when": {"signal": "cabin", "above": 1, "unit": "degC"}},
            "no appliance model that it applies to measures",
        ),
        (
            {"when": {"feature": "x", "above": 1}, "applies_to": {"category": "tv"}},
            "matches no appliance model",
        ),
    ],
)
def test_a_rule_that_could_never_speak_is_refused(bench: Any, rule: Any, sentence: str) -> None:
    """A typing mistake in a signal or a category is found before anything starts."""
    book = RuleBook(RulesSettings(book=[{"name": "r", "fault": "f"} | rule]))  # type: ignore[list-item]

    with pytest.raises(ConfigError, match=sentence):
        book.check([_Profile()])


def test_a_daily_feature_is_told_in_its_unit(bench: Any) -> None:
    """A rule on a feature writes none; the appliance model knows it."""
    long = bench("- {name: long, fault: overload, when: {feature: longest_run_s, above: 3600}}")

    (opened,) = long.days("day", [600, 7200], at=1, column="longest_run_s")

    assert opened.evidence == (Evidence("longest_run_s", 7200, unit="s"),)


class _Profile:
    name = "fridge-1"
    category = "refrigerator"
    units = {"cabinet_temp": "degC"}  # noqa: RUF012
    feature_units: dict[str, str] = {}  # noqa: RUF012


values = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 30),
        st.sampled_from([4.0, 9.0, 11.0, 16.0, float("nan")]),
        st.booleans(),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(values, st.lists(st.integers(0, 60), max_size=6), st.booleans())
def test_how_windows_are_cut_into_calls_changes_nothing(rows: Any, cuts: Any, restart: bool) -> None:
    """One call, many calls, with a restart between any two: the same findings in the same order."""
    whole, parts = _run(rows, [], False), _run(rows, sorted(cuts), restart)

    assert whole == parts


def _run(rows: Any, cuts: list[int], restart: bool) -> list[Any]:
    text = BOOK.replace("clear_below: 8", "clear_below: 8\n  clear_after: 1 h")
    book = RuleBook(RulesSettings(book=yaml.safe_load(text)))
    rules, findings = book.state_for(_Profile()), []
    table = np.array(rows, np.float64).reshape(-1, 4)
    for piece in np.split(table, [cut for cut in cuts if cut < len(table)]):
        appliance, time = piece[:, 0].astype(np.int32), (piece[:, 1] * 3_600_000).astype(np.int64)
        windows = Rows(appliance, time, ("cabinet_temp_mean",), piece[:, 2:3])
        findings += rules.evaluate(Question("hour", ["a", "b", "c"], windows, piece[:, 3] > 0))
        if restart:
            snapshot, rules = rules.snapshot(), book.state_for(_Profile())
            rules.restore(snapshot)
    return findings
