"""No single row is news: a score counts once it was held, and then stands for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.compiling import compiled
from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.leaving import Leaving, record_joins, record_leaves
from foremend.vocabulary.ports import Detector, Snapshot
from foremend.vocabulary.types import Score
from models.detectors.base import Columns, Floats, fleet_size, grown, no_rows, packed, unpacked
from models.detectors.combined import Highest
from models.detectors.settings import DEFAULTS


class LastRows(NamedTuple):
    """One row per appliance."""

    said: Floats  # (n, confirm_rows) the detector's last scores, round about
    held: Floats  # (n, hold_rows) the lowest of each `confirm_rows` of them, round about
    seen: NDArray[np.int64]  # (n,) rows so far


@compiled()
def _confirm(appliance: NDArray[np.int32], value: Floats, last: LastRows) -> Floats:
    """Opening and closing (Serra, 1982): the highest of the last minima, so that neither peaks nor dips get through."""
    result = np.empty(len(value))
    confirm, hold = last.said.shape[1], last.held.shape[1]
    for row in range(len(value)):
        unit = appliance[row]
        at = last.seen[unit]
        last.seen[unit] += 1
        last.said[unit, at % confirm] = value[row]
        last.held[unit, at % hold] = last.said[unit].min()
        result[row] = last.held[unit].max()
    return result


class Confirmed(Columns):
    """Passes on another detector's score once it lasted `confirm_rows` rows of an appliance, and for `hold_rows` rows.

    In rows and not in time, so that one setting fits readings a second and readings an hour apart. What becomes of it
    over hours and days (opening, hysteresis, urgency) is the rules' matter.

    Guarantee: the score is above 1 - a only where the detector's own was, in `confirm_rows` rows one after another of
    which the last is among the latest `hold_rows`.

    >>> from models.detectors import ResidualDistance
    >>> watch = Confirmed("power-watch", ResidualDistance(), confirm_rows=3, hold_rows=4)
    >>> watch.learn(["power"], np.random.default_rng(1).normal(120.0, 5.0, (2_000, 1)))
    >>> power = np.array([120.0, 180.0, 120.0, 180.0, 180.0, 180.0, 120.0, 120.0, 120.0, 120.0])  # W
    >>> watch.score(np.zeros(10, np.int32), 60_000 * np.arange(10), power[:, None]).value.round(1)
    array([0., 0., 0., 0., 0., 1., 1., 1., 1., 0.])
    """

    def __init__(
        self,
        name: str,
        detector: Detector,
        *,
        confirm_rows: int = DEFAULTS.confirm_rows,
        hold_rows: int = DEFAULTS.hold_rows,
    ) -> None:
        self.name = name
        self.detector = detector
        self._fresh = LastRows(np.zeros((1, confirm_rows)), np.zeros((1, hold_rows)), np.zeros(1, np.int64))
        self._last = no_rows(self._fresh)

    @property
    def layout(self) -> str:
        """Its name, and what it confirms where that is several."""
        return f"{self.name} of {self.detector.layout}" if isinstance(self.detector, Highest) else self.name

    def learn(self, names: Sequence[str], features: Floats) -> None:
        """The detector learns from (n, d) normal rows."""
        self._take_names(names, features)
        self.detector.learn(names, features)
        self._last = no_rows(self._fresh)

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows, in time order per appliance. Raises as the detector does."""
        score = self.detector.score(appliance, time, self._rows(features))
        self._last = grown(self._last, self._fresh, fleet_size(appliance))
        return self._pack(appliance, time, _confirm(appliance, score.value, self._last), score.usual)

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`."""
        self._last, part = record_leaves(self._last, self._fresh, leaving)
        return {"last": part, "of": self.detector.leave(leaving)}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered."""
        self._last = record_joins(self._last, self._fresh, part["last"], rows)
        self.detector.join(part["of"], rows)

    def snapshot(self) -> Snapshot:
        """The detector's snapshot and the last scores."""
        return {**self._identity(), "of": dict(self.detector.snapshot()), "last": packed(self._last)}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken; raises IntegrityError for another detector's, or other rows."""
        self._check_identity(snapshot)
        last = unpacked(LastRows, snapshot["last"])
        if any(a.shape[1:] != b.shape[1:] for a, b in zip(last, self._fresh, strict=True)):
            raise IntegrityError(
                f"the snapshot of {self.name} was taken with other confirm_rows or hold_rows"
            )
        self.detector.restore(snapshot["of"])
        self._last = last
