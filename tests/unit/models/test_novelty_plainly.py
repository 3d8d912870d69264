"""The compiled novelty beside the same in plain Python, which keeps of each pattern the reading that ended it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.detectors import DEFAULTS, Novelty
from models.detectors.tails import TAIL, bound_of, chance, count
from tests.unit.models.test_detectors import scored

VALUES, PATTERNS = 4, 16
MEMORY = float(DEFAULTS.memory_rows)
NEVER = np.iinfo(np.int32).max


class Plainly:
    """One signal of one appliance."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.resolution, self.bound = math.inf, 0.0
        self.patterns: list[NDArray[np.float64]] = []
        self.born: list[int] = []
        self.met: list[int] = []
        self.apart: list[float] = []
        self.tail = np.zeros(1, np.dtype(TAIL, align=True))[0]

    def score(self, value: float) -> float:
        """1 - the p-value of the window that ends with `value`."""
        if self.values and value != self.values[-1]:
            self.resolution = min(self.resolution, abs(value - self.values[-1]))
        self.values.append(value)
        if len(self.values) < VALUES:
            return 0.0
        squares = [float(((self.window() - one) ** 2).sum()) for one in self.patterns]
        apart = [k for k, ended in enumerate(self.born) if ended <= len(self.values) - VALUES]
        if not apart:
            if not self.patterns:
                self.keep(0.0)
            return 0.0
        return 1.0 - self.judge(max(apart, key=lambda k: (-squares[k], k)), squares)

    def judge(self, nearest: int, squares: list[float]) -> float:
        """The p-value, and learn."""
        seen, distance, bound = len(self.values), math.sqrt(squares[nearest] / VALUES), self.bound
        self.met[nearest] = seen
        judged, limit = seen > DEFAULTS.novelty_first_rows, max(bound, 2.0 * self.resolution)
        p_value = chance(self.tail, distance, limit) if judged and bound > 0.0 and limit < distance else 1.0
        count(self.tail, distance, bound, MEMORY)
        if distance > (bound if judged else 0.0):
            self.keep(distance)
        if distance > bound or seen % 16 == 0:
            self.bound = bound_of(self.tail)
        return p_value

    def keep(self, distance: float) -> None:
        """The window becomes a pattern: a further one, or instead of the one of least worth."""
        seen = len(self.values)
        if len(self.patterns) < PATTERNS:
            for column in (self.patterns, self.born, self.met, self.apart):
                column.append(None)  # type: ignore[attr-defined]
            place = len(self.patterns) - 1
        else:
            worth = [a / (1.0 + (seen - m) / 1024.0) for a, m in zip(self.apart, self.met, strict=True)]
            place = worth.index(min(worth))
        self.patterns[place], self.born[place], self.met[place] = self.window(), seen, seen
        self.apart[place] = float(np.float32(distance))

    def window(self) -> NDArray[np.float64]:
        """The last values, as differences from the first one."""
        return np.array(self.values[-VALUES:]) - self.values[0]

    def stored(self) -> dict[str, Any]:
        """The state of a fleet of one with one signal, as the builds before records wrote it."""
        window = np.zeros(VALUES)
        last = self.values[-VALUES:]
        window[VALUES - len(last) :] = np.array(last) - self.values[:1]
        state = {
            "seen": np.array([[len(self.values)]], np.int32),
            "origin": np.array([self.values[:1] or [0.0]]),
            "window": window[None, None].astype(np.float32),
            "resolution": np.array([[self.resolution]]),
            "known": np.array([[len(self.patterns)]], np.int32),
            "pattern": self.padded(np.float32, 0.0, self.patterns).reshape(1, 1, VALUES, PATTERNS),
            "born": self.padded(np.int32, NEVER, self.born),
            "met": self.padded(np.int32, 0, self.met),
            "apart": self.padded(np.float32, 0.0, self.apart),
            "bound": np.array([[self.bound]]),
        }
        return state | {name: self.tail[name].copy()[None, None] for name in self.tail.dtype.names or ()}

    def padded(self, kind: type[np.number[Any]], nothing: float, of_patterns: list[Any]) -> NDArray[Any]:
        """(1, 1, PATTERNS), or (VALUES, PATTERNS) of windows."""
        shape = (VALUES, PATTERNS) if of_patterns is self.patterns else (1, 1, PATTERNS)
        whole = np.full(shape, nothing, kind)
        for place, one in enumerate(of_patterns):
            whole[..., place] = one
        return whole


def machine(seed: int, rows: int, levels: int) -> NDArray[np.float64]:
    """Stretches at one of some levels, whole numbers of noise upon them and a few odd ones: exact in 32 bits."""
    rng = np.random.default_rng(seed)
    stretches = np.repeat(40.0 * rng.integers(0, levels, rows), rng.integers(1, 30, rows))[:rows]
    odd = 500.0 * (rng.random(rows) < 0.004)
    return np.asarray(7.0 + stretches + rng.integers(-3, 4, rows) + odd)


def watch() -> Novelty:
    """Of one signal, nothing known."""
    novelty = Novelty(rows=VALUES, patterns=PATTERNS)
    novelty.learn(["power"], np.empty((0, 1)))
    return novelty


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), levels=st.integers(1, 4), rows=st.integers(0, 900))
def test_scores_are_those_of_the_plain_version(seed: int, levels: int, rows: int) -> None:
    values, plainly = machine(seed, rows, levels), Plainly()

    expected = [plainly.score(value) for value in values.tolist()]

    np.testing.assert_allclose(scored(watch(), values[:, None]), expected, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 500))
def test_state_of_the_builds_before_records_is_taken_back(seed: int, cut: int) -> None:
    values, plainly, novelty = machine(seed, 800, levels=3), Plainly(), watch()
    for value in values[:cut].tolist():
        plainly.score(value)

    novelty.restore({**novelty.snapshot(), "state": plainly.stored()})

    expected = [plainly.score(value) for value in values[cut:].tolist()]
    np.testing.assert_allclose(scored(novelty, values[cut:, None]), expected, atol=1e-12)


def test_an_appliance_of_the_builds_before_records_joins() -> None:
    values, plainly, novelty = machine(1, 800, levels=3), Plainly(), watch()
    for value in values[:400].tolist():
        plainly.score(value)

    novelty.join(plainly.stored(), np.array([2]))

    expected = [plainly.score(value) for value in values[400:].tolist()]
    value = novelty.score(np.full(400, 2, np.int32), np.arange(400), values[400:, None]).value
    np.testing.assert_allclose(value, expected, atol=1e-12)
    assert max(expected) > 0.99  # or nothing was compared
