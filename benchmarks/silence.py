"""How often an appliance is called silent that is well and comes back: false silences an appliance-year.

Readings of refrigerators that another simulator made (PATH, with gaps of up to 27 hours in them), and a year of our
own simulated fleet in which some appliances are behind a switch: they are heard only while they are in use. Everything
goes through the engine; the clock is looked at once an hour of event time. Counted are episodes of `silent` that
close again: their appliance was not dead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks._common import Result, files_in, main
from benchmarks.recorded import recording
from foremend.engine.engine import Engine
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block, Finding, FindingKind
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

PLUG = "generic-compressor"
LEAST = ("3 d", "1 h")
"""`silent_for` of config.yaml, and one so short that each appliance's own rhythm alone decides."""
EVERY_MS = 10 * 60_000
IN_USE = {"wm-7": 5.0, "ac-35i": 20.0}
"""Heard only above so many W: a washing machine and an air conditioner that are switched off at the wall."""
APPLIANCES, DAYS = 12, 365
LOOK_MS = 60_000


def silences(block: Block, silent_for: str) -> list[Finding]:
    """What is said of silence while `block` comes in the order of time."""
    rule = {"name": "no-data", "fault": "silent", "when": {"silent_for": silent_for}}
    rules = RuleBook(RulesSettings.model_validate({"book": [rule]}))
    engine = Engine({PLUG: load_profiles()[PLUG]}, rules, lateness_ms=EVERY_MS)
    findings, wall = [], 0
    for hour in _hours(block):
        wall += LOOK_MS
        findings += engine.process(hour) + engine.advance(wall, caught_up=True)
    return findings


def _hours(block: Block) -> Iterator[Block]:
    block = block.take(np.argsort(block.time, kind="stable"))
    cuts = np.flatnonzero(np.diff(block.time // MS_PER_HOUR)) + 1
    for rows in np.split(np.arange(len(block)), cuts):
        yield block.take(rows)


def counted(block: Block) -> Result:
    """False silences of every rule an appliance-year, and findings about many at once."""
    years = len(block.appliance_ids) * (np.ptp(block.time) / MS_PER_DAY / 365)
    result: Result = {"appliance_years": round(float(years), 1)}
    for silent_for in LEAST:
        said = silences(block, silent_for)
        closed = [one for one in said if one.kind is FindingKind.CLOSED and one.appliance_id != "*"]
        together = [one for one in said if one.kind is FindingKind.OPENED and one.appliance_id == "*"]
        result[silent_for] = {
            "false": len(closed),
            "an_appliance_year": round(len(closed) / float(years), 3),
            "appliances": len({one.appliance_id for one in closed}),
            "together": len(together),
        }
    return result


def others(folder: Path) -> Block:
    """Power of all refrigerators in `folder`, one reading in ten minutes."""
    parts = [pq.read_table(file, columns=["time", "power"]) for file in files_in(folder, "*.parquet")]
    times = [part["time"].to_numpy().astype("datetime64[ms]").astype(np.int64) for part in parts]
    appliance = np.repeat(np.arange(len(parts), dtype=np.int32), [len(one) for one in times])
    power = np.concatenate([part["power"].to_numpy() for part in parts]).astype(np.float64)
    ids = tuple(f"r{number}" for number in range(len(parts)))
    return _thinned(
        Block(PLUG, ids, appliance, np.concatenate(times), np.arange(len(power)), {"power": power})
    )


def ours(appliance_model: str) -> Block:
    """A simulated year of power; of some, only while they are in use."""
    lived = recording(appliance_model, APPLIANCES, DAYS)
    block = replace(lived, appliance_model=PLUG, signals={"power": lived.signals["power"]})
    if appliance_model in IN_USE:
        block = block.take(block.signals["power"] > IN_USE[appliance_model])
    return _thinned(block)


def _thinned(block: Block) -> Block:
    """The first reading of each appliance in every ten minutes."""
    slot = np.stack([block.appliance, block.time // EVERY_MS])
    _, first = np.unique(slot, axis=1, return_index=True)
    return block.take(np.sort(first))


def run(path: Path) -> Result:
    """All of it; PATH holds Parquet files of one refrigerator each."""
    return {"others": counted(others(path))} | {model: counted(ours(model)) for model in ("rf-260", *IN_USE)}


def describe(result: Result) -> str:
    """The result as sentences."""
    return "\n".join(
        f"{name}, {one['appliance_years']} appliance-years: "
        + ", ".join(
            f"{one[least]['an_appliance_year']} false a year at silent_for {least}" for least in LEAST
        )
        for name, one in result.items()
    )


if __name__ == "__main__":
    sys.exit(main(run, describe))
