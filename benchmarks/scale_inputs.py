"""What a fleet is sized from: who sends how much, what is assumed, and what was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any


@dataclass(frozen=True, slots=True)
class Fleet:
    """Who sends how much."""

    name: str
    appliances: int
    readings_a_day: int  # of an appliance
    readings_a_message: int


FLEETS = (
    Fleet("5 M, every 60 s", 5_000_000, 1_440, 60),
    Fleet("5 M, every 10 min", 5_000_000, 144, 6),
    Fleet("100 M, every 60 s", 100_000_000, 1_440, 60),
    Fleet("100 M, every 10 min", 100_000_000, 144, 6),
)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is not measured here. Prices are round list prices of large clouds, US dollars; ask your own."""

    peak: float = 2.0  # the busiest minutes to the mean
    busy: float = 0.5  # of a core, at the peak: the rest is for catching up
    connections_a_node: int = (
        1_000_000  # MQTT node of 32 cores, 64 GB; half of what was published, see docs/scale.md
    )
    mqtt_node_cores: int = 32
    mqtt_node_gb: int = 64
    client_us: float = 100.0  # a gateway's CPU for the MQTT and Kafka clients, a message
    kafka_mb_s: float = 50.0  # written to a broker, replicas included, beside its readers
    kafka_retention_days: int = 7
    replication: int = 3
    kafka_cores: int = 4
    kafka_gb: int = 16
    worker_gb: float = 24.0  # of state and what a worker needs beside it
    worker_cores: int = 2  # one for the engine, one for Faust, compression and the health page
    memory_over_state: float = 1.5  # room for growth, a checkpoint under way, blocks and history that wait
    checkpoint_s: int = 1_800
    appliances_an_engine: int = 25_000  # of one record key: siblings are compared within
    episodes_a_year: float = 0.05  # of an appliance
    rows_an_episode: int = 15  # findings, ticket, outbox, deliveries, audit
    database_cores: int = 16  # PostgreSQL and its standby
    database_gb: int = 128
    seen_rows: int = 5_000  # written for the page, of a partition, by each checkpoint at most
    history_days: int = 90
    partitions_a_worker: int = 4  # so that the workers can become four times as many
    core_h: float = 0.04
    gb_h: float = 0.005
    disk_gb_month: float = 0.08
    object_gb_month: float = 0.023
    traffic_gb: float = 0.01  # between zones


@dataclass(frozen=True, slots=True)
class Measured:
    """Means over the measured appliance models, of readings sent as messages of 60."""

    gateway_us: float  # CPU a reading from JSON to records
    record_us: float  # CPU of a worker a record, whatever is in it
    reading_us: float  # CPU of a worker a reading
    record_bytes: float  # in Kafka, a reading
    state_bytes: float  # in memory, an appliance
    state_compressed: float  # of a checkpoint, an appliance
    checkpoint_mb_s: float  # packed, compressed and hashed by a core
    parquet_bytes: float  # a reading
    compact_us: float  # CPU a reading to compact it
    scoring_us: float  # CPU an appliance and day
    takeover_s: float  # of no state
    recovery_s_a_million: float


def measured(folder: Path) -> Measured:
    """What the JSON files of `folder` say."""
    costs, kafka = (json.loads((folder / f"{name}.json").read_bytes()) for name in ("costs", "kafka"))
    models: Sequence[Mapping[str, Any]] = list(costs["models"].values())
    sent = [model["in_messages_of_60"] for model in models]
    states = [model["state"] for model in models]
    record_us, reading_us = _by_record(kafka)
    recovery = kafka["recovery"]
    return Measured(
        gateway_us=mean(one["gateway_us"] for one in sent),
        record_us=record_us,
        reading_us=reading_us,
        record_bytes=mean(one["record_bytes"] for one in sent),
        state_bytes=mean(one["bytes"] for one in states),
        state_compressed=mean(one["compressed_bytes"] for one in states),
        checkpoint_mb_s=mean(1 / (1 / one["pack_mb_s"] + 1 / one["compress_mb_s"]) for one in states),
        parquet_bytes=mean(model["history"]["bytes"] for model in models),
        compact_us=mean(model["history"]["compact_us"] for model in models),
        scoring_us=mean(model["scoring_us_per_day"] for model in models),
        takeover_s=kafka["takeover"]["seconds"],
        recovery_s_a_million=(recovery["seconds"] - recovery["without_state_s"])
        / recovery["appliances"]
        * 1e6,
    )


def _by_record(kafka: Mapping[str, Any]) -> tuple[float, float]:
    """CPU (us) of a record and of a reading, from records of two sizes: cost = record / size + reading."""
    large, small = kafka["workers"]["1"], kafka["records_of_one_message"]
    sizes = [1 / one["readings_of_a_record"] for one in (large, small)]
    costs = [one["cpu_us_per_reading"] for one in (large, small)]
    record = max((costs[1] - costs[0]) / (sizes[1] - sizes[0]), 0.0)
    return record, costs[0] - record * sizes[0]
