"""The broker, and what is made of what devices send."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from foremend.config import Written
from foremend.plan.problem import Check, Problem
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.topics import CANONICAL
from ingest.decoders import build_decoders
from ingest.decoders.reach import Entry, unreached
from ingest.mqtt.settings import MqttSettings
from ingest.topic_pattern import overlap

_DECODERS = "ingest.decoders"
_ENTRY = (
    "write an appliance model, signals and units that profiles have, and topics that no entry before takes"
)


def broker(mqtt: MqttSettings) -> Iterator[Check]:
    """What is needed to speak to it."""
    yield Check("mqtt.password", "export the variable, or write the file that mqtt names", mqtt.password)
    if mqtt.tls:
        yield Check("mqtt.ca", "name PEM files: an authority, a certificate and its key", mqtt.tls_context)


def decoders(written: Written, profiles: Mapping[str, Profile], unknown: frozenset[str]) -> Iterator[Problem]:
    """Each entry on its own, so that one wrong entry hides no other; then which of them messages can reach.

    Entries that name one of `unknown`, appliance models whose profiles are wrong, are not judged.
    """
    signals = {name: profile.signals for name, profile in profiles.items()}
    entries: dict[int, Entry] = {}
    for index, one in enumerate(written.settings.ingest.decoders):
        place = written.place(_DECODERS, index)
        models = {one.appliance_model, *(ref.appliance_model for ref in one.appliances.values())}
        if models & unknown:
            continue
        try:
            entries[place] = Entry(one, build_decoders((one,), signals, payloads={})[0])
        except ConfigError as error:
            said = str(error).replace(f"{_DECODERS}[0]", f"{_DECODERS}[{place}]", 1)
            yield Problem(f"{_DECODERS}[{place}]", said, _ENTRY)
    for place, sentence in unreached(entries):
        name = entries[place].settings.decoder
        yield Problem(f"{_DECODERS}[{place}]", f"{_DECODERS}[{place}] ({name}): {sentence}", _ENTRY)
    if len(entries) == len(written.settings.ingest.decoders) and _DECODERS not in written.left_out:
        yield from _subscriptions(written.settings.mqtt, entries.values())


def _subscriptions(mqtt: MqttSettings, entries: Iterable[Entry]) -> Iterator[Problem]:
    """Filters that bring nothing but dead letters."""
    used = [*CANONICAL]
    used += [one for entry in entries for one in entry.decoder.subscriptions]
    for topic in mqtt.subscribe:
        if not any(overlap(topic, one) for one in used):
            yield Problem(
                "mqtt.subscribe",
                f"mqtt.subscribe: '{topic}' brings only what nobody reads: every message would be a dead letter",
                "take it out, or write a decoder for it under ingest.decoders",
            )
