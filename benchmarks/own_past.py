"""Refrigerators behind smart plugs: power alone, nothing trained, watched by their own past through the whole engine.

Simulated ones of which all are well for a year, and of which each gets a fault; and two real ones for some days (the
folder `tracebase`), whose readings are also given to the watch that is for industrial machines, to show why
households are watched by hours. Counted are episodes of abnormal behaviour under the rules of config.yaml. And made-up
machines that come to harm: how soon that is told (`plain_harm.py`).
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._common import Result, files_in, main
from benchmarks.plain_harm import plain_harm
from foremend.config import load_settings
from foremend.engine.follow import follow
from foremend.learning.practice_rows import as_block
from foremend.vocabulary.profiles import Profile, Watch, load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_SECOND, Block, Finding, FindingKind
from rules.evaluator import RuleBook
from simulators.categories import fault_effect
from simulators.fleet.fleet import Fleet
from simulators.fleet.history import truth
from simulators.fleet.scenario import Scenario, ScriptedFault, appliance_id, plain_fleet

PLUG = "generic-compressor"
FAULT = "abnormal-behaviour"
WELL = {
    "rf-140": date(2026, 1, 10),
    "rf-260": date(2026, 4, 1),
    "rf-520": date(2026, 7, 1),
    "wh-60": date(2026, 10, 1),
}
"""Appliance model -> when its year begins: the first summer comes at another age of each."""

APPLIANCES = 12
ILL = "rf-260"
OF_EACH_FAULT = 4
ONSET_DAY = 40.0
SEED = 20_262


def plugs(profile: Profile, blocks: Iterable[Block]) -> list[Finding]:
    """Episodes of abnormal behaviour that the engine opens."""
    settings = load_settings()
    days = follow(profile, blocks, rules=RuleBook(settings.rules), lateness_ms=settings.ingest.lateness)
    opened = [one for one in days.findings if one.kind is FindingKind.OPENED]
    return [one for one in opened if one.fault == FAULT]


def power_of(fleet: Fleet) -> Iterator[Block]:
    """What smart plugs would tell of a simulated fleet."""
    for telemetry in fleet.telemetry():
        block = as_block(telemetry)
        power = {"power": block.signals["power"]}
        yield Block(PLUG, block.appliance_ids, block.appliance, block.time, block.seq, power)


def year_of_health(profile: Profile, model: str) -> Result:
    """Appliances that are well, for a year: every episode is false."""
    fleet = Fleet(plain_fleet({model: APPLIANCES}, 365, 0.0, start=WELL[model]), SEED)
    opened = plugs(profile, power_of(fleet))
    return {"appliance_years": APPLIANCES, "false_episodes": len(opened)}


def faults(profile: Profile) -> Result:
    """Appliances that fall ill: how many are found before they fail, and how many days before."""
    fleet = Fleet(_falling_ill(), SEED)
    opened = plugs(profile, power_of(fleet))
    found: dict[str, list[float | None]] = {}
    for course in truth(fleet):
        assert course.failure is not None
        times = [one.time for one in opened if one.appliance_id == course.appliance]
        ahead = [(course.failure - time) / MS_PER_DAY for time in times if time >= course.onset]
        found.setdefault(course.fault, []).append(round(ahead[0], 1) if ahead else None)
    early = sum(time < _falling_ill().start_ms + ONSET_DAY * MS_PER_DAY for time in [o.time for o in opened])
    return {"false_episodes_before": early, "days_before_failure": found}


def _falling_ill() -> Scenario:
    names = load_profiles()[ILL].faults
    rng = np.random.default_rng(SEED)
    scripted = [
        ScriptedFault(
            appliance=appliance_id(ILL, row),
            fault=fault,
            onset_day=ONSET_DAY,
            days_to_failure=float(rng.uniform(*fault_effect(ILL, fault).days)),
        )
        for row, fault in enumerate(names * OF_EACH_FAULT)
    ]
    return Scenario(start=date(2026, 2, 1), days=300, appliances={ILL: len(scripted)}, faults=tuple(scripted))


def real_days(profile: Profile, folder: Path, seconds: int) -> Result:
    """Recorded days of each real refrigerator in a row, as means over `seconds`."""
    blocks = [_trace(device, files, seconds) for device, files in _devices(folder).items()]
    days = sum(len(np.unique(block.time // MS_PER_DAY)) for block in blocks)
    return {"days": days, "false_episodes": len(plugs(profile, blocks))}


def _devices(folder: Path) -> dict[str, list[Path]]:
    devices: dict[str, list[Path]] = {}
    for file in files_in(folder, "dev_*.csv"):
        devices.setdefault(file.name.rsplit("_", 1)[0], []).append(file)
    return devices


def _trace(device: str, files: Iterable[Path], seconds: int) -> Block:
    parts = [_day(file) for file in files]
    time, power = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    slots, which = np.unique(time // seconds, return_inverse=True)
    mean = np.bincount(which, power) / np.bincount(which)
    at = slots * seconds * MS_PER_SECOND
    number = np.arange(len(at))
    return Block(PLUG, (device,), np.zeros(len(at), np.int32), at, number, {"power": mean})


def _day(file: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Seconds UTC and W of one recorded day; its date is in the name, the clock in each row."""
    day = datetime.strptime(file.name.split("_")[2].split(".csv")[0], "%Y.%m.%d").replace(tzinfo=UTC)
    with gzip.open(file, "rt") as rows:
        fields = [row.split(";") for row in rows]
    clocks = [field[0].split(" ")[1].split(":") for field in fields]
    seconds = [3600 * int(hour) + 60 * int(minute) + int(second) for hour, minute, second in clocks]
    return int(day.timestamp()) + np.array(seconds), np.array([float(field[1]) for field in fields])


def run(path: Path) -> Result:
    """All of it; PATH holds the recorded days."""
    hours = load_profiles()[PLUG]
    readings = hours.model_copy(update={"watch": Watch(rows="readings", signals=("power",))})
    real = real_days(hours, path, 60)
    well = {model: year_of_health(hours, model) for model in WELL}
    years = sum(one["appliance_years"] for one in well.values())
    false = sum(one["false_episodes"] for one in well.values())
    ill = faults(hours)
    ahead = [days for found in ill["days_before_failure"].values() for days in found]
    return {
        "false_per_appliance_year": round(false / years, 3),
        "found_before_failure": round(sum(days is not None and days > 0 for days in ahead) / len(ahead), 3),
        "well": well,
        "faults": ill,
        "real_every_minute": real,
        "real_by_readings": {seconds: real_days(readings, path, seconds) for seconds in (1, 10, 60)},
        "year_by_readings": year_of_health(readings, ILL),
        "plain_harm": plain_harm(hours),
    }


def describe(result: Result) -> str:
    """The result as sentences."""
    return (
        f"Own past, by hours: {result['false_per_appliance_year']:.2f} false episodes an appliance-year, "
        f"{result['found_before_failure']:.0%} of failures found before; real refrigerators: "
        f"{result['real_every_minute']['false_episodes']} in {result['real_every_minute']['days']} days\n"
        f"By readings: {result['real_by_readings']}, {result['year_by_readings']}\n"
        f"Plain harm: {result['plain_harm']}"
    )


if __name__ == "__main__":
    sys.exit(main(run, describe))
