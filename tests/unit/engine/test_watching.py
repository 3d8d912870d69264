"""Appliances that nothing was trained for are watched by their own past, however their readings arrive."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foremend.engine.engine import Engine
from foremend.engine.watching import Watches
from foremend.vocabulary.profiles import Profile, Watch, load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block, Finding
from models.detectors import ControlCharts, reading_watch
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

PLUG = "generic-compressor"
START = 20_000 * MS_PER_DAY
MINUTE = 60_000
PLUGS = 3
DAYS = 5
WATCHES: Watches = {
    "readings": reading_watch,
    "hours": lambda: ControlCharts(spans=(4,)),
}  # hours: sure after 32 of them

RULES = RulesSettings.model_validate(
    {
        "book": [
            {
                "name": "odd",
                "fault": "abnormal-behaviour",
                "when": {"score": "any", "above": 0.99},
                "clear_below": 0.9,
                "clear_after": 2 * MS_PER_HOUR,
            }
        ]
    }
)


@cache
def profile(rows: str) -> Profile:
    watch = Watch.model_validate({"rows": rows, "signals": ["power", "current"]})
    return load_profiles()[PLUG].model_copy(update={"watch": watch})


def engine(rows: str) -> Engine:
    return Engine({PLUG: profile(rows)}, RuleBook(RULES), lateness_ms=10 * MINUTE, watches=WATCHES)


@cache
def readings() -> Block:
    """Three plugs for five days, now and then two readings swapped; on the fifth day one runs without a pause."""
    rng = np.random.default_rng(7)
    n = PLUGS * DAYS * 720
    appliance = (np.arange(n) % PLUGS).astype(np.int32)
    time = START + np.arange(n, dtype=np.int64) // PLUGS * 2 * MINUTE
    stuck = (appliance == 1) & (time >= START + 4 * MS_PER_DAY)
    on = ((time // MINUTE + 7 * appliance) % 44 < 14) | stuck
    power = np.where(on, 95.0, 2.0) + rng.normal(0, 1, n)
    order = np.arange(n)
    at = rng.choice(n - 8, 200, replace=False)
    order[at], order[at + PLUGS] = order[at + PLUGS].copy(), order[at].copy()
    block = Block(PLUG, ("a", "b", "c"), appliance, time, time // MINUTE, {"power": power}, ("1",) * PLUGS)
    return block.take(order)


def in_pieces(block: Block, cuts: Sequence[int]) -> list[Block]:
    return [block.take(slice(a, b)) for a, b in pairwise([0, *sorted(cuts), len(block)])]


def canonical(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (f.appliance_id, f.time, f.kind))


@cache
def expected(rows: str) -> list[Finding]:
    whole = engine(rows)
    return canonical([*whole.process(readings()), *whole.flush()])


@pytest.mark.parametrize(("rows", "within_hours"), [("readings", 2), ("hours", 8)])
def test_a_run_without_end_is_found(rows: str, within_hours: int) -> None:
    """Only on the plug that runs on, soon after it should have stopped."""
    found = expected(rows)

    assert {f.appliance_id for f in found} == {"b"}
    begun = START + 4 * MS_PER_DAY
    assert begun < found[0].time <= begun + within_hours * MS_PER_HOUR


def test_a_finding_says_what_is_and_what_was_usual() -> None:
    """In words that are there for daily features, with the signal's unit."""
    power, duty = expected("hours")[0].evidence

    assert (power.feature, power.unit, duty.feature) == ("power_mean", "W", "duty")
    assert power.value > 80
    assert power.usual == pytest.approx(2 + 93 * 14 / 44, rel=0.1)
    assert duty.usual == pytest.approx(14 / 44, rel=0.1)


@pytest.mark.parametrize("rows", WATCHES)
@settings(max_examples=10)
@given(cuts=st.lists(st.integers(0, PLUGS * DAYS * 720), max_size=30))
def test_cutting_into_blocks_changes_nothing(rows: str, cuts: list[int]) -> None:
    """One block or many: the same findings."""
    one = engine(rows)

    found = [f for piece in in_pieces(readings(), cuts) for f in one.process(piece)]

    assert canonical([*found, *one.flush()]) == expected(rows)


@pytest.mark.parametrize("rows", WATCHES)
@settings(max_examples=10)
@given(cut=st.integers(1, PLUGS * DAYS * 720))
def test_a_snapshot_in_the_middle_changes_nothing(rows: str, cut: int) -> None:
    """Whether an appliance was still being learnt or not, a restored engine finds what the first would have found."""
    first, second = in_pieces(readings(), [cut])
    before, after = engine(rows), engine(rows)

    found = before.process(first)
    after.restore(before.snapshot())

    assert canonical([*found, *after.process(second), *after.flush()]) == expected(rows)


def test_a_late_reading_changes_nothing() -> None:
    """What comes hours later is not judged, and does not disturb what is."""
    one, block = engine("readings"), readings()
    late = np.flatnonzero((block.appliance == 1) & (block.time == START + 3 * MS_PER_DAY))
    rest = np.setdiff1d(np.arange(len(block)), late)

    found = one.process(block.take(np.concatenate([rest, late])))

    assert one.counts().late == 1
    assert {f.appliance_id for f in [*found, *one.flush()]} == {"b"}


def test_a_gap_of_a_day_is_no_news() -> None:
    """An appliance that was unplugged goes on as it did before, and so does its usual."""
    one, block = engine("readings"), readings()
    day = (block.time - START) // MS_PER_DAY

    found = [f for piece in (block.take(day < 2), block.take(day == 3)) for f in one.process(piece)]

    assert [*found, *one.flush()] == []


def test_watching_other_rows_begins_anew() -> None:
    """A profile whose watch was changed does not keep the snapshot from being used for the rest."""
    by_readings, by_hours = engine("readings"), engine("hours")
    by_readings.process(readings().take(slice(0, 5_000)))

    by_hours.restore(by_readings.snapshot())

    assert by_hours.counts() == by_readings.counts()
    assert by_hours.process(readings().take(slice(5_000, 6_000))) == []
