"""What an appliance says that is asked how it is, before the turn of its next message."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from simulators.fleet.population import Member
from simulators.fleet.wire import Message


class Ahead:
    """A stream of messages whose next one of an appliance can be looked at before its turn."""

    def __init__(self, stream: Iterator[Message], most: int) -> None:
        """`most`: messages looked through; a fleet sends about one of each appliance in turn."""
        self._stream, self._most, self._seen = stream, most, deque[Message]()

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        return self._seen.popleft() if self._seen else next(self._stream)

    def next_of(self, appliance: int) -> Message | None:
        """None where its next one is too far away, or there is none."""
        for message in self._seen:
            if message.appliance == appliance:
                return message
        while len(self._seen) < self._most:
            coming = next(self._stream, None)
            if coming is None:
                return None
            self._seen.append(coming)
            if coming.appliance == appliance:
                return coming
        return None


def measured(coming: Message, now: int, after: int) -> list[dict[str, Any]]:
    """Readings of a message before it leaves: those behind `after` that are there at `now` (ms UTC), else the next one.

    Who is asked measures at once, so there is one unless the message has no more. They come once more with the
    message itself, as QoS 1 allows.
    """
    readings: list[dict[str, Any]] = orjson.loads(coming.payload)
    fresh = [one for one in readings if one["ts"] > after]
    return [one for one in fresh if one["ts"] <= now] or fresh[:1]


def diagnosis(member: Member, newest: Sequence[dict[str, Any]] | None, request: bytes) -> bytes:
    """The answer to `diagnose`: who it is, its newest reading if it has one, and the request's own `id`."""
    try:
        asked = orjson.loads(request) if request else {}
    except orjson.JSONDecodeError:
        asked = {}
    return orjson.dumps(
        {
            "id": asked.get("id") if isinstance(asked, dict) else None,
            "appliance": member.appliance_id,
            "appliance_model": member.appliance_model,
            "batch": member.batch,
            "reading": newest[-1] if newest else None,
        }
    )
