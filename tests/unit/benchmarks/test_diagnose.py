"""How the benchmark of diagnosis counts: by hand."""

from __future__ import annotations

import numpy as np

from benchmarks.diagnose import LEVEL, UNANSWERED, Answer, _named, confusion, figures

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
    assert _named(("a", "b"), np.array([[0.1, 0.9], [0.3, 0.1]])) == ("b", "a")
    assert _named(("a", "b"), np.full((2, 2), LEVEL / 2)) == ()
    assert _named(("a", "b"), np.empty((0, 2))) == ()
