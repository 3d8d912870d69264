"""Write a fleet's past to disk: history in the pipeline's own Parquet schema, the truth in a file beside it.

<out>/history/appliance_model=<m>/day=<YYYY-MM-DD>/*.parquet
<out>/appliances.json     what the maker knows: batch, firmware, region, owner
<out>/truth.json          faults: for judging, never for the pipeline
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.types import MS_PER_DAY
from simulators.fleet.fleet import Fleet, Telemetry
from simulators.fleet.scenario import appliance_id


@dataclass(frozen=True, slots=True)
class Written:
    """What `write_history` left behind."""

    folder: Path
    readings: int
    faults: int


@dataclass(frozen=True, slots=True)
class Truth:
    """One fault as it truly was; ms UTC, None for what never happens. Times may lie after the history's end."""

    appliance: str
    appliance_model: str
    fault: str
    growth: str
    onset: int
    first_sign: int | None
    failure: int | None
    repaired: int | None


def write_history(fleet: Fleet, out: Path) -> Written:
    """Simulate the whole fleet into `out`, a folder that must not exist or be empty.

    All or nothing: it is written beside `out` and renamed at the end. Raises ConfigError when `out` is taken or
    cannot be written.
    """
    with _whole_folder(out) as folder:
        readings = sum(_write(part, folder / "history", k) for k, part in enumerate(fleet.telemetry()))
        (folder / "appliances.json").write_bytes(_json([asdict(member) for member in fleet.members]))
        faults = truth(fleet)
        (folder / "truth.json").write_bytes(_json([asdict(fault) for fault in faults]))
    return Written(out, readings, len(faults))


def truth(fleet: Fleet) -> list[Truth]:
    """Every fault of the fleet, by onset."""
    rows = [
        Truth(
            appliance=appliance_id(model, course.row),
            appliance_model=model,
            fault=course.fault,
            growth=course.growth,
            onset=course.onset,
            first_sign=course.first_sign,
            failure=course.failure,
            repaired=course.repaired,
        )
        for model, courses in fleet.courses.items()
        for course in courses
    ]
    return sorted(rows, key=lambda row: (row.onset, row.appliance, row.fault))


def read_truth(path: Path) -> list[Truth]:
    """The rows of a truth.json. Raises ConfigError when it cannot be read as one."""
    try:
        return [Truth(**row) for row in orjson.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path} is not a truth file: {error}") from error


def to_table(telemetry: Telemetry) -> pa.Table:
    """Columns appliance, time, seq, fw and one float64 column a signal; a signal not sent is null."""
    index = pa.array(telemetry.appliance)
    ids = pa.array([member.appliance_id for member in telemetry.members], pa.string())
    firmware = pa.array(telemetry.firmware, pa.string())
    columns = [ids.take(index), pa.array(telemetry.time), pa.array(telemetry.seq), firmware.take(index)]
    columns += [pa.array(column, from_pandas=True) for column in telemetry.signals.values()]
    return pa.table(columns, names=["appliance", "time", "seq", "fw", *telemetry.signals])


def _write(telemetry: Telemetry, root: Path, number: int) -> int:
    """One file a UTC day of the devices' clocks: a clock that is wrong can put readings into the next day."""
    table = to_table(telemetry)
    day = telemetry.time // MS_PER_DAY
    for number_of_day in np.unique(day):
        name = np.datetime64(int(number_of_day), "D")
        folder = root / f"appliance_model={telemetry.appliance_model}" / f"day={name}"
        folder.mkdir(parents=True, exist_ok=True)
        rows = table.filter(pa.array(day == number_of_day))
        pq.write_table(rows, folder / f"{0:015d}-simulated-{number:06d}.parquet", compression="zstd")
    return len(telemetry)


def _json(rows: list[dict[str, Any]]) -> bytes:
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2)


@contextmanager
def _whole_folder(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` if the body succeeds and disappears if it does not."""
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ConfigError(f"{out} exists already: name a new or an empty folder")
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise ConfigError(f"cannot write to {out}: {error.strerror}") from error
    try:
        yield folder
        folder.chmod(0o755)
        folder.replace(out)
    except OSError as error:
        raise ConfigError(f"cannot write to {out}: {error.strerror}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
