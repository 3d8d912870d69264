"""What to ask next, and what an answer changes: the laws of probability, whatever is believed and asked."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary.catalogue.inquiries import Inquiry, Reply, load_inquiries
from models.differential import LEAST_BITS, NONE, SURE, ask_next, believed, bits, ranked, told

FAULTS = ("filter-clog", "indoor-coil-icing", "refrigerant-undercharge", "expansion-valve-stuck")
INQUIRIES = [one for one in load_inquiries().values() if one.category == "air-conditioner"]
CANDIDATES = st.dictionaries(st.sampled_from(FAULTS), st.floats(0, 1), min_size=1)
SHARES = st.floats(0.01, 0.99)
REPLIES: st.SearchStrategy[Reply] = st.sampled_from(["yes", "no", "unknown"])


@st.composite
def inquiries(draw: st.DrawFn) -> Inquiry:
    """One with any probabilities."""
    known = draw(st.sampled_from(INQUIRIES))
    chances = draw(st.dictionaries(st.sampled_from(FAULTS), SHARES, min_size=1))
    return known.model_copy(
        update={"given": chances, "otherwise": draw(SHARES), "unknown": draw(st.floats(0, 0.9))}
    )


def entropy(belief: dict[str, float]) -> float:
    return -sum(p * math.log2(p) for p in belief.values() if p > 0)


@given(CANDIDATES)
def test_a_belief_sums_to_one_and_keeps_the_order(candidates: dict[str, float]) -> None:
    """What is left is none of them; who says more than one in all is cut down alike."""
    belief = believed(candidates)

    assert sum(belief.values()) == pytest.approx(1)
    assert min(belief.values()) >= 0
    assert [candidates[one] for one in ranked(belief)] == sorted(candidates.values(), reverse=True)


@given(CANDIDATES, inquiries(), REPLIES)
def test_after_an_answer_a_belief_sums_to_one(
    candidates: dict[str, float], inquiry: Inquiry, reply: Reply
) -> None:
    """And no fault that was possible is excluded for good."""
    before = believed(candidates)

    after = told(before, inquiry, reply)

    assert sum(after.values()) == pytest.approx(1)
    assert all(after[fault] > 0 for fault, p in before.items() if p > 1e-300)


@given(CANDIDATES, inquiries())
def test_who_does_not_know_changes_nothing(candidates: dict[str, float], inquiry: Inquiry) -> None:
    """Neither the order nor a number."""
    assert told(believed(candidates), inquiry, "unknown") == believed(candidates)


@given(CANDIDATES, st.lists(st.tuples(inquiries(), REPLIES), max_size=4), st.randoms())
def test_the_order_of_answers_does_not_matter(
    candidates: dict[str, float], said: list[tuple[Inquiry, Reply]], random: object
) -> None:
    """They are independent given the fault."""
    shuffled = sorted(said, key=lambda one: random.random())  # type: ignore[attr-defined]
    one = other = believed(candidates)
    for inquiry, reply in said:
        one = told(one, inquiry, reply)
    for inquiry, reply in shuffled:
        other = told(other, inquiry, reply)

    assert one == pytest.approx(other, rel=1e-9, abs=1e-12)


@given(CANDIDATES, inquiries())
def test_what_an_answer_tells_is_the_entropy_that_it_takes_away(
    candidates: dict[str, float], inquiry: Inquiry
) -> None:
    """At least 0 and at most what there was; the mean over the answers, weighed by how likely each is."""
    belief = believed(candidates)
    yes = sum(p * inquiry.chance(fault) for fault, p in belief.items())
    left = yes * entropy(told(belief, inquiry, "yes")) + (1 - yes) * entropy(told(belief, inquiry, "no"))

    gained = bits(belief, inquiry)

    assert 0 <= gained <= entropy(belief) + 1e-9
    assert gained == pytest.approx((1 - inquiry.unknown) * (entropy(belief) - left), abs=1e-9)


@given(CANDIDATES, st.lists(inquiries(), max_size=5))
def test_nothing_is_asked_that_another_tells_more(candidates: dict[str, float], some: list[Inquiry]) -> None:
    """The best of them, or none where it tells too little or a fault is sure."""
    belief = believed(candidates)
    best = max((bits(belief, one) for one in some), default=0.0)
    sure = max(p for fault, p in belief.items() if fault != NONE) >= SURE

    found = ask_next(belief, some)

    assert (found is None) == (sure or best < LEAST_BITS)
    assert found is None or found.bits == best


def test_a_clogged_filter_and_icing_are_told_apart_by_ten_minutes_of_fan() -> None:
    """A coil that stays cold is iced; where the fan cannot be read, the owner looks for ice."""
    belief = believed({"filter-clog": 0.45, "indoor-coil-icing": 0.45})
    test = ask_next(belief, INQUIRIES)
    question = ask_next(belief, [one for one in INQUIRIES if one.of == "owner"])

    assert test is not None
    assert question is not None
    assert (test.inquiry.name, question.inquiry.name) == ("fan-only-at-full-speed", "ice-on-the-coil")
    assert ranked(told(belief, test.inquiry, "yes"))[0] == "indoor-coil-icing"
    assert ranked(told(belief, test.inquiry, "no"))[0] == "filter-clog"


def test_a_stuck_valve_is_told_from_a_leak_at_the_lowest_speed() -> None:
    """What a needle that is stuck cannot do at full speed it does when little is asked."""
    belief = believed({"expansion-valve-stuck": 0.5, "refrigerant-undercharge": 0.5})
    found = ask_next(belief, INQUIRIES)

    assert found is not None
    assert found.inquiry.name == "cooling-at-lowest-speed"
    assert ranked(told(belief, found.inquiry, "no"))[0] == "refrigerant-undercharge"


def test_a_fault_that_is_sure_is_not_asked_about() -> None:
    """Nor is one where nothing is likely at all."""
    assert ask_next(believed({"filter-clog": SURE}), INQUIRIES) is None
    assert ask_next(believed({"filter-clog": 0.0001}), INQUIRIES) is None
    assert ask_next(believed({}), INQUIRIES) is None
