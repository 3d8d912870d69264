"""`foremend insights`: from stored history and what was confirmed to what goes with failures."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from foremend.history.parquet import ParquetHistory
from foremend.vocabulary.types import MS_PER_DAY, Block
from tests.unit.commands.command_line import call

MODEL, APPLIANCES, DAYS, STEP_MS = "generic-compressor", 80, 110, 600_000
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1_000)


def _power(rng: np.random.Generator, starts_per_hour: float, days: int) -> np.ndarray:
    """W every ten minutes of a compressor that runs a third of the time, and draws what it is made for."""
    cycle = 6.0 / starts_per_hour  # readings
    place = (
        np.arange(days * 144) + rng.uniform(0, cycle) + np.cumsum(rng.normal(0, 0.02, days * 144))
    ) % cycle
    return np.where(place < cycle / 3, rng.uniform(70, 130), 1.0) + rng.normal(0, 0.5, days * 144).clip(
        -0.9, 0.9
    )


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plugs of which those that start often fail often, after 45 days; `truth.json` and `appliances.csv` beside."""
    rng, folder = np.random.default_rng(3), tmp_path_factory.mktemp("fleet")
    starts = rng.uniform(0.4, 1.2, APPLIANCES)
    truth, rows, parts = [], ["appliance_id,category,appliance_model,batch,region,firmware,installed_at"], []
    for number, often in enumerate(starts):
        life = 45 + rng.exponential(150 / (often / 0.8) ** 3)
        days = int(min(life, DAYS))
        time = START + STEP_MS * np.arange(days * 144)
        parts.append((number, time, _power(rng, often, days)))
        rows.append(f"plug-{number},refrigerator,{MODEL},b{number % 2},north,1.0,2025-06-01")
        if life < DAYS:
            end = START + int(life) * MS_PER_DAY
            truth.append(_true(f"plug-{number}", end))
    ids = tuple(f"plug-{number}" for number in range(APPLIANCES))
    appliance = np.concatenate([np.full(len(time), number, np.int32) for number, time, _ in parts])
    time, power = (np.concatenate([part[k] for part in parts]) for k in (1, 2))
    order = np.argsort(time, kind="stable")
    history = ParquetHistory(folder / "history")
    history.write(
        Block(MODEL, ids, appliance[order], time[order], np.full(len(time), -1), {"power": power[order]})
    )
    history.flush(0, 1)
    (folder / "truth.json").write_text(json.dumps(truth))
    (folder / "appliances.csv").write_text("\n".join(rows))
    return folder


def _true(appliance: str, failure: int) -> dict[str, object]:
    when = {"onset": failure - MS_PER_DAY, "first_sign": None, "failure": failure, "repaired": None}
    return {
        "appliance": appliance,
        "appliance_model": MODEL,
        "fault": "compressor-wear",
        "growth": "sudden",
        **when,
    }


def _asked(fleet: Path, tmp_path: Path) -> list[str]:
    config = tmp_path / "config.yaml"
    config.write_text(f"extends: shipped\nalerts: {{ database: 'sqlite:///{tmp_path}/foremend.db' }}\n")
    given = {"appliance-model": MODEL, "history": fleet, "outcomes": fleet / "truth.json", "config": config}
    return ["insights", *(word for name, value in given.items() for word in (f"--{name}", str(value)))]


def test_frequent_starts_or_what_hardly_moves_apart_from_them_are_named(
    fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what would be otherwise, lives of both batches, and a page that needs nothing else."""
    more = [
        "--lead-days",
        "20",
        "--appliances",
        str(fleet / "appliances.csv"),
        "--out",
        str(tmp_path / "page.html"),
    ]
    asked = [*_asked(fleet, tmp_path), *more, "--what-if", "starts_per_hour=-0.33", "--json"]

    assert call(monkeypatch, *asked) == 0

    found = json.loads(capsys.readouterr().out)
    (named,) = found["named"]
    assert "starts_per_hour" in (named["feature"], *named["along"])
    assert next(one for one in found["alone"] if one["feature"] == "starts_per_hour")["z"] > 3
    told = found["what_if"][0]
    if named["feature"] == "starts_per_hour":
        assert told["failures_95"][1] < 1
    else:
        assert told["along"] == named["feature"]
    assert set(found["lives"]) == {"batch b0", "batch b1", "firmware 1.0"}
    page = (tmp_path / "page.html").read_text()
    assert "What goes with failures need not be their cause" in page
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # a name, which nobody fetches


def test_a_fault_that_nobody_confirmed_is_refused(
    fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence says how many failures there are, and how many it takes."""
    (tmp_path / "truth.json").write_text("[]")
    asked = _asked(fleet, tmp_path)
    asked[asked.index(str(fleet / "truth.json"))] = str(tmp_path / "truth.json")

    assert call(monkeypatch, *asked, "--lead-days", "20") == 2

    assert "0 failures are too few" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--out", "/no/such/folder/page.html"], "name a file in a folder that is there"),
        (["--what-if", "power_mean=nan"], "nan is no change"),
        (["--what-if", "power_mean=inf"], "inf is no change"),
        (["--what-if", "power_mean=-1"], "cannot fall by 100%"),
        (["--what-if", "power=1"], "no such feature"),
        (["--fault", "mould"], "has no fault 'mould'"),
    ],
)
def test_a_slip_is_refused_before_anything_is_read(
    fleet: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    said: str,
) -> None:
    """The history, which takes long, is never opened."""
    monkeypatch.setattr("foremend.jobs.insights.stored_of", None)

    assert call(monkeypatch, *_asked(fleet, tmp_path), *more) == 2

    assert said in capsys.readouterr().err


def test_without_the_library_it_says_which_extra_before_anything_is_read(
    fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit code of a missing extra."""
    for name in ("models.hazards", "foremend.jobs.insights", "foremend.learning.exposure"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "statsmodels.genmod", None)

    assert call(monkeypatch, *_asked(fleet, tmp_path)) == 6

    assert "pip install 'foremend[insights]'" in capsys.readouterr().err


def test_a_history_that_holds_nothing_of_it_is_named(
    fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip in the folder's name is told as that, and not as too short a past."""
    asked = _asked(fleet, tmp_path)
    asked[asked.index("--history") + 1] = str(tmp_path / "nothing")

    assert call(monkeypatch, *asked) == 2

    assert "holds no whole day of generic-compressor" in capsys.readouterr().err
