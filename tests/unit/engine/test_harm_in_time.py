"""Harm under way is told when its time is over, whatever the compressor does and however new the appliance is."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.types import MS_PER_HOUR, Block, Finding, FindingKind
from rules.evaluator import RuleBook

START = 20_000 * 24 * MS_PER_HOUR + 20 * 60_000
MINUTE = 60_000
EVERY = 2 * MINUTE
LATENESS = 10 * MINUTE
Column = NDArray[np.float64]

DELIVERY = (LATENESS + 2 * EVERY) / MS_PER_HOUR
"""Hours from a window's end until its appliance's next reading is past the lateness."""
COMPRESSORS = ("never pauses", "never runs", "cycles", "tells no power", "tells NaN", "falls silent on power")


def power(kind: str, minutes: Column) -> Column | None:
    """What the cycle signal of a compressor of this kind says, (n,) W; None where it is not sent at all."""
    cycling = np.where(minutes % 50 < 18, 90.0, 2.0)
    return {
        "never pauses": np.full(len(minutes), 88.0),
        "never runs": np.full(len(minutes), 2.0),
        "cycles": cycling,
        "tells no power": None,
        "tells NaN": np.full(len(minutes), np.nan),
        "falls silent on power": np.where(minutes < 200, cycling, np.nan),
    }[kind]


@cache
def profiles() -> dict[str, Profile]:
    return load_profiles()


def block(model: str, hours: float, **signals: Column | None) -> Block:
    """One appliance, a reading every two minutes."""
    n = int(hours * MS_PER_HOUR / EVERY)
    time = START + EVERY * np.arange(n, dtype=np.int64)
    told = {name: column[:n] for name, column in signals.items() if column is not None}
    return Block(model, ("new",), np.zeros(n, np.int32), time, np.arange(n, dtype=np.int64), told)


def minutes(hours: float) -> Column:
    return np.arange(int(hours * MS_PER_HOUR / EVERY)) * EVERY / MINUTE


def new_engine() -> Engine:
    return Engine(profiles(), RuleBook(load_settings(None).rules), lateness_ms=LATENESS)


def full_window_after(hours: float) -> float:
    """Hours after the start when the first window that begins `hours` after it or later is over; windows are UTC's."""
    into = START % MS_PER_HOUR / MS_PER_HOUR
    return float(np.ceil(hours + into)) - into + 1


def told_after(readings: Block, fault: str) -> float:
    """Hours from the first reading to that which brought the finding, handed in one by one; inf: never."""
    engine = new_engine()
    for k in range(len(readings)):
        found = engine.process(readings.take(slice(k, k + 1)))
        if any(one.fault == fault and one.kind is FindingKind.OPENED for one in found):
            return float((readings.time[k] - START) / MS_PER_HOUR)
    return np.inf


@pytest.mark.parametrize("well_hours", [0.0, 5.0, 9.0])
@pytest.mark.parametrize("kind", COMPRESSORS)
def test_food_that_thaws_is_told_within_one_window_of_the_rules_time(kind: str, well_hours: float) -> None:
    """Six hours from the end of the first window that is warm throughout: no later, for one seen for the first time."""
    at = minutes(40)
    warm = np.where(at < well_hours * 60, 4.0, 15.0)

    told = told_after(block("rf-260", 40, power=power(kind, at), cabinet_temp=warm), "not-cooling")

    assert told <= full_window_after(well_hours) + 6 + DELIVERY


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_water_that_stands_is_told_within_one_window_of_the_rules_time(kind: str) -> None:
    """A float switch that is up for an hour."""
    at = minutes(30)
    load = power(kind, at)
    columns = {"power": None if load is None else 10 * load, "water_alarm": np.where(at < 120, 0.0, 1.0)}

    told = told_after(block("ac-35i", 30, **columns), "drain-blockage")

    assert told <= full_window_after(2) + 1 + DELIVERY


def test_a_coil_that_freezes_behind_a_compressor_without_pause_is_told_within_two_hours() -> None:
    """What is measured while it runs needs no learnt level, where the draw alone says that it runs."""
    at = minutes(30)
    columns = {"power": power("never pauses", at) * 10, "indoor_coil_temp": np.full(len(at), -7.0)}

    told = told_after(block("ac-26f", 30, **columns), "indoor-coil-icing")

    assert told <= full_window_after(0) + 1 + DELIVERY


def found(readings: Block, cuts: list[int]) -> list[Finding]:
    """What an engine finds in the readings, cut there, to the end of the input."""
    engine = new_engine()
    ends = [0, *sorted(cuts), len(readings)]
    told = [f for a, b in pairwise(ends) if a < b for f in engine.process(readings.take(slice(a, b)))]
    return told + engine.flush()


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(COMPRESSORS), cuts=st.lists(st.integers(0, 1200), max_size=12))
def test_what_is_told_early_does_not_depend_on_blocks(kind: str, cuts: list[int]) -> None:
    """The first day of an appliance, cut anywhere: the same findings."""
    at = minutes(40)
    readings = block("rf-260", 40, power=power(kind, at), cabinet_temp=np.where(at < 900, 15.0, 4.0))

    assert found(readings, cuts) == found(readings, [])
