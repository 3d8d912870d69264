"""`foremend cohorts`: a maker's two tables in, the cohorts that fail more than their siblings out."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.unit.commands.command_line import call


class Foremend:
    """The command line, and what it says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def says(self, *arguments: str, code: int = 0) -> str:
        assert call(self._monkeypatch, *arguments) == code
        said = self._capsys.readouterr()
        return said.err if code else said.out


@pytest.fixture
def foremend(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Foremend:
    return Foremend(monkeypatch, capsys)


HEAD = "appliance_id,category,appliance_model,batch,region,firmware,installed_at,since\n"
FIRST = date(2025, 1, 1)


@pytest.fixture
def tables(tmp_path: Path) -> tuple[str, str]:
    """4,000 refrigerators of ten batches; a third of batch b7 fails within 200 days, 2 in 100 of the others."""
    rng = np.random.default_rng(1)
    appliances, failures = tmp_path / "appliances.csv", tmp_path / "failures.csv"
    rows, failed = [HEAD], ["appliance_id,fault,confirmed_at\n"]
    for number in range(4_000):
        batch = number % 10
        rows.append(f"rf-{number},refrigerator,rf-260,b{batch},north,1.0,{FIRST},\n")
        if rng.random() < (0.33 if batch == 7 else 0.02):
            failed.append(f"rf-{number},refrigerant-leak,{FIRST + timedelta(int(rng.integers(200)))}\n")
    appliances.write_text("".join(rows))
    failures.write_text("".join(failed))
    return str(appliances), str(failures)


def test_a_bad_batch_is_named_with_its_figures(foremend: Foremend, tables: tuple[str, str]) -> None:
    """As JSON: since when it is sure, how many failed of how many, and how many times as often as the others."""
    answer = foremend.says("cohorts", *tables, "--json")

    red = [one for one in json.loads(answer)["alarms"] if one["level"] == "red"]
    assert [one["cohort"] for one in red] == [{"batch": "rf-260 b7"}]
    assert red[0]["ratio_95"][0] < 33 / 2 < red[0]["ratio_95"][1]
    assert red[0]["failed"] < 0.06 * 400


def test_people_read_a_table(foremend: Foremend, tables: tuple[str, str]) -> None:
    """What was used comes first."""
    said = foremend.says("cohorts", *tables)

    assert "among 4000 appliances" in said
    assert "batch rf-260 b7" in said
    assert "what sets it apart" in said  # a table says what was found, not how it showed
    assert "refrigerant-leak" in said
    assert max(map(len, said.splitlines())) <= 80


def test_failures_of_appliances_that_are_not_in_the_table_are_counted(
    foremend: Foremend, tables: tuple[str, str]
) -> None:
    """Nothing of a table is dropped without a word."""
    with Path(tables[1]).open("a") as file:
        file.write("rf-nobody,refrigerant-leak,2025-03-01\n")

    assert json.loads(foremend.says("cohorts", *tables, "--json"))["failures_left_out"] == 1


def test_a_failure_on_the_day_of_new_firmware_is_counted(foremend: Foremend, tables: tuple[str, str]) -> None:
    """An appliance has a row for each firmware; it fails with one of them."""
    with Path(tables[0]).open("a") as file:
        file.write("rf-new,refrigerator,rf-260,b1,north,1.0,2025-01-01,\n")
        file.write("rf-new,refrigerator,rf-260,b1,north,1.1,2025-01-01,2025-02-01\n")
    with Path(tables[1]).open("a") as file:
        file.write("rf-new,refrigerant-leak,2025-02-01\n")

    assert json.loads(foremend.says("cohorts", *tables, "--json"))["failures_left_out"] == 0


def test_a_table_that_lacks_a_column_is_refused_by_its_name(
    foremend: Foremend, tables: tuple[str, str]
) -> None:
    """With what it needs."""
    Path(tables[0]).write_text("appliance_id,batch\nrf-1,b1\n")

    assert "lacks the column category" in foremend.says("cohorts", *tables, code=2)


@pytest.mark.parametrize("installed", ["", "spring", "99999999999999999999", "\u00b2"])
def test_a_time_that_is_none_is_refused_with_its_line(
    foremend: Foremend, tables: tuple[str, str], installed: str
) -> None:
    """Also where a row ends early."""
    Path(tables[0]).write_text(HEAD + f"rf-1,refrigerator,rf-260,b1,north,1.0,{installed}\n")

    assert "line 2" in foremend.says("cohorts", *tables, code=2)


def test_a_row_that_ends_early_is_refused_with_its_line(foremend: Foremend, tables: tuple[str, str]) -> None:
    """In either table."""
    whole = Path(tables[0]).read_text()
    Path(tables[0]).write_text(HEAD + "rf-1,refrigerator\n")
    assert "line 2" in foremend.says("cohorts", *tables, code=2)

    Path(tables[0]).write_text(whole)
    Path(tables[1]).write_text("appliance_id,fault,confirmed_at\nrf-1,refrigerant-leak\n")
    assert "line 2" in foremend.says("cohorts", *tables, code=2)


def test_a_slip_of_the_pen_in_a_year_ends_and_is_told(foremend: Foremend, tables: tuple[str, str]) -> None:
    """A failure of the year 9999 is left out; an appliance of the first year is old and nothing else."""
    Path(tables[0]).write_text(
        HEAD + "rf-1,r,m,b,n,1,0001-01-01,\nrf-2,r,m,b,n,1,2025-01-01,\nrf-3,r,m,b,n,1,9998-01-01,\n"
    )
    Path(tables[1]).write_text(
        "appliance_id,fault,confirmed_at\nrf-1,leak,2025-02-01\nrf-2,leak,9999-01-01\n"
    )

    found = json.loads(foremend.says("cohorts", *tables, "--json"))

    assert (found["failures"], found["failures_left_out"], found["appliances_left_out"]) == (1, 1, 1)
    assert found["alarms"] == []


def test_one_table_alone_is_refused_with_what_to_name(foremend: Foremend, tables: tuple[str, str]) -> None:
    """Who is there and what failed belong together."""
    assert "name both tables" in foremend.says("cohorts", tables[0], code=2)


def test_an_empty_register_says_how_it_is_filled(foremend: Foremend, tmp_path: Path) -> None:
    """Without tables the register is asked."""
    config = tmp_path / "config.yaml"
    config.write_text(f"storage: {{folder: {tmp_path}/var}}\n")

    assert "foremend nameplates import" in foremend.says("cohorts", "--config", str(config), code=2)


def test_alarms_are_listed_and_steps_refused_in_a_sentence(foremend: Foremend, tmp_path: Path) -> None:
    """On a register where nothing was told yet; tables named `alarms` are no tables."""
    config = tmp_path / "config.yaml"
    config.write_text(
        f"storage: {{folder: {tmp_path}/var}}\nalerts: {{database: sqlite:///{tmp_path}/e.db}}\n"
    )
    where = ("--config", str(config))

    assert json.loads(foremend.says("cohorts", "alarms", "list", *where, "--json")) == {"alarms": []}
    assert "no cohort alarm" in foremend.says("cohorts", "alarms", "list", "--state", "open", *where)
    for step in (("show",), ("acknowledge",), ("close", "--reason", "recalled")):
        said = foremend.says("cohorts", "alarms", step[0], "ca_x", *step[1:], *where, code=3)
        assert "no cohort alarm 'ca_x'" in said


def test_an_alarm_is_closed_by_command_with_who_and_why(foremend: Foremend, tmp_path: Path) -> None:
    """By the account that it runs under; people read figures, programs the whole of it."""
    from alerts.cohort_alarms import CohortAlarms
    from alerts.database import open_database
    from alerts.outbox import Outbox
    from alerts.settings import AlertsSettings
    from foremend.jobs.tokens import by_account
    from foremend.runtimes.clock import SystemClock

    config, url = tmp_path / "config.yaml", f"sqlite:///{tmp_path}/e.db"
    config.write_text(f"storage: {{folder: {tmp_path}/var}}\nalerts: {{database: {url}}}\n")
    tables = open_database(url)
    told = CohortAlarms(tables, Outbox(AlertsSettings()), SystemClock(), lambda: None)
    figures = {
        "at_risk": 90,
        "failed": 12,
        "expected": 1.5,
        "ratio": 9.0,
        "ratio_95": [4.0, 20.0],
        "faults": [],
        "features": [{"feature": "duty", "moved": "down", "failed": 9, "others": 1, "of_others": 40}],
    }
    definition = {"appliance_model": "rf-260", "batch": "b3"}
    told.tell([{"day": "2026-01-05", "level": "red", "definition": definition} | figures])
    tables.dispose()
    where = ("--config", str(config))

    (alarm,) = json.loads(foremend.says("cohorts", "alarms", "list", *where, "--json"))["alarms"]
    line = " ".join(foremend.says("cohorts", "alarms", "list", *where).split())
    assert "batch b3; 12 of 90 failed, 1.5 expected" in line
    assert "set apart by duty lower" in line
    foremend.says("cohorts", "alarms", "acknowledge", alarm["alarm_id"], *where)
    closed = foremend.says(
        "cohorts", "alarms", "close", alarm["alarm_id"], "--reason", "recalled", *where, "--json"
    )

    found = json.loads(closed)
    assert (found["state"], found["closed_by"], found["reason"]) == ("closed", by_account(), "recalled")
    assert "is closed" in foremend.says("cohorts", "alarms", "acknowledge", alarm["alarm_id"], *where, code=3)
