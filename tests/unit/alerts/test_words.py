"""What owners read: in five languages, in their own words, and in two SMS at most."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.guide import Guide
from alerts.words.composing import (
    Said,
    ending,
    plain_sms,
    sms,
    stop_words,
    subject,
    text,
    texts,
    what_is_said,
)
from alerts.words.loading import LANGUAGES, nearest_language, words_of
from alerts.words.sms import LINK_ROOM, MOST_PARTS, folded, is_gsm, parts
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.types import Finding, FindingKind, Purpose, Severity

LETTERS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=200)
LINK = "https://f.example/s/AbCdEfGh12345"
LONGEST_LINK = "https://foremend.appliances-of-ours.com/s/" + "A" * 20
SPEAKS_OF_LATER = {
    "zh": ("可能故障",),
    "en": ("may fail", "soon"),
    "de": ("Ausfall möglich",),
    "es": ("Puede fallar",),
    "fr": ("Panne possible",),
}


def finding(
    fault: str = "refrigerant-leak",
    severity: Severity = Severity.WARNING,
    probability: float | None = None,
    days: float | None = None,
) -> Finding:
    return Finding(
        FindingKind.OPENED, "fridge-1", "rf-260", fault, "r", severity, 1, 0, 1.0, probability, days
    )


def guide(fault: str) -> Guide:
    entry = load_catalogue()[fault]
    return Guide(entry.title.model_dump(), "", (), is_failure=entry.is_failure)


LEAK = Said("soon", "refrigerant-leak", {}, 23.4, None, "refrigerator", "fridge-1", True)


def test_a_forewarning_names_the_appliance_what_comes_when_what_to_do_and_how_to_stop() -> None:
    """By the name that the household gave it."""
    assert text(LEAK, "en", "Kitchen fridge") == (
        "Foremend: Kitchen fridge: its cooling gas is leaking out. It may fail in about 23 days. "
        "Air the room, no flames; watch your food. Service is informed. Stop: in the app."
    )
    assert text(LEAK, "zh", "厨房冰箱") == (
        "【Foremend】厨房冰箱：制冷剂正在泄漏，约23天后可能故障。请通风、禁明火，留意食物。已登记服务单。可在App中退订"
    )


def test_without_a_ticket_the_owner_is_asked_to_call() -> None:
    """Who did not agree to a ticket must not believe that one is open."""
    alone = replace(LEAK, ticket=False)

    assert "Please call service." in text(alone, "en")
    assert all(words_of(one).ticket_open not in text(alone, one) for one in LANGUAGES)


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("fault", [name for name, one in load_catalogue().items() if one.is_failure])
def test_what_has_failed_never_may_fail(fault: str, severity: Severity) -> None:
    """A refrigerator at 14.5 degC is warm now, whatever the severity, and its food cannot wait for the morning."""
    said = what_is_said(finding(fault, severity), guide(fault), None, "refrigerator", False)

    assert said.stage == "harm"
    for language in LANGUAGES:
        assert not any(word in text(said, language) for word in SPEAKS_OF_LATER[language])
        assert words_of(language).harm in text(said, language)


def test_what_was_foretold_of_an_appliance_that_has_failed_is_told_as_the_cause() -> None:
    """It said "may fail soon" of a refrigerator that was warm already."""
    said = what_is_said(
        finding(probability=0.9, days=0.4), guide("refrigerant-leak"), "not-cooling", "refrigerator", True
    )

    assert said.stage == "harm"
    assert text(said, "en", "Kitchen fridge").startswith(
        "Foremend: Act now. Kitchen fridge: it is not cold enough. Likely cause: its cooling gas is leaking out. "
        "Close the door and move food that spoils."
    )


@pytest.mark.parametrize(
    ("severity", "stage"), [(Severity.WARNING, "now"), (Severity.CRITICAL, "harm")], ids=str
)
def test_what_is_under_way_is_told_as_it_is(severity: Severity, stage: str) -> None:
    """Seen rather than foretold: nothing "may" be; of what is critical each hour costs."""
    said = what_is_said(finding("runs-on", severity), guide("runs-on"), None, "generic", False)

    assert said.stage == stage
    assert "may fail" not in text(said, "en")


def test_every_fault_has_its_words_in_every_language_and_no_file_has_one_too_many() -> None:
    """What is wrong and what to do; of a fault that is new nobody reads another language's words."""
    for language in LANGUAGES:
        words = words_of(language)
        assert words.language == language
        assert set(words.faults) == set(load_catalogue())
        assert set(words.purposes) == set(Purpose)
        assert all("{purpose}" in one for one in (words.stop_page.ask, words.stop_page.done))
        assert set(words.kinds) >= {one.category for one in load_catalogue().values()} - {"any"}
        ends = "。" if language == "zh" else "."
        assert all(one.do.endswith(ends) and not one.wrong.endswith(ends) for one in words.faults.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", ["soon", "now", "harm"])
def test_every_fault_fits_whole_into_two_sms(language: str, stage: str) -> None:
    """With a name of 24 letters, the cause, and room for a link: nothing of it is left out."""
    name = {"zh": "一楼北边厨房里的大冰箱"}.get(language, "Basement chest freezer 2")
    for fault in load_catalogue():
        said = Said(stage, fault, {}, 111.0, "not-cooling", "refrigerator", "fridge-1", False)  # type: ignore[arg-type]

        assert sms(said, language, name) == folded(text(said, language, name))
        for stop in (stop_words(language, LINK), stop_words(language, at_home=True)):
            assert sms(said, language, name, stop) == folded(text(said, language, name, stop))


@given(
    name=st.none() | LETTERS,
    title=LETTERS,
    days=st.none() | st.floats(0, 1e6),
    stage=st.sampled_from(["soon", "now", "harm"]),
    language=st.sampled_from(LANGUAGES),
    link=st.sampled_from(["", LINK, LONGEST_LINK]),
    at_home=st.booleans(),
)
def test_however_long_the_words_two_sms_hold_them_and_how_to_stop_is_never_lost(
    name: str | None, title: str, days: float | None, stage: str, language: str, link: str, at_home: bool
) -> None:
    """A fault of one's own, with a title of 200 letters of any alphabet."""
    said = Said(stage, "own-fault", {"en": title}, days, None, "refrigerator", "f", True)  # type: ignore[arg-type]

    stop = stop_words(language, link, at_home=at_home)

    whole = sms(said, language, name, stop)

    assert parts(whole) <= MOST_PARTS
    assert link in stop
    assert ("foremend household withdraw" in stop) == (at_home and not link)
    assert whole.endswith((stop, folded(stop)))


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        (
            "a" * 152 + "€" + "a" * 152,
            3,
        ),  # the euro's two letters are not cut in two, so the first part ends before it
        ("冰" * 70, 1),
        ("冰" * 71, 2),
        ("冰" * 134, 2),
        ("冰" * 135, 3),
        ("😀" * 35, 1),
        ("冰" * 66 + "😀" + "冰" * 66, 3),
    ],
)
def test_parts_are_counted_as_networks_count_them(said: str, count: int) -> None:
    """3GPP TS 23.038: 160 and 153 letters of the GSM alphabet, 70 and 67 of any other."""
    assert parts(said) == count


def test_accents_that_the_gsm_alphabet_lacks_are_left_out_and_those_it_has_stay() -> None:
    """One of them would more than halve what an SMS holds; but a name in Chinese is not thrown away."""
    assert folded("Actúe ya: el frío … “señor”, Kühlschrank") == 'Actue ya: el frio ... "señor", Kühlschrank'
    assert folded("Frigo 冰箱 à côté") == "Frigo 冰箱 à côté"
    assert is_gsm(folded("Arrêt : l’appli, cœur"))


def test_no_message_without_an_appliances_own_name_calls_it_by_its_model() -> None:
    """Nobody knows what an rf-260 is; of a kind without a word its id is known to who gave it."""
    assert text(LEAK, "en").startswith("Foremend: Your refrigerator: ")
    assert text(replace(LEAK, kind="generic", appliance_id="cellar-2"), "en").startswith(
        "Foremend: Your appliance cellar-2: "
    )
    assert subject(LEAK, "en", "Kitchen fridge") == "Kitchen fridge: its cooling gas is leaking out"


def test_what_lies_in_the_outbox_knows_no_name() -> None:
    """It is put in when the message leaves."""
    stored = asdict(LEAK)

    assert "name" not in stored
    assert Said.of(stored) == LEAK
    assert set(texts(LEAK)) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("wanted", "language"),
    [("de-AT", "de"), ("zh_Hans_CN", "zh"), ("FR", "fr"), ("pt", "en"), ("", "en"), ("deu", "en")],
)
def test_the_nearest_language_is_taken(wanted: str, language: str) -> None:
    """German of Austria is German; of what nobody translated the policy's language is taken."""
    assert nearest_language(wanted, "en") == language


def test_the_question_before_a_yes_ends_fits_one_sms_in_every_language() -> None:
    """Each purpose, each language."""
    for purpose in Purpose:
        asked = ending(purpose, "2026-06-30")
        assert set(asked) == set(LANGUAGES)
        assert all(parts(plain_sms(one)) == 1 for one in asked.values())
        assert all("2026-06-30" in one for one in asked.values())
        at_home = ending(purpose, "2026-06-30", at_home=True)
        assert all(parts(plain_sms(one)) <= MOST_PARTS for one in at_home.values())
        assert all("2026-06-30" in one and "foremend household agree" in one for one in at_home.values())
    assert len("https://f.example/s/AbCdEfGh12345678") <= LINK_ROOM
