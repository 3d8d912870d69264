"""Words for the blanks of SMS templates: each kind has all of its own, each of 35 letters at most."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.words.blanks import LONGEST, NAMES, of_ending, of_finding, of_several, to_contact
from alerts.words.composing import Said
from alerts.words.digest import Part
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.types import Purpose

LINK = "https://m.example.cn/s/" + "A" * 20
GASKET = Said("soon", "door-gasket-leak", {}, 23.4, None, "refrigerator", "fridge-1", True)
LETTERS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=80)


def test_a_forewarning_says_what_when_and_what_to_do() -> None:
    found = of_finding(GASKET, "厨房冰箱", LINK)

    assert (found.kind, dict(found.words)) == (
        "soon",
        {
            "appliance": "厨房冰箱",
            "wrong": "箱门漏气",
            "when": "约23天后",
            "do": "请擦净门封并关严。",
            "stop": "A" * 20,
        },
    )


def test_what_has_failed_is_named_rather_than_why() -> None:
    """As in the sentences: no blank says of it that it may fail soon."""
    found = of_finding(replace(GASKET, stage="harm", failure="start-relay-failure"), None, "")

    assert (found.kind, found.words["wrong"], found.words["stop"]) == ("harm", "压缩机启动不稳", "")
    assert "when" not in found.words


@given(LETTERS, st.sampled_from(sorted(load_catalogue())), st.sampled_from(["soon", "now", "harm"]))
def test_whatever_an_owner_calls_it_no_blank_is_too_long_or_holds_a_bracket(
    name: str, fault: str, stage: str
) -> None:
    """Operators refuse a longer word, and keep 【】 for the signature."""
    found = of_finding(replace(GASKET, stage=stage, fault=fault), name or None, LINK)  # type: ignore[arg-type]

    assert set(found.words) == NAMES[stage]
    for word in found.words.values():
        assert len(word) <= LONGEST
        assert not set(word) & set("【】[]\r\n")
        assert all(ord(one) <= 0xFFFF for one in word)
    assert found.words["do"]
    assert found.words["wrong"]
    assert found.words["appliance"]


@given(st.integers(2, 100), LETTERS)
def test_a_digest_names_as_many_as_the_blank_holds(count: int, name: str) -> None:
    parts = [Part(replace(GASKET, appliance_id=f"f-{n}"), f"{name}{n}") for n in range(count)]

    found = of_several(parts, LINK)

    assert (found.kind, found.words["count"]) == ("several", str(count))
    assert found.words["appliances"]
    assert len(found.words["appliances"]) <= LONGEST


def test_a_name_that_is_all_pictures_is_none() -> None:
    """The service refuses an empty blank: the owner would never be told."""
    ice, kitchen = Part(GASKET, "🧊"), Part(replace(GASKET, appliance_id="fridge-2"), "厨房")

    assert of_finding(GASKET, "🧊", "").words["appliance"] == "您的冰箱"
    assert of_several([ice, kitchen], "").words["appliances"] == "您的冰箱、厨房"
    assert to_contact("seen", "👵【】", {}, "").words["name"] == "您关心的家庭"


def test_two_refrigerators_are_named_in_a_digest() -> None:
    parts = [Part(replace(GASKET, appliance_id=name), name) for name in ("厨房", "车库", "地下室")]

    assert of_several(parts, LINK).words["appliances"] == "厨房、车库、地下室"


def test_a_consent_that_ends_says_which_and_when() -> None:
    found = of_ending(Purpose.SMS, "2026-12-24", LINK)

    assert dict(found.words) == {"purpose": "短信", "day": "2026-12-24", "stop": "A" * 20}


@pytest.mark.parametrize("word", ["look", "call", "go", "shift", "seen", "well", "away"])
def test_a_trusted_contact_is_told_with_the_times_that_fit(word: str) -> None:
    said = {"name": "Oma", "since": "12-01 21:10", "by": "08:30", "until": "2026-12-09 18:00"}

    found = to_contact(word, "奶奶", said, LINK)

    assert set(found.words) == NAMES[word]
    assert found.words["name"] == "奶奶"
