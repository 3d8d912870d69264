"""Words for technicians, and the steps that an owner may try."""

from __future__ import annotations

from alerts.guide import Guide, advice, plain_guide
from alerts.wording import evidence_line, iso
from foremend.vocabulary.types import Evidence


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
