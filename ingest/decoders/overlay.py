"""Devices that say only what changed: a message is laid over what is known, and every reading says all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import RawMessage
from ingest.decoders.base import Moment, said_something, stale
from ingest.decoders.device_map import DeviceMap, Parts
from ingest.decoders.plain import plain
from ingest.memory import remember
from ingest.values import ApplianceKey, DeviceReading, Ignored


class Overlay:
    """What is known of each appliance of one entry of the settings."""

    def __init__(self, devices: DeviceMap) -> None:
        self._devices = devices
        self._known: dict[str, dict[str, Parts]] = {}  # appliance id -> signal -> its values on the wire

    def forget(self, appliance: ApplianceKey) -> None:
        """It went offline."""
        self._known.pop(appliance.appliance_id, None)

    def reading(
        self, appliance: ApplianceKey, said: Mapping[str, Parts], when: Moment, message: RawMessage
    ) -> DeviceReading | Ignored:
        """All that is known with what is `said` now. Raises InputError where all of that is bad."""
        before = self._known.get(appliance.appliance_id, {})
        new: dict[str, Parts] = {}
        for name, parts in said.items():
            now = _laid_over(parts, before.get(name))
            if now is not None:
                new[name] = now
        if not new or stale(when, message):
            return Ignored()
        time = message.received if when.time is None else when.time
        values, bad = self._devices.signals(appliance, {**before, **new}, time)
        bad = {name: why for name, why in bad.items() if name in new}
        if len(bad) == len(new):
            raise InputError("; ".join(bad.values()))
        known = {**before, **{name: parts for name, parts in new.items() if name not in bad}}
        remember(self._known, appliance.appliance_id, known)
        if bad:
            values, _ = self._devices.signals(appliance, known, time)
        if not said_something(values):
            return Ignored()  # a sum of which a part was not heard of yet
        return DeviceReading(appliance, time, values, {**bad, **when.notes} if bad else when.notes)

    def snapshot(self) -> Mapping[str, Any]:
        return {
            name: {signal: list(parts) for signal, parts in known.items()}
            for name, known in self._known.items()
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue where `snapshot` was taken.

        An older version kept converted numbers: they are forgotten, and said again by the device.
        """
        self._known = {
            name: {signal: tuple(parts) for signal, parts in known.items() if isinstance(parts, list | tuple)}
            for name, known in snapshot.items()
        }


def _laid_over(parts: Parts, before: Parts | None) -> Parts | None:
    """`parts`, and what was known of those that are not said now; None where none is."""
    plainly = tuple([part if type(part) is float and part == part else plain(part) for part in parts])
    if len(plainly) == 1:
        return plainly if plainly[0] is not None else None
    if plainly.count(None) == len(plainly):
        return None
    if before is None or len(before) != len(parts):
        return plainly
    return tuple(old if new is None else new for new, old in zip(plainly, before, strict=True))
