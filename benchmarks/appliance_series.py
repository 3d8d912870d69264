"""How long one appliance's page waits for its chart: 90 days of minute data, from the files of a whole fleet.

`python -m benchmarks.appliance_series --appliances 200 --json` writes a history of refrigerators as compaction leaves
it (a file a day, sorted by appliance), serves the API on 127.0.0.1 and asks for the chart of one of them many times.
Times are medians in ms: of the wall clock from the request to the last byte, which says something only beside the
load, and of CPU, which is all of both ends' as they share the process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from alerts.database import open_database
from alerts.shared_status import Said, Seen, say
from foremend.history.parquet import ParquetHistory
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.appliance_pages import AppliancePages
from foremend.service.desks import Desks
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, MS_PER_SECOND, Block

MODEL = "rf-260"
_FIRST_DAY = 20_000
MS_PER_MINUTE = 60 * MS_PER_SECOND
_A_DAY = MS_PER_DAY // MS_PER_MINUTE


def write_history(root: Path, appliances: int, days: int) -> None:
    """Readings each minute, rounded as sensors do: a compressor that cycles, temperatures that follow, counters."""
    history, rng = ParquetHistory(root, "benchmark"), np.random.default_rng(1)
    ids = tuple(f"{MODEL}-{number:05d}" for number in range(appliances))
    for day in range(days):
        history.write(_day(ids, _FIRST_DAY + day, rng))
        history.flush(day, day + 1)


def _day(ids: tuple[str, ...], day: int, rng: np.random.Generator) -> Block:
    n, minute = len(ids), np.arange(_A_DAY)
    phase = rng.integers(0, 60, (n, 1))
    cycle = (minute + phase) % 55
    runs = (cycle < 22).astype(np.float64)
    noise = rng.normal(size=(4, n, _A_DAY))
    after = np.where(runs > 0, cycle / 22, 1 - (cycle - 22) / 33)
    signals = {
        "power": runs * (92 + noise[0]).round(1) + 1.2,
        "cabinet_temp": (4.5 - 1.5 * after + 0.1 * noise[1]).round(1),
        "freezer_temp": (-18 - 1.8 * after + 0.1 * noise[2]).round(1),
        "evaporator_temp": (-20 - 6 * after + 0.2 * noise[3]).round(1),
        "ambient_temp": np.broadcast_to((24 + 2 * np.sin(minute / 229)).round(1), (n, _A_DAY)),
        "set_point": np.full((n, _A_DAY), 4.0),
        "compressor_starts": day * 26.0 + (minute + phase) // 55,
        "door_openings": day * 20.0 + np.broadcast_to(minute // 70, (n, _A_DAY)),
        "mode": np.zeros((n, _A_DAY)),
    }
    known = load_profiles()[MODEL].signals
    return Block(
        MODEL,
        ids,
        np.repeat(np.arange(n, dtype=np.int32), _A_DAY),
        np.tile(day * MS_PER_DAY + minute * MS_PER_MINUTE, n),
        np.tile(np.arange(_A_DAY) + day * _A_DAY, n),
        {name: np.ascontiguousarray(signals[name]).ravel() for name in known if name in signals},
    )


def ask(root: Path, appliances: int, days: int, times: int) -> dict[str, Any]:
    """Of one appliance in the middle of the fleet, on an API of this process over real HTTP."""
    database = open_database(f"sqlite:///{root / 'effects.db'}")
    clock, name = SystemClock(), f"{MODEL}-{appliances // 2:05d}"
    last = (_FIRST_DAY + days) * MS_PER_DAY - MS_PER_MINUTE
    say(database, Said("s", {}, clock.now_ms()), [Seen(name, MODEL, "refrigerator", last, False)])
    model = ReadModel(database, SharedPipeline(database, (), clock, MS_PER_HOUR), {}, {}, {})
    pages = AppliancePages(database, ParquetHistory(root / "history"), load_profiles(), clock)
    walls, cpus, answer = [], [], None
    with (
        Server(create_app(model, desks=Desks(pages=pages)), "127.0.0.1", 0) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        for _ in range(times):
            wall, cpu = time.perf_counter(), time.process_time()
            answer = client.get(f"/api/v1/appliances/{name}/series").raise_for_status()
            walls.append(1000 * (time.perf_counter() - wall))
            cpus.append(1000 * (time.process_time() - cpu))
    database.dispose()
    return {
        "appliances": appliances,
        "days": days,
        "readings": answer.json()["readings"] if answer else 0,
        "kilobytes": round(len(answer.content) / 1000) if answer else 0,
        "history_mb": round(sum(one.stat().st_size for one in root.rglob("*.parquet")) / 1e6),
        "wall_ms": round(statistics.median(walls)),
        "cpu_ms": round(statistics.median(cpus)),
        "load": round(os.getloadavg()[0], 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--appliances", type=int, default=200, help="of one model, which share their files")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="foremend-series-") as folder:
        write_history(Path(folder) / "history", given.appliances, given.days)
        result = ask(Path(folder), given.appliances, given.days, given.times)
    if given.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        sys.stdout.write(
            "{days} days of one of {appliances} appliances, {readings} readings, {kilobytes} KB: {wall_ms} ms,"
            " of it {cpu_ms} ms CPU, at a load of {load}\n".format(**result)
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
