"""When a message may leave: retries that spread, and hours in which people sleep. Pure; time is handed in."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from alerts.settings import QuietHours, RetrySettings


def retry_delay(attempts: int, retry: RetrySettings, rng: np.random.Generator) -> int:
    """ms until the next try after `attempts` (1 or more) failed ones: exponential backoff with equal jitter.

    Jitter keeps receivers that come back from being hit by everything at once (M. Brooker, "Exponential
    Backoff And Jitter", AWS Architecture Blog, 2015).
    """
    doublings = min(attempts - 1, 40)  # beyond, only the bound counts
    longest = min(retry.longest_delay, retry.first_delay * 2**doublings)
    return round(longest * (0.5 + 0.5 * rng.random()))


def named_delay(wait: int, retry: RetrySettings) -> int:
    """ms until the next try where the receiver named `wait` (Retry-After): no longer than `longest_delay`, so that a
    message is tried again within its life; no shorter than `first_delay`, so that 0 makes no storm of it."""
    return max(min(wait, retry.longest_delay), min(retry.first_delay, retry.longest_delay))


def quiet_until(now: int, timezone: ZoneInfo, quiet: QuietHours) -> int | None:
    """The end of the quiet hours that `now` falls in, ms UTC; None outside of them."""
    local = datetime.fromtimestamp(now / 1000, timezone)
    if not _is_quiet(local.time(), quiet):
        return None
    is_tomorrow = local.time() >= quiet.end
    end = (local + timedelta(days=int(is_tomorrow))).replace(
        hour=quiet.end.hour, minute=quiet.end.minute, second=quiet.end.second, microsecond=0, fold=0
    )
    until = _utc_ms(end)
    return until if until > now else _utc_ms(end.replace(fold=1))  # an hour that comes twice: its second time


def day_of(now: int, timezone: ZoneInfo) -> tuple[int, int]:
    """The local day that `now` falls in: its first moment, and the next day's, ms UTC."""
    local = datetime.fromtimestamp(now / 1000, timezone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return _utc_ms(midnight), _utc_ms(midnight + timedelta(days=1))


def _utc_ms(moment: datetime) -> int:
    return round(moment.astimezone(UTC).timestamp() * 1000)


def _is_quiet(clock: time, quiet: QuietHours) -> bool:
    if quiet.start < quiet.end:
        return quiet.start <= clock < quiet.end
    return clock >= quiet.start or clock < quiet.end
