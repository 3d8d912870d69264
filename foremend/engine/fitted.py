"""A model that was learnt for one appliance model, and what it says of a day. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.ports import Detector, Predictor
from foremend.vocabulary.types import Evidence, Finding, Prediction, Rows, Score
from models.drift import DriftWatch
from rules.evaluator import RuleState
from rules.question import Question

Drivers = Callable[["FittedModel", Rows, int, int], Sequence[Evidence]]
"""Evidence for a row of deviations and a fault, by its column."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """Detectors that say 'not normal', a predictor that names faults, a watch that says when both are outdated."""

    version: str
    names: tuple[str, ...]  # the deviations it was fitted on
    detectors: tuple[Detector, ...]
    predictor: Predictor
    drift: DriftWatch | None = None
    taught: frozenset[str] | None = None  # faults that the fleet's own outcomes did; None: it practised


@dataclass(frozen=True, slots=True)
class Day:
    """One day of some appliances of a model: what was measured, and what a fitted model scores."""

    plain: Rows  # (k, F) daily features
    deviations: Rows  # (k, 3 C + 2) of the same appliances, see `models.usual.features`
    news: NDArray[np.bool_]  # (k,) whether the day told anything new; not where nobody used the appliance
    spread: NDArray[np.float64]  # (3 C + 2,) of each deviation from day to day, NaN while not known


@dataclass(frozen=True, slots=True)
class Scored:
    """What one model says of some rows of deviations."""

    model: FittedModel
    rows: Rows
    news: NDArray[np.bool_] | None  # (k,) those that say anything new; None: all
    scores: tuple[Score, ...]
    prediction: Prediction

    @property
    def highest(self) -> NDArray[np.float64]:
        """(k,) the highest score that any detector gave; zeros without detectors."""
        return np.max([np.zeros(len(self.rows)), *(score.value for score in self.scores)], axis=0)

    def abnormal(self, rules: RuleState, ids: Sequence[str]) -> list[Finding]:
        """What the rules make of the detectors' scores."""
        return [
            one
            for score in self.scores
            for one in rules.evaluate(Question("score", ids, score.rows, self.news))
        ]

    def judged_by(self, rules: RuleState, ids: Sequence[str], drivers: Drivers) -> list[Finding]:
        """What the rules make of it; `ids` names the fleet's rows."""
        findings = self.abnormal(rules, ids)

        def evidence(row: int, fault: int) -> Sequence[Evidence]:
            return drivers(self.model, self.rows, row, fault)

        return findings + rules.evaluate(Question.about(self.prediction, ids, self.news, evidence))


def scored(model: FittedModel, rows: Rows, news: NDArray[np.bool_] | None = None) -> Scored:
    """Ask every detector and the predictor about deviations."""
    columns = (rows.appliance, rows.time, rows.values)
    scores = tuple(detector.score(*columns) for detector in model.detectors)
    return Scored(model, rows, news, scores, model.predictor.score(*columns))
