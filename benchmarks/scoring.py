"""Speed of scoring: microseconds a reading for the default watch in blocks, beside one row at a time.

`python -m benchmarks.scoring`; the readings are made up. Compare figures only within one run; noise here reaches 30 %.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from benchmarks._common import Result, main
from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.vocabulary.ports import Detector
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.types import Block
from models.detectors import DEFAULTS, ControlCharts, Isolation, hour_watch, reading_watch, window_watch
from rules.evaluator import RuleBook

_SIGNALS = 3
_FLEET = 10_000
_WATCHED = "air-compressor"
_ENGINE_FLEET = 200
_REPEATS = 7
_LONE_ROWS = 20


def _rows(count: int) -> NDArray[np.float64]:
    return np.random.default_rng(0).normal(size=(count, _SIGNALS))


def _median_us(call: Callable[[], object], rows: int) -> float:
    """Median microseconds of processor time a row over the repeats, after one call that compiles."""
    call()
    spent = []
    for _ in range(_REPEATS):
        begin = time.process_time()
        call()
        spent.append(time.process_time() - begin)
    return round(float(np.median(spent)) / rows * 1e6, 3)


def detector_us(detector: Detector, block: int) -> float:
    """Microseconds a reading of a learnt detector, in blocks of `block` readings of a fleet of 10,000.

    One reading of each in turn, so that nobody's state is in the processor's caches when its reading comes.
    """
    detector.learn([f"signal_{i}" for i in range(_SIGNALS)], _rows(2_000))
    turn = np.random.default_rng(1).permutation(_FLEET).astype(np.int32)
    rows = _rows(_FLEET)
    detector.score(turn, np.zeros(_FLEET, np.int64), rows)  # the whole fleet is known before the clock starts
    start = itertools.count(step=block)

    def score() -> None:
        at = (next(start) + np.arange(block)) % _FLEET
        detector.score(turn[at], at, rows[at])

    return _median_us(score, block)


def watched_us(block: int) -> float:
    """What the watch over readings and its rules add to the engine, microseconds a reading."""
    profile = load_profiles()[_WATCHED]
    return round(engine_us(profile, block) - engine_us(profile.model_copy(update={"watch": None}), block), 3)


def engine_us(profile: Profile, block: int) -> float:
    """Microseconds a reading of the whole engine, once all appliances are past their first rows."""
    engine = Engine({profile.name: profile}, RuleBook(load_settings().rules), lateness_ms=0)
    blocks = _blocks(profile, block)
    first = _ENGINE_FLEET * (DEFAULTS.first_rows + 100) // block
    for _ in range(first):
        engine.process(next(blocks))
    return _median_us(lambda: engine.process(next(blocks)), block)


def _blocks(profile: Profile, size: int) -> Iterator[Block]:
    """Readings of a fleet in turns, ten seconds apart for each appliance."""
    ids = tuple(f"one-{number}" for number in range(_ENGINE_FLEET))
    names = list(profile.signals)[:_SIGNALS]
    for start in itertools.count(step=size):
        number = np.arange(start, start + size)
        signals = dict(zip(names, _rows(size).T, strict=True))
        appliance = (number % _ENGINE_FLEET).astype(np.int32)
        yield Block(profile.name, ids, appliance, number // _ENGINE_FLEET * 10_000, number, signals)


def lone_rows_us() -> float:
    """scikit-learn's IsolationForest, one row a call."""
    forest = IsolationForest(n_estimators=100, random_state=0).fit(_rows(2_000))
    rows = _rows(_LONE_ROWS)
    return _median_us(lambda: [forest.score_samples(rows[i : i + 1]) for i in range(_LONE_ROWS)], _LONE_ROWS)


def half_space_trees_us() -> float | str:
    """River's HalfSpaceTrees, one event a call; a sentence where River is not installed."""
    if importlib.util.find_spec("river") is None:
        return "river is not installed"
    model = importlib.import_module("river.anomaly").HalfSpaceTrees(seed=0)
    events = [dict(enumerate(row)) for row in _rows(1_000).tolist()]

    def learn_and_score() -> None:
        for event in events:
            model.score_one(event)
            model.learn_one(event)

    return _median_us(learn_and_score, len(events))


def run(_path: Path) -> Result:
    """Measure on made-up readings; PATH may be left out and is not read."""
    detectors = {
        f"{name}, blocks of {block}": detector_us(make(), block)
        for name, make in (("reading watch", reading_watch), ("control charts", ControlCharts))
        for block in (1_000, 10_000)
    }
    return {
        "us_per_reading": detectors
        | {
            f"in the engine, watch and rules, blocks of {block}": watched_us(block)
            for block in (1_000, 10_000)
        },
        "us_per_window": {
            "hour watch, 1000 windows": detector_us(hour_watch(), 1_000),
            "window watch, 1000 windows": detector_us(window_watch(), 1_000),
            "isolation, 1000 windows": detector_us(Isolation(), 1_000),
        },
        "sklearn_isolation_forest_one_row_us": lone_rows_us(),
        "river_half_space_trees_us": half_space_trees_us(),
        "signals": _SIGNALS,
    }


def describe(result: Result) -> str:
    """The result as lines."""
    lines = [
        f"{name}: {us} us"
        for part in ("us_per_reading", "us_per_window")
        for name, us in result[part].items()
    ]
    lines.append(
        f"scikit-learn IsolationForest, one row a call: {result['sklearn_isolation_forest_one_row_us']} us"
    )
    lines.append(f"River HalfSpaceTrees, one event a call: {result['river_half_space_trees_us']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(run, describe, needs_path=False))
