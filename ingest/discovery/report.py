"""What was found on a broker, for people and programs; and the settings that read it, tried on what was heard."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import RawMessage
from ingest.decode import Ingest
from ingest.decoders import Decoder, build_decoders
from ingest.discovery.device import POWER, Device, Key, Measured, appliances_of
from ingest.discovery.families import Unknown, canonical, not_understood, understood
from ingest.discovery.heard import Heard, Topic
from ingest.discovery.proposal import Entry, Proposed, entries, proposed, why_not
from ingest.settings import IngestSettings
from ingest.values import SignalSpec, SignalSpecs

NEW, LEFT_OUT, MAPPED, NOTHING, OURS = (
    "proposed",
    "left out",
    "in the config",
    "no power to watch",
    "speaks Foremend's contract",
)
"""What becomes of a device."""
_MOST_UNKNOWN = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """One device: what it is, what it says, and what becomes of it."""

    family: str
    name: str
    state: str  # NEW, LEFT_OUT, MAPPED, NOTHING or OURS
    online: bool | None
    messages: int  # while we listened
    every_s: float | None
    signals: tuple[Mapping[str, Any], ...]  # name, path, unit, value
    appliances: tuple[str, ...] = ()  # ids
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a broker said for a while."""

    messages: int
    left_out: int  # messages of topics for which there was no room
    devices: tuple[Shown, ...]
    unknown: tuple[Unknown, ...]
    entries: tuple[Entry, ...]  # for the settings, of those in state NEW

    def as_dict(self) -> dict[str, Any]:
        """For `--json`, and for a page."""
        return {
            "messages": self.messages,
            "left_out": self.left_out,
            "devices": [asdict(one) for one in self.devices],
            "not_understood": [asdict(one) for one in self.unknown],
            "proposal": {"ingest": {"decoders": [one.settings for one in self.entries]}},
        }


def report(
    heard: Heard,
    signals: SignalSpecs,
    settings: IngestSettings,
    appliance_model: str,
    only: Collection[str] = (),
) -> Discovery:
    """What is on the broker, and entries for devices that `settings` do not read yet: all, or `only` those names.

    `signals` as `ingest.decode.Ingest` takes them. Each entry was tried on what its device said; what of that could not
    be used is in the device's notes.
    """
    devices, topics = understood(heard)
    readers = build_decoders(settings.decoders, signals, {})
    mapped = {one.key for one in devices if _is_mapped(one, settings, readers)}
    wanted = [one for one in devices if one.key not in mapped and (not only or one.name in only)]
    taken = {ref.appliance_id for one in settings.decoders for ref in one.appliances.values()}
    taken |= {name for _, name in canonical(heard)}
    new = proposed(wanted, appliance_model, signals[appliance_model], taken)
    made = entries(new)
    troubles = _tried(made, new, {appliance_model: signals[appliance_model]}) if made else {}
    ids: dict[Key, list[str]] = {}
    for thing in new:
        ids.setdefault(thing.device.key, []).append(thing.appliance_id)
    has = signals[appliance_model]
    shown = [_shown(one, tuple(ids.get(one.key, ())), mapped, troubles, has) for one in devices]
    shown += [_ours(*who, said, signals) for who, said in canonical(heard).items()]
    unknown = list(not_understood(heard, topics))[:_MOST_UNKNOWN]
    return Discovery(heard.messages, heard.left_out, tuple(shown), tuple(unknown), tuple(made))


def _is_mapped(device: Device, settings: IngestSettings, readers: Sequence[Decoder]) -> bool:
    """Whether an entry of the settings lists it, or takes its messages."""
    for entry, reader in zip(settings.decoders, readers, strict=True):
        if entry.decoder == device.family and device.name in entry.appliances:
            return True
        takes_all = (
            entry.decoder != device.family or entry.appliance_model is not None
        )  # a topic may be of several
        if takes_all and any(reader.covers(topic.name) for topic in device.telemetry):
            return True
    return False


def _tried(
    made: Sequence[Entry], new: Sequence[Proposed], signals: SignalSpecs
) -> dict[Key, tuple[str, ...]]:
    """Why what a device said cannot be used by the entries."""
    written = {"decoders": [one.settings for one in made], "oldest": None}
    ingest = Ingest(validated(IngestSettings, written, "the proposal"), signals)
    troubles: dict[Key, tuple[str, ...]] = {}
    for device in {one.device.key: one.device for one in new}.values():
        decoded = ingest.decode([message for one in device.telemetry for message in _messages(one)])
        troubles[device.key] = tuple(dict.fromkeys(letter.reason for letter in decoded.dead_letters))
    return troubles


def _messages(topic: Topic) -> Iterator[RawMessage]:
    """The newest message, as if it came now."""
    if topic.payload is not None:
        yield RawMessage(topic.name, topic.payload, topic.last or 1, retained=False)


def _shown(
    device: Device,
    mine: tuple[str, ...],
    mapped: set[Key],
    troubles: Mapping[Key, tuple[str, ...]],
    has: Mapping[str, SignalSpec],
) -> Shown:
    """`mine` are the ids of the appliances that are proposed for it."""
    watchable = bool(mine) or any(True for _ in appliances_of(device))
    state = MAPPED if device.key in mapped else NEW if mine else LEFT_OUT if watchable else NOTHING
    return Shown(
        device.family,
        device.name,
        state,
        device.online,
        device.live,
        device.every_s,
        tuple(
            {"name": _name(one), "path": " + ".join(one.paths), "unit": one.unit, "value": one.value}
            for one in device.measured
        ),
        mine,
        (*device.notes, *_turned(device), *_unread(device, has), *troubles.get(device.key, ())),
    )


def _turned(device: Device) -> Iterator[str]:
    things = [one for _, signals in appliances_of(device) for one in signals.values()]
    for one in device.measured:
        if one.quantity == POWER and one.value is not None and one.value < 0 and one not in things:
            yield (
                f"{_name(one)} is below zero: it is made, not used; or, with `sign: reversed` in the entry, a clamp"
                " was put on the other way round"
            )


def _unread(device: Device, has: Mapping[str, SignalSpec]) -> Iterator[str]:
    for _, signals in appliances_of(device):
        for name, one in signals.items():
            why = why_not(one, has[name]) if name in has else ""
            if why:
                yield f"{_name(one)} cannot be read: {why:.200}"


def _name(one: Measured) -> str:
    return f"{one.channel} {one.quantity}".strip()


def _ours(model: str, name: str, topics: Sequence[Topic], signals: SignalSpecs) -> Shown:
    """An appliance that publishes as docs/appliances.md says: its model must have a profile, and that is all."""
    said = topics[0].document
    newest = said[-1] if isinstance(said, list) and said else said
    values = newest.get("signals") if isinstance(newest, dict) else None
    shown = tuple(
        {
            "name": key,
            "path": key,
            "unit": getattr(signals.get(model, {}).get(key), "unit", ""),
            "value": value,
        }
        for key, value in (values.items() if isinstance(values, dict) else ())
    )
    notes = () if model in signals else (f"appliance model '{model}' has no profile",)
    live, every = sum(one.live for one in topics), topics[0].every_s
    return Shown("foremend", f"{model}/{name}", OURS, None, live, every, shown, (name,), notes)
