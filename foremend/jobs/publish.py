"""`foremend replay --mqtt`: recorded telemetry onto a broker, as if the appliances sent it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foremend.config import load_settings
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import Block
from ingest.messages import to_messages
from ingest.mqtt.guest import require_names
from ingest.mqtt.publish import MqttPublisher
from ingest.mqtt.settings import MqttSettings
from ingest.replay.mapping import ReplayMapping, load_mapping
from ingest.replay.together import read_together, recordings

log = logging.getLogger(__name__)


def publish_recording(
    files: Sequence[Path], mapped: Path | ReplayMapping, url: str, config: Path | None
) -> dict[str, Any]:
    """Publish the recording with QoS 1, as arrays of readings, as fast as the broker takes them."""
    settings = load_settings(config)
    specs = {name: p.signals for name, p in load_profiles(settings.profiles.folders).items()}
    began = time.monotonic()
    sent = readings = bad = too_old = 0
    mapping = load_mapping(mapped) if isinstance(mapped, Path) else mapped
    broker = validated(MqttSettings, settings.mqtt.model_dump() | {"url": url}, "--mqtt")
    require_names(broker)
    with MqttPublisher(broker) as publisher:
        for part in read_together(recordings(files, mapping), mapping, specs):
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


def _refused(block: Block, oldest: int | None) -> int:
    """How many readings a pipeline with this `ingest.oldest` takes for older than anybody keeps, now."""
    return 0 if oldest is None else int((block.time < time.time_ns() // 1_000_000 - oldest).sum())
