"""What is usual for one appliance under the day's conditions, learnt as the days go by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.leaving import Leaving, staying, taken
from models.usual.conditions import Conditions
from models.usual.expected import Expected
from models.usual.spread import Spread

Array = NDArray[np.float64]
_FEWEST_DAYS = 3  # after which an appliance's departures from its own mean teach the fleet


class Departures(NamedTuple):
    """One day of k appliances: what was usual under its conditions, and how far off it was; NaN while not known.

    Both on the scale on which features are compared: the unit itself, or the logarithm of a ratio.

    >>> departures = Departures(usual=np.array([[4.1], [np.nan]]), deviation=np.array([[2.6], [np.nan]]))  # degC, K
    >>> np.isfinite(departures.usual[:, 0])  # the second appliance is new
    array([ True, False])
    """

    usual: Array  # (k, columns)
    deviation: Array


class UnderConditions:
    """Learns what is usual for some daily features: an appliance's own mean, moved by what the conditions explain.

    With an appliance's mean level y and mean conditions x over its n days, a day with conditions t should show
    y + w (t - x), where the fleet's w is learnt from the same departures of all appliances (`Expected`). While n is
    small the fleet's typical level counts as well, and a deviation is shrunk by how uncertain the usual is (`Spread`):
    one under familiar conditions, of an appliance known for long, stays as it is. The means are over the first
    `learn_days` and follow later days with the slowness of `forget_days`, and never far: a fault is not usual.

    >>> from foremend.vocabulary.features import Daily, Feature
    >>> temp, fleet = Feature("cabinet_temp_mean", "cabinet_temp"), np.arange(6, dtype=np.int32)
    >>> under = UnderConditions(Conditions(Daily((temp,)), [temp]), learn_days=10, forget_days=365.0, min_siblings=4)
    >>> under.grow(6)
    >>> for day in np.random.default_rng(1).normal(4.0, 0.1, (30, 6, 1)):  # degC
    ...     known = under.departures(fleet, day, scaled=day)
    >>> under.departures(fleet[:1], day[:1] + 3.0, scaled=day[:1] + 3.0).deviation.round()
    array([[3.]])
    """

    def __init__(
        self, conditions: Conditions, learn_days: int, forget_days: float, min_siblings: int
    ) -> None:
        self.columns = conditions.columns
        self._conditions = conditions
        self._expected = Expected(conditions.masks)
        self._spread = Spread(conditions.masks.shape[1], min_siblings)
        self._learn_days, self._forget_days = learn_days, forget_days
        self._state = self._fresh(0)

    @property
    def spread(self) -> Array:
        """(columns,) standard deviation from day to day within an appliance; NaN while not known."""
        return self._spread.within

    def days_missing(self, watched: NDArray[np.float32]) -> int | None:
        """See `Spread.days_missing`, if all who ever sent anything to compare go on so day by day.

        `watched` (fleet,): days with readings of each; whoever had none yet is taken to send what the others do.
        """
        if self._spread.days_missing([0]) == 0:
            return 0
        counted = self._state["count"][: len(watched)].max(axis=1, initial=0.0)
        own = np.zeros(len(watched))
        own[: len(counted)] = counted
        starts = np.maximum(_FEWEST_DAYS - own, 0)[(own > 0) | (watched == 0)]
        teaching = np.bincount(starts.astype(np.intp), minlength=_FEWEST_DAYS + 1).cumsum()
        return self._spread.days_missing(teaching.tolist())

    def news(self, values: Array) -> NDArray[np.bool_]:
        """(k,) whether days `values` (k, F) had any of the conditions; without them nothing is learnt or judged."""
        return self._conditions.news(values)

    def departures(self, rows: NDArray[np.int32], values: Array, scaled: Array) -> Departures:
        """Of days `values` (k, F), `scaled` to where features compare; these days learnt."""
        terms = self._conditions.of(values)
        level = np.where(terms.news[:, None], scaled[:, self.columns], np.nan)
        state = {name: column[rows].astype(np.float64) for name, column in self._state.items()}
        days, from_terms = state["count"], terms.values - state["terms"]
        away = (from_terms[:, : self._conditions.plain] ** 2).sum(axis=1, keepdims=True)
        far = self._expected.leverage(from_terms) + self._spread.strangeness(away)
        effect = self._expected.effect(from_terms)
        surprise = np.where(days > 0, level - state["level"] - effect, np.nan)
        ordinary = effect + self._spread.drawn_in(surprise, 1 + far)
        taught = days >= _FEWEST_DAYS
        self._expected.learn(from_terms, np.where(taught, ordinary, np.nan))
        own = np.where(days > 0, state["level"] - self._expected.effect(state["terms"]), np.nan)
        self._spread.learn(np.where(taught, own, np.nan), np.where(taught, surprise, np.nan), away)
        self._follow(rows, terms.values, np.where(days < self._learn_days, level, state["level"] + ordinary))
        central, doubt = self._spread.shrunk(own, days)
        usual = central + self._expected.effect(terms.values)
        return Departures(usual, (level - usual) / np.sqrt(1 + far + doubt))

    def grow(self, size: int) -> None:
        """Room for fleet rows below `size`, and no more: a day of new appliances walks over the fleet anyway."""
        more = self._fresh(max(0, size - len(self._state["days"])))
        if len(more["days"]):
            self._state = {name: np.concatenate([column, more[name]]) for name, column in self._state.items()}

    def anew(self, row: int) -> None:
        """Nothing is known of fleet row `row` any more; what it taught the fleet stays."""
        for column in self._state.values():
            column[row : row + 1] = 0

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`; what the fleet taught stays."""
        fresh = self._fresh(1)
        part = {name: taken(column, fresh[name], leaving.gone) for name, column in self._state.items()}
        self._state = {name: staying(column, leaving) for name, column in self._state.items()}
        return part

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered; there is room."""
        for name, column in self._state.items():
            column[rows] = part[name]

    def snapshot(self) -> dict[str, Any]:
        return {
            "expected": self._expected.snapshot(),
            "spread": self._spread.snapshot(),
            "own": dict(self._state),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self._expected.restore(snapshot["expected"])
        self._spread.restore(snapshot["spread"])
        self._state = {name: np.array(column) for name, column in snapshot["own"].items()}

    def _follow(self, rows: NDArray[np.int32], terms: Array, level: Array) -> None:
        """Carry the means on by one day."""
        seen = np.isfinite(level)
        for mean, count, value, known in (
            ("level", "count", level, seen),
            ("terms", "days", terms, seen.any(axis=1, keepdims=True)),
        ):
            before, days = self._state[mean][rows], self._state[count][rows]
            rate = np.where(days < self._learn_days, 1 / (days + 1), 1 / self._forget_days)
            self._state[mean][rows] = before + np.where(known, rate * (value - before), 0)
            self._state[count][rows] = days + known

    def _fresh(self, rows: int) -> dict[str, NDArray[np.float32]]:
        terms, features = self._conditions.masks.shape
        wide = {"terms": terms, "level": features, "days": 1, "count": features}
        return {name: np.zeros((rows, width), np.float32) for name, width in wide.items()}
