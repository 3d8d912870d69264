"""Words for owners and technicians."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.guide import Guide, advice, plain_guide
from alerts.wording import evidence_line, iso, warning
from foremend.vocabulary.types import Evidence, Finding, FindingKind, Severity

TITLES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=200)


def leak(model: str = "BCD-200", days: float | None = 23.4, probability: float | None = 0.9) -> Finding:
    return Finding(
        FindingKind.OPENED, "a", model, "leak", "r", Severity.WARNING, 1, 0, 1.0, probability, days
    )


def test_a_warning_names_model_time_fault_and_what_happens_next() -> None:
    """In both languages, with the way to opt out."""
    texts = warning(leak(), {"en": "refrigerant leak", "zh": "制冷剂泄漏"}, ticket_opened=True)

    assert texts == {
        "en": "Foremend: your BCD-200 may fail in about 23 days: refrigerant leak. "
        "A service ticket is open. Opt out in the app.",
        "zh": "【Foremend】您的BCD-200约23天后可能出现故障：制冷剂泄漏。已登记服务单。可在App中退订",
    }


def test_without_a_ticket_the_owner_is_asked_to_call() -> None:
    """Who did not agree to a ticket must not believe that one is open."""
    texts = warning(leak(days=None), {"en": "leak", "zh": "泄漏"}, ticket_opened=False)

    assert (
        texts["en"] == "Foremend: your BCD-200 may fail soon: leak. Please call service. Opt out in the app."
    )
    assert "请联系客服" in texts["zh"]


def test_what_is_under_way_is_told_as_it_is() -> None:
    """A freezer that has stopped is no freezer that may fail."""
    texts = warning(leak(days=None, probability=None), {"en": "It has stopped", "zh": "已停机"}, False)

    assert texts == {
        "en": "Foremend: your BCD-200: It has stopped. Please call service. Opt out in the app.",
        "zh": "【Foremend】您的BCD-200：已停机。请联系客服。可在App中退订",
    }


@given(
    model=TITLES,
    title=TITLES,
    days=st.none() | st.floats(0, 1e6),
    probability=st.none() | st.just(0.9),
    opened=st.booleans(),
)
def test_a_warning_fits_one_sms(
    model: str, title: str, days: float | None, probability: float | None, opened: bool
) -> None:
    """However long the names, a text of the GSM alphabet has 160 characters at most and any other 70."""
    texts = warning(leak(model, days, probability), {"en": title, "zh": title}, opened)

    assert all(len(text) <= (160 if text.isascii() else 70) for text in texts.values())


def test_evidence_reads_as_a_technician_says_it() -> None:
    """The value first, then what is usual for this appliance and for its siblings, where known."""
    evidence = Evidence("run_length", 1234.5, usual=61.24, unit="s")

    assert evidence_line(evidence, "en", {}) == "run length 1234 s; own usual 61.2"
    assert (
        evidence_line(evidence, "zh", {"run_length": {"zh": "运行时长"}}) == "运行时长 1234 s；自身常值 61.2"
    )


def test_advice_is_the_steps_in_order_and_then_the_caution() -> None:
    """A fault without advice has none made up."""
    guide = Guide({"en": "t"}, "", (), {"en": ("Open", "Close")}, {"en": "Unplug first", "zh": "先断电"})

    assert advice(guide) == {"en": ["1. Open", "2. Close", "Unplug first"], "zh": ["先断电"]}
    assert advice(plain_guide("odd-noise")) == {}
    assert plain_guide("odd-noise").title == {"en": "odd noise", "zh": "odd noise"}


def test_times_are_rfc_3339_with_milliseconds() -> None:
    """CloudEvents asks for it."""
    assert iso(1_767_240_000_007) == "2026-01-01T04:00:00.007Z"
