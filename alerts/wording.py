"""Words for people, in English and Chinese: evidence, warnings, times."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from foremend.vocabulary.types import Evidence, Finding, Purpose, Severity

LANGUAGES = ("en", "zh")
Titles = Mapping[str, Mapping[str, str]]
"""name -> language -> words."""

_SMS_ASCII = 160  # characters in one SMS of the GSM alphabet, 3GPP TS 23.038
_SMS_OTHER = 70  # characters in one SMS of UCS-2, which Chinese needs
_LONGEST_MODEL = 24
_MOST_DAYS = 999

_USUAL = {"en": "own usual {}", "zh": "自身常值 {}"}
_SIBLINGS = {"en": "siblings {}", "zh": "同类 {}"}
_GLUE = {"en": "; ", "zh": "；"}
_WHEN = {"en": "in about {} days", "zh": "约{}天后"}
_SOON = {"en": "soon", "zh": "近期"}
_TICKET = {"en": "A service ticket is open", "zh": "已登记服务单"}
_NO_TICKET = {"en": "Please call service", "zh": "请联系客服"}
_WARNING = {
    "en": "Foremend: your {model} may fail {when}: {title}. {ticket}. Opt out in the app.",
    "zh": "【Foremend】您的{model}{when}可能出现故障：{title}。{ticket}。可在App中退订",
}

_SEEN = {
    "en": "Foremend: your {model}: {title}. {ticket}. Opt out in the app.",
    "zh": "【Foremend】您的{model}：{title}。{ticket}。可在App中退订",
}
"""What is under way is told as it is: nothing was foretold, so no `may`."""


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


def warning(finding: Finding, title: Mapping[str, str], ticket_opened: bool) -> dict[str, str]:
    """The warning to the owner by language: no personal data, each within one SMS."""
    return {language: _warning(finding, title[language], ticket_opened, language) for language in LANGUAGES}


def _warning(finding: Finding, title: str, ticket_opened: bool, language: str) -> str:
    longest, clean = (_SMS_ASCII, _ascii) if language == "en" else (_SMS_OTHER, str)
    words = {
        "model": clean(finding.appliance_model)[:_LONGEST_MODEL],
        "when": _when(finding.days_to_failure, language),
        "ticket": (_TICKET if ticket_opened else _NO_TICKET)[language],
    }
    said = (_WARNING if _is_foretold(finding) else _SEEN)[language]
    text = said.format(title=clean(title), **words)
    excess = len(text) - longest
    if excess > 0:
        text = said.format(title=clean(title)[: -excess - 2] + "..", **words)
    return text


def is_under_way(finding: Finding) -> bool:
    """Whether it is harm that happens now, such as food that thaws: critical, and seen rather than foretold."""
    return finding.severity is Severity.CRITICAL and not _is_foretold(finding)


def _is_foretold(finding: Finding) -> bool:
    return finding.probability is not None or finding.days_to_failure is not None


def _when(days: float | None, language: str) -> str:
    if days is None:
        return _SOON[language]
    return _WHEN[language].format(min(max(round(days), 1), _MOST_DAYS))


def _ascii(text: str) -> str:
    """Without accents and foreign characters: one of them would more than halve what an SMS can hold."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _number(value: float) -> str:
    """Three significant digits, as a person would write them."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


_PURPOSES = {
    Purpose.MONITORING: {"en": "watching", "zh": "监测"},
    Purpose.TICKET: {"en": "service tickets", "zh": "服务单"},
    Purpose.SMS: {"en": "text messages", "zh": "短信"},
    Purpose.PUSH: {"en": "notifications", "zh": "推送"},
    Purpose.EMAIL: {"en": "e-mails", "zh": "邮件"},
    Purpose.TRAINING: {"en": "learning", "zh": "模型训练"},
    Purpose.WELLBEING: {"en": "wellbeing", "zh": "关怀"},
    Purpose.AT_NIGHT: {"en": "messages at night", "zh": "夜间消息"},
}
_ENDING = {
    "en": "Foremend: your yes to {purpose} ends on {day}. To keep it, confirm it in the app.",
    "zh": "【Foremend】您对{purpose}的同意将于{day}到期，如需继续请在App中确认",
}


def purpose_words(purpose: Purpose) -> Mapping[str, str]:
    """What a purpose is called, by language."""
    return _PURPOSES[purpose]


def ending(purpose: Purpose, ends_at: int) -> dict[str, str]:
    """The question before a yes ends, by language; within one SMS. `ends_at` is ms UTC."""
    day = iso(ends_at)[:10]
    return {one: _ENDING[one].format(purpose=_PURPOSES[purpose][one], day=day) for one in LANGUAGES}
