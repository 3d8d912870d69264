"""What to tell people about one fault; the texts come from the fault catalogue through the wiring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Guide:
    """`title`, `self_help` and `safety` are by language (`en`, `zh`); the last two may be empty."""

    title: Mapping[str, str]
    technician_finds: str
    parts: Sequence[str]
    self_help: Mapping[str, Sequence[str]] = field(default_factory=dict)
    safety: Mapping[str, str] = field(default_factory=dict)
    at_stake: Sequence[str] = ()  # safety, food, water
    skill: str | None = None  # trade of whoever mends it; None where that has to be found out first
    is_failure: bool = False  # the appliance does its work no more, whatever the cause
    picture: str | None = None  # name of the drawing that shows the steps, where one helps


def plain_guide(fault: str) -> Guide:
    """For a fault that no catalogue describes: its name in words, and no advice that might be wrong."""
    words = fault.replace("-", " ")
    return Guide({"en": words, "zh": words}, "", ())


def advice(guide: Guide) -> dict[str, list[str]]:
    """What an owner can do, by language: the steps in their order, then what to take care of."""
    languages = {*guide.self_help, *guide.safety}
    return {language: _numbered(guide, language) for language in sorted(languages)}


def _numbered(guide: Guide, language: str) -> list[str]:
    steps = [f"{number}. {step}" for number, step in enumerate(guide.self_help.get(language, ()), 1)]
    return [*steps, guide.safety[language]] if language in guide.safety else steps
