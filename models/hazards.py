"""Which features go with failures: discrete-time hazards that respect age, season and households.

Whoever is watched is cut into spells of a month. What a spell knows of an appliance was measured well before it, so
that a symptom is not mistaken for a cause. Whether a spell ends in a failure is a pooled logistic regression, which for
spells in which few fail gives the hazard ratios of Cox's model with features that change (D'Agostino and others,
Statistics in Medicine 1990). Age bends as a spline, every stratum (a month of a region) has a level of its own, and the
covariance is that of households rather than of spells (Liang and Zeger, Biometrika 1986). Of the spells without a
failure as many are drawn as tell nearly all (Prentice and Pyke, Biometrika 1979: ratios stay what they are).

A feature is named where adding it explains failures beyond chance after as many were tried (score test; Bonferroni over
those not named yet), one after the other, each beside those already named: of features that move together the one that
explains the others comes first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orth
from sklearn.preprocessing import SplineTransformer

from foremend.vocabulary.errors import ConfigError, MissingExtraError
from models.effects import Effect

try:
    from statsmodels.genmod import families
    from statsmodels.genmod.generalized_linear_model import GLM
except ImportError as error:
    raise MissingExtraError("what goes with failures", "insights") from error

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST_FAILURES = 20
"""With fewer the covariance of households is too sure of itself: nothing is named."""

_KNOTS = 5
"""Of the spline of age, with as many failures between each two."""

_FEWEST_KNOTS = 3
"""With fewer, as of a fleet of one day, age is a line."""

_CONTROLS = 20
"""Spells without a failure for each that has one: more narrow an interval by less than a fortieth."""

_TOGETHER = 0.9
"""Correlation from which on nobody can say which of two features it is."""

_NOTHING_LEFT = 1e-6
"""Of a feature's spread, beside features that are the same in other words."""

_SEED = 1
_SURE = 0.05
_MOST_NAMED = 5
_NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Spells:
    """Times of appliances under observation, at most a month each, of n rows.

    >>> rng, n = np.random.default_rng(1), 2_000
    >>> starts, door = rng.normal(size=(2, n))
    >>> failed = rng.random(n) < 0.05 * 1.8**starts
    >>> year = (np.arange(n), rng.uniform(0, 2_000, n), np.full(n, 30.0), np.zeros(n, np.int64), failed)
    >>> spells = Spells(*year, names=("starts_per_hour", "door_share"), features=np.stack([starts, door], axis=1))
    >>> [one.feature for one in causes(spells).named]
    ['starts_per_hour']
    """

    household: Ints  # (n,) who shares a home
    age: Array  # (n,) days since it was installed, as the spell begins
    days: Array  # (n,) how long it was to be watched, whether it failed or not
    stratum: Ints  # (n,) whose failures are compared with one another only: a season of a region
    failed: NDArray[np.bool_]  # (n,) at the spell's end
    names: tuple[str, ...]  # d
    features: Array  # (n, d) known before the spell, in comparable units; NaN where unknown


@dataclass(frozen=True, slots=True)
class Alone:
    """A feature by itself: whether those that have more of it fail more (z > 0) or less often, and how sure that is.

    >>> Alone("door_share", z=-0.3, p=0.76).p < 0.05
    False
    """

    feature: str
    z: float  # standard normal where it says nothing
    p: float  # of so much by chance, 0..1, not corrected for how many were tried


@dataclass(frozen=True, slots=True)
class Causes:
    """What goes with failures: `named` beside one another, every feature `alone`, and which could not be asked.

    >>> door = Alone("door_share", z=-0.3, p=0.76)
    >>> Causes(named=(), alone=(door,), unusable=("water_alarm_mean",), failures=31, spells=640).named
    ()
    """

    named: tuple[Effect, ...]  # as they were found
    alone: tuple[Alone, ...]  # the surest first
    unusable: tuple[str, ...]  # hardly known, or the same everywhere
    failures: int
    spells: int  # that were compared


def causes(spells: Spells) -> Causes:
    """Which features go with the failures of `spells`.

    Raises ConfigError with fewer failures than `FEWEST_FAILURES` among others, or where all are of one household.
    """
    spells, unusable = _usable(spells)
    failures = int(spells.failed.sum())
    require_enough(failures)
    if len(np.unique(spells.household)) == 1:
        raise ConfigError("all appliances are of one household: nobody can say how far homes differ")
    frame = _Frame(spells)
    fitted = frame.fit(())
    alone = surest = frame.beside(fitted)
    chosen: tuple[int, ...] = ()
    while surest and surest[0].p < _SURE / len(surest) and len(chosen) < _MOST_NAMED:
        chosen = (*chosen, spells.names.index(surest[0].feature))
        fitted = frame.fit(chosen)
        surest = frame.beside(fitted)
    return Causes(frame.effects(fitted), alone, unusable, failures, len(spells.failed))


def require_enough(failures: int) -> None:
    """Raises ConfigError with fewer failures than `FEWEST_FAILURES`."""
    if failures < FEWEST_FAILURES:
        raise ConfigError(
            f"{failures} failures are too few to tell what goes with them: it takes {FEWEST_FAILURES}, each after some "
            "weeks on which its appliance was watched, and beside others of its month and region"
        )


@dataclass(frozen=True, slots=True)
class _Fit:
    """A regression on the features `chosen` and the levels."""

    chosen: tuple[int, ...]
    design: Array  # (n, chosen + levels)
    chance: Array  # (n,) of a failure
    log_ratio: Array  # (chosen,)
    error: Array  # (chosen,)
    p: Array  # (chosen,)


class _Frame:
    """The spells as a regression: a spline of age, a level of each stratum, exposure, standardised features."""

    def __init__(self, spells: Spells) -> None:
        self._names = spells.names
        self._spread = spells.features.std(axis=0)
        self._features = (spells.features - spells.features.mean(axis=0)) / self._spread
        levels = orth(
            np.hstack([_bent(spells), _dummies(spells.stratum)])
        )  # of one day's fleet age is the month
        self._levels = levels * np.sqrt(len(levels))
        self._offset, self._failed = np.log(spells.days), spells.failed.astype(np.float64)
        self._household = np.unique(spells.household, return_inverse=True)[1]

    def fit(self, chosen: tuple[int, ...]) -> _Fit:
        """Pooled logistic regression on the columns `chosen`."""
        count = len(chosen)
        design = np.hstack([self._features[:, list(chosen)], self._levels])
        model = GLM(self._failed, design, family=families.Binomial(), offset=self._offset)
        fitted = model.fit(cov_type="cluster", cov_kwds={"groups": self._household})
        told = (np.asarray(values[:count]) for values in (fitted.params, fitted.bse, fitted.pvalues))
        return _Fit(chosen, design, np.asarray(fitted.fittedvalues), *told)

    def beside(self, fit: _Fit) -> tuple[Alone, ...]:
        """Every feature that is not in `fit`, the surest first: the score test of adding it, by households."""
        rest = [k for k in range(len(self._names)) if k not in fit.chosen]
        if not rest:
            return ()
        weighted = fit.design * (fit.chance * (1.0 - fit.chance))[:, None]
        explained = np.linalg.lstsq(
            weighted.T @ fit.design, weighted.T @ self._features[:, rest], rcond=None
        )[0]
        left = self._features[:, rest] - fit.design @ explained
        left[:, left.std(axis=0) < _NOTHING_LEFT] = 0.0  # the same as others: what is left of it is rounding
        score = left * (self._failed - fit.chance)[:, None]
        homes = np.stack([np.bincount(self._household, column) for column in score.T], axis=1)
        z = homes.sum(axis=0) / np.maximum(np.sqrt((homes**2).sum(axis=0)), np.finfo(np.float64).tiny)
        tested = [
            Alone(self._names[k], float(z[at]), math.erfc(abs(z[at]) / math.sqrt(2.0)))
            for at, k in enumerate(rest)
        ]
        return tuple(sorted(tested, key=lambda one: one.p))

    def effects(self, fit: _Fit) -> tuple[Effect, ...]:
        """What each feature of `fit` does, beside the others of it."""
        half = _NORMAL_95 * fit.error
        ends = (np.exp(fit.log_ratio + by) for by in (0.0, -half, half))
        columns = zip(fit.chosen, *ends, fit.p, strict=True)
        return tuple(
            Effect(
                self._names[k],
                float(ratio),
                float(low),
                float(high),
                float(p),
                float(self._spread[k]),
                self._along(k),
            )
            for k, ratio, low, high, p in columns
        )

    def _along(self, column: int) -> tuple[str, ...]:
        """Features that move with `column`, either way."""
        alike = np.abs(self._features.T @ self._features[:, column]) / len(self._features) >= _TOGETHER
        return tuple(name for k, name in enumerate(self._names) if alike[k] and k != column)


def _usable(spells: Spells) -> tuple[Spells, tuple[str, ...]]:
    """Without strata in which nothing or all failed (they compare nobody), and features hardly known or the same.

    What is unknown of a feature that stays is taken to be its mean.
    """
    keep = np.isin(spells.stratum, np.unique(spells.stratum[spells.failed]))
    share = _CONTROLS * spells.failed.sum() / max(int(keep.sum()), 1)
    keep &= spells.failed | (np.random.default_rng(_SEED).random(len(keep)) < share)
    keep &= np.isin(spells.stratum, np.unique(spells.stratum[keep & ~spells.failed]))
    features = spells.features[keep]
    known = np.isfinite(features)
    enough = known.mean(axis=0) >= 0.5 if len(features) else np.zeros(len(spells.names), np.bool_)
    features = features[:, enough]
    features = (
        np.where(np.isfinite(features), features, np.nanmean(features, axis=0)) if enough.any() else features
    )
    varies = features.std(axis=0) > 1e-9 if len(features) else np.zeros(features.shape[1], np.bool_)
    used = np.flatnonzero(enough)[varies]
    names = tuple(spells.names[k] for k in used)
    left = tuple(name for k, name in enumerate(spells.names) if k not in set(used.tolist()))
    return Spells(
        spells.household[keep],
        spells.age[keep],
        spells.days[keep],
        spells.stratum[keep],
        spells.failed[keep],
        names,
        features[:, varies],
    ), left


def _bent(spells: Spells) -> Array:
    """(n, k) a cubic spline of age, its knots at quantiles of the ages of failure, linear beyond the outer ones."""
    knots = np.unique(np.quantile(spells.age[spells.failed], np.linspace(0.0, 1.0, _KNOTS)))
    age = spells.age[:, None]
    if len(knots) < _FEWEST_KNOTS:
        return age
    spline = SplineTransformer(knots=knots[:, None], include_bias=False, extrapolation="linear")
    return np.asarray(spline.fit_transform(age))


def _dummies(levels: Ints) -> Array:
    """(n, levels) one column a level that occurs."""
    found, code = np.unique(levels, return_inverse=True)
    return np.eye(len(found))[code]
