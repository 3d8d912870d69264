"""The lane that keeps a household's automation up to date: a thread that no exception ends.

It says what is, not what happened: each round compares what is with what was said on this connection, and says the
difference. So a restart, of Foremend or of a broker that keeps nothing, says everything anew, and a broker that is away
is waited for: what it missed is of no use any more.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

import orjson

from alerts.settings import HomeAssistant
from foremend.home.discovery import (
    ONLINE,
    discovery,
    discovery_topic,
    state_topic,
    status_topic,
)
from foremend.home.picture import Picture
from foremend.home.topics import KeptTopics
from foremend.home.words import Words
from foremend.vocabulary.aside import Aside
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.ports import Clock

log = logging.getLogger(__name__)

EVERY_S = 2.0
_CONNECTS_WITHIN_S = 2.0  # later it is worth a word
NAME = "home assistant"


class HomeLane:
    """Owns the connection and the thread."""

    def __init__(
        self,
        look: Callable[[int], Mapping[str, Picture]],
        topics: KeptTopics,
        settings: HomeAssistant,
        words: Words,
        version: str,
        clock: Clock,
        every_s: float = EVERY_S,
    ) -> None:
        """`look` tells, of a moment, every appliance that may be shown; `version` is Foremend's."""
        self._look, self._topics, self._settings = look, topics, settings
        self._words, self._version, self._clock = words, version, clock
        self._every_s = every_s
        self._connection = 0
        self._said: dict[str, bytes] = {}  # on this connection, by topic
        self._shown: set[str] = set()
        self._aside = Aside(NAME)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)
        self._trouble: str | None = None

    def start(self) -> None:
        """Once the pipeline knows its appliances: what the broker has of others is removed from then on."""
        self._topics.start()
        self._thread.start()

    def trouble(self) -> str | None:
        """Why it cannot work now, in words; from any thread."""
        return self._trouble

    def ended(self) -> str | None:
        """Whether its thread is gone, which only a restart mends."""
        gone = self._thread.ident is not None and not self._thread.is_alive() and not self._stop.is_set()
        return "its thread has ended" if gone else None

    def close(self) -> None:
        """Tell that nobody is there any more; a few seconds at most."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)
            self._topics.close()

    def round(self) -> None:
        """Say what changed. Raises UnavailableError while the broker or the database is away."""
        if not self._topics.connected:
            refused = f" ({self._topics.refusal})" if self._topics.refusal else ""
            raise UnavailableError(f"the broker on {self._topics.url} is not there{refused}")
        if self._connection != self._topics.connections:
            self._connection, self._said = self._topics.connections, {}
        pictures = self._look(self._clock.now_ms())
        for appliance_id in (self._topics.there() | self._shown) - pictures.keys():
            self._remove(appliance_id)
        for appliance_id, picture in pictures.items():
            self._show(appliance_id, picture)
        self._say(status_topic(self._settings), ONLINE)

    def _show(self, appliance_id: str, picture: Picture) -> None:
        """First the picture, then the device: what is known as a device always has a picture, which `there` tells."""
        self._shown.add(appliance_id)
        self._say(state_topic(self._settings, appliance_id), orjson.dumps(picture))
        device = discovery(self._settings, picture, self._words, self._version)
        self._say(discovery_topic(self._settings, appliance_id), orjson.dumps(device))

    def _remove(self, appliance_id: str) -> None:
        for topic in (
            discovery_topic(self._settings, appliance_id),
            state_topic(self._settings, appliance_id),
        ):
            self._topics.keep(topic, b"")
            self._said.pop(topic, None)
        self._shown.discard(appliance_id)

    def _say(self, topic: str, payload: bytes) -> None:
        if self._said.get(topic) != payload:
            self._topics.keep(topic, payload)
            self._said[topic] = payload

    def _run(self) -> None:
        self._topics.wait(_CONNECTS_WITHIN_S)
        while not self._stop.is_set():
            self._go()
            self._stop.wait(self._every_s)

    def _go(self) -> None:
        try:
            self.round()
        except UnavailableError as error:
            self._fail(f"waits: {error}")
        except Exception as error:  # noqa: BLE001 the lane outlives what is wrong with one look
            self._fail(self._aside.reason(error))
        else:
            if self._trouble is not None:
                log.warning("%s works again", NAME)
            self._trouble = None

    def _fail(self, trouble: str) -> None:
        if self._trouble is None:
            log.warning("%s %s", NAME, trouble)
        self._trouble = trouble
