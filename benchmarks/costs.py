"""What one reading and one appliance cost a worker, without Kafka.

    python -m benchmarks.costs [--json | --state] [--quick]

For one appliance model of each kind, in CPU time of one core: records to blocks and back, the engine in blocks of
1,000 readings (sent one by one, and 60 at a time), a day's scoring with a trained model, history; and bytes: of a
reading in Kafka and in Parquet, of an appliance's state by part. Figures are medians of rounds; compare only within
one run. `docs/scale.md` is computed from them (`benchmarks.scale`).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from threadpoolctl import threadpool_limits

from benchmarks._common import Result
from benchmarks.fleet import fit
from benchmarks.recorded import MOST, blocks, in_messages, recording
from benchmarks.state_bytes import by_purpose
from foremend.config import Settings, load_settings
from foremend.engine.engine import DayListener, Engine
from foremend.engine.fitted import Day, FittedModel, scored
from foremend.engine.packing import pack
from foremend.history.compaction import ON_COMMAND
from foremend.history.parquet import ParquetHistory
from foremend.history.parquet_settings import ParquetSettings
from foremend.history.upkeep import Upkeep
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.blocks import decode, encode
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.topics import telemetry_topic
from foremend.vocabulary.types import Block, RawMessage
from ingest.decode import Ingest
from models.settings import TrainingSettings
from rules.evaluator import RuleBook

BLOCK = 1_000  # readings
MESSAGES = (1, 60)  # readings in one
GATEWAY_READINGS = 60_000
FLUSHES = 24


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    models: Sequence[str] = ("rf-260", "ac-35i", "wm-7")
    fleets: int = 10  # of MOST appliances, in which the engine finds its readings
    days: int = 14  # of the life after which state is weighed: the own usual takes 10
    training: TrainingSettings = field(default_factory=lambda: TrainingSettings(appliances=30))
    rounds: int = 3


FULL = Size()
QUICK = Size(models=("rf-260",), fleets=2, days=3, training=TrainingSettings(appliances=20), rounds=1)


class Bench:
    """Makes engines as a worker does."""

    def __init__(self, settings: Settings, profiles: Mapping[str, Profile]) -> None:
        self.settings, self.profiles = settings, profiles

    def engine(
        self, fitted: Mapping[str, FittedModel] | None = None, on_day: DayListener | None = None
    ) -> Engine:
        """A fresh one with the rules of config.yaml."""
        rules, lateness_ms = RuleBook(self.settings.rules), self.settings.ingest.lateness
        return Engine(self.profiles, rules, fitted, lateness_ms=lateness_ms, on_day=on_day)


def run(size: Size = FULL) -> Result:
    """Measure every model of `size`."""
    bench = Bench(load_settings(), load_profiles())
    with threadpool_limits(limits=1):
        models = {name: measure(bench, name, size) for name in size.models}
    return {"cores": os.cpu_count(), "block": BLOCK, "models": models}


def states(size: Size = FULL) -> Result:
    """The bytes of state of every model of `size` by purpose, which nobody else's load changes."""
    bench = Bench(load_settings(), load_profiles())
    with threadpool_limits(limits=1):
        return {name: life(bench, name, size)["state"]["parts"] for name in size.models}


def measure(bench: Bench, name: str, size: Size) -> Result:
    """One appliance model."""
    sys.stderr.write(f"{name}: recording\n")
    day = recording(name, MOST, days=1)
    result: Result = {"readings_per_day": round(len(day) / MOST, 1), "signals": len(day.signals)}
    for readings in MESSAGES:
        sent = in_messages(day, readings)
        sys.stderr.write(f"{name}: {readings} readings a message\n")
        result[f"in_messages_of_{readings}"] = {
            "gateway_us": gateway_us(bench, list(blocks(sent, readings)), size.rounds),
            **record_costs(list(blocks(sent, BLOCK)), size.rounds),
            "engine_us": engine_us(bench, sent, size),
        }
    result["history"] = history_costs(list(blocks(in_messages(day, 60), BLOCK)))
    return result | life(bench, name, size)


def gateway_us(bench: Bench, messages: Sequence[Block], rounds: int) -> float:
    """Microseconds a reading from JSON to checked blocks, a record for every 1,000 readings; without MQTT and Kafka."""
    whole = [message for message in messages if len(message.appliance_ids) == 1]
    some = whole[: GATEWAY_READINGS // len(whole[0])]
    raw = [_message(block) for block in some]
    each = max(BLOCK // len(some[0]), 1)
    signals = {name: profile.signals for name, profile in bench.profiles.items()}

    def work() -> None:
        ingest = Ingest(bench.settings.ingest, signals)
        for start in range(0, len(raw), each):
            decoded = ingest.decode(raw[start : start + each])
            assert not decoded.dead_letters
            for block in decoded.blocks:
                encode(block)

    return _median_us(work, sum(map(len, some)), rounds)


def _message(block: Block) -> RawMessage:
    """As an appliance would send it; `block` is of one appliance."""
    rows = [
        {
            "ts": int(block.time[row]),
            "seq": int(block.seq[row]),
            "fw": block.firmware[0],
            "signals": {n: float(v[row]) for n, v in block.signals.items() if np.isfinite(v[row])},
        }
        for row in range(len(block))
    ]
    topic = telemetry_topic(block.appliance_model, block.appliance_ids[0])
    return RawMessage(topic, orjson.dumps(rows), int(block.time.max()))


def record_costs(parts: Sequence[Block], rounds: int) -> Result:
    """Blocks to records and back: microseconds and bytes a reading."""
    readings = sum(map(len, parts))
    records = [encode(part) for part in parts]
    return {
        "encode_us": _median_us(lambda: [encode(part) for part in parts], readings, rounds),
        "decode_us": _median_us(lambda: [decode(record) for record in records], readings, rounds),
        "record_bytes": round(sum(map(len, records)) / readings, 1),
    }


def engine_us(bench: Bench, sent: Block, size: Size) -> float:
    """Microseconds a reading in the second half of a day, when nobody warms up any more; median of the rounds."""
    spent = []
    for _ in range(size.rounds):
        engine = bench.engine()
        half = list(blocks(sent, BLOCK))[len(sent) // BLOCK // 2].time.min()
        used = readings = 0.0
        for block in blocks(sent, BLOCK, size.fleets):
            began = time.process_time()
            engine.process(block)
            if block.time[0] >= half:
                used += time.process_time() - began
                readings += len(block)
        spent.append(used / readings * 1e6)
    return round(float(np.median(spent)), 3)


def history_costs(parts: Sequence[Block]) -> Result:
    """The Parquet history of a day: CPU to write and to compact, and bytes on disk, all a reading."""
    readings = sum(map(len, parts))
    with tempfile.TemporaryDirectory(prefix="foremend-costs-") as folder:
        history = ParquetHistory(Path(folder))
        began = time.process_time()
        for number in range(FLUSHES):
            for part in parts[number::FLUSHES]:
                history.write(part)
            history.flush(number, number + 1)
        history.flush(FLUSHES, FLUSHES)  # the last is settled then, and may be compacted
        written = time.process_time()
        Upkeep(Path(folder), ParquetSettings(), SystemClock()).round(ON_COMMAND, wait=True)
        compacted = time.process_time()
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))
    return {
        "write_us": round((written - began) / readings * 1e6, 3),
        "compact_us": round((compacted - written) / readings * 1e6, 3),
        "bytes": round(size / readings, 2),
    }


def life(bench: Bench, name: str, size: Size) -> Result:
    """Some days with a trained model: what a day's scoring costs, and how much is known of an appliance after it."""
    sys.stderr.write(f"{name}: a life of {size.days} days\n")
    fitted = fit(bench.profiles[name], size.training, bench.settings.models.horizon_days)
    days: list[Day] = []
    engine = bench.engine({name: fitted}, lambda lane, day: days.append(day))
    lived = recording(name, MOST, size.days)
    whole = _seconds(lambda: [engine.process(part) for part in blocks(lived, 100 * BLOCK)])
    return {
        "life_us": round(whole / len(lived) * 1e6, 3),
        "scoring_us_per_day": _median_us(
            lambda: scored(fitted, days[-1].deviations), len(days[-1].plain), size.rounds
        ),
        "state": state_costs(engine.snapshot()[name], size.rounds),
    }


def state_costs(state: Mapping[str, Any], rounds: int) -> Result:
    """Of MOST appliances: bytes by part, packed and compressed, and how fast."""
    packed = pack(state)
    compressed = pa.compress(packed, codec="lz4", asbytes=True)
    megabytes = len(packed) / 1e6
    speeds = {
        "pack_mb_s": lambda: pack(state),
        "compress_mb_s": lambda: pa.compress(packed, codec="lz4", asbytes=True),
        "decompress_mb_s": lambda: pa.decompress(compressed, len(packed), codec="lz4", asbytes=True),
    }
    return {
        "bytes": round(len(packed) / MOST),
        "compressed_bytes": round(len(compressed) / MOST),
        "parts": by_purpose(state, MOST),
        **{name: round(megabytes / _median(call, rounds)) for name, call in speeds.items()},
    }


def _seconds(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def _median(call: Callable[[], object], rounds: int) -> float:
    """Median seconds of CPU time, after one call that warms up."""
    call()
    return float(np.median([_seconds(call) for _ in range(rounds)]))


def _median_us(call: Callable[[], object], count: int, rounds: int) -> float:
    return round(_median(call, rounds) / count * 1e6, 3)


def describe(result: Result) -> str:
    """A line for every model."""
    lines = []
    for name, one in result["models"].items():
        state = one["state"]
        for readings in MESSAGES:
            costs = one[f"in_messages_of_{readings}"]
            each = costs["decode_us"] + costs["engine_us"]
            lines.append(
                f"{name}, {readings} readings a message: decode {costs['decode_us']}, engine {costs['engine_us']} us"
                f" a reading, {1e6 / each:,.0f} readings/s a core; {costs['record_bytes']} bytes in Kafka"
            )
        lines.append(
            f"{name}: {state['bytes']} bytes of state an appliance, {state['compressed_bytes']} compressed;"
            f" {one['history']['bytes']} bytes a reading in Parquet"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--state", action="store_true", help="only the bytes of state by purpose, as one JSON object"
    )
    parser.add_argument("--quick", action="store_true", help="one appliance model, little of everything")
    given = parser.parse_args(arguments)
    size = QUICK if given.quick else FULL
    result = states(size) if given.state else run(size)
    said = json.dumps(result, indent=1) if given.json or given.state else describe(result)
    sys.stdout.write(said + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
