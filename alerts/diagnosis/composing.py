"""What a diagnosis says: pure; what is known of an appliance goes in, the answer in words comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.diagnosis.words import Words, age, words
from alerts.guide import Guide
from alerts.priority import priority
from alerts.wording import LANGUAGES, Titles, evidence_lines, iso
from foremend.vocabulary.types import Finding

FRESH, NO_ANSWER, OFFLINE, NOT_ASKED = "fresh", "no_answer", "offline", "not_asked"


@dataclass(frozen=True, slots=True)
class Reached:
    """How the asking went. `heard_at`: ms UTC, event time of its newest reading. `known`: it is known what is usual."""

    how: str
    heard_at: int | None
    known: bool
    asked_at: int
    within_s: float


@dataclass(frozen=True, slots=True)
class Known:
    """An open episode by its newest finding, and the ticket about it, if somebody still works on one."""

    finding_id: str
    finding: Finding
    guide: Guide
    ticket_id: str | None


def composed(reached: Reached, episodes: Sequence[Known], titles: Titles) -> dict[str, Any]:
    """The answer, JSON-ready; texts by language."""
    faults = sorted((_fault(one, titles) for one in episodes), key=_rank)
    judged = bool(faults) or (reached.how == FRESH and reached.known)
    steps = next((one for one in faults if one["self_help"]), None)
    return {
        "reached": reached.how,
        "heard_at": None if reached.heard_at is None else iso(reached.heard_at),
        "age_s": _age_s(reached),
        "judged": judged,
        "said": {
            language: _sentences(reached, faults, judged, steps is not None, words()[language])
            for language in LANGUAGES
        },
        "faults": faults,
        "next": _next(faults, steps),
    }


def _age_s(reached: Reached) -> int | None:
    if reached.heard_at is None or reached.heard_at > reached.asked_at:
        return None
    return (reached.asked_at - reached.heard_at) // 1_000


def _sentences(
    reached: Reached, faults: Sequence[Mapping[str, Any]], judged: bool, steps: bool, of: Words
) -> list[str]:
    heard = None if reached.heard_at is None else iso(reached.heard_at)
    said = [getattr(of, reached.how).format(heard=heard, seconds=f"{reached.within_s:g}")]
    if heard is None:
        said.append(of.never_heard)
    elif reached.how != FRESH and reached.heard_at is not None:
        said.append(of.known.format(heard=heard, age=age(reached.asked_at - reached.heard_at, of)))
    found = of.found.format(count=len(faults)) if faults else of.nothing if judged else of.not_judged
    return [*said, found, *([of.ask_owner] if steps else [])]


def _next(faults: Sequence[Mapping[str, Any]], steps: object) -> str:
    """What comes first: what the owner can do; else whoever has the ticket, else a call; nothing where nothing is."""
    if steps is not None:
        return "self_help"
    if not faults:
        return "nothing"
    return "ticket" if any(one["ticket_id"] for one in faults) else "call"


def _rank(fault: Mapping[str, Any]) -> tuple[int, float, str]:
    return fault["urgency"], -(fault["probability"] or 1.0), fault["fault"]


def _fault(one: Known, titles: Titles) -> dict[str, Any]:
    finding, guide = one.finding, one.guide
    urgency = priority(finding.severity, finding.days_to_failure, guide.at_stake, False)
    return {
        "fault": finding.fault,
        "title": dict(guide.title),
        "severity": finding.severity.value,
        "urgency": urgency,
        "when": {language: words()[language].urgency[urgency] for language in LANGUAGES},
        "probability": finding.probability,
        "days_to_failure": finding.days_to_failure,
        "days_low": finding.days_low,
        "days_high": finding.days_high,
        "since": iso(finding.episode_start),
        "as_of": iso(finding.time),
        "evidence": evidence_lines(finding.evidence, titles),
        "self_help": {language: list(steps) for language, steps in guide.self_help.items()},
        "safety": dict(guide.safety),
        "technician_finds": guide.technician_finds,
        "parts": list(guide.parts),
        "skill": guide.skill,
        "skill_words": {
            language: words()[language].skills[guide.skill or "unknown"] for language in LANGUAGES
        },
        "finding_id": one.finding_id,
        "episode_id": finding.episode_id,
        "ticket_id": one.ticket_id,
    }
