"""Publish a fleet over MQTT: at a multiple of real time, or as fast as the pipeline keeps up.

An appliance that is asked (`diagnose`) sends at once, as telemetry, what it has measured since its last message.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import orjson

from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.topics import PROGRESS, Progress, command_topic, response_topic, status_topic
from simulators.fleet.asked import Ahead, diagnosis, measured
from simulators.fleet.fleet import Fleet
from simulators.fleet.links import (
    MOST_CONNECTIONS,
    MOST_UNACKNOWLEDGED,
    Address,
    Link,
    Links,
    credentials_of,
)
from simulators.fleet.population import Member
from simulators.fleet.wire import READINGS_A_MESSAGE, Message, messages

log = logging.getLogger(__name__)

_HEAR_WITHIN_S = 1.5  # for the first word of the pipeline's progress
_STALL_S = 10.0
_POLL_EVERY = 16  # messages published between two looks at the sockets


@dataclass(frozen=True, slots=True)
class Published:
    """What a run of `publish` came to."""

    messages: int
    readings: int
    seconds: float
    event_time: int  # ms UTC of the newest message


@dataclass(slots=True)
class Pace:
    """Event time against the wall clock; None is as fast as possible."""

    start: int  # ms UTC
    speed: float | None  # event seconds a wall second
    began: float = field(default_factory=time.monotonic)

    def now(self, event: int) -> int:
        """ms UTC of the fleet's clock; that of `event`, which is sent next, where it is as fast as possible."""
        if self.speed is None:
            return event
        return self.start + int((time.monotonic() - self.began) * 1_000 * self.speed)

    def due(self, event: int) -> bool:
        """Whether what happens at `event` ms UTC may be sent now."""
        return (
            self.speed is None or event <= self.start + (time.monotonic() - self.began) * 1_000 * self.speed
        )


@dataclass(slots=True)
class Window:
    """End-to-end flow control: at most `size` messages that the pipeline has not processed.

    Counts from the first `Progress` heard. A pipeline that restarts goes on counting where it was, so the window
    holds still meanwhile. One that reports but stands still for 10 s has lost what an in-memory broker lost with
    its restart, or counts otherwise: the window then starts anew. Unheard, the broker's acknowledgements alone hold.
    """

    size: int
    heard: Progress | None = None
    _moved_at: float = 0.0
    _base: int = 0  # their count minus ours when they agree
    _sent: int = 0

    def hear(self, progress: Progress, now_s: float) -> None:
        """Take a word of the pipeline's at `now_s` of a monotonic clock."""
        if self.heard is None:
            self._base = progress.messages - self._sent
        if self.heard is None or progress.messages != self.heard.messages:
            self._moved_at = now_s
        elif self.unprocessed >= self.size and now_s - self._moved_at > _STALL_S:
            log.warning("the pipeline stands still with %d messages unprocessed: going on", self.unprocessed)
            self._base, self._moved_at = progress.messages - self._sent, now_s
        self.heard = progress

    def sent(self) -> None:
        """Count a message of ours."""
        self._sent += 1

    @property
    def unprocessed(self) -> int:
        """Messages sent that the pipeline has not counted yet; 0 while it has not been heard."""
        return 0 if self.heard is None else self._sent - (self.heard.messages - self._base)

    @property
    def open(self) -> bool:
        """Whether one more message fits."""
        return self.unprocessed < self.size


class Publisher:
    """Moves a fleet's messages through its links. `publish` is the function to call."""

    def __init__(
        self,
        fleet: Fleet,
        address: Address,
        connections: int,
        passwords: Mapping[str, str] | None,
        window: int | None,
    ) -> None:
        self._members, self._offline = fleet.members, fleet.offline
        self._ahead = Ahead(iter(()), 0)
        self._turn: Message | None = None
        self._told: dict[int, int] = {}  # newest reading that was sent before its turn, by rank, ms UTC
        self._pace = Pace(fleet.scenario.start_ms, None)
        self._window = Window(window) if window is not None else None
        self._latest: dict[str, Message] = {}
        self._commands = {_diagnose(member): rank for rank, member in enumerate(self._members)}
        links = _links(self._members, connections, passwords, self._window is not None)
        self._links = Links(address, links, self._on_message)
        self._counts = [0, 0, fleet.scenario.start_ms]

    def run(self, stream: Iterator[Message], pace: Pace, stop: threading.Event) -> Published:
        """Publish until `stream` ends or `stop` is set; returns when the broker has acknowledged all."""
        began = time.monotonic()
        self._links.open()
        self._announce(b"online")
        self._listen(stop)
        self._ahead, self._pace = Ahead(stream, 4 * len(self._members)), pace
        for message in self._ahead:
            self._turn = message
            if not self._wait_for_turn(message, pace, stop):
                break
            self._send(message)
        self._finish(stop)
        return Published(self._counts[0], self._counts[1], time.monotonic() - began, self._counts[2])

    def close(self) -> None:
        """Disconnect."""
        self._links.close()

    def _listen(self, stop: threading.Event) -> None:
        """Give the pipeline a moment to be heard."""
        until = time.monotonic() + _HEAR_WITHIN_S
        while self._window and not self._window.heard and time.monotonic() < until and not stop.is_set():
            self._links.poll(0.05)
        if self._window and not self._window.heard:
            log.warning("no pipeline reports its progress: only the broker's acknowledgements slow us down")

    def _wait_for_turn(self, message: Message, pace: Pace, stop: threading.Event) -> bool:
        link = self._link(message.appliance)
        if self._counts[0] % _POLL_EVERY == 0:
            self._links.poll(0.0)
        while not stop.is_set():
            room = link.unacknowledged < MOST_UNACKNOWLEDGED and (self._window is None or self._window.open)
            if room and pace.due(message.sent):
                return True
            self._links.poll(0.01)
        return False

    def _send(self, message: Message) -> None:
        self._link(message.appliance).publish(message.topic, message.payload)
        self._latest[self._members[message.appliance].appliance_id] = message
        self._counts[0] += 1
        self._counts[1] += message.readings
        self._counts[2] = message.sent
        if self._window is not None:
            self._window.sent()

    def _link(self, appliance: int) -> Link:
        return self._links.links[appliance % len(self._links.links)]

    def _announce(self, status: bytes) -> None:
        """Retained status of appliances that share a connection; on one of its own the connection says it."""
        for k, member in enumerate(self._members):
            link = self._link(k)
            if link.will_topic is None or status == b"offline":
                link.publish(status_topic(member.appliance_model, member.appliance_id), status, retain=True)
            while link.unacknowledged >= MOST_UNACKNOWLEDGED:
                self._links.poll(0.01)

    def _finish(self, stop: threading.Event) -> None:
        """Wait until the broker has everything; once told to stop, for five more seconds at most."""
        last_call = time.monotonic() + 5.0
        while self._links.unacknowledged and (not stop.is_set() or time.monotonic() < last_call):
            self._links.poll(0.02)
            if not stop.is_set():
                last_call = time.monotonic() + 5.0

    def _on_message(self, link: Link, topic: str, payload: bytes) -> None:
        if topic == PROGRESS and self._window is not None:
            try:
                self._window.hear(Progress.from_json(payload), time.monotonic())
            except InputError as error:
                log.warning("%s", error)
        elif topic in self._commands:
            self._answer(link, self._commands[topic], payload)

    def _answer(self, link: Link, rank: int, request: bytes) -> None:
        """What it has measured and not sent yet leaves as telemetry; then who it is. Offline it hears nothing."""
        member, latest = self._members[rank], self._latest.get(self._members[rank].appliance_id)
        now = self._pace.now(self._counts[2] if self._turn is None else self._turn.sent)
        if any(first <= now < last for first, last in self._offline[member.appliance_id]):
            return
        turn = self._turn if self._turn is not None and self._turn.appliance == rank else None
        coming = turn or self._ahead.next_of(rank)
        fresh = [] if coming is None else measured(coming, now, self._told.get(rank, -1))
        if coming is not None and fresh:
            self._told[rank] = fresh[-1]["ts"]
            link.publish(coming.topic, orjson.dumps(fresh))
            if self._window is not None:
                self._window.sent()
        newest = fresh or (orjson.loads(latest.payload) if latest is not None else None)
        answer = response_topic(member.appliance_model, member.appliance_id, "diagnose")
        link.publish(answer, diagnosis(member, newest, request))


def _diagnose(member: Member) -> str:
    return command_topic(member.appliance_model, member.appliance_id, "diagnose")


def _links(
    members: tuple[Member, ...], connections: int, passwords: Mapping[str, str] | None, progress: bool
) -> list[Link]:
    """A link an appliance while there are enough; otherwise shared ones. The first also hears the pipeline."""
    shared = connections < len(members)
    links = []
    for k in range(min(connections, len(members))):
        topics = [_diagnose(member) for member in islice(members, k, None, connections)]
        if progress and k == 0:
            topics.append(PROGRESS)
        links.append(_shared_link(k, topics) if shared else _own_link(members[k], topics, passwords))
    return links


def _shared_link(number: int, topics: list[str]) -> Link:
    return Link(client_id=f"foremend-simulator-{number}", subscriptions=topics)


def _own_link(member: Member, topics: list[str], passwords: Mapping[str, str] | None) -> Link:
    username, password = credentials_of(passwords, member.appliance_id)
    return Link(
        client_id=member.appliance_id,
        subscriptions=topics,
        will_topic=status_topic(member.appliance_model, member.appliance_id),
        username=username,
        password=password,
    )


def publish(
    fleet: Fleet,
    url: str,
    *,
    speed: float | None = None,
    window: int | None = None,
    per_message: int = READINGS_A_MESSAGE,
    connections: int = MOST_CONNECTIONS,
    passwords: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
) -> Published:
    """Publish the whole fleet to the broker at `url` (mqtt://[user:password@]host[:port]) and return the counts.

    `speed` is event seconds a wall second (None: as fast as it goes); `window` the most messages the pipeline may
    be behind (None: do not ask it). With fewer `connections` than appliances they share, and there is no last will
    for each. `passwords` maps appliance ids to passwords; their user names are the ids. mqtts:// trusts the system's
    certificate authorities, or those in the file that SSL_CERT_FILE names. Set `stop` to end early.
    Raises ConfigError for a bad address or number, UnavailableError or RefusedError when the broker does not
    take us at the start; later it may be away as long as it likes.
    """
    numbers = {"speed": speed, "window": window, "per_message": per_message, "connections": connections}
    for name, value in numbers.items():
        if value is not None and value <= 0:
            raise ConfigError(f"{name} is {value}: it must be above 0")
    publisher = Publisher(fleet, Address.parse(url), min(connections, MOST_CONNECTIONS), passwords, window)
    try:
        pace = Pace(fleet.scenario.start_ms, speed)
        return publisher.run(messages(fleet, per_message), pace, stop or threading.Event())
    finally:
        publisher.close()
