"""What a version learnt from history is worth: each appliance judged by a model that never saw it, under the rules.

Cross-validation over appliances: those of each fault are dealt out over the folds, votes learn from all folds but one
and are asked about every day of that one, and the rules make of it what they would in life. The version itself learns
from all of them, so it is rather better than its figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.learning.backtest import Truth, episodes, judged
from foremend.learning.past import Past
from foremend.vocabulary.ports import Predictor
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import MS_PER_DAY, Finding, FindingKind, Prediction, Rows, Severity
from models.predictors.faults import FaultPredictor
from rules.evaluator import RuleBook
from rules.question import Question

Array = NDArray[np.float64]
MOST_KEPT_DAYS = 20_000
FIGURES = (
    "ill",
    "told",
    "named",
    "lead_days",
    "false",
    "false_per_100",
    "waiting",
    "misnamed",
    "well_years",
    "appliances",
)
_NEVER = -1


@dataclass(frozen=True, slots=True)
class Watched:
    """Days of a past that versions are judged by, and what is said of them by models that never saw their appliance."""

    ids: tuple[str, ...]  # names the appliances of `days`
    days: Rows  # in the order of time
    news: NDArray[np.bool_]  # of `days`
    truths: tuple[Truth, ...]
    probability: Array  # (n, faults) out of fold

    def kept(self) -> Watched:
        """What is worth storing: who was ill, then as many of the others as there is room for, in single precision.

        Appliances become numbers: a model outlives what is known of whose they are.
        """
        ill = {truth.appliance for truth in self.truths if truth.fault is not None}
        days = np.bincount(self.days.appliance, minlength=len(self.ids))
        order = sorted(range(len(self.ids)), key=lambda row: self.ids[row] not in ill)
        room = np.cumsum(days[order]) <= MOST_KEPT_DAYS
        mine = [row for row, fits in zip(order, room, strict=True) if fits]
        keep = np.isin(self.days.appliance, mine)
        number = {self.ids[row]: str(row) for row in mine}
        there = (truth for truth in self.truths if truth.appliance in number)
        truths = tuple(replace(truth, appliance=number[truth.appliance]) for truth in there)
        rows, ids = self.days.take(keep), tuple(map(str, range(len(self.ids))))
        return Watched(ids, rows, self.news[keep], truths, self.probability[keep])

    def since(self, time: int) -> Watched:
        """Without the appliances of which anything was confirmed up to `time`, ms UTC."""
        known = {one.appliance for one in self.truths if one.failure is not None and one.failure <= time}
        return replace(self, truths=tuple(one for one in self.truths if one.appliance not in known))

    def snapshot(self) -> dict[str, Any]:
        columns = ("begin", "end", "onset", "failure", "well_again")
        numbers = [[_or_never(getattr(one, name)) for name in columns] for one in self.truths]
        return {
            "ids": list(self.ids),
            "appliance": self.days.appliance,
            "time": self.days.time,
            "features": self.days.values.astype(np.float32),
            "news": self.news,
            "probability": self.probability,
            "who": [[one.appliance, one.fault or ""] for one in self.truths],
            "when": np.array(numbers, np.int64).reshape(-1, len(columns)),
        }

    @classmethod
    def restored(cls, names: tuple[str, ...], kept: Mapping[str, Any]) -> Watched:
        """As `snapshot` gave it; `names` of the features."""
        days = Rows(kept["appliance"], kept["time"], names, kept["features"].astype(np.float64))
        truths = tuple(
            Truth(who, begin, end, fault or None, _known(onset), _known(failure), _known(again))
            for (who, fault), (begin, end, onset, failure, again) in zip(
                kept["who"], kept["when"].tolist(), strict=True
            )
        )
        return cls(tuple(kept["ids"]), days, kept["news"], truths, kept["probability"])


def crossed(past: Past, predictor: FaultPredictor) -> Watched:
    """What a predictor that just learnt from the past says of each day, by votes that never saw the appliance."""
    days = past.days
    said = predictor.unseen(past.numbers[days.appliance], days.values)
    return Watched(past.ids, days, past.news, past.truths, said)


def comparable(past: Past, horizon_days: float) -> Past:
    """Without the truths of faults that the days of one appliance alone show: whoever judges it was never taught it."""
    due = past.rows.days_to_failure <= horizon_days
    had = [len(np.unique(past.rows.appliance[column])) for column in due.T]
    once = {fault for fault, appliances in zip(past.faults, had, strict=True) if appliances == 1}
    return replace(past, truths=tuple(one for one in past.truths if one.fault not in once))


def figures(
    profile: Profile, rules: RuleBook, watched: Watched, probability: Array, horizon_days: float
) -> dict[str, float]:
    """What the rules made of `probability` (n, faults) on the watched days, as `foremend.learning.backtest` counts.

    What is foreseen within `horizon_days` of an appliance of which nothing was confirmed, and is still said at the end,
    is neither right nor wrong yet: such warnings are `waiting`, and not false.
    """
    nothing = np.full(probability.shape, np.nan)
    state, found = rules.state_for(profile), []
    time = watched.days.time
    for part in np.split(np.arange(len(time)), np.flatnonzero(np.diff(time)) + 1):
        rows = watched.days.take(part)
        said = Prediction(
            profile.faults, horizon_days, rows.appliance, rows.time, probability[part], *(nothing[part],) * 3
        )
        found += state.evaluate(Question.about(said, watched.ids, watched.news[part]))
    waiting = _waiting(found, watched, horizon_days)
    known = [one for one in found if one.episode_id not in waiting]
    result = {**judged(episodes(known), watched.truths).figures(), "waiting": len(waiting)}
    return {name: np.nan if result[name] is None else float(result[name]) for name in FIGURES}


def _waiting(found: Sequence[Finding], watched: Watched, horizon_days: float) -> set[str]:
    """Episodes above info whose time is not over, about appliances of which nothing was confirmed."""
    confirmed = {one.appliance for one in watched.truths if one.fault is not None}
    since = int(watched.days.time.max(initial=0)) - horizon_days * MS_PER_DAY
    closed = {one.episode_id for one in found if one.kind is FindingKind.CLOSED}
    return {
        one.episode_id
        for one in found
        if one.appliance_id not in confirmed
        and one.time > since
        and one.episode_id not in closed
        and one.kind is FindingKind.OPENED
        and one.severity is not Severity.INFO
    }


def asked(predictor: Predictor, faults: tuple[str, ...], watched: Watched) -> Array:
    """(n, faults) what a predictor says of the watched days; 0 of a fault that it does not know."""
    days, said = watched.days, np.zeros((len(watched.days), len(faults)))
    found = predictor.score(days.appliance, days.time, days.values)
    for column, fault in enumerate(found.faults):
        if fault in faults:
            said[:, faults.index(fault)] = found.probability[:, column]
    return said


def _or_never(time: int | None) -> int:
    return _NEVER if time is None else time


def _known(time: int) -> int | None:
    return None if time == _NEVER else time
