"""The time zone of a clock that tells none, by when its messages came."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

_QUARTER_MS = 15 * 60_000
_SLACK_MS = 3 * 60_000
"""A device's clock may be so wrong, and its message so long on its way."""
_WIDEST_MS = 14 * 3_600_000


def zone_of(said: Iterable[tuple[datetime, int]]) -> tuple[str | None, tuple[str, ...]]:
    """The zone to write, None for none; and what there is to say about it. `said` are (its clock, ms UTC when it came).

    This machine's own zone where its clock is the same now, else one without summer time.
    """
    for time, came in said:
        if time.tzinfo is not None:
            return None, ()
        ahead = int(time.replace(tzinfo=UTC).timestamp() * 1_000) - came
        quarters = round(ahead / _QUARTER_MS)
        if abs(ahead) > _WIDEST_MS or abs(ahead - quarters * _QUARTER_MS) > _SLACK_MS:
            return None, (f"its clock says {time:%Y-%m-%d %H:%M}, which is no time zone's: set it (NTP)",)
        return _named(quarters * _QUARTER_MS, came)
    return None, ()


def _named(ahead: int, came: int) -> tuple[str | None, tuple[str, ...]]:
    here = local_zone()
    when = datetime.fromtimestamp(came / 1_000, UTC)
    if here is not None and _offset_ms(when.astimezone(ZoneInfo(here))) == ahead:
        return (None if here == "UTC" else here), ()
    if ahead == 0:
        return None, ()
    hours = ahead / 3_600_000
    advice = f"its clock is {hours:+g} h from UTC: where that changes with summer, write your zone, as Europe/Berlin"
    return (f"Etc/GMT{-int(hours):+d}" if hours == int(hours) else None), (advice,)


def local_zone() -> str | None:
    """This machine's zone by its IANA name; None where it does not say."""
    for name in (os.environ.get("TZ", ""), _linked(Path("/etc/localtime"))):
        try:
            return ZoneInfo(name).key if name else None
        except (KeyError, OSError, ValueError):
            continue
    return None


def _linked(path: Path) -> str:
    return str(path.resolve()).partition("zoneinfo/")[2] if path.exists() else ""


def _offset_ms(time: datetime) -> int:
    offset = time.utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1_000)
