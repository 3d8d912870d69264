"""Several detectors as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import ConfigError, IntegrityError
from foremend.vocabulary.leaving import Leaving
from foremend.vocabulary.ports import Detector, Snapshot
from foremend.vocabulary.types import Score
from models.detectors.base import Columns, Floats


class Combined(Columns):
    """Several detectors with one score: 1 minus the smallest of their p-values, each divided by that member's share.

    The weighted Bonferroni rule (Genovese, Roeder and Wasserman, 2006), valid however the members depend on one
    another: the combination raises no more false alarms at any level than a single calibrated detector would.
    shares: one per member, of the false alarms that are allowed; they sum to 1, and are equal when left out. Raises
    ConfigError where they do not fit.

    >>> from models.detectors import Isolation, ResidualDistance
    >>> both = Combined([ResidualDistance(), Isolation(trees=20)], shares=[0.7, 0.3])
    >>> usual = np.random.default_rng(1).normal([0.35, 48.0], [0.02, 2.0], (300, 2))
    >>> both.learn(["duty", "compressor_starts"], usual)
    >>> today = np.array([[0.35, 48.0], [0.55, 20.0]])
    >>> both.score(np.int32([0, 1]), np.zeros(2, np.int64), today).value.round(1)
    array([0., 1.])
    """

    name = "combined"

    def __init__(self, members: Sequence[Detector], *, shares: Sequence[float] | None = None) -> None:
        self.members = tuple(members)
        self._shares = np.array(shares if shares is not None else [1.0 / len(members)] * len(members))
        if (
            len(self._shares) != len(members)
            or abs(self._shares.sum() - 1.0) > 1e-9
            or min(self._shares) <= 0
        ):
            raise ConfigError(
                f"{len(members)} detectors need as many positive shares that sum to 1, not {shares}"
            )

    def learn(self, names: Sequence[str], features: Floats) -> None:
        """Every member learns from the same (n, d) normal rows."""
        self._take_names(names, features)
        for member in self.members:
            member.learn(names, features)

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows by every member. Raises as the members do."""
        self._rows(features)
        scores = [member.score(appliance, time, features) for member in self.members]
        values = np.stack([score.value for score in scores])
        p_value = ((1.0 - values) / self._shares[:, None]).min(axis=0)
        usual = next((score.usual for score in scores if score.usual is not None), None)
        return self._pack(appliance, time, np.maximum(1.0 - p_value, 0.0), usual)

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`."""
        return {str(k): member.leave(leaving) for k, member in enumerate(self.members)}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered."""
        for k, member in enumerate(self.members):
            member.join(part[str(k)], rows)

    def snapshot(self) -> Snapshot:
        """The members' snapshots."""
        return {**self._identity(), "members": [dict(member.snapshot()) for member in self.members]}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken; raises IntegrityError where the members differ."""
        self._check_identity(snapshot)
        if len(snapshot["members"]) != len(self.members):
            raise IntegrityError(
                f"the snapshot holds {len(snapshot['members'])} detectors, not {len(self.members)}"
            )
        for member, part in zip(self.members, snapshot["members"], strict=True):
            member.restore(part)


class Highest(Combined):
    """Several detectors that look for different things, with one score: the highest of theirs.

    Each keeps its own share of healthy rows above a level, so that together they have the sum of these shares.

    >>> from models.detectors import ControlCharts, Novelty
    >>> either = Highest([ControlCharts(), Novelty()])
    >>> either.learn(["power"], np.random.default_rng(1).normal(120.0, 5.0, (2_000, 1)))
    >>> power = np.repeat([120.0, 190.0], [10, 4])  # W: too short for a chart of the level
    >>> either.score(np.zeros(14, np.int32), 60_000 * np.arange(14), power[:, None]).value[[9, 13]].round()
    array([0., 1.])
    """

    name = "highest"

    @property
    def layout(self) -> str:
        """Its name and its members'."""
        return f"{self.name} of {' and '.join(member.name for member in self.members)}"

    def score(self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: Floats) -> Score:
        """Score (n, d) rows by every member. Raises as the members do."""
        self._rows(features)
        scores = [member.score(appliance, time, features) for member in self.members]
        usual = next((score.usual for score in scores if score.usual is not None), None)
        return self._pack(appliance, time, np.max([score.value for score in scores], axis=0), usual)
