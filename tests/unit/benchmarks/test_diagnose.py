"""How the benchmark of diagnosis counts: by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.diagnose import LEVEL, UNANSWERED, Answer, asked, confusion, figures, named, with_question
from foremend.vocabulary.catalogue.inquiries import load_inquiries
from models.differential import believed

SAID = [
    Answer("leak", ("leak", "fan", "drain"), beside=False),
    Answer("leak", ("fan", "drain", "leak"), beside=False),
    Answer("fan", ("drain", "leak", "icing", "fan"), beside=True),
    Answer("fan", (), beside=False),
]


def test_shares_are_of_what_was_answered_and_abstentions_of_all() -> None:
    """One first, two among three, of three that were answered."""
    assert figures(SAID) == {"faults": 4, "top1": 0.333, "top3": 0.667, "abstained": 0.25}
    assert figures([]) == {"faults": 0, "top1": None, "top3": None, "abstained": None}


def test_each_fault_has_a_row_of_what_was_said_first() -> None:
    assert confusion(SAID) == {"fan": {"drain": 1, UNANSWERED: 1}, "leak": {"leak": 1, "fan": 1}}


def test_what_is_too_unlikely_is_not_named() -> None:
    """By the mean of the days; an appliance that did not run gets no answer."""
    assert named(believed({"a": 0.2, "b": 0.5})) == ("b", "a")
    assert named(believed({"a": LEVEL / 2, "b": LEVEL / 2})) == ()
    assert named(believed({"a": 0.0, "b": 0.0})) == ()


def test_after_a_question_and_a_test_the_same_is_counted() -> None:
    """Of the same faults, beside what was said before."""
    said = [replace(one, asked=(one.fault,)) for one in SAID]

    assert with_question(said)["with_question"] == {"top1": 1.0, "top3": 1.0, "abstained": 0.0}
    assert with_question(said)["abstained"] == 0.25


def test_a_fault_that_did_not_fail_yet_is_not_asked_about() -> None:
    """Weeks before it fails nobody confirmed it."""
    said = [replace(SAID[0], ahead=True), *SAID[1:]]

    assert with_question(said)["faults"] == 3
    assert with_question(said)["top1"] == 0.0


def test_an_answer_is_drawn_as_the_fault_has_it() -> None:
    """Of a hundred clogged filters that looked like icing most are named after a question and a test."""
    rng, belief = np.random.default_rng(1), believed({"filter-clog": 0.4, "indoor-coil-icing": 0.5})
    some = [one for one in load_inquiries().values() if one.category == "air-conditioner"]

    right = sum(named(asked(belief, "filter-clog", some, rng))[0] == "filter-clog" for _ in range(100))

    assert 85 <= right < 100
    assert asked(belief, "filter-clog", [], rng) == belief
