"""A backlog at a real Mosquitto, which lets out another whole window for each acknowledgement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.backlog import leave_waiting, measure
from benchmarks.mosquitto_server import Mosquitto
from foremend.vocabulary.types import RawMessage
from ingest.mqtt.source import MqttSource

OpenSource = Callable[..., MqttSource]
TakeAll = Callable[..., list[tuple[RawMessage, Any]]]

ONE_READ = 256 * 1024


def test_what_waits_in_memory_is_bounded_while_the_broker_has_more(
    mosquitto: Mosquitto, open_source: OpenSource, take_all: TakeAll, stall: Callable[[float], None],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """60,000 wait; 10 are acknowledged, then nobody takes any for three keepalives: no more is read than may wait."""
    leave_waiting(mosquitto, 60_000)
    source = open_source(url=mosquitto.url, keepalive="3 s", waiting_bytes=65_536)

    first = source.take(20.0)
    source.acknowledge([token for _, token in first[:10]])
    stall(9.0)
    waiting = source.waiting_bytes
    source.acknowledge([token for _, token in first[10:]])
    rest = take_all(source, 60_000 - len(first))

    assert (
        65_536 <= waiting < 65_536 + 5 * ONE_READ
    )  # small messages weigh some four times their bytes on the wire
    assert len(first) + len(rest) == 60_000
    assert len({message.payload for message, _ in [*first, *rest]}) == 60_000
    assert "lost the broker" not in caplog.text


def test_a_payload_counts_with_its_weight(
    mosquitto: Mosquitto, open_source: OpenSource, make_peer: Callable[..., Any], take_all: TakeAll
) -> None:
    """Forty messages of 1 MiB come through a place for 2 MiB; no take holds more than 2 MiB and one read."""
    source = open_source(url=mosquitto.url, waiting_bytes=2 * 1024 * 1024)
    payloads = [bytes([number]) * 1024 * 1024 for number in range(40)]
    make_peer(mosquitto.port).publish("dt/appliance/rf-260/fridge-1/telemetry", payloads)

    takes = []
    while sum(map(len, takes)) < 40:
        takes.append([message.payload for message, _ in take_all(source, 1)])

    assert [payload for take in takes for payload in take] == payloads
    assert max(map(len, takes)) <= 3
    assert source.waiting_bytes == 0


def test_a_pipeline_takes_little_more_memory_for_a_backlog_than_at_rest(mosquitto: Mosquitto) -> None:
    """As `python -m benchmarks.backlog`, which does it with 1,000,000 messages, in small."""
    result = measure(30_000, times=1)

    assert result.more_mb < 64
    assert result.late_readings == 0
