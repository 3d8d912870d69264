"""A challenger in the champion's shadow: it scores the same live days under the same rules, and nobody acts on it.

Both start with fresh rules, so that an episode that was open before the challenger came does not count for one side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.engine.fitted import Drivers, FittedModel, Scored, scored
from foremend.vocabulary.leaving import Leaving
from foremend.vocabulary.types import FindingKind
from rules.conditions import RulesProfile
from rules.evaluator import RuleBook, RuleState


class Shadow:
    """Counts what champion and challenger would each have found since the challenger came."""

    def __init__(
        self, challenger: FittedModel, champion: str, rulebook: RuleBook, profile: RulesProfile
    ) -> None:
        """`champion`: the version that it is compared with."""
        self.challenger = challenger
        self.champion = champion
        self._rules = (rulebook.state_for(profile), rulebook.state_for(profile))
        self._opened: tuple[set[str], set[str]] = (set(), set())
        self._days = self._rows = self._newest = 0
        self._difference = 0.0

    def follow(self, ids: Sequence[str], champion: Scored, drivers: Drivers) -> None:
        """Rows of one more day, as the champion scored them; `ids` names the fleet's rows."""
        if champion.model.names != self.challenger.names:
            return
        challenger = scored(self.challenger, champion.rows, champion.news)
        for said, rules, opened in zip((champion, challenger), self._rules, self._opened, strict=True):
            opened |= _opened(said, rules, ids, drivers)
        newest = int(champion.rows.time.max(initial=0))
        self._days += newest > self._newest  # a day may come in parts, as appliances report late
        self._newest = max(newest, self._newest)
        self._rows += len(champion.rows)
        self._difference += _difference(champion, challenger)

    def report(self) -> dict[str, Any]:
        """Counts for people: days and appliance-days seen, episodes that both, or only one, would have opened.

        `mean_difference` is the mean absolute difference of the two highest probabilities of a row, 0..1.
        """
        champion, challenger = self._opened
        return {
            "champion": self.champion,
            "challenger": self.challenger.version,
            "days": self._days,
            "appliance_days": self._rows,
            "opened_by_both": len(champion & challenger),
            "opened_by_champion_only": sorted(champion - challenger),
            "opened_by_challenger_only": sorted(challenger - champion),
            "mean_difference": self._difference / max(self._rows, 1),
        }

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`."""
        champion, challenger = (rules.leave(leaving) for rules in self._rules)
        return {"of": [self._of()] * len(leaving.gone), "champion": champion, "challenger": challenger}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered; what is about other versions is left aside."""
        if part["of"][0] == self._of():
            for name, rules in zip(("champion", "challenger"), self._rules, strict=True):
                rules.join(part[name], rows)

    def _of(self) -> str:
        return f"{self.champion} {self.challenger.version}"

    def snapshot(self) -> dict[str, Any]:
        return {
            "versions": [self.champion, self.challenger.version],
            "rules": [rules.snapshot() for rules in self._rules],
            "opened": [sorted(opened) for opened in self._opened],
            "counts": [self._days, self._rows, self._newest, self._difference],
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Back to `snapshot`; one that is about other versions is left aside."""
        if snapshot["versions"] != [self.champion, self.challenger.version]:
            return
        for rules, part in zip(self._rules, snapshot["rules"], strict=True):
            rules.restore(part)
        champion, challenger = snapshot["opened"]
        self._opened = (set(champion), set(challenger))
        self._days, self._rows, self._newest, self._difference = snapshot["counts"]


def _opened(said: Scored, rules: RuleState, ids: Sequence[str], drivers: Drivers) -> set[str]:
    """'appliance fault' of every episode that opens on this day."""
    findings = said.judged_by(rules, ids, drivers)
    return {f"{one.appliance_id} {one.fault}" for one in findings if one.kind is FindingKind.OPENED}


def _difference(champion: Scored, challenger: Scored) -> float:
    """Sum over the rows of the absolute difference of the highest probabilities."""
    highest = [said.prediction.probability.max(axis=1, initial=0.0) for said in (champion, challenger)]
    return float(np.abs(highest[0] - highest[1]).sum())
