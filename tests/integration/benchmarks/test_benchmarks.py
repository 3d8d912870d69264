"""The benchmarks on the real data, where it is present: they run, and the published marks hold."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cmapss, metropt, nab, own_past, plain_harm, silence, skab
from benchmarks._common import Result, main, watch_series
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture
def data() -> Callable[[str], Path]:
    def folder(name: str) -> Path:
        path = DATA / name
        if not path.is_dir():
            pytest.skip(f"the data set {name} is not at {path}")
        return path

    return folder


def test_skab_reaches_its_mark(data: Callable[[str], Path]) -> None:
    """F1 at least 0.83 with at most 12 % false alarms, per folder too."""
    result = skab.run(data("skab"))

    assert result["f1"] >= 0.83
    assert result["far"] <= 0.12
    assert set(result["folders"]["valve1"]) == {"f1", "far", "mar"}


def test_nab_reaches_its_mark(data: Callable[[str], Path]) -> None:
    """Normalised at least 80 with at most 5 false-positive rows."""
    result = nab.run(data("nab"))

    assert result["normalised"] >= 80
    assert result["false_positive_rows"] <= 5


def test_metropt_is_seen_in_time_and_normal_rows_raise_nothing(data: Callable[[str], Path]) -> None:
    """An alarm within 30 minutes of continuous load; also from the cycle structure alone."""
    result = metropt.run(data("metropt3"))

    assert 0 <= result["alarm_minutes"] <= 30
    assert result["false_alarms"] == 0
    assert result["failures"]["failure_1_rows.csv"]["by_detector"]["cycle-structure"] <= 30


def test_real_refrigerators_raise_nothing_by_hours(data: Callable[[str], Path]) -> None:
    """Power alone of two refrigerators that were well, all recorded days."""
    result = own_past.real_days(load_profiles()[own_past.PLUG], data("tracebase"), seconds=60)

    assert result == {"days": 9, "false_episodes": 0}


def test_a_pause_of_five_days_in_a_year_of_readings_is_one_false_silence() -> None:
    """Counted where the appliance speaks again, by either rule, while another one never paused."""
    always = np.arange(0, 365 * MS_PER_DAY, MS_PER_HOUR)
    paused = always[(always < 100 * MS_PER_DAY) | (always > 105 * MS_PER_DAY)]
    times = np.concatenate([always, paused])
    appliance = np.repeat(np.arange(2, dtype=np.int32), [len(always), len(paused)])
    lived = Block(silence.PLUG, ("on", "it"), appliance, times, times, {"power": np.full(len(times), 80.0)})

    result = silence.counted(lived)

    assert [result[least]["false"] for least in silence.LEAST] == [1, 1]


def test_a_fault_is_found_from_power_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One refrigerator for each fault, behind smart plugs: some are found before they fail, none before they begin."""
    monkeypatch.setattr(own_past, "OF_EACH_FAULT", 1)

    result = own_past.faults(load_profiles()[own_past.PLUG])

    found = {fault: days[0] for fault, days in result["days_before_failure"].items()}
    assert result["false_episodes_before"] == 0
    assert (found["door-gasket-leak"] or 0) > 14
    assert (found["defrost-failure"] or 0) > 0


@pytest.mark.parametrize(("harm", "limit"), [("dead", 6), ("on_and_on", 13), ("stuck", 6), ("silent", 6)])
def test_plain_harm_is_told_within_hours_whoever_made_the_machine(harm: str, limit: int) -> None:
    """Three machines each, an inverter among them; none is told of before."""
    result = plain_harm.harm_of(load_profiles()[own_past.PLUG], harm, 3)

    assert result[f"within_{limit}h"] == 1.0
    assert result["within_24h"] == 1.0
    assert result["false_a_year"] == 0.0


def test_cmapss_runs_on_a_part_of_the_engines(data: Callable[[str], Path], tmp_path: Path) -> None:
    """With a tenth of the engines the error is already below always answering the mean."""
    for name in ("train_FD001.txt", "test_FD001.txt"):
        lines = gzip.decompress((data("cmapss") / f"{name}.gz").read_bytes()).decode().splitlines()
        (tmp_path / name).write_text("\n".join(line for line in lines if int(line.split()[0]) <= 10))
    truth = (data("cmapss") / "RUL_FD001.txt").read_text().splitlines()[:10]
    (tmp_path / "RUL_FD001.txt").write_text("\n".join(truth))

    result = cmapss.run(tmp_path)

    assert result["rmse"] < 30
    assert set(result["subsets"]) == {"FD001"}


def test_alarms_do_not_depend_on_later_rows() -> None:
    """The watch is online: cutting a series short leaves the alarms before the cut as they were."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(1_500, 2)) + np.repeat([0.0, 0.0, 3.0], 500)[:, None]
    time = 1_000 * np.arange(1_500)

    whole = watch_series(["a", "b"], time, rows)
    part = watch_series(["a", "b"], time[:1_200], rows[:1_200])

    assert whole.raised.any()
    np.testing.assert_array_equal(part.score, whole.score[:1_200])
    np.testing.assert_array_equal(part.raised, whole.raised[:1_200])


def test_json_is_one_object_on_one_line(
    data: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """What `--json` prints can be read back."""
    assert main(metropt.run, metropt.describe, [str(data("metropt3")), "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["false_alarms"] == 0


@pytest.mark.parametrize("run", [skab.run, nab.run, metropt.run, cmapss.run, own_past.run, silence.run])
def test_a_folder_without_data_is_refused(
    run: Callable[[Path], Result], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names what is missing; the exit code is that of an input error."""
    assert main(run, str, [str(tmp_path)]) == 3

    assert str(tmp_path) in capsys.readouterr().err
