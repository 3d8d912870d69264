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
from models.detectors.base import Columns, Floats, fleet_size, grown, no_rows, plain, recorded
from models.detectors.combined import Highest
from models.detectors.settings import DEFAULTS


def _layout(confirm: int, hold: int) -> np.dtype[Any]:
    """Of what is kept of an appliance: a record, so that it is read together."""
    return np.dtype(
        [
            ("seen", np.int64),  # rows so far
            ("said", np.float64, (confirm,)),  # the detector's last scores, round about
            ("held", np.float64, (hold,)),  # the lowest of each `confirm_rows` of them, round about
        ],
        align=True,
    )


class LastRows(NamedTuple):
    """One row per appliance."""

    last: NDArray[Any]  # (n,) records


@compiled()
def _confirm(appliance: NDArray[np.int32], value: Floats, last: NDArray[Any]) -> Floats:
    """Opening and closing (Serra, 1982): the highest of the last minima, so that neither peaks nor dips get through."""
    result = np.empty(len(value))
    for row in range(len(value)):
        one = last[appliance[row]]
        said, held = one.said, one.held
        said[one.seen % len(said)] = value[row]
        lowest = said[0]
        for score in said:
            lowest = min(lowest, score)
        held[one.seen % len(held)] = lowest
        highest = held[0]
        for score in held:
            highest = max(highest, score)
        one.seen += 1
        result[row] = highest
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
        self._fresh = LastRows(np.zeros(1, _layout(confirm_rows, hold_rows)))
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
        return self._pack(appliance, time, _confirm(appliance, score.value, self._last.last), score.usual)

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`."""
        self._last, part = record_leaves(self._last, self._fresh, leaving)
        return {"last": plain(part["last"]), "of": self.detector.leave(leaving)}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered."""
        last = {"last": recorded(part["last"], self._fresh.last.dtype)}
        self._last = record_joins(self._last, self._fresh, last, rows)
        self.detector.join(part["of"], rows)

    def snapshot(self) -> Snapshot:
        """The detector's snapshot and the last scores."""
        return {**self._identity(), "of": dict(self.detector.snapshot()), "last": plain(self._last.last)}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken; raises IntegrityError for another detector's, or other rows."""
        self._check_identity(snapshot)
        last, layout = snapshot["last"], self._fresh.last.dtype
        if any(last[name].shape[1:] != layout[name].shape for name in layout.names or ()):
            raise IntegrityError(
                f"the snapshot of {self.name} was taken with other confirm_rows or hold_rows"
            )
        self.detector.restore(snapshot["of"])
        self._last = LastRows(recorded(last, layout))
