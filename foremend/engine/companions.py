"""What accompanies the champion of one appliance model: a watch for drift and a challenger in its shadow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.engine.fitted import Drivers, FittedModel, Scored
from foremend.engine.shadow import Shadow
from foremend.vocabulary.leaving import Leaving
from foremend.vocabulary.types import Finding
from models.drift import drifting


class Companions:
    """Hears what the champion says of each day; only a drift is spoken of."""

    def __init__(self, champion: FittedModel, shadow: Shadow | None = None) -> None:
        self._champion = champion
        self.shadow = shadow

    def follow(
        self, appliance_model: str, ids: Sequence[str], said: Scored, drivers: Drivers
    ) -> list[Finding]:
        """One more day; `ids` names the fleet's rows. Findings are about the fleet: train again, or no more."""
        if self.shadow is not None:
            self.shadow.follow(ids, said, drivers)
        drift, day = self._champion.drift, said.rows
        if drift is None or not len(day):
            return []
        return drift.judge(appliance_model, int(day.time.max()), day.values, said.highest)

    def report(self) -> dict[str, Any]:
        """For people: what drifted, and how the challenger does."""
        drift = self._champion.drift
        moved = drifting(drift.drifts()) if drift is not None else []
        return {
            "champion": self._champion.version,
            "drifted": {
                one.name: {"psi": round(one.index, 3), "limit": round(one.limit, 3)} for one in moved
            },
            "shadow": None if self.shadow is None else self.shadow.report(),
        }

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`; a drift is the fleet's."""
        return {} if self.shadow is None else {"shadow": self.shadow.leave(leaving)}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered."""
        if self.shadow is not None and "shadow" in part:
            self.shadow.join(part["shadow"], rows)

    def snapshot(self) -> dict[str, Any]:
        drift = self._champion.drift
        return {
            "champion": self._champion.version,
            "drift": None if drift is None else drift.snapshot(),
            "shadow": None if self.shadow is None else self.shadow.snapshot(),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Back to `snapshot`; what was about another champion or challenger begins anew."""
        drift, same = self._champion.drift, snapshot["champion"] == self._champion.version
        if drift is not None and same and snapshot["drift"] is not None:
            drift.restore(snapshot["drift"])
        if self.shadow is not None and snapshot["shadow"] is not None:
            self.shadow.restore(snapshot["shadow"])
