"""Which deliveries of the present connection are not acknowledged yet, in the order they came. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

NO_TOKEN = 0
"""What a QoS 0 message carries: there is nothing to acknowledge."""


class DeliveryWindow:
    """Tokens for deliveries, so that a late acknowledgement never hits another message with the same packet id.

    Tokens grow for ever; packet ids come again on each connection and mean other messages there.
    """

    def __init__(self) -> None:
        self._token = NO_TOKEN
        self._open: deque[tuple[int, int]] = deque()  # (token, packet id)
        self._done: set[int] = set()  # acknowledged while an older delivery is not

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, mid: int) -> int:
        """The token of the delivery with packet id `mid`."""
        self._token += 1
        self._open.append((self._token, mid))
        return self._token

    def acknowledge(self, tokens: Iterable[int]) -> list[int]:
        """The packet ids that may be acknowledged now, in the order of delivery (MQTT-4.6.0-2).

        `tokens` come in any order; those of a connection that is gone are ignored.
        """
        if not self._open:
            return []
        first = self._open[0][0]
        self._done.update(token for token in tokens if token >= first)
        mids = []
        while self._open and self._open[0][0] in self._done:
            token, mid = self._open.popleft()
            self._done.discard(token)
            mids.append(mid)
        return mids

    def forget(self) -> None:
        """The connection is gone; its deliveries come again on the next one."""
        self._open.clear()
        self._done.clear()
