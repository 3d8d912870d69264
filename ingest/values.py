"""The frozen values of this stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

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


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """What a device's message says about one appliance at one time, in the profile's units; NaN = absent."""

    appliance: ApplianceKey
    time: int  # ms UTC
    signals: dict[str, float]  # every signal of the profile, in its order


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is understood and of no use here: a relay's state, the echo of a command."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of some messages.

    Each is in `blocks` or `presence`, counted in `ignored` or `repeated`, or a dead letter.
    """

    blocks: Sequence[
        Block
    ]  # one per appliance model, rows in order of time, those of one time of arrival; more around what raised
    dead_letters: Sequence[DeadLetter]
    presence: Sequence[Presence] = ()
    ignored: int = 0  # see Ignored
    repeated: int = 0  # canonical messages that came before, byte for byte
    readings: int = 0  # rows in all blocks
