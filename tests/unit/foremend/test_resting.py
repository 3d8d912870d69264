"""Appliances that rest outside the core: findings are those of an engine that keeps everybody in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from foremend.config import Profile, load_profiles
from foremend.engine import Engine
from foremend.fitted import DayRows, FittedModel
from foremend.lane import Lane, deviation_names
from foremend.ports import Detector
from foremend.resting import Resting, RestRules
from foremend.snapshots import pack, unpack
from foremend.types import MS_PER_DAY, MS_PER_HOUR, Block, Finding, Prediction
from models.detectors import Confirmed, ControlCharts, CycleStructure, FirstRows, SilenceAndStuck
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

START = 20_000 * MS_PER_DAY
MINUTE = 60_000
FRIDGES, DAYS = 7, 16
AT_ONCE = RestRules(after=1, strangers_after=1, most_strangers=0)
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
            {"name": "busy", "fault": "compressor-wear", "when": {"feature": "duty", "above": 0.6}},
            {
                "name": "worn",
                "fault": "compressor-wear",
                "when": {"probability": "compressor-wear", "above": 0.5},
            },
            {"name": "odd", "fault": "odd", "when": {"score": "reading-watch", "above": 0.9}},
            {"name": "no-data", "fault": "silent", "when": {"silent_for": MS_PER_DAY}},
        ]
    }
)


@cache
def refrigerator() -> Profile:
    profile = load_profiles()["rf-260"]
    return profile.model_copy(update={"watch": load_profiles()["air-compressor"].watch})


def quick_watch() -> Detector:
    """The watch over readings, which has begun after a day of them."""
    members = (ControlCharts(spans=(4,), warm_spans=2), CycleStructure(), SilenceAndStuck())
    return Confirmed("reading-watch", FirstRows(members, first_rows=40), confirm_rows=2, hold_rows=4)


class Worn:
    """A predictor that says a deviation of the fleet as a probability: any difference of a bit shows."""

    faults = ("compressor-wear",)

    def score(
        self, appliance: NDArray[np.int32], time: NDArray[np.int64], features: NDArray[np.float64]
    ) -> Prediction:
        probability = np.clip(np.abs(np.nan_to_num(features)).max(axis=1, keepdims=True), 0.0, 1.0)
        nothing = np.full(probability.shape, np.nan)
        return Prediction(self.faults, 30, appliance, time, probability, nothing, nothing, nothing)

    def drivers(self, features: NDArray[np.float64], fault: int) -> NDArray[np.int64]:
        return np.argsort(-np.abs(np.nan_to_num(features)), kind="stable")[:3]


class Pipeline:
    """An engine, what its days told, and a store beside it."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.days: dict[tuple[str, int], bytes] = {}
        self.store: dict[str, Resting] = {}
        self.engine = self.fresh()

    def fresh(self) -> Engine:
        profile = refrigerator()
        fitted = FittedModel("v1", deviation_names(profile), (), Worn())
        engine = Engine(
            {"rf-260": profile},
            RuleBook(RULES),
            {"rf-260": fitted},
            lateness_ms=10 * MINUTE,
            on_day=self.remember,
            watches={"readings": quick_watch},
        )
        engine.let_challenge("rf-260", replace(fitted, version="v2"))
        return engine

    def remember(self, lane: Lane, day: DayRows) -> None:
        for row, time, deviations in zip(day.appliance, day.time, day.deviations, strict=True):
            self.days[(lane.ids[row], int(time))] = deviations.tobytes()

    def process(self, block: Block) -> None:
        back = [self.store.pop(one) for one in self.engine.absent(block) if one in self.store]
        self.findings += self.engine.readmit(back)
        self.findings += self.engine.process(block)

    def let_rest(self, rules: RestRules) -> None:
        self.store |= {one.appliance_id: one for one in self.engine.retire(rules)}

    def restart(self) -> None:
        snapshot = unpack(pack(self.engine.snapshot()))
        self.engine = self.fresh()
        self.engine.restore(snapshot)


@cache
def fleet(heard: tuple[tuple[bool, ...], ...]) -> Block:
    """Refrigerators that are heard of on some days; one gets warm, one runs long; readings are half an hour apart."""
    rng = np.random.default_rng(5)
    appliance = np.tile(np.arange(FRIDGES, dtype=np.int32), DAYS * 48)
    time = START + np.repeat(np.arange(DAYS * 48, dtype=np.int64) * 30 * MINUTE, FRIDGES)
    on = (time // (30 * MINUTE)) % 5 < np.where(appliance == 2, 4, 2)
    warm = np.where((appliance == 1) & (time > START + 3 * MS_PER_DAY), 13.0, 4.0)
    signals = {
        "power": np.where(on, 95.0, 2.0) + rng.normal(0, 1, len(time)),
        "cabinet_temp": warm + rng.normal(0, 0.2, len(time)),
        "ambient_temp": 20 + rng.normal(0, 2, len(time)),
    }
    ids = tuple(f"rf-{k}" for k in range(FRIDGES))
    whole = Block("rf-260", ids, appliance, time, time // MINUTE, signals, ("1.0",) * FRIDGES)
    spoke = np.array(heard)[appliance, (time - START) // MS_PER_DAY]
    spoke[appliance == 6] &= time[appliance == 6] % MS_PER_DAY < 40 * MINUTE  # a stranger at first
    return without_absent(whole.take(spoke))


def without_absent(block: Block) -> Block:
    """As ingest makes blocks: only of appliances that say something in it."""
    rows, appliance = np.unique(block.appliance, return_inverse=True)
    ids, firmware = (tuple(names[row] for row in rows) for names in (block.appliance_ids, block.firmware))
    return replace(block, appliance_ids=ids, appliance=appliance.astype(np.int32), firmware=firmware)


def in_pieces(block: Block, cuts: Sequence[int]) -> list[Block]:
    edges = [0, *sorted(cuts), len(block)]
    return [without_absent(block.take(slice(a, b))) for a, b in pairwise(edges) if a < b]


def by_appliance(findings: Sequence[Finding]) -> Mapping[str, list[Finding]]:
    """Each one's in the order in which they came."""
    ids = sorted({one.appliance_id for one in findings})
    return {name: [one for one in findings if one.appliance_id == name] for name in ids}


presence = st.lists(
    st.lists(st.booleans(), min_size=DAYS, max_size=DAYS).map(tuple),
    min_size=FRIDGES - 1,
    max_size=FRIDGES - 1,
).map(lambda some: (*some, (True,) * DAYS))
leaving = st.builds(
    RestRules,
    after=st.sampled_from([1, 6 * MS_PER_HOUR, 2 * MS_PER_DAY]),
    strangers_after=st.sampled_from([1, MS_PER_DAY]),
    most_strangers=st.sampled_from([0, 2, 100]),
)


@given(heard=presence, cuts=st.lists(st.integers(0, 3_000), max_size=40), rules=leaving, data=st.data())
@settings(max_examples=40, deadline=None)
def test_resting_changes_no_finding(
    heard: tuple[tuple[bool, ...], ...], cuts: list[int], rules: RestRules, data: st.DataObject
) -> None:
    """Whoever rests, whenever, with restarts in between: every finding and every bit of every day is the same."""
    block = fleet(heard)
    keeps, rests = Pipeline(), Pipeline()

    for piece in in_pieces(block, [min(cut, len(block)) for cut in cuts]):
        keeps.process(piece)
        rests.process(piece)
        if data.draw(st.booleans()):
            rests.let_rest(rules)
        if data.draw(st.integers(0, 5)) == 0:
            rests.restart()

    assert by_appliance(rests.findings) == by_appliance(keeps.findings)
    assert rests.days == keeps.days
    assert rests.engine.report("rf-260") == keeps.engine.report("rf-260")
    assert rests.engine.counts() == keeps.engine.counts()
