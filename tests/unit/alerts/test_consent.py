"""What holds, from what was said: the pure part of the consent ledger."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.consent import Statement, decide

WORDS = st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=20)


@given(words=WORDS, at=st.integers(-1, 21))
def test_any_sequence_of_giving_and_withdrawing_equals_a_simple_model(
    words: list[tuple[int, bool]], at: int
) -> None:
    """The model is a switch that each word heard by then sets, in the order of time."""
    said = sorted(words, key=lambda word: word[0])
    switch = False
    for time, is_given in said:
        switch = is_given if time <= at else switch

    decision = decide([Statement(*word) for word in said], at)

    assert decision.given is switch


def test_the_reason_names_the_time_of_the_withdrawal() -> None:
    """Whoever asks why nothing was sent is told when the owner said so."""
    decision = decide([Statement(0, True), Statement(1_000, False)], 2_000)

    assert decision.reason == "withdrawn at 1970-01-01T00:00:01.000Z"


def test_a_no_that_follows_no_yes_is_no_withdrawal() -> None:
    """An owner who declined from the start never gave consent."""
    decision = decide([Statement(0, False)], 1)

    assert decision.reason == "never given"
