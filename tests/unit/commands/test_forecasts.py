"""`foremend forecasts`: a service organisation's two tables in, visits and parts of the next weeks out."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.unit.commands.command_line import call

TODAY = date(2026, 3, 2)


@pytest.fixture
def tables(tmp_path: Path) -> tuple[str, str]:
    """Two areas, one of three times as many appliances; half of the visits were foreseen ten days before."""
    rng = np.random.default_rng(1)
    appliances, visits = tmp_path / "appliances.csv", tmp_path / "visits.csv"
    rows = ["appliance_id,category,appliance_model,batch,region,firmware,installed_at"]
    rows += [
        f"rf-{n},refrigerator,rf-260,b1,{'north' if n % 4 else 'south'},1.0,2023-01-01" for n in range(2_000)
    ]
    came = ["appliance_id,part,foreseen_at,visited_at,closed_at"]
    for day in range(420):
        for _ in range(rng.poisson(2.0)):
            when = TODAY - timedelta(420 - day)
            foreseen = when - timedelta(10) if rng.random() < 0.5 else ""
            came.append(f"rf-{rng.integers(2_000)},{rng.choice(['fan', 'relay'])},{foreseen},{when},")
    came += [f"rf-{n},fan,{TODAY - timedelta(3)},," for n in range(12)]
    appliances.write_text("\n".join(rows) + "\n")
    visits.write_text("\n".join(came) + "\n")
    return str(appliances), str(visits)


def said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0
) -> str:
    assert call(monkeypatch, "forecasts", *arguments, "--today", TODAY.isoformat()) == code
    answer = capsys.readouterr()
    return answer.err if code else answer.out


def test_areas_parts_and_the_whole_are_told_for_eight_weeks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tables: tuple[str, str]
) -> None:
    """An area with three times as many appliances has three times as many visits; parts and areas make the same sum."""
    found = json.loads(said(monkeypatch, capsys, *tables, "--json"))

    sums = {}
    for one in found["weeks"]:
        sums[one["name"]] = sums.get(one["name"], 0.0) + one["visits"]
        assert 0 <= one["low"] <= one["high"]
    assert found["open_tickets"] == 12
    assert len(found["weeks"]) == 5 * 8
    assert found["weeks"][0]["week"] == TODAY.isoformat()
    assert sums["all"] == pytest.approx(8 * 14, rel=0.2)
    assert sums["north"] / sums["south"] == pytest.approx(3, rel=0.35)
    assert sums["fan"] + sums["relay"] == pytest.approx(sums["all"], rel=0.1)


def test_the_weeks_are_written_for_a_spreadsheet(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tables: tuple[str, str],
    tmp_path: Path,
) -> None:
    said(monkeypatch, capsys, *tables, "--weeks", "2", "--out", str(tmp_path / "weeks.csv"))

    with (tmp_path / "weeks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["by", "name", "week", "visits", "low", "high"]
    assert len(rows) == 5 * 2


def test_a_part_that_a_spreadsheet_would_reckon_is_text_in_the_file(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tables: tuple[str, str],
    tmp_path: Path,
) -> None:
    file = Path(tables[1])
    file.write_text(file.read_text().replace(",fan,", ",=1+2,"))

    said(monkeypatch, capsys, *tables, "--out", str(tmp_path / "weeks.csv"))

    assert "part,'=1+2," in (tmp_path / "weeks.csv").read_text()


def test_a_visit_of_an_appliance_that_is_in_no_table_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tables: tuple[str, str]
) -> None:
    with Path(tables[1]).open("a") as file:
        file.write("rf-nobody,fan,,2026-01-05,\n")

    assert json.loads(said(monkeypatch, capsys, *tables, "--json"))["left_out"] == 1


def test_a_slip_of_the_pen_in_a_year_makes_no_history_of_empty_weeks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tables: tuple[str, str]
) -> None:
    """One visit of 1925 in place of 2025: three years in which nothing came would have been learnt from."""
    before = json.loads(said(monkeypatch, capsys, *tables, "--json"))
    with Path(tables[1]).open("a") as file:
        file.write("rf-1,fan,,1925-06-01,\n")

    found = json.loads(said(monkeypatch, capsys, *tables, "--json"))

    assert found["from"] == before["from"]
    assert [one["visits"] for one in found["weeks"]] == pytest.approx(
        [one["visits"] for one in before["weeks"]], rel=0.05
    )


def test_a_row_without_any_time_is_refused_with_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tables: tuple[str, str]
) -> None:
    lines = len(Path(tables[1]).read_text().splitlines())
    with Path(tables[1]).open("a") as file:
        file.write("rf-1,fan,,,2026-01-05\n")

    assert f"line {lines + 1}: neither foreseen_at nor visited_at" in said(
        monkeypatch, capsys, *tables, code=2
    )


def test_one_table_alone_is_refused_with_what_to_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tables: tuple[str, str]
) -> None:
    """The fleet and its visits belong together."""
    assert "name both tables" in said(monkeypatch, capsys, tables[0], code=2)
