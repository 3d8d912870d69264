"""Watching appliances that nothing is known of: the usual of each one is learnt from its own first rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.leaving import Leaving, joined, staying, taken
from foremend.vocabulary.ports import Snapshot
from foremend.vocabulary.types import Score
from models.detectors.base import Floats, Starting
from models.detectors.combined import Combined
from models.detectors.settings import DEFAULTS

_NOT_BEGUN = np.zeros(1, np.bool_)


class FirstRows(Combined):
    """`Combined`, for appliances that come without a past: the first `first_rows` rows of each teach, with score 0.

    Those rows are kept until there are enough (8 bytes a value), and every member begins with them. No appliance waits
    where `learn` was given that many normal rows of the appliance model: then all begin with those.

    >>> from models.detectors import ControlCharts, SilenceAndStuck
    >>> watch = FirstRows([ControlCharts(), SilenceAndStuck()], shares=[0.8, 0.2], first_rows=400)
    >>> watch.learn(["power"], np.empty((0, 1)))  # no machine of this kind was seen before
    >>> power = np.random.default_rng(3).normal(120.0, 5.0, (500, 1))
    >>> power[450:] += 30.0
    >>> watch.score(np.zeros(500, np.int32), 60_000 * np.arange(500), power).value[[399, 449, 499]].round(2)
    array([0., 0., 1.])
    """

    name = "first-rows"

    def __init__(
        self,
        members: Sequence[Starting],
        *,
        shares: Sequence[float] | None = None,
        first_rows: int = DEFAULTS.first_rows,
    ) -> None:
        super().__init__(members, shares=shares)
        self._starting = tuple(members)
        self._first_rows = self._needed = first_rows
        self._begun = np.zeros(0, np.bool_)
        self._waiting: dict[int, Floats] = {}  # fleet row -> the rows it has so far

    def learn(self, names: Sequence[str], features: Floats) -> None:
        """Every member learns from the same (n, d) normal rows, if there are any."""
        super().learn(names, features)
        self._needed = max(self._first_rows, 1) if len(features) < self._first_rows else 0
        self._begun, self._waiting = np.zeros(0, np.bool_), {}

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows, in time order per appliance; 0 while an appliance's usual is being learnt."""
        rows = self._rows(features)
        known = self._wait(appliance, rows) if self._needed else np.ones(len(rows), np.bool_)
        if known.all():
            return super().score(appliance, time, rows)
        score = super().score(appliance[known], time[known], rows[known])
        value, usual = np.zeros(len(rows)), np.full(rows.shape, np.nan)
        value[known] = score.value
        if score.usual is not None:
            usual[known] = score.usual
        return self._pack(appliance, time, value, usual)

    def _wait(self, appliance: NDArray[np.int32], rows: Floats) -> NDArray[np.bool_]:
        """(n,) which rows are beyond their appliance's first ones; those that are not are kept, or begin with."""
        missing = int(appliance.max(initial=-1)) + 1 - len(self._begun)
        if missing > 0:
            self._begun = np.concatenate([self._begun, np.zeros(missing + len(self._begun), np.bool_)])
        known = self._begun[appliance]
        for at in _by_appliance(np.flatnonzero(~known), appliance):
            unit = int(appliance[at[0]])
            have = self._waiting.pop(unit, np.empty((0, rows.shape[1])))
            taken = self._needed - len(have)
            have = np.concatenate([have, rows[at[:taken]]])
            known[at[taken:]] = True
            if len(have) == self._needed:
                self._begin(unit, have)
            else:
                self._waiting[unit] = have
        return known

    def _begin(self, unit: int, rows: Floats) -> None:
        for member in self._starting:
            member.begin(unit, rows)
        self._begun[unit] = True

    def anew(self, unit: int) -> None:
        """Fleet row `unit` is another one from now on: its next `first_rows` rows teach what is usual for it."""
        self._waiting.pop(unit, None)
        if unit < len(self._begun):
            self._begun[unit] = False

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`."""
        waiting = [self._waiting.pop(unit, None) for unit in leaving.gone.tolist()]
        begun, moved = taken(self._begun, _NOT_BEGUN, leaving.gone), leaving.moved()
        self._begun = staying(self._begun, leaving)
        self._waiting = {int(moved[unit]): rows for unit, rows in self._waiting.items()}
        return {"members": super().leave(leaving), "begun": begun, "waiting": waiting}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered."""
        super().join(part["members"], rows)
        self._begun = joined(self._begun, _NOT_BEGUN, rows, part["begun"])
        pairs = zip(rows.tolist(), part["waiting"], strict=True)
        self._waiting |= {unit: np.array(waiting) for unit, waiting in pairs if waiting is not None}

    def snapshot(self) -> Snapshot:
        """The members' snapshots, and the rows of appliances that wait."""
        waiting = [self._waiting[unit] for unit in self._waiting]
        return {
            **super().snapshot(),
            "needed": self._needed,
            "begun": self._begun.copy(),
            "waiting": np.array(list(self._waiting), np.int64),
            "lengths": np.array([len(rows) for rows in waiting], np.int64),
            "rows": np.concatenate([np.empty((0, len(self.names or ()))), *waiting]),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken; raises IntegrityError where the members differ."""
        super().restore(snapshot)
        self._needed = int(snapshot["needed"])
        self._begun = np.array(snapshot["begun"])
        parts = np.split(np.array(snapshot["rows"]), np.cumsum(snapshot["lengths"])[:-1])
        self._waiting = dict(zip(np.asarray(snapshot["waiting"]).tolist(), parts, strict=False))


def _by_appliance(rows: NDArray[np.intp], appliance: NDArray[np.int32]) -> list[NDArray[np.intp]]:
    """`rows` in one array per appliance, each in its order."""
    order = rows[np.argsort(appliance[rows], kind="stable")]
    edges = np.flatnonzero(np.diff(appliance[order])) + 1
    return np.split(order, edges) if len(order) else []
