"""Sparkplug B: what births name under `spBv1.0/<group>/<type>/<edge node>[/<device>]`."""

from __future__ import annotations

from collections.abc import Iterator

from foremend.vocabulary.errors import InputError
from ingest.decoders.protobuf import Metric, payload_of, signed
from ingest.discovery.device import WATCHED, Device, Found, Measured, number
from ingest.discovery.heard import Heard, Topic

_PREFIX = "spBv1.0"
_SAYS = ("NBIRTH", "DBIRTH", "NDATA", "DDATA")
_UNITS = {"power": "W", "current": "A", "voltage": "V"}
_UNNAMED = (
    "tells its metrics by numbers: their names come with its next birth; start it anew while this listens"
)


def find(heard: Heard) -> Found:
    """Devices as `group/edge node/device`, and edge nodes that measure something themselves."""
    names: dict[str, list[Topic]] = {}
    below = list(heard.below(_PREFIX))
    for one in below:
        levels = one.name.split("/")
        if (
            len(levels) in (4, 5) and levels[2] in _SAYS and one.live
        ):  # what was kept may be of a node long dead
            names.setdefault("/".join([levels[1], *levels[3:]]), []).append(one)
    return Found([_device(name, topics) for name, topics in names.items()], {one.name for one in below})


def _device(name: str, topics: list[Topic]) -> Device:
    metrics = [metric for topic in topics for metric in _metrics(topic)]
    measured = tuple(_measured(metrics))
    notes = (_UNNAMED,) if metrics and not any(metric.name for metric in metrics) else ()
    return Device("sparkplug-b", name, tuple(topics), measured, notes=notes)


def _metrics(topic: Topic) -> list[Metric]:
    try:
        return payload_of(topic.payload or b"").metrics
    except InputError:
        return []


def _measured(metrics: list[Metric]) -> Iterator[Measured]:
    """The first metric of each quantity, by the last part of its name: `Line 1/Power`."""
    found: dict[str, Measured] = {}
    for metric in metrics:
        quantity = (metric.name or "").rpartition("/")[2].lower()
        value = number(signed(metric.value, metric.datatype))
        if metric.name and quantity in WATCHED and value is not None:
            found.setdefault(quantity, Measured(quantity, (metric.name,), _UNITS[quantity], value))
    yield from found.values()
