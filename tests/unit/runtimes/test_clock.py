"""A start waits for a clock that cannot be right, and not for ever."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from foremend.runtimes import clock as clocks
from foremend.runtimes.clock import ClockAtStart
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import MS_PER_HOUR

NEWEST = 1_800_000_000_000


@dataclass
class At:
    time_ms: int

    def now_ms(self) -> int:
        return self.time_ms


def test_a_clock_behind_by_less_than_readings_may_be_ahead_is_right_enough() -> None:
    ClockAtStart(At(NEWEST - MS_PER_HOUR), MS_PER_HOUR).require(NEWEST)


def test_a_first_start_knows_of_no_reading_and_waits_for_nothing() -> None:
    ClockAtStart(At(0), MS_PER_HOUR).require(0)


def test_a_clock_behind_what_was_taken_is_told_with_what_to_do() -> None:
    """In one sentence, with how far it is behind."""
    with pytest.raises(UnavailableError, match=r"clock is 8 h behind the newest reading.*NTP"):
        ClockAtStart(At(NEWEST - 8 * MS_PER_HOUR), MS_PER_HOUR).require(NEWEST)


def test_a_clock_that_stays_behind_is_waited_for_ten_minutes_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been ahead when the readings came, and be right now."""
    elapsed = At(0)
    monkeypatch.setattr(clocks.time, "monotonic", lambda: elapsed.time_ms)
    start = ClockAtStart(At(NEWEST - 8 * MS_PER_HOUR), MS_PER_HOUR)
    for elapsed.time_ms in (0, 599):
        with pytest.raises(UnavailableError):
            start.require(NEWEST)
    elapsed.time_ms = 600

    start.require(NEWEST)
