"""Whether a shared subscription that the broker granted brings anything.

NATS 2.15 and Moquette 0.17 grant `$share/...` and send nothing through it, so a gateway would wait for ever beside a
fleet that talks. Its own connection sends it two small messages, one through a share and one past it. Each gateway has
topics of its own, so no other member of the share can take them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from foremend.vocabulary.errors import RefusedError
from foremend.vocabulary.topics import PROOF
from foremend.vocabulary.types import RawMessage
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

log = logging.getLogger(__name__)

PATIENCE_S = 10.0


def proof_topics(client_id: str) -> tuple[str, str]:
    """Where the gateway of this name sends what comes through the share, and what comes past it.

    A digest stands for the name, which may have wildcards, slashes or, impossible in NATS, spaces.
    """
    name = blake2b(client_id.encode(), digest_size=8).hexdigest()
    return f"{PROOF}/{name}/shared", f"{PROOF}/{name}/plain"


class SharedProof:
    """Watches what a gateway takes until something came through the share.

    Any message but the one past the share is proof, as everything else is subscribed to through it: a backlog before
    our own message need not be waited for.
    """

    def __init__(
        self, settings: MqttSettings, source: MqttSource, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._source, self._clock = settings, source, clock
        self._shared, self._plain = proof_topics(settings.client_id)
        self._heard_plain = False
        self._sent: float | None = None  # by the clock; None while the broker is away

    def given(self, taken: Sequence[tuple[RawMessage, Any]]) -> bool:
        """Whether it is proved, by `taken` at last; sends our messages at the first call on a connection.

        Raises RefusedError where nothing came within ten seconds of one.
        """
        topics = {message.topic for message, _ in taken}
        self._heard_plain |= self._plain in topics
        if topics - {self._plain}:
            return True
        if not self._source.connected():
            self._sent = None
        elif self._sent is None:
            sent = [self._source.publish(topic, b"proof", qos=1) for topic in (self._shared, self._plain)]
            self._sent = self._clock() if all(sent) else None
        elif self._clock() - self._sent > PATIENCE_S:
            raise RefusedError(self._sentence())
        return False

    def _sentence(self) -> str:
        where, topic = self._settings.url, f"{PROOF}/#"
        if self._heard_plain:
            return (
                f"{where} granted our shared subscriptions ($share/...) and sends nothing through them: a message of"
                f" our own came past the share and not through it in {PATIENCE_S:g} s. Gateways need a broker that"
                ' deals out; with this one use a single `foremend run` (docs/operations.md, "Other brokers")'
            )
        return (
            f"{where} granted our subscriptions and brought none of our own messages on {topic} in {PATIENCE_S:g} s,"
            " neither through a share nor past it: let this gateway's user write and read there (broker's ACL)"
        )
