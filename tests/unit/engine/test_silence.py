"""Who says nothing is told against its own rhythm, on a clock that is handed in; many at once are one finding."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import pytest

from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.engine.lane import Lane
from foremend.engine.silence import STEP_MS
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block, Finding, FindingKind
from rules.conditions import RulesProfile
from rules.evaluator import RuleBook, RuleState
from rules.settings import RulesSettings

START = 20_000 * MS_PER_DAY
MINUTE = 60_000
WALL = START + 400 * MS_PER_DAY
"""Where the wall clock stands at first: far from event time, as in a simulation."""


@cache
def profiles() -> dict[str, Profile]:
    return load_profiles()


def new_engine(silent_for: str | None = None) -> Engine:
    """With the rules of config.yaml, or with one alone that asks for so long a silence."""
    rules = load_settings(None).rules
    if silent_for is not None:
        rule = {"name": "no-data", "fault": "silent", "when": {"silent_for": silent_for}}
        rules = RulesSettings.model_validate({"book": [rule]})
    return Engine(profiles(), RuleBook(rules), lateness_ms=10 * MINUTE)


def spoken(model: str, ids: Iterable[str], times: Iterable[float]) -> Block:
    """Readings of all of `ids` at the same `times`, ms after the start."""
    names, at = tuple(ids), START + np.array(list(times), np.int64)
    n = len(names) * len(at)
    appliance = np.tile(np.arange(len(names), dtype=np.int32), len(at))
    time = np.repeat(at, len(names))
    return Block(model, names, appliance, time, time // 1000, {"power": np.full(n, 2.0)})


def every(minutes: float, days: float, since: float = 0.0) -> list[float]:
    """Times of a regular device from day `since` to day `days`."""
    return list(np.arange(since * MS_PER_DAY, days * MS_PER_DAY, minutes * MINUTE))


class Days:
    """An engine whose clock is looked at every two minutes."""

    def __init__(self, engine: Engine | None = None, wall: int = WALL) -> None:
        self.engine, self.wall = engine or new_engine(), wall
        self.found: list[Finding] = []

    def hear(self, block: Block) -> None:
        self._keep(self.engine.process(block))

    def listen(self, days: float, caught_up: bool = True) -> None:
        """Nothing comes for so long, and everybody could be heard."""
        for _ in range(max(int(days * MS_PER_DAY / STEP_MS), 1)):
            self.wall += STEP_MS
            self._keep(self.engine.advance(self.wall, caught_up=caught_up))

    def deaf(self, days: float) -> None:
        """Nobody looks at the clock, for the pipeline is down or the broker away; then, before all, somebody does."""
        self.wall += int(days * MS_PER_DAY)
        assert self.engine.was_deaf(self.wall)
        self._keep(self.engine.advance(self.wall, caught_up=False))

    def _keep(self, found: list[Finding]) -> None:
        self.found += [one for one in found if one.fault.startswith("silent")]

    @property
    def said(self) -> list[tuple[str, str, str]]:
        return [(one.appliance_id, one.fault, one.kind.value) for one in self.found]


OPENED, CLOSED = FindingKind.OPENED.value, FindingKind.CLOSED.value


def test_the_only_appliance_is_told_when_it_falls_silent_and_when_it_speaks_again() -> None:
    """No sibling is needed: three days of listening."""
    days = Days()
    days.hear(spoken("generic-compressor", ["lonely"], every(10, 1)))
    days.listen(2.9)
    before = list(days.said)
    days.listen(0.2)
    told = list(days.said)

    days.hear(spoken("generic-compressor", ["lonely"], [4.2 * MS_PER_DAY]))
    days.listen(0.01)

    assert before == []
    assert told == [("lonely", "silent", OPENED)]
    assert days.said == [*told, ("lonely", "silent", CLOSED)]


def test_silence_is_measured_against_the_whole_fleet() -> None:
    """Case 22: the only appliance of its model and one of two fall silent, long ago by the wall clock."""
    days = Days()
    days.hear(spoken("rf-260", ["a"], every(10, 1)))
    days.hear(spoken("generic-compressor", ["lonely"], every(10, 1)))
    days.hear(spoken("rf-260", ["b"], every(10, 7.5)))

    days.listen(2 / 24 / 60)

    assert sorted(days.said) == [("a", "silent", OPENED), ("lonely", "silent", OPENED)]


def test_a_whole_fleet_that_falls_silent_is_one_finding() -> None:
    """A broker is away for all: 500 appliances of two models, one finding, and one when they are back."""
    days = Days()
    fleet = {"rf-260": [f"r{k}" for k in range(300)], "generic-compressor": [f"g{k}" for k in range(200)]}
    for model, ids in fleet.items():
        days.hear(spoken(model, ids, every(10, 0.2)))
    days.listen(4)
    told = list(days.said)
    silent = {model: days.engine.silent(days.engine.lanes[model]).sum() for model in fleet}

    for model, ids in fleet.items():
        days.hear(spoken(model, ids, [4.3 * MS_PER_DAY]))
    days.listen(0.01)

    assert told == [("*", "silent-together", OPENED)]
    assert silent == {"rf-260": 300, "generic-compressor": 200}
    assert days.said == [*told, ("*", "silent-together", CLOSED)]
    assert len({one.episode_id for one in days.found}) == 1


def test_a_region_that_falls_silent_is_one_finding_while_single_ones_keep_theirs() -> None:
    """A fifth stops within minutes; one alone, a day before."""
    days = Days()
    alone, region = ["x"], [f"n{k}" for k in range(40)]
    rest = [f"s{k}" for k in range(160)]
    days.hear(spoken("rf-260", alone, every(10, 0.5)))
    days.hear(spoken("rf-260", region, every(10, 1.5)))
    for day in range(6):
        days.hear(spoken("rf-260", rest, every(10, day + 1, since=day)))
        days.listen(2 / 24 / 60)

    assert sorted(days.said) == [("*", "silent-together", OPENED), ("x", "silent", OPENED)]


def test_who_stays_silent_after_the_others_are_back_is_told_alone() -> None:
    """The region is back but for one."""
    days = Days()
    fleet = [f"n{k}" for k in range(20)]
    days.hear(spoken("rf-260", fleet, every(10, 0.5)))
    days.listen(4)
    days.hear(spoken("rf-260", fleet[1:], every(10, 4.6, since=4.5)))
    days.listen(0.01)
    days.hear(spoken("rf-260", fleet[1:], every(10, 5.5, since=4.6)))

    assert days.said[1:] == [("*", "silent-together", CLOSED), ("n0", "silent", OPENED)]


@pytest.mark.parametrize(
    ("rhythm", "well", "silent"),
    [
        pytest.param(every(7 * 24 * 60, 36), 18, 22, id="once a week"),
        pytest.param(every(24 * 60, 20), 2.9, 4, id="once a day"),
        pytest.param(
            [t for t in every(10, 20) if t % MS_PER_DAY < MS_PER_DAY / 2], 2.9, 4, id="off every night"
        ),
        pytest.param(list(np.cumsum(np.geomspace(MINUTE, 2 * MS_PER_DAY, 40))), 2.9, 7, id="only changes"),
    ],
)
def test_a_device_is_silent_against_its_own_rhythm(rhythm: list[float], well: float, silent: float) -> None:
    """Days without a word after which it is still itself, and after which it is not."""
    days = Days()
    days.hear(spoken("generic-compressor", ["it"], rhythm))
    last = START + int(rhythm[-1])
    days.found.clear()  # before its rhythm was known, it may have been called silent

    days.hear(spoken("rf-260", ["other"], [last - START + well * MS_PER_DAY - MS_PER_HOUR] * 1))
    days.hear(spoken("rf-260", ["other"], [last - START + well * MS_PER_DAY]))
    days.listen(2 / 24 / 60)
    before = list(days.said)
    days.hear(spoken("rf-260", ["other"], [last - START + silent * MS_PER_DAY]))
    days.listen(2 / 24 / 60)

    assert before == []
    assert days.said == [("it", "silent", OPENED)]


def test_one_rule_tells_the_quick_in_time_and_spares_the_slow() -> None:
    """An hour of silence: unusual for one that speaks every ten seconds, and nothing for one that does once a day."""
    days = Days(new_engine("1 h"))
    days.hear(spoken("rf-260", ["slow"], every(24 * 60, 20)))
    days.hear(spoken("generic-compressor", ["quick"], every(1 / 6, 20, since=19.5)))
    days.found.clear()  # before its rhythm was known, the slow one may have been called silent
    before = START + 20 * MS_PER_DAY

    days.listen(1.5)

    (told,) = days.found
    assert days.said == [("quick", "silent", OPENED)]
    assert told.time - before <= MS_PER_HOUR + 2 * STEP_MS


def test_one_of_many_that_speak_all_the_time_is_told_alone() -> None:
    """However short the silence that counts, those who spoke a minute ago did not fall silent with it."""
    days = Days(new_engine("10 min"))
    others = [f"n{k}" for k in range(50)]
    days.hear(spoken("rf-260", [*others, "it"], every(1, 0.5)))
    days.hear(spoken("rf-260", others, every(1, 1.5, since=0.5)))
    days.listen(0.001)

    assert days.said == [("it", "silent", OPENED)]


def test_who_died_one_by_one_is_no_outage_and_hides_none() -> None:
    """More than half of an old fleet is gone, each in its own week: each is told, and so is the next."""
    days = Days()
    fleet = [f"n{k:02}" for k in range(20)]
    for week in range(15):
        days.hear(spoken("rf-260", fleet[week:], every(60, 7 * week + 7, since=7 * week)))
        days.listen(2 / 24 / 60)

    assert {one for one in days.said if one[2] == OPENED} == {(one, "silent", OPENED) for one in fleet[:14]}


def test_made_up_ids_do_not_hide_a_silence() -> None:
    """A hundred strangers say a word each in the minute in which a freezer ends."""
    days = Days()
    days.hear(spoken("rf-260", ["freezer"], every(10, 1)))
    days.hear(spoken("rf-260", [f"stranger-{k}" for k in range(100)], [MS_PER_DAY - 10 * MINUTE]))
    days.listen(3.2)

    assert days.said == [("freezer", "silent", OPENED)]


def test_a_region_of_several_models_is_one_finding_though_few_of_each_are_in_it() -> None:
    """Six of each of two models, while their siblings speak on: a day's end does not tell them one by one."""
    days = Days()
    models = ("rf-260", "generic-compressor")
    for model in models:
        days.hear(spoken(model, [f"{model}-gone-{k}" for k in range(6)], every(10, 0.5)))
    for day in range(6):
        for model in models:
            days.hear(spoken(model, [f"{model}-{k}" for k in range(30)], every(10, day + 1, since=day)))
            days.listen(2 / 24 / 60)

    assert days.said == [("*", "silent-together", OPENED)]


def test_time_in_which_nobody_listened_makes_nobody_silent() -> None:
    """The pipeline is down for five days; then a backlog is read, appliance by appliance."""
    days = Days()
    ids = ["p", "q", "r"]
    days.hear(spoken("rf-260", ids, every(10, 1)))
    days.listen(0.01)
    days.deaf(5)
    for one in ids:
        days.hear(spoken("rf-260", [one], every(10, 6, since=1)))
        days.listen(1 / 24 / 60)
    days.listen(1)

    assert days.said == []


def test_the_machine_s_clock_may_jump() -> None:
    """A month ahead, and back again."""
    days = Days()
    days.hear(spoken("rf-260", ["p"], every(10, 1)))
    for jump in (30, -30, -400, 400):
        days.listen(0.01)
        days.deaf(jump)
    days.listen(0.01)

    assert days.said == []


def test_who_is_still_being_read_is_not_called_silent() -> None:
    """A busy line: one device's two weeks come behind another's."""
    days = Days()
    days.hear(spoken("rf-260", ["fast"], every(10, 14)))
    for day in range(14):
        days.hear(spoken("generic-compressor", ["slow"], every(10, day + 1, since=day)))
        days.listen(1 / 24 / 60, caught_up=False)

    assert ("slow", "silent", OPENED) not in days.said


def test_a_stranger_of_one_reading_is_not_called_well() -> None:
    """Nobody knows that it should speak, so nobody is told; but well it is not."""
    days = Days()
    days.hear(spoken("rf-260", ["once"], [0.0]))
    days.listen(4)

    assert days.said == []
    assert days.engine.silent(days.engine.lanes["rf-260"]).all()


@pytest.mark.parametrize("at", [1.0, 3.5, 4.5])
def test_a_restored_engine_neither_repeats_nor_loses_a_silence(at: float) -> None:
    """Restored before it is told, while it is open, and while many are."""
    whole, first = Days(), Days()
    alone, fleet = ["x"], [f"n{k}" for k in range(30)]
    for days in (whole, first):
        days.hear(spoken("rf-260", fleet, every(10, 1)))
        days.hear(spoken("generic-compressor", alone, every(10, 0.2)))
        days.listen(at)
    second = Days(wall=first.wall)
    second.engine.restore(first.engine.snapshot())
    for days in (whole, second):
        days.listen(6 - at)
        days.hear(spoken("rf-260", fleet, [7 * MS_PER_DAY]))
        days.listen(0.01)

    assert first.found + second.found == whole.found
    assert len(whole.found) > 2


class AskedMeanwhile(RuleBook):
    """Has another thread's look fall into the moment in which the rules of an appliance model are made."""

    engine: Engine
    lanes: tuple[Lane, ...] = ()

    def state_for(self, profile: RulesProfile) -> RuleState:
        self.lanes = (*self.lanes, *self.engine.lanes.values())
        self.looks = [self.engine.silent(lane).tolist() for lane in self.lanes]
        return super().state_for(profile)


def test_another_thread_may_look_while_the_first_of_a_model_is_heard_or_a_snapshot_is_gone_back_to() -> None:
    """It had found a lane without rules: a KeyError on the page, once, with the first reading of a model."""
    book = AskedMeanwhile(load_settings(None).rules)
    engine = book.engine = Engine(profiles(), book, lateness_ms=10 * MINUTE)

    engine.process(spoken("rf-260", ("a", "b"), [0, MINUTE]))
    assert book.looks == []
    before = engine.snapshot()
    engine.process(spoken("ac-35i", ("c",), [0]))
    assert book.looks == [[False, False]]
    engine.restore(before)
    assert book.looks[0] == [False, False]
