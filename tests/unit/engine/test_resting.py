"""Appliances that rest outside the core: findings are those of an engine that keeps everybody in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from foremend.engine.engine import Engine
from foremend.engine.fitted import Day, FittedModel
from foremend.engine.lane import Lane, deviation_names
from foremend.engine.packing import pack, unpack
from foremend.engine.resting import Resting, RestRules
from foremend.vocabulary.ports import Detector
from foremend.vocabulary.profiles import Profile, Watch, load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block, Finding, FindingKind, Prediction
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
                "when": {"probability": "compressor-wear", "above": 0.5},
            },
            {"name": "odd", "fault": "unusual", "when": {"score": "reading-watch", "above": 0.9}},
            {"name": "no-data", "fault": "silent", "when": {"silent_for": MS_PER_DAY}},
        ]
    }
)


@cache
def refrigerator() -> Profile:
    profile = load_profiles()["rf-260"]
    watch = Watch(rows="readings", signals=("power", "cabinet_temp"))
    return profile.model_copy(update={"watch": watch})


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

    def drivers(self, features: NDArray[np.float64], fault: int, most: int = 3) -> NDArray[np.int64]:
        return np.argsort(-np.abs(np.nan_to_num(features)), kind="stable")[:most]


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

    def remember(self, lane: Lane, day: Day) -> None:
        rows = day.deviations
        for row, time, deviations in zip(rows.appliance, rows.time, rows.values, strict=True):
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
@settings(max_examples=12, deadline=None, phases=[Phase.generate])  # a failure says enough unshrunk
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


def alone(*heard_on: int) -> Block:
    """`rf-0` on these days, and `rf-1` on all."""
    some = tuple(day in heard_on for day in range(DAYS))
    nobody = (False,) * DAYS
    return fleet((some, (True,) * DAYS, *(nobody,) * (FRIDGES - 2)))


def days_of(block: Block) -> list[Block]:
    return in_pieces(block, np.flatnonzero(np.diff(block.time // MS_PER_DAY) > 0) + 1)  # type: ignore[arg-type]


def test_silence_is_told_once_before_one_rests() -> None:
    """Nobody leaves memory before the rule for silence has spoken; its episode closes at the return."""
    pipeline = Pipeline()
    said: list[FindingKind] = []
    rested: list[bool] = []

    for piece in days_of(alone(0, 1, *range(12, DAYS))):
        pipeline.process(piece)
        pipeline.let_rest(AT_ONCE)
        said = [one.kind for one in pipeline.findings if (one.appliance_id, one.fault) == ("rf-0", "silent")]
        rested.append("rf-0" in pipeline.store)
        assert not rested[-1] or said[0] is FindingKind.OPENED

    assert said == [FindingKind.OPENED, FindingKind.CLOSED]
    assert rested.count(True) > 5


def test_a_stranger_rests_at_once_and_is_never_called_silent() -> None:
    """Of an id that spoke for less than an hour nobody can say that it should go on."""
    block = alone(0)
    strange = (block.appliance == 0) & (block.time > START + 20 * MINUTE)
    pipeline = Pipeline()

    for piece in days_of(without_absent(block.take(~strange))):
        pipeline.process(piece)
        pipeline.let_rest(RestRules(after=MS_PER_DAY, strangers_after=MS_PER_DAY, most_strangers=100))

    assert {one.appliance_id for one in pipeline.findings if one.fault == "silent"} == set()
    assert pipeline.store["rf-0"].stranger


def test_strangers_beyond_the_most_leave_the_longest_silent_first() -> None:
    """However many ids somebody makes up, so many of them are in memory; their readings are kept where they went."""
    rng = np.random.default_rng(1)
    ids = tuple(f"made-up-{k}" for k in range(100))
    time = START + rng.permutation(100) * MINUTE
    block = Block("rf-260", ids, np.arange(100, dtype=np.int32), time, time, {"power": np.full(100, 5.0)})
    pipeline = Pipeline()
    pipeline.process(block)

    pipeline.let_rest(RestRules(after=MS_PER_DAY, strangers_after=MS_PER_DAY, most_strangers=20))

    kept = pipeline.engine.lanes["rf-260"].ids
    assert set(kept) == {ids[row] for row in np.argsort(time)[-10:]}
    assert set(pipeline.store) == set(ids) - set(kept)


def test_what_is_of_other_signals_is_learnt_anew() -> None:
    """A profile that changed meanwhile stops nothing: its appliance comes back as one that was never heard of."""
    block = alone(0, 1, 12)
    pipeline = Pipeline()
    for piece in days_of(block)[:8]:
        pipeline.process(piece)
    pipeline.let_rest(AT_ONCE)

    (resting,) = [one for one in pipeline.store.values() if one.appliance_id == "rf-0"]
    changed = replace(resting, layout=resting.layout.replace("cabinet_temp", "cabinet_heat"))
    pipeline.engine.readmit([changed])

    assert "rf-0" not in pipeline.engine.lanes["rf-260"].rows
