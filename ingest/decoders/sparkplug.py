"""Sparkplug B: edge nodes and their devices under `spBv1.0/<group>/<type>/<edge node>[/<device>]`, as Protocol Buffers.

A birth names all metrics, and gives each a number (alias) that later messages may use instead. Data says only what
changed, so it is laid over what is known. A death, of the node or of a device, forgets that. Without having heard the
birth, numbers mean nothing: the node is asked for a rebirth.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import Moment, Quiet, Said, moment, reading
from ingest.decoders.device_map import DeviceMap, Parts
from ingest.decoders.overlay import Overlay
from ingest.decoders.protobuf import Metric, Payload, command, payload_of, signed
from ingest.settings import SparkplugSettings
from ingest.values import ApplianceKey, Ignored, Presence, Several

_BIRTH_AND_DEATH = "bdSeq"
_REBIRTH = "Node Control/Rebirth"
_ASK_AGAIN_MS = 10 * 60_000
_ASK_TOGETHER = 20
_ASK_EVERY_MS = 1_000
"""At most so many nodes are asked for a rebirth in so many ms: all births of a plant at once would be a storm."""
_MOST_NODES = 10_000
_MOST_INSIDE = 1_000
"""Devices of one node."""
_MOST_ALIASES = 500_000
"""And devices, of all nodes; 50 MB of aliases. A node that is forgotten is asked for its birth again."""
_TYPES = ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH")


@dataclass(slots=True)
class _Node:
    """What births said, of each device of an edge node, '' for itself: alias -> name, and name -> data type.

    Of what the settings do not name only the alias is kept.
    """

    born: int | None = None  # the number that ties a death to its birth
    names: dict[str, dict[int, str]] = field(default_factory=dict)
    types: dict[str, dict[str, int]] = field(default_factory=dict)
    asked: int = -_ASK_AGAIN_MS  # ms, when a rebirth was

    @property
    def aliases(self) -> int:
        """How many it has; each device is remembered by its name, too, and counts as one more."""
        return len(self.names) + sum(map(len, self.names.values()))


@dataclass(frozen=True, slots=True)
class _Where:
    """What a topic is about."""

    node: str  # group/edge node
    kind: str
    device: str  # empty: the node itself

    @property
    def name(self) -> str:
        """As the settings list it."""
        return f"{self.node}/{self.device}" if self.device else self.node


class Sparkplug(Quiet):
    """One reading for each time that a message has metrics of."""

    def __init__(self, settings: SparkplugSettings, devices: DeviceMap) -> None:
        super().__init__(devices)
        self._known = Overlay(devices)
        self._prefix = settings.prefix
        self._paths = {name: source.paths for name, source in settings.signals.items()}
        self._wanted = {path for paths in self._paths.values() for path in paths}
        self._listed = settings.appliances
        self._inside = _by_node(settings.appliances)
        self._nodes: dict[str, _Node] = {}
        self._requests: list[tuple[str, bytes]] = []
        self._aliases = 0  # of all nodes
        self._asking = 0  # ms, when the first of those was asked that are asked together
        self._asked = 0  # how many were

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Births, data and deaths; not commands, nor the state of hosts."""
        return tuple(f"{self._prefix}/+/{kind}/+{'/+' if kind.startswith('D') else ''}" for kind in _TYPES)

    def topics_of(self, device: str) -> tuple[str, ...]:
        """See Decoder; a device is listed as group/edge node/device."""
        group, _, rest = device.partition("/")
        kind = "DDATA" if "/" in rest else "NDATA"
        return (f"{self._prefix}/{group}/{kind}/{rest}",) if rest else ()

    def names(self, topic: str) -> bool:
        """Whether the settings list the device, or one of the node whose birth or death this is."""
        where = self._where(topic)
        return where is not None and self._lists(where)

    def covers(self, topic: str) -> bool:
        """See Decoder. What a node says of itself is needed for its devices."""
        where = self._where(topic)
        return where is not None and self._covers(where)

    def fits(self, topic: str) -> bool:
        """See Decoder."""
        return topic.startswith(f"{self._prefix}/")

    def requests(self) -> Sequence[tuple[str, bytes]]:
        """(topic, payload) to publish since this was asked last: rebirths."""
        taken, self._requests = self._requests, []
        return taken

    def decode(self, message: RawMessage) -> Said | None:
        """See Decoder."""
        where = self._where(message.topic)
        if where is None or not self._covers(where):
            return None
        if message.retained:
            return Ignored()  # neither birth nor data may be kept: nobody can tell how old it is
        payload = payload_of(message.payload)
        node = self._node(where.node)
        if where.kind.endswith("DEATH"):
            return self._died(where, node, payload, message)
        if where.kind.endswith("BIRTH"):
            self._was_born(where, node, payload)
            return self._read(where, node, payload, message, alive=True)
        return self._read(where, node, payload, message)

    def snapshot(self) -> Mapping[str, Any]:
        """What births said, and what is known of each appliance."""
        nodes = {
            name: [
                node.born,
                {
                    device: {str(alias): said for alias, said in of.items()}
                    for device, of in node.names.items()
                },
                {device: dict(of) for device, of in node.types.items()},
            ]
            for name, node in self._nodes.items()
        }
        return {"nodes": nodes, "known": self._known.snapshot()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """See Decoder."""
        self._known.restore(snapshot.get("known", {}))
        self._nodes = {
            name: _Node(
                born,
                {device: {int(alias): said for alias, said in of.items()} for device, of in names.items()},
                {device: dict(of) for device, of in types.items()},
            )
            for name, (born, names, types) in snapshot.get("nodes", {}).items()
        }
        self._aliases = sum(node.aliases for node in self._nodes.values())

    def _where(self, topic: str) -> _Where | None:
        levels = topic.split("/")
        depth = len(self._prefix.split("/"))
        if "/".join(levels[:depth]) != self._prefix or not 3 <= len(levels) - depth <= 4:
            return None
        group, kind, edge, *device = levels[depth:]
        if kind not in _TYPES or kind.startswith("D") != bool(device):
            return None
        return _Where(f"{group}/{edge}", kind, device[0] if device else "")

    def _lists(self, where: _Where) -> bool:
        return where.name in self._listed or (not where.device and where.node in self._inside)

    def _covers(self, where: _Where) -> bool:
        return self._appliance(where.name) is not None or self._lists(where)

    def _appliance(self, name: str) -> ApplianceKey | None:
        """Of a device, or node, by its full name; where it is not listed its id is that, with dashes."""
        return self._devices.appliance(name if name in self._listed else name.replace("/", "-"))

    def _node(self, name: str) -> _Node:
        """What is known of it; from now on it is the one that was heard of last."""
        node = self._nodes.pop(name, None) or _Node()
        self._nodes[name] = node
        self._stay_within_bounds()
        return node

    def _stay_within_bounds(self) -> None:
        """Forget nodes, the longest unheard first, while there are more than may be; never the last one."""
        while len(self._nodes) > 1 and (len(self._nodes) > _MOST_NODES or self._aliases > _MOST_ALIASES):
            self._aliases -= self._nodes.pop(next(iter(self._nodes))).aliases

    def _was_born(self, where: _Where, node: _Node, payload: Payload) -> None:
        """Learn what its metrics are called; the birth of a node ends what was known of its devices."""
        self._aliases -= node.aliases
        if not where.device:
            node.names.clear()
            node.types.clear()
            node.born = _birth_of(payload)
        metrics = [one for one in payload.metrics if one.name]
        for of in (node.names, node.types):  # whoever was born longest ago goes
            of.pop(where.device, None)
            while len(of) >= _MOST_INSIDE:
                del of[next(iter(of))]
        node.names[where.device] = {
            one.alias: one.name if one.name in self._wanted else ""
            for one in metrics
            if one.alias is not None
        }
        node.types[where.device] = {
            one.name: one.datatype for one in metrics if one.name in self._wanted and one.datatype is not None
        }
        self._aliases += node.aliases
        self._stay_within_bounds()

    def _died(self, where: _Where, node: _Node, payload: Payload, message: RawMessage) -> Said:
        """All devices of a node die with it, but for the death of an earlier life, which comes late."""
        devices = [where.device]
        if not where.device:
            died = _birth_of(payload)
            if None not in (died, node.born) and died != node.born:
                return Ignored()
            devices = list(dict.fromkeys(("", *node.names, *self._inside.get(where.node, ()))))
        said = []
        for device in devices:
            appliance = self._appliance(_Where(where.node, where.kind, device).name)
            if appliance is not None:
                self._known.forget(appliance)
                said.append(
                    Presence(appliance.appliance_model, appliance.appliance_id, False, message.received)
                )
        return Several(said)

    def _read(
        self, where: _Where, node: _Node, payload: Payload, message: RawMessage, alive: bool = False
    ) -> Said:
        appliance = self._appliance(where.name)
        if appliance is None:
            return Ignored()
        said: list[Any] = []
        if alive:
            said.append(Presence(appliance.appliance_model, appliance.appliance_id, True, message.received))
        nameless = self._name(where, node, payload)
        refused: list[str] = []
        for (time, historical), metrics in _by_time(payload):
            when = moment(time, None, message, "timestamp")
            try:
                said.append(self._at(appliance, metrics, when, message, historical))
            except InputError as error:
                refused.append(str(error))
        if nameless:
            said.append(self._ask(where, node, message))
        return Several(said, refused)

    def _at(
        self,
        appliance: ApplianceKey,
        metrics: Sequence[Metric],
        when: Moment,
        message: RawMessage,
        historical: bool,
    ) -> Any:
        values = {one.name: None if one.null else one.value for one in metrics}
        raw: dict[str, Parts] = {name: tuple(map(values.get, paths)) for name, paths in self._paths.items()}
        if historical:  # of the past: no part of what is known now
            return reading(self._devices, appliance, raw, when, message)
        return self._known.reading(appliance, raw, when, message)

    def _name(self, where: _Where, node: _Node, payload: Payload) -> int:
        """Fill in names and signs as the birth said them; answers how many metrics stay without a name."""
        names, types = node.names.get(where.device, {}), node.types.get(where.device, {})
        nameless = 0
        for one in payload.metrics:
            if not one.name:
                one.name = names.get(one.alias) if one.alias is not None else None
                nameless += one.name is None
            datatype = one.datatype if one.datatype is not None else types.get(one.name or "")
            one.value = signed(one.value, datatype)
        return nameless

    def _may_ask(self, now: int) -> bool:
        """Whether one more node may be asked at `now`, ms; the others are with what they say next."""
        if not 0 <= now - self._asking < _ASK_EVERY_MS:
            self._asking, self._asked = now, 0
        self._asked += 1
        return self._asked <= _ASK_TOGETHER

    def _ask(self, where: _Where, node: _Node, message: RawMessage) -> Ignored:
        """For a rebirth, not more often than every ten minutes."""
        if message.received - node.asked >= _ASK_AGAIN_MS and self._may_ask(message.received):
            node.asked = message.received
            group, edge = where.node.split("/", 1)
            self._requests.append(
                (f"{self._prefix}/{group}/NCMD/{edge}", command(_REBIRTH, message.received))
            )
        return Ignored(
            f"metrics of '{where.name:.80}' have numbers for names, and its birth was not heard: it is asked for"
        )


def _by_node(listed: Iterable[str]) -> dict[str, list[str]]:
    """Edge node -> its devices, of names as group/edge node/device."""
    found: dict[str, list[str]] = {}
    for name in listed:
        node, slash, device = name.rpartition("/")
        if slash and "/" in node:
            found.setdefault(node, []).append(device)
    return found


def _birth_of(payload: Payload) -> int | None:
    return next(
        (one.value for one in payload.metrics if one.name == _BIRTH_AND_DEATH and isinstance(one.value, int)),
        None,
    )


def _by_time(payload: Payload) -> Iterator[tuple[tuple[int | None, bool], Sequence[Metric]]]:
    """Metrics by the time that they say, or the message does, the earliest first; historical ones apart."""

    def key(one: Metric) -> tuple[bool, int, bool]:
        time = one.timestamp if one.timestamp is not None else payload.timestamp
        return (time is None, time or 0, one.historical)

    for (unknown, time, historical), metrics in groupby(sorted(payload.metrics, key=key), key=key):
        yield (None if unknown else time, historical), list(metrics)
