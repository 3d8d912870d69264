"""Times as devices write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from foremend.vocabulary.errors import InputError
from ingest.decoders.plain import plain

CLOCK_UNSET_BEFORE_MS = 946_684_800_000  # 2000: a device that no time server has answered starts at 1970
_MS_FROM = 1e11  # a smaller number is in seconds: 1e11 ms was in 1973, 1e11 s is in 5138
_LATEST_MS = 1e14
_DAY_FIRST = re.compile(r"(\d{1,2})[.](\d{1,2})[.](\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})[./](\d{1,2})[./](\d{1,2})")


def iso_ms(text: object, zone: tzinfo | None, near: int) -> int:
    """'2018-02-15T17:37:10' -> ms UTC. `zone` is for text without one; of a repeated hour the one `near` (ms) counts.

    Raises InputError where it is no ISO time, or has no zone and `zone` is None.
    """
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        time = None
    if time is None:
        raise InputError(f"time: {text!r:.60} is not like 2018-02-15T17:37:10")
    if time.tzinfo is not None:
        return _ms(time)
    if zone is None:
        raise InputError(f"time: {text!r:.60} has no time zone")
    offset = _offset_of_day(zone, time.toordinal())
    if offset is not None:
        return _ms(time.replace(tzinfo=UTC)) - offset
    candidates = (_ms(time.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    return min(candidates, key=lambda candidate: abs(candidate - near))


@lru_cache(maxsize=1_000)
def _offset_of_day(zone: tzinfo, day: int) -> int | None:
    """ms by which clocks of `zone` are ahead of UTC on that day; None where they are put on or back, or near year 1."""
    try:
        noons = [datetime.fromordinal(day + more).replace(hour=12, tzinfo=zone) for more in (-1, 0, 1)]
    except ValueError:
        return None
    first, *others = (noon.utcoffset() for noon in noons)
    if first is None or any(other != first for other in others):
        return None
    return round(first.total_seconds() * 1_000)


def device_ms(said: object, zone: tzinfo | None, near: int) -> int | None:
    """What a device's own clock says, ms UTC; None where it says nothing, or was never set.

    ISO text, text with dots or slashes (17.02.2018, 2018.02.17), seconds or ms since 1970, also as text; what is
    earlier than 2000 is an uptime or a clock that no time server has answered yet. Raises InputError for anything else.
    """
    value = plain(said)
    if value is None:
        return None
    time = _of_number(value) if isinstance(value, int | float) else iso_ms(_dashed(value), zone, near)
    return time if time >= CLOCK_UNSET_BEFORE_MS else None


def _of_number(value: int | float) -> int:
    if isinstance(value, bool) or not 0 <= value < _LATEST_MS:
        raise InputError(f"time: {value!r:.60} is neither seconds nor ms since 1970")
    return round(value) if value >= _MS_FROM else round(value * 1_000)


def _dashed(text: object) -> object:
    """A date with dots or slashes as ISO writes it; anything else as it is."""
    if not isinstance(text, str):
        return text
    for pattern, order in ((_DAY_FIRST, (3, 2, 1)), (_YEAR_FIRST, (1, 2, 3))):
        if found := pattern.match(text):
            year, month, day = (found[place] for place in order)
            return f"{year}-{month:0>2}-{day:0>2}{text[found.end() :]}"
    return text


def _ms(time: datetime) -> int:
    try:
        return round(time.timestamp() * 1_000)
    except (OverflowError, ValueError) as error:  # the years 1 and 9999 minus or plus a zone's offset
        raise InputError(f"time: {time.isoformat()} is out of range") from error
