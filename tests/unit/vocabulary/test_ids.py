"""One normal form of ids, and a hint for what is not it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ids import is_id, nearest, proposed, require_id, unknown


@pytest.mark.parametrize("good", ["fridge-1", "FRIDGE-1", "shellyplug-s-A1B2C3", "0", "a" * 64, "_x_"])
def test_ids_of_devices_of_all_makers_are_kept_as_they_are(good: str) -> None:
    """Upper case and underscores count: MQTT tells them apart, and so do we."""
    assert require_id("appliance", good) == good


@pytest.mark.parametrize(
    ("bad", "meant"),
    [
        ("fridge-1 ", "fridge-1"),
        (" fridge-1\n", "fridge-1"),
        ("fridge\uff0d\uff11", "fridge-1"),
        ("../../etc", "etc"),
        ("fridge 1", "fridge-1"),
        ("a" * 65, "a" * 64),
    ],
)
def test_what_looks_like_an_id_is_refused_with_the_spelling_that_was_meant(bad: str, meant: str) -> None:
    """Nothing is trimmed into another device silently: whoever writes it decides."""
    with pytest.raises(InputError, match=f"did you mean '{meant}'"):
        require_id("appliance", bad)


@pytest.mark.parametrize("bad", ["", " ", "冰箱", "/+/#", "\0"])
def test_what_no_spelling_can_be_made_of_is_refused_with_the_form(bad: str) -> None:
    """The sentence says which characters an id has."""
    with pytest.raises(InputError, match="1 to 64 ASCII letters"):
        require_id("owner", bad)


@given(st.text(max_size=100))
def test_a_proposal_always_has_the_form(text: str) -> None:
    """A hint that would be refused in turn helps nobody."""
    made = proposed(text)
    assert made is None or is_id(made)


@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
def test_the_form_is_ascii_alone(text: str) -> None:
    """What the expression lets through encodes to as many bytes as it has letters."""
    assert is_id(text)
    assert len(text.encode("ascii")) == len(text)


@pytest.mark.parametrize("typed", ["FRIDGE-1", "fridge1", "fridge-1 ", "fridge-l", "fridge\uff0d\uff11"])
def test_the_nearest_known_id_is_named(typed: str) -> None:
    """Case, a lost dash and full-width digits are how people miss."""
    assert nearest(typed, ["fridge-1", "washer-9"]) == "fridge-1"


def test_nothing_is_named_where_nothing_is_like_it() -> None:
    """A wrong hint would be worse than none."""
    error = unknown("appliance", "oven-7", ["fridge-0001"], "register it first")
    assert str(error) == "appliance 'oven-7' is not known: register it first"
