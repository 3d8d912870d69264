"""Retries and quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from alerts.schedule import day_of, quiet_until, retry_delay
from alerts.settings import QuietHours, RetrySettings

NIGHT = QuietHours(start=time(21), end=time(8))
SIESTA = QuietHours(start=time(13), end=time(15))


def test_the_end_of_quiet_hours_is_never_behind() -> None:
    """Where an hour comes twice, an end within it is the second one for those who are past the first."""
    second_time = utc("2026-10-25T01:15")  # 02:15 in Berlin, for the second time

    until = quiet_until(second_time, ZoneInfo("Europe/Berlin"), QuietHours(start=time(21), end=time(2, 30)))

    assert until == utc("2026-10-25T01:30")


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_delays_double_up_to_their_bound_with_jitter() -> None:
    """Every delay lies between half and the whole of what doubling gives, and never above the longest."""
    retry = RetrySettings(first_delay=1_000, longest_delay=60_000)
    rng = np.random.default_rng(1)

    for attempts in (1, 2, 5, 9, 10_000):
        whole = min(60_000, 1_000 * 2 ** min(attempts - 1, 60))
        delays = [retry_delay(attempts, retry, rng) for _ in range(50)]
        assert whole / 2 <= min(delays) < max(delays) <= whole


@pytest.mark.parametrize(
    ("now", "zone", "quiet", "until"),
    [
        ("2026-01-01T12:59", "Asia/Shanghai", NIGHT, None),
        ("2026-01-01T13:00", "Asia/Shanghai", NIGHT, "2026-01-02T00:00"),
        ("2026-01-01T18:00", "Asia/Shanghai", NIGHT, "2026-01-02T00:00"),
        ("2026-01-02T00:00", "Asia/Shanghai", NIGHT, None),
        ("2026-01-01T05:30", "Asia/Shanghai", SIESTA, "2026-01-01T07:00"),
        ("2026-01-01T07:00", "Asia/Shanghai", SIESTA, None),
        ("2026-03-29T00:30", "Europe/Berlin", NIGHT, "2026-03-29T06:00"),  # clocks go forward at 01:00 UTC
        ("2026-10-24T23:30", "Europe/Berlin", NIGHT, "2026-10-25T07:00"),  # clocks go back at 01:00 UTC
        ("2026-04-04T12:00", "Australia/Sydney", NIGHT, "2026-04-04T22:00"),  # back at 16:00 UTC, in autumn
        (
            "2026-10-03T12:00",
            "Australia/Sydney",
            NIGHT,
            "2026-10-03T21:00",
        ),  # forward at 16:00 UTC, in spring
        ("2026-04-04T12:00", "Australia/Lord_Howe", NIGHT, "2026-04-04T21:30"),  # back by half an hour
        ("2026-03-08T05:00", "America/Los_Angeles", NIGHT, "2026-03-08T15:00"),  # forward at 10:00 UTC
        ("2026-11-01T04:00", "America/Los_Angeles", NIGHT, "2026-11-01T16:00"),  # back at 09:00 UTC
    ],
)
def test_quiet_hours_end_where_the_appliance_is(
    now: str, zone: str, quiet: QuietHours, until: str | None
) -> None:
    """The end is the next one on the local clock, over midnight and over a change to or from summer time."""
    end = quiet_until(utc(now), ZoneInfo(zone), quiet)

    assert end == (None if until is None else utc(until))


@pytest.mark.parametrize(
    ("now", "zone", "began", "ends"),
    [
        ("2026-01-01T16:00", "Asia/Shanghai", "2026-01-01T16:00", "2026-01-02T16:00"),
        ("2026-01-01T15:59", "Asia/Shanghai", "2025-12-31T16:00", "2026-01-01T16:00"),
        ("2026-03-29T12:00", "Europe/Berlin", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
        ("2026-10-25T12:00", "Europe/Berlin", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
        ("2026-03-08T12:00", "America/Havana", "2026-03-08T05:00", "2026-03-09T04:00"),  # without a midnight
        ("2026-11-01T05:30", "America/Havana", "2026-11-01T04:00", "2026-11-02T05:00"),  # with two of them
    ],
)
def test_a_day_is_that_of_the_appliance(now: str, zone: str, began: str, ends: str) -> None:
    """From midnight to midnight on the local clock, however many hours that is."""
    assert day_of(utc(now), ZoneInfo(zone)) == (utc(began), utc(ends))
