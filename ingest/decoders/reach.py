"""Which entries under `ingest.decoders` no message ever reaches, because an earlier one takes its topics first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.topics import parse_status_topic, parse_telemetry_topic
from foremend.vocabulary.types import RawMessage
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

    `entries` by their place under `ingest.decoders`, in that order. Every decoder is asked with an empty payload.
    """
    earlier: dict[str, Decoder] = {}
    for place, (settings, decoder) in entries.items():
        others = _ANY_DEVICE if settings.appliance_model else ()
        topics = {name: _topics(decoder, name) for name in (*settings.appliances, *others)}
        takers = {name: _takers(earlier, mine) for name, mine in topics.items() if mine}
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


def _topics(decoder: Decoder, device: str) -> list[str]:
    """The topics of `device` that `decoder` would take, were it alone."""
    return [topic for topic in decoder.topics_of(device) if _takes(decoder, topic)]


def _takers(earlier: Mapping[str, Decoder], topics: Sequence[str]) -> list[str]:
    """Who takes all of `topics`; empty where one of them is left."""
    takers = [_taker_of(earlier, topic) for topic in topics]
    return [name for name in dict.fromkeys(takers) if name] if all(takers) else []


def _taker_of(earlier: Mapping[str, Decoder], topic: str) -> str | None:
    if parse_telemetry_topic(topic) or parse_status_topic(topic):
        return _CANONICAL
    return next((name for name, decoder in earlier.items() if _takes(decoder, topic)), None)


def _takes(decoder: Decoder, topic: str) -> bool:
    try:
        return decoder.decode(RawMessage(topic, b"", 0)) is not None
    except InputError:
        return True
