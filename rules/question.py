"""What rules are asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.types import Evidence, Prediction, Rows
from rules.conditions import Kind

EvidenceOf = Callable[[int, int], Sequence[Evidence]]
"""(row, column) of a question -> the numbers behind a finding; called once per finding."""


@dataclass(frozen=True, slots=True)
class Question:
    """Rows of one kind, about appliances of one model, for its rules to judge.

    The kind says what the columns are: `<signal>_<statistic>` of an "hour", features of a "day", the detector of a
    "score", the probability of each fault of a "prediction", `silent_ms`, `cycling_silent_ms` and `offline_ms` of
    a "silence", and what a "harm" is called, in its bounds.
    """

    kind: Kind
    ids: Sequence[str]  # names the fleet's rows
    rows: Rows
    news: NDArray[np.bool_] | None = (
        None  # (n,) those that say anything new; the others open no episode. None: all do
    )
    evidence: EvidenceOf | None = None
    prediction: Prediction | None = None  # where it is about one: of the same rows, with days to failure
    at: NDArray[np.intp] | None = None  # (n,) which row each was before some were left out; None: none was

    @classmethod
    def about(
        cls,
        prediction: Prediction,
        ids: Sequence[str],
        news: NDArray[np.bool_] | None = None,
        evidence: EvidenceOf | None = None,
    ) -> Question:
        """The probability of each fault."""
        return cls("prediction", ids, prediction.rows, news, evidence, prediction)

    @property
    def series(self) -> str:
        """What comes in event-time order; detectors are asked about one by one, each with its scores of a day."""
        return f"{self.kind}/{self.rows.names[0]}"

    @property
    def is_news(self) -> NDArray[np.bool_]:
        """(n,) `news`, or all."""
        return np.ones(len(self.rows), np.bool_) if self.news is None else self.news

    def only(self, keep: NDArray[np.bool_]) -> Question:
        """The same with the rows of a mask."""
        if keep.all():
            return self
        rows = np.flatnonzero(keep)
        news = None if self.news is None else self.news[rows]
        return replace(
            self, rows=self.rows.take(rows), news=news, at=rows if self.at is None else self.at[rows]
        )

    def one_by_one(self) -> Iterator[Question]:
        """The same in pieces, in order, in none of which an appliance comes twice."""
        who, start = self.rows.appliance.tolist(), 0
        if len(set(who)) == len(who):
            yield self
            return
        seen: set[int] = set()
        for row, appliance in enumerate([*who, who[start]]):
            if appliance in seen or row == len(who):
                piece = np.zeros(len(who), np.bool_)
                piece[start:row] = True
                yield self.only(piece)
                start, seen = row, set()
            seen.add(appliance)

    def place(self, row: int) -> int:
        """Where `row` was when the question was put."""
        return row if self.at is None else int(self.at[row])

    def days_to_failure(self, column: int) -> NDArray[np.float64] | None:
        """(n,) days for the fault in `column`; None where it is not about a prediction."""
        if self.prediction is None:
            return None
        days = self.prediction.days_to_failure[:, column]
        return days if self.at is None else days[self.at]
