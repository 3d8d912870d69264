"""From a verdict on one window to the finding that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from foremend.vocabulary.types import MS_PER_HOUR, Evidence, Finding, FindingKind
from rules.conditions import AppliedRule
from rules.episodes import Episode, Verdict
from rules.question import Question

POSSIBLE = 0.005
"""A fault that is less likely is no candidate of a finding."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One verdict with where it was seen."""

    row: int  # of the question
    column: int
    applied: AppliedRule
    verdict: Verdict


def finding(
    appliance_model: str, change: tuple[FindingKind, Episode], fault: str, seen: Seen, asked: Question
) -> Finding:
    """What `seen` did to an episode, with every number that is known about it."""
    (kind, episode), rows = change, asked.rows
    value = float(rows.values[seen.row, seen.column])
    return Finding(
        kind=kind,
        appliance_id=asked.ids[rows.appliance[seen.row]],
        appliance_model=appliance_model,
        fault=fault,
        rule=seen.verdict.rule,
        severity=episode.severity,
        time=seen.verdict.time,
        episode_start=episode.start,
        score=_score(seen.applied, value, kind),
        evidence=_evidence(seen, value, asked),
        **_outlook(seen, asked),
    )


def closing(appliance_id: str, appliance_model: str, fault: str, episode: Episode, time: int) -> Finding:
    """The end of an episode that no rule watches any more."""
    return Finding(
        kind=FindingKind.CLOSED,
        appliance_id=appliance_id,
        appliance_model=appliance_model,
        fault=fault,
        rule=episode.rule,
        severity=episode.severity,
        time=time,
        episode_start=episode.start,
        score=0.0,
    )


def _score(watched: AppliedRule, value: float, kind: FindingKind) -> float:
    """Scores and probabilities are their own; a level is passed or it is not."""
    if watched.kind in ("score", "prediction"):
        return value
    return 0.0 if kind is FindingKind.CLOSED else 1.0


def _outlook(seen: Seen, asked: Question) -> dict[str, Any]:
    prediction = asked.prediction
    if prediction is None:
        return {}
    at = asked.place(seen.row), seen.column
    likely = prediction.probability[at[0]].tolist()
    return {
        "probability": float(prediction.probability[at]),
        "days_to_failure": _known(prediction.days_to_failure[at]),
        "days_low": _known(prediction.days_low[at]),
        "days_high": _known(prediction.days_high[at]),
        "candidates": {fault: p for fault, p in zip(prediction.faults, likely, strict=True) if p >= POSSIBLE},
    }


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def _evidence(seen: Seen, value: float, asked: Question) -> tuple[Evidence, ...]:
    """The number that the rule judged, then what is behind it."""
    behind = tuple(asked.evidence(asked.place(seen.row), seen.column)) if asked.evidence else ()
    if seen.applied.kind in ("score", "prediction", "harm"):
        return behind
    if seen.applied.kind == "silence":
        return (Evidence("silent_for", value / MS_PER_HOUR, unit="h"), *behind)
    return (Evidence(asked.rows.names[seen.column], value, unit=seen.applied.unit), *behind)
