"""`foremend replay` on the command line: what it takes together, and tables that fit eighty columns."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from foremend.commands.replay_tables import tables
from foremend.learning.backtest import Episode, Truth, judged
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.types import MS_PER_DAY
from tests.unit.commands.command_line import call

LONGEST = max(load_catalogue(), key=len)
MAP = """
appliance_model: generic-compressor
appliance_id: {value: a-1}
time: {column: time}
signals: {power: {column: watts, unit: W}}
"""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["replay"], "name either files to replay or --history FOLDER"),
        (["replay", "x.csv", "--history", "y"], "name either files"),
        (["replay", "--history", "y", "--yes"], "are for files"),
        (["replay", "--history", "y", "--mapping", "m.yaml"], "are for files"),
        (["replay", "x.csv", "--mapping", "m.yaml", "--yes"], "are for files without --mapping"),
        (
            ["replay", "x.csv", "--mapping", "m.yaml", "--appliance-model", "rf-260"],
            "--appliance-model are for files without --mapping",
        ),
        (["replay", "--history", "y", "--mqtt", "mqtt://127.0.0.1:1"], "--mqtt sends files"),
        (
            ["replay", "x.csv", "--mapping", "m.yaml", "--outcomes", "o.csv", "--mqtt", "mqtt://127.0.0.1:1"],
            "--mqtt sends files",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is read."""
    assert call(monkeypatch, *arguments) == 2

    assert sentence in capsys.readouterr().err


POWER = "time,power\n" + "".join(f"2026-01-01T00:{minute:02}:00Z,80\n" for minute in range(60))


def test_a_file_without_a_mapping_is_looked_at_and_not_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was seen, the mapping, and how to go on."""
    (tmp_path / "freezer.csv").write_text(POWER)

    ended = call(monkeypatch, "replay", str(tmp_path / "freezer.csv"))

    told = capsys.readouterr()
    assert ended == 0
    assert "appliance_id: {value: freezer}" in told.out
    assert "60 rows, 2026-01-01 00:00 to 2026-01-01 00:59 UTC" in told.out
    assert "nothing was replayed: --yes does it" in told.err


def test_yes_replays_it_and_the_written_mapping_does_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """For programs there is one object each."""
    file, mapping = tmp_path / "freezer.csv", tmp_path / "map.yaml"
    file.write_text(POWER)
    (tmp_path / "config.yaml").write_text(
        "extends: shipped\nmodels: {registry: models, appliance_models: []}\n"
    )
    how = ["--rules-alone", "--config", str(tmp_path / "config.yaml"), "--json"]

    assert call(monkeypatch, "replay", str(file), "--write-mapping", str(mapping), "--json") == 0
    looked = json.loads(capsys.readouterr().out)
    assert call(monkeypatch, "replay", str(file), "--yes", *how) == 0
    at_once = json.loads(capsys.readouterr().out)
    assert call(monkeypatch, "replay", str(file), "--mapping", str(mapping), *how) == 0
    by_mapping = json.loads(capsys.readouterr().out)

    assert (looked["trial"]["used"], looked["mapping"]["signals"]["power"]["unit"]) == (60, "W")
    assert at_once == by_mapping
    assert at_once["readings"]["used"] == 60


def test_a_mapping_is_never_written_over_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """People may have changed it."""
    (tmp_path / "freezer.csv").write_text(POWER)
    (tmp_path / "map.yaml").write_text("mine")

    ended = call(
        monkeypatch, "replay", str(tmp_path / "freezer.csv"), "--write-mapping", str(tmp_path / "map.yaml")
    )

    assert (ended, (tmp_path / "map.yaml").read_text()) == (2, "mine")
    assert "is there already" in capsys.readouterr().err


def test_rows_that_are_left_out_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gaps, and rows of other appliances than those that are named."""
    rows = "".join(f"2026-01-01T00:{minute:02}:00Z,{'80' if minute % 2 else ''}\n" for minute in range(60))
    (tmp_path / "freezer.csv").write_text("time,power\n" + rows)

    call(monkeypatch, "replay", str(tmp_path / "freezer.csv"), "--yes", "--rules-alone", "--json")

    assert json.loads(capsys.readouterr().out)["left_out"] == 30


def test_a_config_without_rules_is_told_to_people_and_to_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs a day are shown all the same; that nothing was found means nothing."""
    rows = "".join(f"2026-01-{day:02}T00:{minute:02}:00Z,80\n" for day in (1, 2) for minute in range(60))
    (tmp_path / "log.csv").write_text("time,watts\n" + rows)
    (tmp_path / "map.yaml").write_text(MAP)
    (tmp_path / "config.yaml").write_text("rules: {}\nmodels: {registry: models}")
    given = ["replay", str(tmp_path / "log.csv"), "--mapping", str(tmp_path / "map.yaml")]
    given += ["--config", str(tmp_path / "config.yaml")]

    people = call(monkeypatch, *given), capsys.readouterr()
    programs = call(monkeypatch, *given, "--json"), capsys.readouterr()

    assert (people[0], programs[0]) == (0, 0)
    assert "note: rules.book: there is no rule, so nothing would ever be found" in people[1].err
    assert "nothing" in people[1].out
    assert programs[1].err == ""
    assert "there is no rule" in json.loads(programs[1].out)["notes"][0]


@pytest.mark.parametrize(("wrong", "code"), [(3, 0), (30, 3)])
def test_a_recording_that_was_mostly_dropped_does_not_end_well(
    wrong: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The result is shown all the same, and a sentence says what was dropped and why."""
    mapping, file = tmp_path / "map.yaml", tmp_path / "power.csv"
    mapping.write_text(MAP)
    rows = [f"2026-03-01T10:{minute:02d}:00Z,{90 if minute < 20 else 99_999}" for minute in range(20 + wrong)]
    file.write_text("\n".join(["time,watts", *rows]) + "\n")

    ended = call(monkeypatch, "replay", str(file), "--mapping", str(mapping), "--rules-alone", "--json")

    told = capsys.readouterr()
    assert ended == code
    assert json.loads(told.out)["readings"]["used"] == 20
    assert ("more was dropped than used" in told.err) == (code == 3)


def test_the_tables_fit_eighty_columns(tmp_path: Path) -> None:
    """Though names are as long as they may be, and there is more than fits."""
    shown = io.StringIO()

    for table in tables(a_result()):
        Console(file=shown, width=80).print(table)

    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    (row,) = [line for line in lines if LONGEST in line and "warning" not in line]
    assert row.replace("│", " ").split() == [LONGEST, "2", "1", "1", "20.0", "1"]
    assert any("and 10 more: --json has all" in line for line in lines)


def a_result() -> dict[str, Any]:
    """What a replay of long names returns: one of two faults told, one false warning."""
    end = 365 * MS_PER_DAY
    truths = [
        *(Truth(f"ill-{k}", 0, end, LONGEST, 100 * MS_PER_DAY, 160 * MS_PER_DAY) for k in range(2)),
        Truth("well", 0, end),
    ]
    said = [Episode("ill-0", LONGEST, 0, 140 * MS_PER_DAY), Episode("well", LONGEST, 0, 1)]
    finding = {"kind": "opened", "fault": LONGEST, "severity": "warning", "time": 0, "episode_start": 0}
    return {
        "files": 3,
        "appliances": {"a" * 64: {"days": {}}},
        "findings": [finding | {"appliance_id": f"{k:064}"} for k in range(30)],
        "readings": {"used": 123_456_789, "repeats": 0, "merged": 0, "late": 123_456_789},
        "dead_letters": 2,
        "dead_letter_reasons": ["line 3: " + "x" * 100],
        "models": [
            {"appliance_model": "rf-260", "sentence": "v0001: trained on simulated (days 170, rows 5719)"}
        ],
        "backtest": judged(said, truths).figures(),
        "notes": [],
    }
