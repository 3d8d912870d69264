"""`foremend init` writes a config that a start would take, and never over another."""

from __future__ import annotations

from pathlib import Path

import pytest

from foremend.commands.init import BEGINNINGS
from foremend.jobs.check import check_config
from tests.unit.commands.command_line import call

NAMES = sorted(file.stem for file in BEGINNINGS.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_each_beginning_passes_the_check_and_says_the_next_command(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is written has words for whoever edits it, and nothing that a start would refuse."""
    monkeypatch.chdir(tmp_path)

    code = call(monkeypatch, "init", name)

    assert code == 0
    assert "foremend check;" in capsys.readouterr().err
    assert "EDIT" in Path("config.yaml").read_text(encoding="utf-8")
    assert check_config(None).problems == ()


def test_there_are_three_beginnings() -> None:
    """A plug at home, a maker's pilot, and Kafka."""
    assert NAMES == ["home", "kafka", "pilot"]


def test_a_config_that_is_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is left as it is, with a sentence that says what to do; another name works."""
    mine, other = tmp_path / "config.yaml", tmp_path / "other.yaml"
    mine.write_text("mqtt: {}\n", encoding="utf-8")

    refused = call(monkeypatch, "init", "home", "--config", str(mine))
    said = capsys.readouterr().err
    written = call(monkeypatch, "init", "home", "--config", str(other))

    assert (refused, written) == (2, 0)
    assert "is there already" in said
    assert mine.read_text(encoding="utf-8") == "mqtt: {}\n"
    assert f"foremend check --config {other}" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, exit code 2."""
    code = call(monkeypatch, "init", "home", "--config", str(tmp_path / "nope" / "config.yaml"))

    assert code == 2
    assert "cannot be written" in capsys.readouterr().err
