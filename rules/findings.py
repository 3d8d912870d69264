"""From a verdict on one window to the finding that people read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_HOUR, Evidence, Finding, FindingKind, Prediction
from rules.conditions import SILENT_MS, Watch
from rules.episodes import Episode, Verdict

EvidenceOf = Callable[[int, int], Sequence[Evidence]]
"""(row of the call, column of the call) -> the numbers behind a finding; called once per finding."""


@dataclass(frozen=True, slots=True)
class Call:
    """The windows that one call brings."""

    appliance_model: str
    ids: Sequence[str]
    rows: NDArray[np.int64]  # where each window stands in what the caller handed in
    appliance: NDArray[np.int32]
    time: NDArray[np.int64]
    names: Sequence[str]
    values: NDArray[np.float64]
    told: NDArray[np.bool_]
    evidence: EvidenceOf | None
    prediction: Prediction | None

    def only(self, keep: NDArray[np.bool_]) -> Call:
        """The same call with the windows of a mask."""
        return replace(
            self,
            rows=self.rows[keep],
            appliance=self.appliance[keep],
            time=self.time[keep],
            values=self.values[keep],
            told=self.told[keep],
        )

    def days_to_failure(self, column: int) -> NDArray[np.float64] | None:
        """(n,) days for the fault in `column`; None where the call is not about predictions."""
        return None if self.prediction is None else self.prediction.days_to_failure[self.rows, column]


@dataclass(frozen=True, slots=True)
class Seen:
    """One verdict with where it was seen."""

    row: int  # of the call
    column: int
    watch: Watch
    verdict: Verdict


def finding(kind: FindingKind, episode: Episode, fault: str, seen: Seen, call: Call) -> Finding:
    """What `seen` did to `episode`, with every number that is known about it."""
    value = float(call.values[seen.row, seen.column])
    return Finding(
        kind=kind,
        appliance_id=call.ids[call.appliance[seen.row]],
        appliance_model=call.appliance_model,
        fault=fault,
        rule=seen.verdict.rule,
        severity=episode.severity,
        time=seen.verdict.time,
        episode_start=episode.start,
        score=_score(seen.watch, value, kind),
        evidence=_evidence(seen, value, call),
        **_outlook(seen, call),
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


def _score(watched: Watch, value: float, kind: FindingKind) -> float:
    """Scores and probabilities are their own; a level is passed or it is not."""
    if watched.kind in ("score", "prediction"):
        return value
    return 0.0 if kind is FindingKind.CLOSED else 1.0


def _outlook(seen: Seen, call: Call) -> dict[str, float | None]:
    prediction = call.prediction
    if prediction is None:
        return {}
    at = int(call.rows[seen.row]), seen.column
    return {
        "probability": float(prediction.probability[at]),
        "days_to_failure": _known(prediction.days_to_failure[at]),
        "days_low": _known(prediction.days_low[at]),
        "days_high": _known(prediction.days_high[at]),
    }


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def _evidence(seen: Seen, value: float, call: Call) -> tuple[Evidence, ...]:
    """The number that the rule judged, then what the caller knows."""
    told = tuple(call.evidence(int(call.rows[seen.row]), seen.column)) if call.evidence else ()
    if seen.watch.kind in ("score", "prediction"):
        return told
    if seen.watch.column == SILENT_MS:
        return (Evidence("silent_for", value / MS_PER_HOUR, unit="h"), *told)
    return (Evidence(call.names[seen.column], value, unit=seen.watch.unit), *told)
