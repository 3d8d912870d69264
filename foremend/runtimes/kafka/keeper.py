"""What a broker gives to nobody while its share is not there, and the gateway that keeps it: the keeper.

Mosquitto 2.0.11 forgets shared subscriptions at a restart, though not the sessions that had them: until the first
gateway has subscribed again it acknowledges what appliances send, and drops it. A plain subscription it remembers. So
one gateway more, the keeper, subscribes plainly to all that is shared. Normally it acknowledges what comes and makes
nothing of it, as a sibling has it. From each loss of its connection on it writes everything to Kafka as any gateway
does, until it knows that the share is there: it asks through the share, and whoever is dealt the question answers past
it. What both wrote came twice, and the engine drops what comes twice.
"""

from __future__ import annotations

import logging
import math
import secrets
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from foremend.vocabulary.topics import PROOF
from foremend.vocabulary.types import RawMessage
from ingest.mqtt.source import MqttSource

log = logging.getLogger(__name__)

ASK_EVERY_S = 1.0
"""An answer may take long: it is behind all that waited. A question to a gateway that is away waits in its session."""

Deliveries = Sequence[tuple[RawMessage, Any]]


def keeper_topics(share: str) -> tuple[str, str]:
    """Where the keeper of this share asks, and where gateways answer. A digest stands for the name."""
    name = blake2b(share.encode(), digest_size=8).hexdigest()
    return f"{PROOF}/{name}/asked", f"{PROOF}/{name}/answered"


class Answers:
    """A gateway of the share: tells the keeper that the share deals out.

    It answers on the connection on which it has subscribed, so the broker has the share when it hears the answer.
    """

    def __init__(self, source: MqttSource, share: str) -> None:
        self._source = source
        self._asked, self._answered = keeper_topics(share)

    def took(self, taken: Deliveries) -> None:
        """Answer what is asked in `taken`. A question that finds the broker away is asked again."""
        for message, _ in taken:
            if message.topic == self._asked:
                self._source.publish(self._answered, message.payload, qos=1)

    def needed(self, messages: Sequence[RawMessage]) -> Sequence[RawMessage]:
        """All of them."""
        return messages


class Keeper:
    """Knows which messages of a plain subscription nobody else may have; begins with all.

    A question carries a word of its own connection, so an answer that waited from before a restart is none.
    """

    def __init__(self, source: MqttSource, share: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._asks_on, self._answered = keeper_topics(share)
        self.kept = 0  # messages given on, since the process began
        self._word: bytes | None = None  # that an answer must carry; None once it has come
        self._sent = -math.inf
        self._begin()

    @property
    def standing_in(self) -> bool:
        """Whether the share may not be there, so that what comes is given on."""
        return self._word is not None

    def took(self, taken: Deliveries) -> None:
        """Something was taken, or nothing for a moment: ask where it is time to."""
        self._look_at_connection()
        if self._word is None or self._clock() - self._sent < ASK_EVERY_S:
            return
        if self._source.publish(self._asks_on, self._word, qos=1):
            self._sent = self._clock()

    def needed(self, messages: Sequence[RawMessage]) -> Sequence[RawMessage]:
        """Those before the answer, if it is among `messages`; none once it has come, all until then.

        `messages` were taken in their order. Whatever came by a new connection, its former one is known to be lost.
        """
        self._look_at_connection()
        if self._word is None:
            return ()
        given = [number for number, one in enumerate(messages) if self._is_answer(one)]
        needed = messages[: given[0]] if given else messages
        self.kept += len(needed)
        if given:
            log.info("the share is dealt out: leaving the messages to the other gateways")
            self._word = None
        return needed

    def _is_answer(self, message: RawMessage) -> bool:
        return message.topic == self._answered and message.payload == self._word

    def _look_at_connection(self) -> None:
        if self._source.losses != self._losses:
            self._begin()

    def _begin(self) -> None:
        self._losses = self._source.losses
        self._word = secrets.token_hex(8).encode()
        self._sent = -math.inf
        log.info("nobody answered through the share on this connection yet: keeping what comes")
