"""Times as devices write them."""

from __future__ import annotations

from datetime import datetime, tzinfo

from foremend.vocabulary.errors import InputError


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
    candidates = (_ms(time.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    return min(candidates, key=lambda candidate: abs(candidate - near))


def _ms(time: datetime) -> int:
    try:
        return round(time.timestamp() * 1_000)
    except (OverflowError, ValueError) as error:  # the years 1 and 9999 minus or plus a zone's offset
        raise InputError(f"time: {time.isoformat()} is out of range") from error
