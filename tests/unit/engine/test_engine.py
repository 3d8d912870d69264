"""The engine: the same readings give the same findings, however they arrive in blocks."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from foremend.engine.engine import Engine
from foremend.engine.fitted import Day, FittedModel
from foremend.engine.lane import Lane
from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block, Finding, Prediction
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

START = 20_000 * MS_PER_DAY
MINUTE = 60_000
LATENESS = 10 * MINUTE
FRIDGES = 5
DAYS = 4

RULES = RulesSettings.model_validate(
    {
        "book": [
            {
                "name": "too-warm",
                "fault": "not-cooling",
                "when": {"signal": "cabinet_temp", "above": 10, "unit": "degC"},
                "sustained_for": 2 * MS_PER_HOUR,
                "clear_below": 8,
            },
            {
                "name": "busy",
                "fault": "compressor-wear",
                "when": {"feature": "duty", "above": 0.6},
            },
            {"name": "no-data", "fault": "silent", "when": {"silent_for": MS_PER_DAY}},
        ]
    }
)


@cache
def refrigerator() -> Profile:
    return load_profiles()["rf-260"]


def engine(**listeners: object) -> Engine:
    return Engine({"rf-260": refrigerator()}, RuleBook(RULES), lateness_ms=LATENESS, **listeners)  # type: ignore[arg-type]


@cache
def readings() -> Block:
    """Five refrigerators for four days: one gets warm, one runs long, one falls silent, some readings repeat."""
    rng = np.random.default_rng(7)
    appliance = np.tile(np.arange(FRIDGES, dtype=np.int32), DAYS * 1440 // 2)
    time = START + np.repeat(np.arange(DAYS * 1440 // 2, dtype=np.int64) * 2 * MINUTE, FRIDGES)
    period = np.where(appliance == 2, 70, 40)
    on = (time // MINUTE) % period < np.where(appliance == 2, 60, 14)
    warm = np.where((appliance == 1) & (time > START + 2 * MS_PER_DAY), 13.0, 4.0)
    signals = {
        "power": np.where(on, 95.0, 2.0) + rng.normal(0, 1, len(time)),
        "cabinet_temp": warm + rng.normal(0, 0.2, len(time)),
    }
    block = Block(
        "rf-260",
        tuple(f"rf-{k}" for k in range(FRIDGES)),
        appliance,
        time,
        time // MINUTE,
        signals,
        ("1.0",) * FRIDGES,
    )
    spoken = (appliance != 3) | (time < START + 2 * MS_PER_DAY)
    order = np.flatnonzero(spoken)
    order = np.concatenate([order[:500], order[480:500], order[500:]])  # a repeated delivery
    return block.take(swapped(order, rng))


def swapped(order: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Neighbours out of order, within lateness."""
    at = rng.choice(len(order) - 8, 200, replace=False)
    order = order.copy()
    order[at], order[at + 7] = order[at + 7].copy(), order[at].copy()
    return order


def in_pieces(block: Block, cuts: Sequence[int]) -> list[Block]:
    edges = [0, *sorted(cuts), len(block)]
    return [block.take(slice(a, b)) for a, b in pairwise(edges)]


def canonical(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (f.appliance_id, f.fault, f.time, f.kind))


@cache
def expected() -> list[Finding]:
    return canonical(engine().process(readings()))


def test_each_kind_of_trouble_is_found_on_the_right_appliance() -> None:
    """Warm, busy and silent: one episode each, at the reading's own time."""
    opened = {(f.appliance_id, f.fault) for f in expected() if f.kind == "opened"}

    assert opened == {("rf-1", "not-cooling"), ("rf-2", "compressor-wear"), ("rf-3", "silent")}
    warm = next(f for f in expected() if f.fault == "not-cooling")
    assert START + 2 * MS_PER_DAY < warm.time <= START + 2 * MS_PER_DAY + 4 * MS_PER_HOUR


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 14_000), max_size=40))
def test_cutting_into_blocks_changes_nothing(cuts: list[int]) -> None:
    """One block or many: the same findings."""
    block = readings()
    whole = engine()

    found = [
        f for piece in in_pieces(block, [c for c in cuts if c < len(block)]) for f in whole.process(piece)
    ]

    assert canonical(found) == expected()


@settings(max_examples=10)
@given(cut=st.integers(1, 13_000))
def test_a_snapshot_in_the_middle_changes_nothing(cut: int) -> None:
    """What a restored engine finds is what the first would have found."""
    first, second = in_pieces(readings(), [cut])
    before, after = engine(), engine()

    found = before.process(first)
    after.restore(before.snapshot())
    found += after.process(second)

    assert canonical(found) == expected()
    assert after.counts() == whole_counts()


def test_a_snapshot_of_before_the_first_day_by_an_earlier_version_is_restored() -> None:
    """It has nothing where the usual of each appliance stands since: nothing was known of it."""
    first, second = in_pieces(readings(), [1_000])
    before, after = engine(), engine()

    found = before.process(first)
    snapshot = before.snapshot()
    snapshot["rf-260"]["lane"]["features"] = None
    after.restore(snapshot)
    found += after.process(second)

    assert canonical(found) == expected()


@cache
def whole_counts() -> object:
    one = engine()
    one.process(readings())
    return one.counts()


def test_every_reading_is_heard_once() -> None:
    """What history hears is what came in, without the repeats."""
    heard: list[Block] = []
    one = engine(on_readings=heard.append)

    one.process(readings())
    one.flush()

    keys = [(b.appliance_ids[a], int(t)) for b in heard for a, t in zip(b.appliance, b.time, strict=True)]
    sent = readings()
    different = {(sent.appliance_ids[a], int(t)) for a, t in zip(sent.appliance, sent.time, strict=True)}
    assert len(keys) == len(set(keys))
    assert set(keys) == different
    assert one.counts().repeats == len(sent) - len(different) > 0


def test_a_reading_beyond_lateness_is_kept_but_not_used() -> None:
    """An hour late: history hears it, the detectors do not."""
    heard: list[Block] = []
    one = engine(on_readings=heard.append)
    block = readings().take(np.flatnonzero(readings().appliance == 0))
    late = block.take(slice(100, 101))

    one.process(block.take(np.r_[0:100, 101:400]))
    one.process(late)

    assert one.counts().late == 1
    assert int(late.time[0]) in {int(t) for b in heard for t in b.time}


class EveryDay:
    """A predictor that is as sure as it is told; real in everything that the engine asks of it."""

    def __init__(self, probability: float) -> None:
        self._probability = probability
        self.faults = ("compressor-wear",)

    def score(
        self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: NDArray[np.float64]
    ) -> Prediction:
        shape = (len(time), 1)
        days = np.full(shape, 20.0)
        return Prediction(
            self.faults, 60.0, appliance, time, np.full(shape, self._probability), days, days - 5, days + 5
        )

    def drivers(self, features: NDArray[np.float64], fault: int, most: int = 3) -> NDArray[np.int64]:
        return np.array([0], np.int64)


LEARNT = frozenset({"compressor-wear"})  # what outcomes taught is believed without its physics being seen


@pytest.mark.parametrize(("probability", "found"), [(0.95, True), (0.1, False)])
def test_a_promotion_is_taken_up_without_losing_state(probability: float, found: bool) -> None:
    """A model adopted while running scores from the next day on, on the state that was there."""
    rules = RulesSettings.model_validate(
        {"book": [{"name": "p", "when": {"probability": "any", "above": 0.8}}]}
    )
    names: list[tuple[str, ...]] = []

    def remember(lane: Lane, day: Day) -> None:
        names.append(lane.features.names)

    one = Engine({"rf-260": refrigerator()}, RuleBook(rules), lateness_ms=LATENESS, on_day=remember)
    first, second = in_pieces(readings(), [10_000])
    assert one.process(first) == []

    one.adopt("rf-260", FittedModel("v2", names[0], (), EveryDay(probability), taught=LEARNT))
    opened = one.process(second)

    assert {f.fault for f in opened} == ({"compressor-wear"} if found else set())
    assert all(f.evidence and f.days_to_failure == 20.0 for f in opened)


def test_a_model_of_other_features_is_refused() -> None:
    """It would score nothing, or the wrong columns; the sentence says how to train it anew."""
    one = Engine({"rf-260": refrigerator()}, RuleBook(RulesSettings()), lateness_ms=LATENESS)
    old = FittedModel("v1", ("power_mean.own",), (), EveryDay(0.9))

    with pytest.raises(IntegrityError, match=r"v1 of rf-260 was fitted on other features.*foremend train"):
        one.adopt("rf-260", old)


@pytest.mark.parametrize(
    ("signal", "running"), [("compressor_speed", 60.0), ("power", 700.0), ("current", 3.0)]
)
def test_the_first_signal_that_shows_runs_counts_them(signal: str, running: float) -> None:
    """An inverter's runs are known from its speed, or from power or current alone; a fan of 20 W is none."""
    lane = Lane(load_profiles()["ac-35i"], lateness_ms=0)
    minutes = np.arange(2 * 1440)
    values = np.where(minutes % 60 < 20, running, running / 35)
    block = Block(
        "ac-35i",
        ("a",),
        np.zeros(len(minutes), np.int32),
        minutes * 60_000 + 20_000 * MS_PER_DAY,
        np.arange(len(minutes)),
        {signal: values},
    )

    lane.push(block)
    lane.flush()

    days = lane.finished_days()
    duty = [day.plain.column("duty")[0] for day in days]
    assert duty == pytest.approx([1 / 3] * len(duty), abs=0.02)
    assert duty
