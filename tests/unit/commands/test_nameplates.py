"""`foremend nameplates`: a maker's table in, the same table out, and what becomes of a wrong one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from foremend.learning.members import read_appliances
from tests.unit.commands.command_line import call

HEAD = "appliance_id,category,appliance_model,batch,region,firmware,installed_at,since\n"
FLEET = (
    "rf-1,refrigerator,rf-260,2025-44,north,1.0,2025-01-05,\n"
    "rf-1,refrigerator,rf-260,2025-44,north,1.1,2025-01-05,2025-03-01\n"
    "rf-2,refrigerator,rf-260,2025-45,,,2025-02-01,\n"
    "ac-1,air-conditioner,ac-35i,,south,7,2025-02-01,2025-02-09\n"
)


class Foremend:
    """The command line on an installation of its own, and what it says."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self._monkeypatch, self._capsys = folder, monkeypatch, capsys
        self._config = folder / "config.yaml"
        self._config.write_text(f"storage: {{folder: {folder}/var}}\n")

    def says(self, *arguments: str, code: int = 0) -> str:
        assert call(self._monkeypatch, "nameplates", *arguments, "--config", str(self._config)) == code
        said = self._capsys.readouterr()
        return said.err if code else said.out

    def table(self, rows: str) -> str:
        path = self.folder / "appliances.csv"
        path.write_text(HEAD + rows, "utf-8")
        return str(path)


@pytest.fixture
def foremend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Foremend:
    return Foremend(tmp_path, monkeypatch, capsys)


def test_what_went_in_comes_out_as_the_table_that_cohorts_are_watched_by(foremend: Foremend) -> None:
    """Every day of every appliance is the same to whoever reads it; a day without firmware has none."""
    before = read_appliances(Path(foremend.table(FLEET)))
    took = json.loads(foremend.says("import", foremend.table(FLEET), "--json"))
    out = foremend.folder / "out.csv"
    foremend.says("export", str(out))

    after = read_appliances(out)
    assert took == {"appliances": 3, "firmware": 3}
    assert [after[one] for one in ("rf-1", "rf-2")] == [before[one] for one in ("rf-1", "rf-2")]
    assert [(one.day - one.installed, one.firmware) for one in after["ac-1"]] == [(0, ""), (8, "7")]


def test_one_appliance_is_shown_with_its_firmware_since_when(foremend: Foremend) -> None:
    """And one that is not there is a sentence."""
    foremend.says("import", foremend.table(FLEET))

    shown = json.loads(foremend.says("show", "rf-1", "--json"))
    assert (shown["batch"], shown["installed_at"]) == ("2025-44", "2025-01-05")
    assert shown["firmware"] == [
        {"since": "2025-01-05", "version": "1.0"},
        {"since": "2025-03-01", "version": "1.1"},
    ]
    assert "no nameplate of 'rf-9' is known" in foremend.says("show", "rf-9", code=2)


@pytest.mark.parametrize(
    ("row", "reason", "code"),
    [
        ("rf 3,refrigerator,rf-260,,,,2025-01-05,\n", "cannot be the id of an appliance", 3),
        ("rf-3,refrigerator,rf-26,,,,2025-01-05,\n", "did you mean 'rf-260'?", 3),
        ("rf-3,air-conditioner,rf-260,,,,2025-01-05,\n", "rf-260 is a 'refrigerator'", 3),
        ("rf-3,refrigerator,rf-260,,,,yesterday,\n", "line 6", 2),
        ("rf-3,refrigerator,rf-260,,,,0205-01-05,\n", "rf-3: 0205-01-05 is before 1970", 3),
        ("rf-3,refrigerator,rf-260,,,1.0,2025-01-05,2205-01-05\n", "was another year meant?", 3),
    ],
)
def test_a_table_with_one_wrong_row_is_refused_whole_with_the_reason(
    foremend: Foremend, row: str, reason: str, code: int
) -> None:
    """Nothing of it is in the register."""
    assert reason in foremend.says("import", foremend.table(FLEET + row), code=code)

    out = foremend.folder / "out.csv"
    assert json.loads(foremend.says("export", str(out), "--json"))["appliances"] == 0


def test_what_a_spreadsheet_would_reckon_is_written_as_text(foremend: Foremend) -> None:
    """A batch that begins like a formula."""
    foremend.says("import", foremend.table("rf-3,refrigerator,rf-260,=1+2,,,2025-01-05,\n"))
    out = foremend.folder / "out.csv"
    foremend.says("export", str(out))

    assert "'=1+2" in out.read_text()


def test_a_place_that_cannot_be_written_is_a_sentence(foremend: Foremend) -> None:
    """As a folder that is not there."""
    assert "cannot be written" in foremend.says("export", str(foremend.folder / "none" / "out.csv"), code=2)
