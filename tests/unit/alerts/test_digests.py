"""One message that names several appliances: in five languages, by their names, and in two SMS at most."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.words.composing import LONGEST_NAME, Said
from alerts.words.digest import Part, digest, digest_sms, digest_subject
from alerts.words.loading import LANGUAGES, words_of
from alerts.words.sms import MOST_PARTS, folded, parts

LINK = "https://foremend.appliances-of-ours.com/s/" + "A" * 20
NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=LONGEST_NAME)


def part(number: int, name: str | None, fault: str = "filter-clog", kind: str = "refrigerator") -> Part:
    return Part(Said("soon", fault, {}, 11.0, None, kind, f"fridge-{number}", True), name)


@pytest.mark.parametrize("language", LANGUAGES)
@given(names=st.lists(NAMES, min_size=2, max_size=40))
def test_however_many_appliances_two_sms_hold_them_and_how_to_stop_stays(
    language: str, names: list[str]
) -> None:
    """As many names as there is room for, and the count in any case."""
    text = digest_sms([part(number, name) for number, name in enumerate(names)], language, LINK)

    assert parts(text) <= MOST_PARTS
    assert text.endswith(LINK)
    assert str(len(names)) in text


def test_a_digest_names_appliances_and_counts_those_for_which_there_is_no_room() -> None:
    """Five in the first line, ten below it."""
    text = digest([part(number, f"fridge {number}") for number in range(1, 15)], "en")

    first, *lines = text.splitlines()
    named = "fridge 1, fridge 2, fridge 3, fridge 4, fridge 5, 9 more"
    assert first == f"Foremend: 14 of your appliances need you: {named}."
    assert lines[0] == (
        "- fridge 1: its air filter is clogged. It may fail in about 11 days. Switch it off and wash the filter."
        " Service is informed."
    )
    assert (len(lines), lines[10:]) == (12, ["- 4 more", "Stop: in the app."])


def test_appliances_of_one_kind_without_a_name_are_told_apart_by_their_ids() -> None:
    """`Your refrigerator, Your refrigerator` would tell nobody which."""
    found = [part(1, None), part(2, None), part(3, None, kind="water-heater")]

    text = digest_sms(found, "en")

    assert "Your refrigerator fridge-1, Your refrigerator fridge-2, Your water heater" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_several_things_wrong_with_one_appliance_are_said_of_it(language: str) -> None:
    """It is no list of appliances then."""
    faults = ("filter-clog", "outdoor-coil-fouling")
    found = [part(1, "Anna", fault) for fault in faults]

    text, above = digest_sms(found, language), digest_subject(found, language)

    assert all(folded(words_of(language).faults[fault].wrong) in folded(text) for fault in faults)
    assert text.count("Anna") == 1
    assert "Anna" in above


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_household_reads_the_command_that_stops_digests(language: str) -> None:
    """It has no app; and two SMS hold it."""
    found = [part(number, f"fridge {number} {'x' * 30}") for number in range(1, 15)]

    whole, short = (compose(found, language, at_home=True) for compose in (digest, digest_sms))

    assert all(text.endswith("foremend household withdraw") for text in (whole, short))
    assert parts(short) <= MOST_PARTS
