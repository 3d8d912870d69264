"""Spells of those with something going on alone say what a spell of everybody says, whatever happens to the fleet."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from foremend.vocabulary.leaving import Leaving
from rules._kernel import advance, may_begin
from rules.spells import (
    CHANGES,
    ESCALATES,
    NEVER,
    OPENS,
    RELEASES,
    Limits,
    Spells,
    going,
    no_spells,
    packed,
    taking,
    told,
    unpacked,
    with_room,
    without,
)

Window = tuple[int, int, float, bool, bool]
"""Appliance, minutes since the one before, value, whether it is severe, whether it is news."""

LIMITS = Limits(
    opens_at=2.0, clears_at=1.0, sustained_for=3, clear_after=2, max_gap=6, change=2.0, every=2, refresh=9
)
AT_ONCE = LIMITS._replace(sustained_for=0, clear_after=0)


class Plain:
    """One appliance, as the rules are said in words."""

    def __init__(self) -> None:
        self.last = self.since = self.calm = self.spoken = NEVER
        self.untold, self.level, self.held, self.severe = 0, float("nan"), False, False

    def see(self, now: int, value: float, severe: bool, news: bool, limits: Limits) -> tuple[int, int]:
        """What happens, 0 for nothing, and since when it held."""
        if np.isnan(value):
            return 0, NEVER
        if now - self.last > limits.max_gap:
            self.calm = NEVER
            self.since = self.since if self.held else NEVER
        code = self._held(now, value, severe, limits) if self.held else self._idle(now, value, news, limits)
        self.last = now
        if code not in (0, RELEASES):
            self.spoken, self.level, self.severe = now, value, self.severe or severe
        return code, self.since

    def _idle(self, now: int, value: float, news: bool, limits: Limits) -> int:
        if value <= limits.opens_at:
            self.since = NEVER
            return 0
        if not news:
            self.untold += now - self.last if self.since != NEVER else 0
            return 0
        if self.since == NEVER:
            self.since, self.untold = now, 0
        self.held = now - self.since - self.untold >= limits.sustained_for
        self.calm = NEVER if self.held else self.calm
        return OPENS if self.held else 0

    def _held(self, now: int, value: float, severe: bool, limits: Limits) -> int:
        if value <= limits.clears_at:
            self.calm = now if self.calm == NEVER else self.calm
            if now - self.calm < limits.clear_after:
                return 0
            self.held, self.severe, self.since = False, False, NEVER
            return RELEASES
        self.calm = NEVER
        if severe and not self.severe:
            return ESCALATES
        age = now - self.spoken
        changed = abs(value - self.level) >= limits.change and age >= limits.every
        return CHANGES if changed or age >= limits.refresh else 0


def follow(
    spells: Spells, times: list[int], windows: list[Window], limits: Limits, fleet: int
) -> tuple[Spells, list[tuple[int, int, int]]]:
    """As `RuleState` does it; the spells then, and row, code and since of what happened."""
    columns = list(zip(*windows, strict=True)) or [()] * 5
    appliance, value = np.array(columns[0], np.int32), np.array(columns[2], np.float64)
    severe, news = np.array(columns[3], np.bool_), np.array(columns[4], np.bool_)
    spells = with_room(spells, fleet, 0)
    spells = with_room(spells, fleet, may_begin(appliance, value, news, spells, limits))
    never = np.full(fleet, NEVER, np.int64)
    events = advance(appliance, np.array(times, np.int64), value, severe, news, never, spells, limits)
    return spells, [tuple(one) for one in zip(*(part.tolist() for part in events), strict=True)]  # type: ignore[misc]


def state(spells: Spells, fleet: int) -> dict[str, NDArray[Any]]:
    return told(spells, np.arange(fleet))


def whole(spells: Spells) -> None:
    """Each place is free or somebody's, and who has one has it alone."""
    taken = np.flatnonzero(spells.whose >= 0)
    free = spells.free[: spells.left[0]]
    assert sorted([*taken, *free]) == list(range(len(spells.whose)))
    assert (spells.place[spells.whose[taken]] == taken).all()
    assert (spells.place >= 0).sum() == len(taken) == len(going(spells))


WINDOWS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 8),
        st.sampled_from([0.0, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0, float("nan")]),
        st.booleans(),
        st.sampled_from([True, True, True, False]),
    ),
    max_size=12,
)
STEPS = st.lists(st.tuples(WINDOWS, st.sets(st.integers(0, 4), max_size=3), st.booleans()), max_size=8)


@settings(max_examples=300)
@given(STEPS, st.sampled_from([LIMITS, AT_ONCE]))
def test_a_fleet_is_followed_as_each_of_it_would_be(
    steps: list[tuple[list[Window], set[int], bool]], limits: Limits
) -> None:
    """Blocks of windows; between them some leave and come back as the last, or all is kept and restored."""
    each: dict[int, Plain] = {}
    order = list(range(5))  # fleet row -> who it is
    spells, now = no_spells(0), 0
    for windows, leaves, restarts in steps:
        times, expected = [], []
        for number, (row, pause, *seen) in enumerate(windows):
            now += pause
            times.append(now)
            code, since = each.setdefault(order[row], Plain()).see(now, *seen, limits)
            if code:
                expected.append((number, code, since))
        spells, happened = follow(spells, times, windows, limits, 5)
        assert happened == expected
        whole(spells)
        gone = Leaving.of(np.array(sorted(leaves), np.intp), 5)
        part, spells = told(spells, gone.gone), without(spells, gone)
        whole(spells)
        order = [order[row] for row in gone.kept] + [order[row] for row in gone.gone]
        spells = taking(spells, np.arange(5 - len(leaves), 5), part)
        if restarts:
            spells = unpacked(packed(spells, 5), 5)
        whole(spells)


def test_of_who_is_well_nothing_is_kept() -> None:
    """A thousand appliances, of which three have something going on: only these are in the snapshot."""
    windows: list[Window] = [(row, 0, 5.0 if row % 400 == 7 else 0.0, False, True) for row in range(1_000)]
    spells, _ = follow(no_spells(0), [0] * 1_000, windows, LIMITS, 1_000)

    kept = packed(spells, 1_000)
    assert kept["appliance"].tolist() == [7, 407, 807]
    assert {len(column) for column in kept.values()} == {3}


def test_what_an_earlier_version_kept_of_each_appliance_is_taken_back() -> None:
    """It had a row of everybody, also of those with nothing going on."""
    windows: list[Window] = [(1, 0, 5.0, True, True), (3, 1, 5.0, False, True)]
    spells, _ = follow(no_spells(0), [10, 11], windows, AT_ONCE, 5)
    before = state(spells, 5)

    again = unpacked(before, 5)

    whole(again)
    assert {name: column.tobytes() for name, column in state(again, 5).items()} == {
        name: column.tobytes() for name, column in before.items()
    }
    assert again.whose[going(again)].tolist() == [1, 3]
