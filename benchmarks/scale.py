"""Sizes a fleet from measured costs: prints the tables of docs/scale.md.

    python -m benchmarks.scale [docs/figures/scale]

Reads costs.json and kafka.json of that folder (`benchmarks.costs --json`, `benchmarks.kafka --json`). What is assumed
and not measured is `Assumptions` in scale_inputs.py: replace what differs with you. Every figure is one line of
arithmetic, and the line stands beside it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.scale_inputs import FLEETS, Assumptions, measured
from benchmarks.scale_sized import Sized

FIGURES = Path(__file__).parents[1] / "docs/figures/scale"

ROWS = (
    ("readings_s", "readings a second", "appliances × readings_a_day / 86,400"),
    ("messages_s", "messages a second", "readings a second / readings_a_message"),
    ("mqtt_nodes", "MQTT nodes", "appliances / connections_a_node, at least 3"),
    ("gateway_cores", "gateway cores", "peak / busy × (readings × gateway_us + messages × client_us)"),
    ("state_gb", "state in the workers' memory, GB", "appliances × state_bytes × memory_over_state"),
    (
        "engine_cores",
        "cores of work in the workers",
        "peak / busy × (messages × record_us + readings × reading_us) + appliances × "
        "(state_bytes / checkpoint_mb_s / checkpoint_s + scoring_us / 86,400)",
    ),
    ("workers", "workers", "the larger of state / worker_gb and cores of work"),
    ("partitions", "partitions", "workers × partitions_a_worker"),
    (
        "groups_a_million",
        "groups, for an appliance model sold a million times",
        "1,000,000 / appliances_an_engine",
    ),
    ("blocks_mb_s", "blocks into Kafka, MB/s", "readings × record_bytes"),
    ("state_mb_s", "checkpoints into Kafka, MB/s", "appliances × state_compressed / checkpoint_s"),
    (
        "kafka_brokers",
        "Kafka brokers",
        "peak × (blocks + checkpoints) × replication / kafka_mb_s, at least 3",
    ),
    ("kafka_tb", "Kafka disks, TB", "replication × (blocks × kafka_retention_days + 2 × all state)"),
    (
        "takeover_s",
        "a dead worker's partitions go on after, s",
        "takeover_s + its state + half a checkpoint_s of its readings at its full speed",
    ),
    (
        "database_rows_day",
        "PostgreSQL, new rows a day",
        "appliances × episodes_a_year / 365 × rows_an_episode",
    ),
    ("seen_rows_s", "PostgreSQL, updates for the page a second", "partitions × seen_rows / checkpoint_s"),
    ("parquet_gb_day", "history in Parquet, GB a day", "readings a day × parquet_bytes"),
    ("parquet_tb", "history kept, TB", "GB a day × history_days"),
    ("compaction_cores", "cores for its compaction", "readings × compact_us / busy"),
    (
        "traffic_tb_day",
        "between zones, TB a day",
        "(blocks + checkpoints) × (replication - 1) + blocks, to the workers",
    ),
    ("mqtt_dollars", "MQTT, $ a month", "nodes × (cores × core_h + GB × gb_h) × 730 h"),
    ("gateway_dollars", "gateways", "cores × (core_h + 2 GB × gb_h) × 730 h"),
    ("kafka_dollars", "Kafka", "brokers × machine + disks × disk_gb_month"),
    ("worker_dollars", "workers and compaction", "workers × machine + compaction cores"),
    ("database_dollars", "PostgreSQL", "database_cores, database_gb"),
    ("history_dollars", "history", "TB kept × object_gb_month"),
    ("traffic_dollars", "traffic", "TB a day × 30 × traffic_gb"),
    ("dollars", "all of it, $ a month", "the sum"),
    ("cents_an_appliance", "cents an appliance and month", "all of it / appliances"),
)
"""Property of `Sized`, its words, its arithmetic. Readings and messages are those of a second."""


SHARES = ("decode", "engine", "history", "checkpoint", "effects", "faust_and_waiting")
MODEL_HEAD = (
    "appliance model",
    "readings a day",
    "signals",
    *(f"{stage} us" for stage in ("gateway", "encode", "decode", "engine")),
    "engine us, sent one by one",
    "scoring us a day",
    "bytes in Kafka",
    "in Parquet",
    "of state",
    "compressed",
)


def tables(folder: Path) -> str:
    """All tables, as Markdown."""
    assumed, costs = Assumptions(), measured(folder)
    sized = [Sized(fleet, assumed, costs) for fleet in FLEETS]
    needs = [
        (words, *(_number(getattr(one, name)) for one in sized), formula) for name, words, formula in ROWS
    ]
    return "\n\n".join(
        [
            _table(
                ("workers", "readings a record", "readings/s", "cores", "CPU us a reading", *SHARES),
                _on_kafka(folder),
            ),
            _table(MODEL_HEAD, _of_models(folder)),
            _table(("measured", "is"), _values(asdict(costs))),
            _table(("assumed", "is"), _values(asdict(assumed))),
            _table(("", *(fleet.name for fleet in FLEETS), "="), needs),
        ]
    )


def _on_kafka(folder: Path) -> Iterator[tuple[str, ...]]:
    """What real workers did on a real Kafka."""
    kafka = json.loads((folder / "kafka.json").read_bytes())
    for number, one in (*kafka["workers"].items(), ("1", kafka["records_of_one_message"])):
        shares = (f"{one['share_of_time'][stage]:.0%}" for stage in SHARES)
        yield (
            number,
            _number(one["readings_of_a_record"]),
            _number(one["readings_per_s"]),
            _number(one["cores_used"]),
            _number(one["cpu_us_per_reading"]),
            *shares,
        )


def _of_models(folder: Path) -> Iterator[tuple[str, ...]]:
    """What a reading and an appliance of each measured model cost."""
    costs = json.loads((folder / "costs.json").read_bytes())
    for name, one in costs["models"].items():
        single, many, state = one["in_messages_of_1"], one["in_messages_of_60"], one["state"]
        figures = (
            one["readings_per_day"],
            one["signals"],
            *(many[key] for key in ("gateway_us", "encode_us", "decode_us", "engine_us")),
            single["engine_us"],
            one["scoring_us_per_day"],
            many["record_bytes"],
            one["history"]["bytes"],
            state["bytes"],
            state["compressed_bytes"],
        )
        yield (f"`{name}`", *map(_number, figures))


def _values(fields: dict[str, float]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        yield f"`{name}`", _number(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float) -> str:
    """Three digits are all that such a figure is worth."""
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    sys.stdout.write(tables(Path(arguments[0]) if arguments else FIGURES) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
