"""The figures of docs/simulators.md are drawn by a command anyone can run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from simulators.figures.figures import main, tell

SHORT = "thermostat-stuck"  # a course of a few days


def test_command_draws_a_small_figure_of_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One PNG of at most 30 KB; without the Tracebase data a sentence says what is left out, and nothing fails."""
    code = main(["--out", str(tmp_path / "new"), "--tracebase", str(tmp_path), "--fault", SHORT])

    picture = tmp_path / "new" / f"{SHORT}.png"
    assert code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 30_000
    assert "comparison with real refrigerators is left out" in capsys.readouterr().out


def test_story_holds_onset_sign_and_failure() -> None:
    """The twins are alike up to the onset and apart at the failure."""
    story = tell(SHORT)
    onset = (story.course.onset - story.start_ms) // 86_400_000

    assert (story.usual[:, :onset] == story.ill[:, :onset]).all()
    assert story.ill[0, -1] > story.usual[0, -1] + 5.0


def test_missing_matplotlib_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the extra the command says which one to install, and leaves nothing behind."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    code = main(["--out", str(tmp_path / "new")])

    assert code == 6
    assert "foremend[figures]" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file in the way of the folder ends in one sentence and exit code 2."""
    (tmp_path / "file").write_text("in the way")

    code = main(["--out", str(tmp_path / "file" / "new"), "--fault", SHORT])

    assert code == 2
    assert "cannot write to" in capsys.readouterr().err
