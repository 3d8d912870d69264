"""Watching appliances by their own past, where no model was trained for them. No I/O, no wall clock.

The profile's `watch` says by which rows: readings as they are released in order, or hourly windows as they close.
Both come in each appliance's own order, so scores do not depend on how readings were cut into blocks. Late readings
are not among them; a gap is no row, and the usual survives it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.engine.lane import Step
from foremend.vocabulary.features import Statistic
from foremend.vocabulary.leaving import Leaving
from foremend.vocabulary.ports import Detector
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import Evidence, Rows, Score
from models.detectors import FirstRows, hour_watch, reading_watch

Watches = Mapping[str, Callable[[], Detector]]
"""By which rows -> what watches them."""

WATCHES: Watches = {"readings": reading_watch, "hours": hour_watch}
OF_RUNS = (Statistic.DUTY,)
"""Of an hour, beside the mean of every watched signal: how much of it the machine ran. What it draws while it runs
follows the season: as a third column it doubled the false alarms and found no more."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """What the watch says of some rows."""

    score: Score
    units: tuple[str, ...]  # of the columns
    rows: Rows

    def evidence(self, row: int, _column: int) -> tuple[Evidence, ...]:
        """The numbers of a row, beside what is usual for its appliance."""
        usual = self.score.usual
        known = zip(self.rows.names, self.units, self.rows.values[row].tolist(), strict=True)
        return tuple(
            Evidence(name, value, None if usual is None else _known(usual[row, k]), unit=unit)
            for k, (name, unit, value) in enumerate(known)
            if np.isfinite(value)
        )


class Watching:
    """The watch over all appliances of one model whose profile asks for it."""

    def __init__(self, profile: Profile, watches: Watches = WATCHES) -> None:
        assert profile.watch is not None
        self._rows = profile.watch.rows
        self._columns = np.array([list(profile.signals).index(name) for name in profile.watched], np.intp)
        columns = _readings(profile) if self._rows == "readings" else _hourly(profile)
        self._names = tuple(name for name, _ in columns)
        self._units = tuple(unit for _, unit in columns)
        self._watches = watches
        self._detector = self._fresh()

    def follow(self, step: Step) -> Noticed | None:
        """What is said of the readings, or the hours, that `step` brought; None where there were none."""
        if self._rows == "hours":
            hours = step.hours
            values = hours.values[:, [hours.names.index(name) for name in self._names]]
            return self._score(Rows(hours.appliance, hours.time, self._names, values))
        released = step.released
        values = released.values[:, self._columns]
        return self._score(Rows(released.appliance, released.time, self._names, values))

    def anew(self, row: int) -> None:
        """What is usual for fleet row `row` is learnt anew, where the watch learns it from first rows."""
        if isinstance(self._detector, FirstRows):
            self._detector.anew(row)

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`."""
        return {"of": [self._of()] * len(leaving.gone), "detector": dict(self._detector.leave(leaving))}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered; of other rows or signals, their usual is learnt anew."""
        if part["of"][0] == self._of():
            self._detector.join(part["detector"], rows)

    def _of(self) -> str:
        return f"{self._rows} {' '.join(self._names)} by {_layout(self._detector)}"

    def snapshot(self) -> dict[str, Any]:
        return {"rows": self._rows, "names": list(self._names), "detector": dict(self._detector.snapshot())}

    def restore(self, snapshot: Mapping[str, Any] | None) -> None:
        """Back to `snapshot`; where it is of other rows, signals or another watch, what is usual is learnt anew."""
        self._detector = self._fresh()
        if snapshot is None:
            return
        of = snapshot["rows"], tuple(snapshot["names"]), snapshot["detector"]["detector"]
        if of == (self._rows, self._names, _layout(self._detector)):
            self._detector.restore(snapshot["detector"])

    def _fresh(self) -> Detector:
        detector = self._watches[self._rows]()
        detector.learn(self._names, np.empty((0, len(self._names))))
        return detector

    def _score(self, rows: Rows) -> Noticed | None:
        """Rows in which nothing watched is known are left out: they are no news of the appliance."""
        known = np.flatnonzero(np.isfinite(rows.values).any(axis=1))
        if not len(known):
            return None
        rows = rows.take(known)
        return Noticed(self._detector.score(rows.appliance, rows.time, rows.values), self._units, rows)


def _layout(detector: Detector) -> str:
    """Whose state is its own: a watch that was put together otherwise learns anew."""
    return str(getattr(detector, "layout", detector.name))


def _known(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None


def _readings(profile: Profile) -> list[tuple[str, str]]:
    """Names and units of the columns of a reading."""
    return [(name, profile.units[name]) for name in profile.watched]


def _hourly(profile: Profile) -> list[tuple[str, str]]:
    """Names and units of the columns of an hourly window."""
    columns = {(one.signal, one.statistic): (one.name, one.unit) for one in profile.hourly_features}
    of_runs = OF_RUNS if profile.cycle_signals else ()
    return [
        *(columns[name, Statistic.MEAN] for name in profile.watched),
        *(columns[None, one] for one in of_runs),
    ]
