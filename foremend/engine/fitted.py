"""A model that was learnt for one appliance model, and what it says of a day. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.ports import Detector, Predictor
from foremend.vocabulary.types import Evidence, Finding, Prediction, Score
from models.drift import DriftWatch
from rules.evaluator import RuleState
from rules.question import Question

Drivers = Callable[["FittedModel", "DayRows", int, int], Sequence[Evidence]]
"""Evidence for a row of a day and a fault, by its column."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """Detectors that say 'not normal', a predictor that names faults, a watch that says when both are outdated."""

    version: str
    names: tuple[str, ...]  # the deviations it was fitted on
    detectors: tuple[Detector, ...]
    predictor: Predictor
    drift: DriftWatch | None = None


@dataclass(frozen=True, slots=True)
class DayRows:
    """Daily deviations of one day for some appliances of a model, ready to be scored."""

    appliance: NDArray[np.int32]  # (k,) fleet rows
    time: NDArray[np.int64]  # (k,) end of the day, ms UTC
    values: NDArray[np.float64]  # (k, F) plain daily features
    deviations: NDArray[np.float64]  # (k, 3 F)
    told: NDArray[np.bool_]  # (k,) whether the day told anything new; not where nobody used the appliance


@dataclass(frozen=True, slots=True)
class Scored:
    """What one model says of one day."""

    model: FittedModel
    day: DayRows
    scores: tuple[Score, ...]
    prediction: Prediction

    @property
    def highest(self) -> NDArray[np.float64]:
        """(k,) the highest score that any detector gave; zeros without detectors."""
        return np.max([np.zeros(len(self.day.time)), *(score.value for score in self.scores)], axis=0)

    def judged_by(self, rules: RuleState, ids: Sequence[str], drivers: Drivers) -> list[Finding]:
        """What the rules make of it; `ids` names the fleet's rows."""
        findings: list[Finding] = []
        for score in self.scores:
            findings += rules.evaluate(Question("score", ids, score.rows, self.day.told))

        def evidence(row: int, fault: int) -> Sequence[Evidence]:
            return drivers(self.model, self.day, row, fault)

        return findings + rules.evaluate(Question.about(self.prediction, ids, self.day.told, evidence))


def scored(model: FittedModel, day: DayRows) -> Scored:
    """Ask every detector and the predictor about a day."""
    rows = (day.appliance, day.time, day.deviations)
    scores = tuple(detector.score(*rows) for detector in model.detectors)
    return Scored(model, day, scores, model.predictor.score(*rows))
