"""The frozen values of this stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from foremend.vocabulary.device_words import DeviceWord
from foremend.vocabulary.types import Block, DeadLetter


class SignalSpec(Protocol):
    """What ingest needs to know of a signal; `foremend.vocabulary.profiles.Signal` is one."""

    @property
    def unit(self) -> str: ...

    @property
    def min(self) -> float: ...

    @property
    def max(self) -> float: ...


SignalSpecs = Mapping[str, Mapping[str, SignalSpec]]
"""Appliance model -> signal name -> its unit and what it can measure."""

_NOISE = 0.002
"""Of a meter's range: what metering chips show below zero while nothing flows (ADE7953, BL0937, Shelly EM)."""
_METERED = frozenset(("W", "mW", "kW", "A", "mA"))


def slack(spec: SignalSpec) -> float:
    """How far below its least value a signal is still at rest, in its unit.

    The profile's `tolerance`, or, of power and current that begin at zero, two thousandths of the range.
    """
    said: float | None = getattr(spec, "tolerance", None)
    if said is not None:
        return said
    return _NOISE * spec.max if spec.min == 0.0 and spec.unit in _METERED else 0.0


LEFT_OUT = ("outside", "not_a_number", "time", "unknown")
"""Kinds of what is left out of a reading: a value no such sensor can tell, one that is no number, a time of the
device's own that cannot be right (that of arrival is used), a signal that the profile lacks."""

STANDING = -2
"""The number of a reading that nobody sent: what a device that speaks on change said last stood until then."""


@dataclass(frozen=True, slots=True)
class ApplianceKey:
    """Which appliance a message is about."""

    appliance_model: str
    appliance_id: str


@dataclass(frozen=True, slots=True)
class Presence:
    """An appliance said, or the broker said for it, that it is online or offline."""

    appliance_model: str
    appliance_id: str
    online: bool
    time: int  # ms UTC, reception
    news: bool = True  # False: the broker kept it since nobody knows when, or the appliance has spoken since


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """What a device's message says about one appliance at one time, in the profile's units; NaN = absent."""

    appliance: ApplianceKey
    time: int  # ms UTC
    signals: dict[str, float]  # every signal of the profile, in its order
    notes: Mapping[str, str] = field(default_factory=dict)  # what of the message could not be used -> why
    seq: int = -1  # the device has none; STANDING: nobody said it, it stood


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is understood and of no use here: a relay's state, the echo of a command, a neighbour's.

    `note` is for what somebody may have meant otherwise; it is told once a topic and what it is `about`.
    """

    note: str = ""
    about: str = ""  # a device, where a topic is of several


@dataclass(frozen=True, slots=True)
class Several:
    """A message of several devices, or of one at several times, as gateways send them."""

    said: Sequence[DeviceReading | Presence | Ignored]
    refused: Sequence[str] = ()  # why each of the others cannot be used


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of some messages.

    Each is in `blocks`, `presence` or `words`, counted in `ignored` or `repeated`, or a dead letter.
    """

    blocks: Sequence[
        Block
    ]  # one per appliance model, rows in order of time, those of one time of arrival; more around what raised
    dead_letters: Sequence[DeadLetter]
    presence: Sequence[Presence] = ()
    words: Sequence[DeviceWord] = ()  # of owners, in order of arrival; the same may come again
    ignored: int = 0  # see Ignored
    repeated: int = 0  # canonical messages that came before, byte for byte
    readings: int = 0  # rows in all blocks
    left_out_by: Mapping[str, int] = field(default_factory=dict)
    """Kind -> signals that could not be used, of readings that could: see LEFT_OUT. The first of each is told."""

    @property
    def left_out(self) -> int:
        """Of all kinds."""
        return sum(self.left_out_by.values())
