"""Which entries under `ingest.decoders` no message ever reaches, because an earlier one takes its topics first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from foremend.vocabulary.topics import parse_status_topic, parse_telemetry_topic
from ingest.decoders.base import ANYTHING, Decoder
from ingest.settings import DecoderSettings

_ANY_DEVICE = (ANYTHING, f"{ANYTHING}/{ANYTHING}")  # some names have several levels
_CANONICAL = "the reader of canonical topics"


class Entry(NamedTuple):
    """One entry of the settings and the decoder made of it."""

    settings: DecoderSettings
    decoder: Decoder


def unreached(entries: Mapping[int, Entry]) -> Iterator[tuple[int, str]]:
    """(place, sentence) of each entry, or device listed in one, that no message reaches.

    `entries` by their place under `ingest.decoders`, in that order.
    """
    earlier: dict[str, Decoder] = {}
    for place, (settings, decoder) in entries.items():
        others = _ANY_DEVICE if settings.appliance_model else ()
        topics = {name: _topics(decoder, name) for name in (*settings.appliances, *others)}
        takers = {name: _takers(earlier, decoder, mine) for name, mine in topics.items() if mine}
        if takers and all(takers.values()):
            first = " and ".join(dict.fromkeys(chain.from_iterable(takers.values())))
            yield (
                place,
                f"no message reaches it: {first} takes its topics; put it before that, or take one away",
            )
        for name in settings.appliances:
            if not topics[name]:
                yield place, f"appliances: '{name}' cannot be the device's name in any of its topics"
            elif takers[name] and not all(takers.values()):
                taken = " and ".join(takers[name])
                yield place, f"appliances: no message of '{name}' reaches it: {taken} takes its topics"
        earlier[f"ingest.decoders[{place}]"] = decoder
    yield from _twice(entries)


def _topics(decoder: Decoder, device: str) -> list[str]:
    """The topics of `device` that `decoder` would take, were it alone."""
    return [topic for topic in decoder.topics_of(device) if decoder.covers(topic)]


def _takers(earlier: Mapping[str, Decoder], decoder: Decoder, topics: Sequence[str]) -> list[str]:
    """Who takes all of `topics` from `decoder`; empty where one of them is left."""
    takers = [_taker_of(earlier, decoder, topic) for topic in topics]
    return [name for name in dict.fromkeys(takers) if name] if all(takers) else []


def _taker_of(earlier: Mapping[str, Decoder], decoder: Decoder, topic: str) -> str | None:
    """Those that list a device share it with others that do; one that takes every device leaves nothing of it."""
    if parse_telemetry_topic(topic) or parse_status_topic(topic):
        return _CANONICAL
    first = next(((name, one) for name, one in earlier.items() if one.covers(topic)), None)
    if first is None or (first[1].names(topic) and decoder.names(topic)):
        return None
    return first[0]


def _twice(entries: Mapping[int, Entry]) -> Iterator[tuple[int, str]]:
    """Signals of one appliance that two entries take from the same device: which of them counts would be chance."""
    first: dict[tuple[str, str, str, str], int] = {}
    for place, (settings, _) in entries.items():
        for device, ref in settings.appliances.items():
            for signal in settings.signals:
                key = (settings.decoder, device, ref.appliance_id, signal)
                if first.setdefault(key, place) != place:
                    yield (
                        place,
                        f"appliances: {signal} of '{ref.appliance_id}' comes from '{device}' in"
                        f" ingest.decoders[{first[key]}], too: take one away, or name another appliance",
                    )
