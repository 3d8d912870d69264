"""Which Python `make` takes, among names that are only names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / ".ci" / "newest-python"
WORKS = f'exec "{sys.executable}" "$@"'
LACKS = "echo 'command not found' >&2; exit 127"
TOO_OLD = "exit 1"


def chosen(folder: Path, named: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The choice where `named` programs are all there is."""
    for name, does in named.items():
        (folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", str(SCRIPT)], env={"PATH": str(folder)}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("named", "python"),
    [
        pytest.param({"python3.11": WORKS, "python3.12": WORKS}, "python3.12", id="the newest"),
        pytest.param({"python3.11": WORKS, "python3.13": LACKS}, "python3.11", id="one that starts"),
        pytest.param({"python3": WORKS, "python3.9": WORKS}, "python3", id="whatever it is called"),
    ],
)
def test_the_newest_that_starts_is_taken(named: dict[str, str], python: str, tmp_path: Path) -> None:
    """A version manager's name without the version behind it is passed over."""
    found = chosen(tmp_path, named)

    assert (found.returncode, found.stdout) == (0, f"{python}\n")


@pytest.mark.parametrize("named", [{}, {"python3": TOO_OLD}], ids=["none", "too old"])
def test_without_one_a_sentence_says_what_to_install(named: dict[str, str], tmp_path: Path) -> None:
    """Nothing on stdout, so that nobody takes it for a program."""
    found = chosen(tmp_path, named)

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith(
        "Foremend needs Python 3.11 to 3.14 with venv, and none starts here: install"
    )
    assert found.stderr.count("\n") == 1
