"""What the catalogue's physics says of a day, beside what a model was trained to say. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from foremend.engine.fitted import Day, Scored
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.features import Deviation, Role, Statistic
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import Prediction
from models.predictors.odds import strongest_other
from models.predictors.signatures import UNKNOWN, Signatures

_PLAIN = 0.85
"""From here on a signature excludes others: where the shipped rules open an episode."""
_UNEXPLAINED = 0.6
"""The most likely that a fault is whose physics the day does not show: it keeps an episode, and opens none."""
_LOAD_UNKNOWN = 2.0
"""So many times further must numbers move of an appliance whose load explains them, and which does not send it."""


class BySignature:
    """The signatures of a profile's faults; of a profile without any, those numbers alone that should stay."""

    def __init__(self, profile: Profile, columns: Sequence[Deviation]) -> None:
        """`columns`: what the deviations of its days are, in their order."""
        catalogue = load_catalogue()
        signatures = {name: catalogue[name].signature for name in profile.faults if name in catalogue}
        if not profile.faults:
            signatures = {UNKNOWN: catalogue[UNKNOWN].signature}
        shows = {name: catalogue[name].shows for name in profile.faults if name in catalogue}
        used_at_will = profile.cycle is None or bool(profile.cycle.above)
        self.predictor, *self._holding_back = (
            Signatures(
                some,
                columns,
                profile.daily_features,
                names_alone=used_at_will,
                alike=profile.counterparts,
            )
            for some in (signatures, shows)
            if some is signatures or any(some.values())
        )
        entries = [catalogue[name] for name in profile.faults if name in catalogue]
        self._looks_like = {one.name: one.looks_like for one in entries if one.looks_like is not None}
        heard = {
            one.signal: k
            for k, one in enumerate(profile.daily_features)
            if one.statistic is Statistic.COVERAGE
        }
        signals = profile.signals
        self._heard = [k for signal, k in heard.items() if signal in signals]
        loads = {one for one in profile.cycle_signals if signals[one].role is Role.CHOSEN}
        self._speeds = [k for signal, k in heard.items() if signal in loads]
        if used_at_will:  # answers the weather by working harder; a thermostat's machine, by longer runs
            loads |= {one for one, signal in signals.items() if signal.role is Role.WEATHER}
        self._loads = [k for signal, k in heard.items() if signal in loads]

    def of(self, day: Day, said: Scored | None) -> Prediction:
        """What they say of a day, where a trained model does not know more.

        It does of an appliance that sends every signal it practised with, for it has seen how far such days vary; and,
        learnt from the fleet's own history, of the faults that outcomes taught it, for it knows what is not sent.
        """
        rows = day.deviations
        own = self.predictor.predict(
            rows.appliance, rows.time, self._counting(day), day.spread, self._hidden(day)
        )
        if said is None:
            return own
        misses = _unheard(day, self._heard)[:, None]
        untaught = np.array([fault not in (said.model.taught or ()) for fault in own.faults])
        return replace(own, probability=np.where(misses & untaught, own.probability, 0.0))

    def _counting(self, day: Day) -> NDArray[np.float64]:
        """(k, d) the day's deviations, those of appliances whose load is unknown as if they had moved less far."""
        blind = _unheard(day, self._loads)[:, None]
        return np.where(blind, day.deviations.values / _LOAD_UNKNOWN, day.deviations.values)

    def _hidden(self, day: Day) -> NDArray[np.bool_]:
        """(k,) whether an appliance chooses how fast it turns, and does not send it."""
        return _unheard(day, self._speeds)

    def with_alike(
        self, known: NDArray[np.float64], faults: Sequence[str], said: Scored
    ) -> NDArray[np.float64]:
        """(n, faults) `known` probabilities, those of faults that others look like with the others' added.

        As long as the other is not plain: votes are split between the two before they can be told apart. Faults that
        outcomes taught are left alone.
        """
        joined = known.copy()
        for one, commoner in self._looks_like.items():
            if one in faults and commoner in faults and said.model.taught is None:
                of, to = known[:, faults.index(one)], faults.index(commoner)
                joined[:, to] += np.where(of <= _PLAIN, of, 0.0)
        return np.minimum(joined, 1.0)

    def explained(self, day: Day, said: Scored) -> NDArray[np.bool_]:
        """(k, faults) whether the physics of what was trained is seen at all; of what outcomes taught always.

        Practice was with one physics, and the appliance has another: what merely looks like it there is left out.
        """
        faults = said.prediction.faults
        if said.model.taught is not None:
            return np.ones((len(day.deviations), len(faults)), np.bool_)
        of: dict[str, NDArray[np.bool_]] = {}
        for one in (self.predictor, *self._holding_back):
            seen = one.explains(self._counting(day), day.spread, self._hidden(day))
            of |= {name: column for name, column in zip(one.faults, seen.T, strict=True) if name != UNKNOWN}
        everything = np.ones(len(day.deviations), np.bool_)
        return np.column_stack([of.get(fault, everything) for fault in faults])


class Joined:
    """What a trained model and the signatures say of one day, as one prediction: of each fault the surer of the two.

    Faults are those that were trained, then those that only signatures know; days to failure are as trained. A
    signature that is plain excludes others: no other fault is more likely than what it leaves.
    """

    def __init__(self, signatures: BySignature, day: Day, said: Scored | None) -> None:
        own = signatures.of(day, said)
        trained = _nothing(own) if said is None else said.prediction
        self._physics, self._day, self._said = signatures.predictor, day, said
        self._faults, self._own = trained.faults, own.faults
        more = [fault for fault in own.faults if fault not in trained.faults]
        faults = (*trained.faults, *more)
        seen, known = _spread_over(faults, own), _spread_over(faults, trained)
        if said is not None:
            known = signatures.with_alike(known, faults, said)
            explained = np.ones(known.shape, np.bool_)
            explained[:, : len(trained.faults)] = signatures.explained(day, said)
            known = np.where(explained, known, np.minimum(known, _UNEXPLAINED))
        self._surer = (known >= seen) & np.array([fault in trained.faults for fault in faults])
        other = strongest_other(seen * np.array([fault != UNKNOWN for fault in faults]), 0.0)
        capped = np.where(other > _PLAIN, np.minimum(known, 1 - other), known)
        unknown = np.full((len(known), len(more)), np.nan)
        self.prediction = replace(
            trained,
            faults=faults,
            probability=np.maximum(capped, seen),
            days_to_failure=np.hstack([trained.days_to_failure, unknown]),
            days_low=np.hstack([trained.days_low, unknown]),
            days_high=np.hstack([trained.days_high, unknown]),
        )

    def columns(self, row: int, fault: int) -> Sequence[int]:
        """The columns of deviations behind a probability, of whoever is surer."""
        name, values = self.prediction.faults[fault], self._day.deviations.values[row]
        if self._said is not None and self._surer[row, fault]:
            found = self._said.model.predictor.drivers(values, self._faults.index(name))
        else:
            found = self._physics.drivers(values, self._own.index(name))
        return [int(column) for column in found]


def _unheard(day: Day, coverage: Sequence[int]) -> NDArray[np.bool_]:
    """(k,) of whom one or more of the signals is not heard whose `coverage` these columns of the day are."""
    return np.asarray(np.sum(~(day.plain.values[:, coverage] > 0), axis=1) > 0)


def _nothing(own: Prediction) -> Prediction:
    """What is said of the same rows where nothing was trained."""
    none = np.zeros((len(own.probability), 0))
    return replace(own, faults=(), probability=none, days_to_failure=none, days_low=none, days_high=none)


def _spread_over(faults: Sequence[str], said: Prediction) -> NDArray[np.float64]:
    """(n, faults) its probabilities; 0 of faults that it does not know."""
    columns = dict(zip(said.faults, said.probability.T, strict=True))
    nothing = np.zeros(len(said.probability))
    return np.column_stack([columns.get(fault, nothing) for fault in faults])
