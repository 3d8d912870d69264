"""The throughput benchmark's load generator: what it sends is what the pipeline expects."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

from benchmarks.mqtt_load import APPLIANCE_MODEL, APPLIANCES, packets
from foremend.config import load_settings
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import RawMessage
from ingest.decode import Ingest
from ingest.mqtt.scan import PacketScanner

MESSAGES, READINGS = APPLIANCES + 10, 3


def test_every_reading_of_the_load_is_usable() -> None:
    """A benchmark that measured dead letters or repeats would say nothing about telemetry."""
    settings = load_settings()
    profile = load_profiles(settings.profiles.folders)[APPLIANCE_MODEL]
    ingest = Ingest(settings.ingest, {APPLIANCE_MODEL: profile.signals})
    publishes, _ = PacketScanner().feed(b"".join(packets(MESSAGES, READINGS)))
    now = time.time_ns() // 1_000_000

    decoded = ingest.decode([RawMessage(p.topic.decode(), p.payload, now) for p in publishes])

    rows = [
        (block.appliance_ids[row], seq)
        for block in decoded.blocks
        for row, seq in zip(block.appliance, block.seq.tolist(), strict=True)
    ]
    assert decoded.dead_letters == []
    assert len(set(rows)) == len(rows) == MESSAGES * READINGS


def test_the_load_ends_when_the_broker_has_everything(broker: EmbeddedBroker) -> None:
    """More messages than its window are sent, each is acknowledged, and the process ends by itself."""
    command = [sys.executable, "-m", "benchmarks.mqtt_load", str(broker.port), "5000", "1"]

    subprocess.run(command, check=True)

    socket.create_connection(("127.0.0.1", broker.port)).close()
