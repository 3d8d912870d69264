"""Words for technicians, in English and Chinese: evidence and times. What owners read is in `alerts.words`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from foremend.vocabulary.types import Evidence

LANGUAGES = ("en", "zh")
Titles = Mapping[str, Mapping[str, str]]
"""name -> language -> words."""

_USUAL = {"en": "own usual {}", "zh": "自身常值 {}"}
_SIBLINGS = {"en": "siblings {}", "zh": "同类 {}"}
_GLUE = {"en": "; ", "zh": "；"}


def iso(time: int) -> str:
    """Milliseconds UTC as RFC 3339 text, `2026-01-31T08:00:00.000Z`."""
    moment = datetime.fromtimestamp(time / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def evidence_line(evidence: Evidence, language: str, titles: Titles) -> str:
    """One number as a technician reads it: `starts per hour 6.1; own usual 2.4; siblings 2.3`."""
    name = titles.get(evidence.feature, {}).get(language) or evidence.feature.replace("_", " ")
    unit = f" {evidence.unit}" if evidence.unit else ""
    words = [f"{name} {_number(evidence.value)}{unit}"]
    if evidence.usual is not None:
        words.append(_USUAL[language].format(_number(evidence.usual)))
    if evidence.siblings is not None:
        words.append(_SIBLINGS[language].format(_number(evidence.siblings)))
    return _GLUE[language].join(words)


def evidence_lines(evidence: Sequence[Evidence], titles: Titles) -> dict[str, list[str]]:
    """Every number behind a finding, in every language."""
    return {language: [evidence_line(one, language, titles) for one in evidence] for language in LANGUAGES}


def _number(value: float) -> str:
    """Three significant digits, as a person would write them."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
