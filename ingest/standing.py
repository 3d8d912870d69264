"""Devices that speak only when something changes: what they said last stands until they speak again.

What stood is said again once the next message shows that the device was there all the time, so that silence is still
silence. It is marked by its number, STANDING, and no news: who falls silent is judged by what devices said themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.memory import remember
from ingest.values import STANDING, ApplianceKey, DeviceReading

EVERY_MS = 10 * 60_000
"""So often what stands is said again: what follows readings takes longer silence for a gap (15 min)."""
SOON_MS = 60_000
"""The first time soon: it takes two readings to believe that a run ended, and what is between them counts as run."""
SHORT_MS = 90_000
"""After less there is nothing to say: a change is dated by the readings around it."""
_GAP_MS = 15 * 60_000
_LONGEST_LEARNT_MS = 6 * 3_600_000
_LONGER = 1.5
"""So many times its second longest pause a device's value stands: one outage teaches nothing."""
_SPOKE_ENOUGH = 20
_MOST_REPEATED = 0.1
"""Of a device's messages: one that speaks by the clock says the same again more often, while its machine rests."""
_FORGET_AT = 2_000
_MOST_DEVICES = 100_000


@dataclass(slots=True)
class _Said:
    """What is known of one appliance."""

    at: int = 0  # ms of its last reading
    values: dict[str, list[float]] = field(
        default_factory=dict
    )  # signal -> [value, ms it was said, ms said or repeated]
    longest: int = 0  # ms, of its pauses
    second: int = 0
    messages: int = 0
    repeats: int = 0

    def heard(self, pause: int, same: bool) -> None:
        """Learn from one more message."""
        self.messages += 1
        self.repeats += same
        if pause > self.longest:
            self.longest, self.second = pause, self.longest
        elif pause > self.second:
            self.second = pause
        if self.messages >= _FORGET_AT:
            self.messages, self.repeats = self.messages // 2, self.repeats // 2

    @property
    def learnt_ms(self) -> int:
        """How long its values stand, by its own pauses; 0 where it speaks by the clock."""
        by_the_clock = self.messages < _SPOKE_ENOUGH or self.repeats > _MOST_REPEATED * self.messages
        if by_the_clock or self.second <= _GAP_MS:
            return 0
        return min(round(_LONGER * self.second), _LONGEST_LEARNT_MS)


class Standing:
    """Of all devices of one entry of the settings; `holds_for` in ms, None: learnt from each device's own pauses."""

    def __init__(self, holds_for: int | None) -> None:
        self._holds_for = holds_for
        self._said: dict[str, _Said] = {}

    def before(self, said: DeviceReading) -> Iterator[DeviceReading]:
        """What stood between the appliance's last reading and `said`, which is remembered."""
        known = self._said.get(said.appliance.appliance_id)
        if known is None:
            known = _Said(said.time)
            remember(self._said, said.appliance.appliance_id, known, _MOST_DEVICES)
        elif said.time > known.at:
            holds = known.learnt_ms if self._holds_for is None else self._holds_for
            if holds:
                yield from _standing(known, said, holds)
        self._remember(known, said)

    def forget(self, appliance: ApplianceKey) -> None:
        """It went offline: after a power cut the old power is not the new one."""
        known = self._said.get(appliance.appliance_id)
        if known is not None:
            known.values.clear()

    def snapshot(self) -> Mapping[str, Any]:
        return {
            name: [one.at, one.longest, one.second, one.messages, one.repeats, one.values]
            for name, one in self._said.items()
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue where `snapshot` was taken."""
        self._said = {
            name: _Said(
                at, {signal: list(one) for signal, one in values.items()}, longest, second, messages, repeats
            )
            for name, (at, longest, second, messages, repeats, values) in snapshot.items()
        }

    def _remember(self, known: _Said, said: DeviceReading) -> None:
        if said.time < known.at:
            return
        time, same = said.time, True
        for name, value in said.signals.items():
            if value != value:
                continue
            before = known.values.get(name)
            if before is None:
                same = False
                known.values[name] = [value, time, time]
            else:
                same = same and before[0] == value
                before[:] = value, time, time
        known.heard(time - known.at, same)
        known.at = time


def _standing(known: _Said, said: DeviceReading, holds: int) -> Iterator[DeviceReading]:
    """Readings before `said`, in order of time: all that stands within a pause, and what is due at its end."""
    since, end = known.at, said.time - 1
    stands_until = min(end, since + holds + 1)  # of a clock that was years behind nothing is said in between
    pause = (
        [since + SOON_MS, *range(since + EVERY_MS, stands_until, EVERY_MS)] if end - since > SHORT_MS else []
    )
    for time in (*pause, end):
        due = {
            name: value
            for name, (value, at, repeated) in known.values.items()
            if repeated < time <= at + holds and (time < end or _is_due(said, name, at, repeated))
        }
        if due:
            for name in due:
                known.values[name][2] = time
            signals = {name: due.get(name, math.nan) for name in said.signals}
            yield DeviceReading(said.appliance, time, signals, seq=STANDING)


def _is_due(said: DeviceReading, name: str, at: float, repeated: float) -> bool:
    """Whether a signal is said again just before `said`: before it changes, and beside others that go on."""
    value = said.signals.get(name)
    if value is not None and value == value:
        return said.time - repeated > SHORT_MS
    return said.time - repeated >= (SOON_MS if repeated == at else EVERY_MS)
