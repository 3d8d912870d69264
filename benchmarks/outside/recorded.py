"""The loader of fleet-a and fleet-a2: refrigerators that an independent simulation of others made (see its README)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.outside.nature import Case, Course, Telling
from foremend.vocabulary.errors import InputError

FOLDERS = ("fleet-a", "fleet-a2")
DATA = Path(__file__).parents[3] / "shared" / "data"
"""Beside the project."""
_WELL = "healthy"


def cases(data: Path, *, power_alone: bool) -> list[Case]:
    """Every appliance of both folders below `data`. Raises InputError, with what to do, where one is missing."""
    return [case for folder in FOLDERS for case in _folder(data / folder, power_alone)]


def _folder(folder: Path, power_alone: bool) -> list[Case]:
    table = folder / "truth.csv"
    if not table.exists():
        raise InputError(
            f"{table} is not there: name the folder that holds {' and '.join(FOLDERS)} with --data"
        )
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        Case(row["appliance"], _telling(folder, row["appliance"], power_alone), _course(row)) for row in rows
    ]


def _course(row: dict[str, str]) -> Course | None:
    if row["fault"] == _WELL:
        return None
    fault = row["fault"].replace("_", "-")
    return Course(fault, float(row["onset_day"]), float(row["failure_day"]), "as recorded")


def _telling(folder: Path, appliance: str, power_alone: bool) -> Telling:
    table = pq.read_table(folder / f"{appliance}.parquet")
    time = table["time"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    names = ["power"] if power_alone else [name for name in table.column_names if name != "time"]
    return Telling(time, {name: table[name].to_numpy() for name in names})
