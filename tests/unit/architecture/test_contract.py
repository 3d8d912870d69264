"""The import contract of pyproject.toml: the tree as it is keeps it, and every back door breaks it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parents[3]
ROOTS = tomllib.loads((HERE / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of every Python source, with the repository's contract."""
    copy = tmp_path_factory.mktemp("house")
    for root in ROOTS:
        shutil.copytree(HERE / root, copy / root, ignore=_all_but_python)
    shutil.copy(HERE / "pyproject.toml", copy)
    return copy


@pytest.fixture
def door(house: Path, request: pytest.FixtureRequest) -> Iterator[None]:
    """One more import in one file, for the length of a test."""
    file, line = request.param
    before = (house / file).read_text()
    (house / file).write_text(f"{before}\n{line}\n")
    yield
    (house / file).write_text(before)


def test_the_tree_keeps_the_contract(house: Path) -> None:
    """The copy as it is passes."""
    code, said = lint(house)

    assert "1 kept, 0 broken" in said
    assert code == 0


@pytest.mark.parametrize(
    ("door", "told"),
    [
        (
            ("rules/spells.py", "import foremend.stores.journal"),
            "rules is not allowed to import foremend.stores",
        ),
        (
            ("foremend/stores/snapshots.py", "from foremend.wiring import parts"),
            "foremend.stores is not allowed to import foremend.wiring",
        ),
        (
            ("foremend/runtimes/rescue.py", "def _late() -> None:\n    import foremend.wiring.worker"),
            "foremend.runtimes is not allowed to import foremend.wiring",
        ),
        (("ingest/paths.py", "import alerts.audit"), "ingest is not allowed to import alerts"),
        (("simulators/categories.py", "import ingest.decode"), "simulators is not allowed to import ingest"),
        (
            ("foremend/engine/packing.py", "import foremend.config"),
            "foremend.engine is not allowed to import foremend.config",
        ),
        (
            ("foremend/vocabulary/types.py", "import rules.findings"),
            "foremend.vocabulary is not allowed to import rules",
        ),
    ],
    indirect=["door"],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.usefixtures("door")
def test_a_back_door_breaks_the_contract(house: Path, told: str) -> None:
    """An import against the order of the storeys is found, at the top of a file or inside a function, and named."""
    code, said = lint(house)

    assert "0 kept, 1 broken" in said
    assert told in " ".join(said.split())
    assert code == 1


def lint(folder: Path) -> tuple[int, str]:
    """Exit code and words of `lint-imports` over the sources in `folder`."""
    environ = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"], cwd=folder, env=environ, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def _all_but_python(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not name.endswith(".py") and not (Path(folder) / name).is_dir()}
