"""History on disk: the pipeline can read it, the truth lies beside it, and it is whole or not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest

from foremend.history.parquet import ParquetHistory
from foremend.vocabulary.errors import ConfigError
from simulators.fleet.fleet import Fleet
from simulators.fleet.history import read_truth, truth, write_history
from simulators.fleet.scenario import Scenario, ScriptedFault

LEAK = ScriptedFault(appliance="rf-260-00001", fault="refrigerant-leak", onset_day=1, days_to_failure=20)
SCENARIO = Scenario(days=2, appliances={"rf-260": 3, "wh-60": 2}, faults=(LEAK,))


def test_the_pipelines_own_history_reads_it(tmp_path: Path) -> None:
    """Every reading once, with the same values, models and appliances."""
    written = write_history(Fleet(SCENARIO, 1), tmp_path / "out")

    blocks = list(ParquetHistory(tmp_path / "out" / "history").read("rf-260", 0, 2**60))

    simulated = [part for part in Fleet(SCENARIO, 1).telemetry() if part.appliance_model == "rf-260"]
    assert sum(map(len, blocks)) == sum(map(len, simulated))
    power = np.concatenate([block.signals["power"] for block in blocks]).sum()
    assert power == pytest.approx(sum(part.signals["power"].sum() for part in simulated))
    assert {name for block in blocks for name in block.appliance_ids} == {
        f"rf-260-0000{k}" for k in (1, 2, 3)
    }
    assert written.readings == sum(map(len, Fleet(SCENARIO, 1).telemetry()))


def test_the_truth_is_beside_the_history_and_never_in_it(tmp_path: Path) -> None:
    """History has the agreed columns alone; truth.json has the fault."""
    write_history(Fleet(SCENARIO, 1), tmp_path / "out")

    columns = set(ds.dataset(tmp_path / "out" / "history" / "appliance_model=rf-260").schema.names)
    assert columns >= {"appliance", "time", "seq", "fw", "power"}
    assert not columns & {"fault", "severity", "onset", "failure", "batch", "region", "owner_id"}
    (fault,) = read_truth(tmp_path / "out" / "truth.json")
    assert fault == truth(Fleet(SCENARIO, 1))[0]
    assert (fault.appliance, fault.fault) == ("rf-260-00001", "refrigerant-leak")
    assert fault.onset < fault.first_sign < fault.failure < fault.repaired  # type: ignore[operator]


def test_a_reading_lies_in_the_folder_of_its_own_day(tmp_path: Path) -> None:
    """By the device's clock, even where that is minutes wrong."""
    write_history(Fleet(SCENARIO, 1), tmp_path / "out")

    for folder in (tmp_path / "out" / "history").glob("*/day=*"):
        days = ds.dataset(folder).to_table()["time"].to_numpy() // 86_400_000
        assert {str(np.datetime64(int(day), "D")) for day in days} == {folder.name.removeprefix("day=")}


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    """And what is in it stays."""
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(ConfigError, match="exists already"):
        write_history(Fleet(SCENARIO, 1), tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_an_unwritable_place_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """A file where a folder should be."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(ConfigError, match="cannot write to"):
        write_history(Fleet(SCENARIO, 1), tmp_path / "file" / "out")


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    """Neither at the place asked for nor beside it."""

    class Interrupted(Fleet):
        def telemetry(self):  # type: ignore[no-untyped-def]
            yield from list(super().telemetry())[:1]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_history(Interrupted(SCENARIO, 1), tmp_path / "out")

    assert list(tmp_path.iterdir()) == []
