"""What a broker sent for a while, within bounds: of each topic how often, and the newest payload."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

MOST_TOPICS = 20_000
MOST_PAYLOAD = 1 << 22
"""Bytes of one payload that are kept; Zigbee2MQTT's `bridge/devices` has some hundred KiB, seldom more than one MiB."""
MOST_KEPT = 1 << 25
"""Bytes of all topics and payloads that are kept."""
_CHANGES = "/events/rpc"
"""Where Shelly devices say what changed: each message has some of what is to be known."""
GATEWAY = "v1/gateway/telemetry"
"""Where a ThingsBoard gateway says what each of its devices does."""
_MOST_COMPONENTS = 64
_MOST_CHANGE = 1 << 16
_FIELD_BYTES = 256
"""What a field counts beside its names: a number or a short word. Of what is deeper only the name is kept."""


@dataclass(slots=True)
class Topic:
    """One topic. A message that the broker had kept tells what a device says, not how often."""

    name: str
    live: int = 0  # messages
    retained: int = 0
    first: int = 0  # ms UTC, of live ones
    last: int = 0
    payload: bytes | None = None  # the newest, of live ones if any came; None where there was no room
    changes: dict[str, Any] = field(default_factory=dict)  # component -> what was said of it, laid over

    @property
    def every_s(self) -> float | None:
        """Seconds from one live message to the next, None where fewer than two came."""
        return (self.last - self.first) / 1_000 / (self.live - 1) if self.live > 1 else None

    @property
    def document(self) -> Any:
        """The payload as JSON; None where it is none."""
        try:
            return None if self.payload is None else from_json(self.payload)
        except ValueError:
            return None

    @property
    def object(self) -> Mapping[str, Any] | None:
        """The payload as a JSON object; None where it is something else."""
        said = self.document
        return said if isinstance(said, dict) else None

    @property
    def text(self) -> str:
        """The payload for people, as far as it can be read."""
        return (self.payload or b"").decode("utf-8", "replace").strip()


class Heard:
    """Takes messages one by one; holds some 32 MiB at most, whatever comes."""

    def __init__(
        self, most_topics: int = MOST_TOPICS, most_payload: int = MOST_PAYLOAD, most_kept: int = MOST_KEPT
    ) -> None:
        self.topics: dict[str, Topic] = {}
        self._names: list[str] = []  # of them, in order, as `below` needs them
        self.messages = 0
        self.left_out = 0  # messages of topics for which there was no room
        self.kept = 0  # bytes
        self._most_topics, self._most_payload, self._most_kept = most_topics, most_payload, most_kept

    def take(self, topic: str, payload: bytes, retained: bool, received: int) -> None:
        """One message; `received` in ms UTC."""
        self.messages += 1
        known = self.topics.get(topic) or self._new(topic)
        if known is None:
            self.left_out += 1
            return
        if retained:
            known.retained += 1
        else:
            known.first = known.first or received
            known.last, known.live = received, known.live + 1
        if not retained or not known.live:
            self._keep(known, payload)
        if len(payload) <= _MOST_CHANGE and (topic == GATEWAY or topic.endswith(_CHANGES)):
            self._lay_over(known.changes, _said(payload, topic == GATEWAY))

    def below(self, *levels: str) -> Iterable[Topic]:
        """The topics below these levels, by their names."""
        if len(self._names) != len(self.topics):
            self._names = sorted(self.topics)
        prefix = "/".join(levels)
        begin, end = (bisect_left(self._names, prefix + sign) for sign in "/0")  # in order 0 comes after /
        return [self.topics[name] for name in self._names[begin:end]]

    def _lay_over(self, changes: dict[str, Any], params: dict[str, Any]) -> None:
        """What a notification says of each component, over what was said before."""
        for component, state in params.items():
            if isinstance(state, dict) and (component in changes or len(changes) < _MOST_COMPONENTS):
                for name, value in state.items():
                    if not _is_long(value) and self._has_room(changes, component, name):
                        changes.setdefault(component, {})[name] = (
                            None if isinstance(value, list | dict) else value
                        )

    def _has_room(self, changes: Mapping[str, Any], component: str, name: str) -> bool:
        """Whether one more field may be kept, which counts then; one that is known may be said again."""
        known = changes.get(component, {})
        if name in known:
            return True
        size = len(component) + len(name) + _FIELD_BYTES
        if len(known) >= _MOST_COMPONENTS or self.kept + size > self._most_kept:
            return False
        self.kept += size
        return True

    def _new(self, topic: str) -> Topic | None:
        if len(self.topics) >= self._most_topics or self.kept + len(topic) > self._most_kept:
            return None
        self.kept += len(topic)
        return self.topics.setdefault(topic, Topic(topic))

    def _keep(self, known: Topic, payload: bytes) -> None:
        before = len(known.payload or b"")
        if len(payload) > self._most_payload or self.kept - before + len(payload) > self._most_kept:
            return
        self.kept += len(payload) - before
        known.payload = payload


def _said(payload: bytes, of_gateway: bool) -> dict[str, Any]:
    """Component, or device, -> what a message says of it; empty where it is no such message."""
    try:
        said = from_json(payload)
    except ValueError:
        return {}
    if not isinstance(said, dict):
        return {}
    if of_gateway:
        return {name: _newest(readings) for name, readings in said.items()}
    params = said.get("params") if str(said.get("method")).startswith("Notify") else None
    return params if isinstance(params, dict) else {}


def _newest(readings: object) -> object:
    """The values of the last of a device's readings."""
    last = readings[-1] if isinstance(readings, list) and readings else None
    return last.get("values", last) if isinstance(last, dict) else None


def _is_long(value: object) -> bool:
    return isinstance(value, str | list | dict) and len(value) > _MOST_COMPONENTS
