"""Writes the checkpoints of a large fleet, made of a small one that was lived through, to the state topic."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks._common import Result
from benchmarks.recorded import MOST, blocks, in_messages, recording
from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.engine.packing import pack
from foremend.runtimes.kafka.blocks import partition_of
from foremend.runtimes.kafka.partition import Totals
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.runtimes.kafka.state import StateStore
from foremend.runtimes.kafka.topics import create
from foremend.vocabulary.profiles import load_profiles
from rules.evaluator import RuleBook

MODEL = "rf-260"
_HELD = "held_"


def write_state(kafka: KafkaSettings, appliances: int, days: int) -> Result:
    """Checkpoints of `appliances` refrigerators after so many days; answers bytes an appliance, before LZ4."""
    return asyncio.run(_write_state(kafka, lived(days), appliances))


async def _write_state(kafka: KafkaSettings, state: Mapping[str, Any], appliances: int) -> Result:
    await create(kafka)
    size = 0
    each = -(-appliances // (MOST * kafka.groups))  # times the small fleet in each group
    by_partition: dict[int, list[str]] = {number: [] for number in range(kafka.partitions)}
    for group in range(kafka.groups):
        key = f"{MODEL}/{group}"
        by_partition[partition_of(key, kafka.partitions)].append(key)
    store = StateStore(kafka)
    for partition, keys in by_partition.items():
        engines = {key: {**state, MODEL: tiled(state[MODEL], each, key)} for key in keys}
        packed = pack({"next_offset": 0, "totals": asdict(Totals()), "engines": engines})
        size += len(packed)
        fence, _ = await store.take_over(partition)
        await store.save(fence, packed, 0)
        await fence.end()
    count = each * MOST * kafka.groups
    return {"appliances": count, "bytes_per_appliance": round(size / count)}


def lived(days: int) -> Mapping[str, Any]:
    """What an engine knows of `MOST` appliances after so many days."""
    settings = load_settings()
    rules, lateness_ms = RuleBook(settings.rules), settings.ingest.lateness
    engine = Engine(load_profiles(), rules, lateness_ms=lateness_ms)
    for block in blocks(in_messages(recording(MODEL, MOST, days), 1), 100_000):
        engine.process(block)
    return engine.snapshot()


def tiled(state: Mapping[str, Any], times: int, key: str) -> Mapping[str, Any]:
    """The state of a fleet `times` as large, of which each appliance has as many copies; the ids begin with `key`."""
    fleet = len(state["lane"]["ids"])
    lane = {name: part for name, part in state["lane"].items() if name != "days"}
    ids = [f"{key}-{number}" for number in range(times * fleet)]
    held = lane["reorder"]["held_appliance"]
    larger = _tiled({**state, "lane": lane}, fleet, times)
    larger["lane"] |= {"ids": ids, "firmware": list(lane["firmware"]) * times, "days": []}
    larger["lane"]["reorder"] |= {
        **{
            name: np.tile(part, _once(part, times))
            for name, part in lane["reorder"].items()
            if name.startswith(_HELD)
        },
        "held_appliance": np.concatenate([held + number * fleet for number in range(times)]).astype(np.int32),
    }
    return larger


def _tiled(node: Any, fleet: int, times: int) -> Any:
    """Every array with a row for each of the `fleet`, `times` over."""
    if isinstance(node, Mapping):
        return {name: _tiled(part, fleet, times) for name, part in node.items()}
    if isinstance(node, np.ndarray) and len(node) == fleet:
        return np.tile(node, _once(node, times))
    return node


def _once(array: Any, times: int) -> tuple[int, ...]:
    return (times, *[1] * (array.ndim - 1))
