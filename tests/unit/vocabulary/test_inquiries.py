"""Questions and guided tests of the catalogue: every fault can be asked about, in both languages, with a source."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.catalogue.inquiries import load_inquiries, parse_inquiries, possible_inquiries
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import load_profiles

QUESTION: dict[str, Any] = {
    "name": "is-it-loud", "category": "refrigerator", "of": "owner", "text": {"en": "Loud?", "zh": "响吗？"},
    "given": {"compressor-wear": 0.7}, "otherwise": 0.1, "unknown": 0.1, "source": "Rough, of what is heard at night.",
}  # fmt: skip


def test_every_fault_of_a_part_has_something_that_mostly_shows_it() -> None:
    """So that whichever is likely can be asked about."""
    shown = {fault for one in load_inquiries().values() for fault, p in one.given.items() if p >= 0.6}

    assert {name for name, one in load_catalogue().items() if one.category != "any"} == shown


def test_every_text_speaks_both_languages_and_every_number_has_a_source() -> None:
    """Chinese is no copy; that numbers are rough stands with them."""
    for one in load_inquiries().values():
        assert one.text.en.isascii(), one.name
        assert any("一" <= letter <= "鿿" for letter in one.text.zh), one.name
        assert one.source.startswith("Rough"), one.name


def test_a_test_needs_what_an_appliance_model_of_its_kind_has() -> None:
    """Names are those of profiles: each can be made on one model at least."""
    profiles = load_profiles().values()
    possible = {
        one.name
        for profile in profiles
        for one in possible_inquiries(
            profile.category, profile.signals, profile.states.named if profile.states else ()
        )
    }

    assert possible == set(load_inquiries())


def test_a_model_is_tested_only_by_what_its_profile_declares() -> None:
    """A fixed-speed unit has no speed to lower; the owner can be asked all the same."""
    names = {}
    for model in ("ac-35f", "ac-35i"):
        profile = load_profiles()[model]
        assert profile.states
        found = possible_inquiries(profile.category, profile.signals, profile.states.named)
        names[model] = {one.name for one in found}

    assert names["ac-35i"] - names["ac-35f"] == {"cooling-at-lowest-speed", "twenty-minutes-at-full-power"}
    assert possible_inquiries("generic", (), ()) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"given": {"filter-clog": 0.7}}, "no fault of category refrigerator"),
        ({"given": {"compressor-wear": 1.0}}, "given.compressor-wear"),
        ({"given": {}}, "given"),
        ({"otherwise": 0}, "otherwise"),
        ({"of": "appliance"}, "minutes and what it needs"),
        ({"minutes": 10, "signals": ["power"]}, "a question neither"),
        ({"text": {"en": "Loud?"}}, "zh"),
        ({"source": ""}, "source"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said_with_its_file(change: dict[str, Any], said: str) -> None:
    """No probability is sure, and none is without a source."""
    with pytest.raises(ConfigError, match=r"mine\.yaml") as caught:
        parse_inquiries(yaml.safe_dump([QUESTION | change]), "mine.yaml", load_catalogue())

    assert said in str(caught.value)


def test_a_name_comes_once_and_yaml_is_yaml() -> None:
    """Both are said."""
    with pytest.raises(ConfigError, match="twice"):
        parse_inquiries(yaml.safe_dump([QUESTION, QUESTION]), "mine.yaml", load_catalogue())
    with pytest.raises(ConfigError, match="not YAML"):
        parse_inquiries("- {name", "mine.yaml", load_catalogue())
