"""ISO 8601 durations by the calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.periods import FOREVER, parse_period


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("begin", "period", "end"),
    [
        ("2026-01-31", "P1M", "2026-02-28"),
        ("2028-01-31", "P1M", "2028-02-29"),  # a leap year
        ("2028-02-29", "P1Y", "2029-02-28"),
        ("2028-02-29", "P4Y", "2032-02-29"),
        ("2096-02-29", "P4Y", "2100-02-28"),  # no leap year
        ("2026-12-15", "P1M", "2027-01-15"),
        ("2026-11-30", "P1Y3M", "2028-02-29"),
        ("2026-01-31", "P1M1D", "2026-03-01"),
        ("2026-06-01", "P2Y", "2028-06-01"),
        ("2026-06-01", "P30D", "2026-07-01"),
        ("2026-06-01", "P2W", "2026-06-15"),
        ("2026-06-01T10:00:00", "PT36H", "2026-06-02T22:00:00"),
        ("2026-06-01", "P1DT1H30M5S", "2026-06-02T01:30:05"),
        ("2026-06-01", "P0D", "2026-06-01"),
    ],
)
def test_a_period_ends_where_the_calendar_says(begin: str, period: str, end: str) -> None:
    """Months and leap years are right, and a day that the month lacks becomes its last."""
    assert parse_period(period).after(ms(begin)) == ms(end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1",
        "1Y",
        "P1H",
        "PT1D",
        "p1y",
        "P-1Y",
        "P1.5D",
        "P1YT",
        "P\uff11Y",
        "P1Y ",
        "two years",
    ],
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    """Months stand before the T and minutes behind it, so neither is guessed."""
    with pytest.raises(InputError, match="write for example P2Y"):
        parse_period(text)


def test_an_end_beyond_the_calendar_is_none() -> None:
    """Whoever writes P9999Y means for ever, and no date is made up for it."""
    assert parse_period("P9999Y").after(ms("2026-01-01")) == FOREVER


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(["P2Y", "P1M", "P30D", "PT4H"]))
def test_no_moment_that_a_database_keeps_is_one_to_fail_at(moment: int, period: str) -> None:
    """One row with a time of microseconds, or of nobody's making, must not stop what reads them all."""
    assert parse_period(period).before(moment) <= FOREVER
    assert parse_period(period).after(moment) <= FOREVER


@given(
    st.integers(0, 4_000_000_000_000),
    st.builds(lambda y, m, d: f"P{y}Y{m}M{d}D", st.integers(0, 99), st.integers(0, 30), st.integers(0, 999)),
)
def test_a_longer_period_never_ends_earlier(moment: int, period: str) -> None:
    """No end comes before its begin, and one more day is later."""
    one = parse_period(period)
    assert one.after(moment) >= moment
    assert parse_period(period[:-1] + "DT1S").after(moment) == one.after(moment) + 1000
