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


def quiet_until(now: int, timezone: str, quiet: QuietHours) -> int | None:
    """The end of the quiet hours that `now` falls in, ms UTC; None outside of them."""
    local = datetime.fromtimestamp(now / 1000, ZoneInfo(timezone))
    if not _is_quiet(local.time(), quiet):
        return None
    is_tomorrow = local.time() >= quiet.end
    end = (local + timedelta(days=int(is_tomorrow))).replace(
        hour=quiet.end.hour, minute=quiet.end.minute, second=quiet.end.second, microsecond=0, fold=0
    )
    return round(end.astimezone(UTC).timestamp() * 1000)


def _is_quiet(clock: time, quiet: QuietHours) -> bool:
    if quiet.start < quiet.end:
        return quiet.start <= clock < quiet.end
    return clock >= quiet.start or clock < quiet.end
