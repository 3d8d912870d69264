"""`foremend replay`: recorded telemetry through the same engine, or onto a broker as if the appliances sent it.

A replay only reports. It opens no ticket and sends no message: what a recording shows happened long ago.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from foremend.config import Settings, load_settings
from foremend.engine.follow import follow
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import Block
from ingest.mqtt.publish import MqttPublisher
from ingest.mqtt.settings import MqttSettings
from ingest.replay.recording import ReplayMapping, load_mapping, read_file, to_messages
from ingest.values import Decoded, SignalSpecs
from models.stream.stream import summarise_days
from rules.evaluator import RuleBook
from rules.settings import RulesSettings, SilenceCondition

log = logging.getLogger(__name__)

MOST_REASONS = 20


@dataclass
class _Unusable:
    """What of a recording cannot be used."""

    count: int = 0
    reasons: list[str] = field(default_factory=list)

    def pick_from(self, parts: Iterable[Decoded]) -> Iterator[Block]:
        """The usable blocks of `parts`; the others are counted here."""
        for part in parts:
            yield from part.blocks
            self.count += len(part.dead_letters)
            self.reasons += [
                letter.reason for letter in part.dead_letters[: MOST_REASONS - len(self.reasons)]
            ]


def replay_recording(files: Sequence[Path], mapping_file: Path, config: Path | None) -> dict[str, Any]:
    """Runs a day for each appliance, and what the rules found.

    Raises InputError when a file cannot be read or holds nothing that can be used.
    """
    settings = load_settings(config)
    profiles, mapping = load_profiles(settings.profiles.folders), load_mapping(mapping_file)
    if mapping.appliance_model not in profiles:
        raise ConfigError(
            f"{mapping_file}: no appliance model {mapping.appliance_model!r}: choose from {', '.join(profiles)}"
        )
    profile, unusable = profiles[mapping.appliance_model], _Unusable()
    blocks = unusable.pick_from(recording(files, mapping, {profile.name: profile.signals}))
    rules = RuleBook(_without_silence(settings))
    lived = follow(profile, blocks, rules=rules, lateness_ms=settings.ingest.lateness)
    if lived.counts.used == 0:
        raise InputError(
            f"no usable reading in {', '.join(map(str, files))}: {'; '.join(unusable.reasons[:3]) or 'no rows'}"
        )
    return {
        "appliances": {one: {"days": summarise_days(rows)} for one, rows in sorted(lived.by_appliance())},
        "findings": [asdict(finding) for finding in lived.findings],
        "readings": asdict(lived.counts),
        "dead_letters": unusable.count,
        "dead_letter_reasons": unusable.reasons,
    }


def publish_recording(
    files: Sequence[Path], mapping_file: Path, url: str, config: Path | None
) -> dict[str, Any]:
    """Publish the recording with QoS 1, as arrays of readings, as fast as the broker takes them."""
    settings = load_settings(config)
    specs = {name: p.signals for name, p in load_profiles(settings.profiles.folders).items()}
    began = time.monotonic()
    sent = readings = bad = too_old = 0
    broker = validated(MqttSettings, settings.mqtt.model_dump() | {"url": url}, "--mqtt")
    with MqttPublisher(broker) as publisher:
        for part in recording(files, load_mapping(mapping_file), specs):
            too_old += sum(_refused(block, settings.ingest.oldest) for block in part.blocks)
            for message in (message for block in part.blocks for message in to_messages(block)):
                publisher.publish(message.topic, message.payload)
                sent += 1
            readings += part.readings
            bad += len(part.dead_letters)
        publisher.wait_until_acknowledged()
    if too_old:
        log.warning(
            "%d of %d readings are older than ingest.oldest: a pipeline refuses them, unless it has `oldest: null`",
            too_old,
            readings,
        )
    return {
        "messages": sent,
        "readings": readings,
        "older_than_oldest": too_old,
        "dead_letters": bad,
        "seconds": round(time.monotonic() - began, 2),
    }


def recording(files: Sequence[Path], mapping: ReplayMapping, specs: SignalSpecs) -> Iterator[Decoded]:
    """All files, the one that begins first first, whatever order they were named in."""
    for path in sorted(files, key=lambda path: _begins(path, mapping, specs)):
        yield from read_file(path, mapping, specs)


def _refused(block: Block, oldest: int | None) -> int:
    """How many readings a pipeline with this `ingest.oldest` takes for older than anybody keeps, now."""
    return 0 if oldest is None else int((block.time < time.time_ns() // 1_000_000 - oldest).sum())


def _begins(path: Path, mapping: ReplayMapping, specs: SignalSpecs) -> int:
    first = next((part for part in islice(read_file(path, mapping, specs), 1) if part.blocks), None)
    return int(first.blocks[0].time.min()) if first is not None else 0


def _without_silence(settings: Settings) -> RulesSettings:
    """A recording that ends is not an appliance that fell silent."""
    kept = tuple(rule for rule in settings.rules.book if not isinstance(rule.when, SilenceCondition))
    return settings.rules.model_copy(update={"book": kept})
