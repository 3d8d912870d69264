"""Compiled kernels on disk: good while their folder stays as it is, and made anew when any file of it changes."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

import pytest

HERE = Path(__file__).parents[3]
ROOTS = tomllib.loads((HERE / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
SOURCES = [file for root in ROOTS for file in sorted((HERE / root).rglob("*.py"))]
COMPILING = HERE / "foremend" / "vocabulary" / "compiling.py"
KERNEL_FILES = COMPILING.with_name("kernel_files.py")
SHARED = {COMPILING.with_name(name) for name in ("types.py", "features.py")}
DECORATORS = ("njit", "compiled")
FOLDERS = sorted(
    {
        file.parent
        for file in SOURCES
        if file not in (COMPILING, KERNEL_FILES)
        and any(f"@{name}" in file.read_text("utf-8") for name in DECORATORS)
    }
)

OURS = "from foremend.vocabulary.compiling import compiled\nkept = compiled()\n"
NUMBAS = "from numba import njit\nkept = njit(cache=True)\n"
OUTER = "from room.inner import FACTOR, inner\n@kept\ndef outer(x):\n    return FACTOR * inner(x)\n"
INNER = "from numba import njit\nFACTOR = {factor}\n@njit\ndef inner(x):\n    return x + {more}\n"
ASK = """
from room.outer import outer
print(outer(1), "from disk" if sum(outer.stats.cache_hits.values()) else "made now")
"""


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A package whose kernel calls one of another file and takes a constant from it."""
    folder = tmp_path / "room"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "inner.py").write_text(INNER.format(factor=2, more=10))
    (folder / "outer.py").write_text(OURS + OUTER)
    return folder


def test_a_kernel_is_kept_on_disk(room: Path) -> None:
    """A second process compiles nothing."""
    first, second = ask(room), ask(room)

    assert (first, second) == ("22 made now", "22 from disk")


@pytest.mark.parametrize(("change", "told"), [({"factor": 3}, 33), ({"more": 20}, 42)])
def test_a_change_in_another_file_of_the_folder_compiles_anew(
    room: Path, change: dict[str, int], told: int
) -> None:
    """A called kernel and a constant, both of another file: the next process has the new ones, and keeps them."""
    ask(room)
    (room / "inner.py").write_text(INNER.format(**{"factor": 2, "more": 10} | change))

    then = [ask(room), ask(room)]

    assert then == [f"{told} made now", f"{told} from disk"]


def test_what_is_imported_to_be_interpreted_stays_python(room: Path) -> None:
    """It says the same, and numba is not loaded for it."""
    (room / "inner.py").write_text(
        INNER.replace("from numba import njit", "njit = lambda f: f").format(factor=2, more=10)
    )
    script = (
        "import sys; from foremend.vocabulary.compiling import interpreted\n"
        "with interpreted(): from room.outer import outer\n"
        "print(outer(1), 'numba' in sys.modules, hasattr(outer, 'stats'))\n"
    )

    said = ask(room, script=script)

    assert said == "22 False False"


def test_numbas_own_cache_would_have_given_the_old_result(room: Path) -> None:
    """The reason for all this: with `njit(cache=True)` the edited file is not looked at."""
    (room / "outer.py").write_text(NUMBAS + OUTER)
    ask(room)
    (room / "inner.py").write_text(INNER.format(factor=3, more=20))

    assert ask(room) == "22 from disk"


def test_a_folder_that_cannot_be_written_is_cached_where_numba_is_told(room: Path, tmp_path: Path) -> None:
    """`NUMBA_CACHE_DIR` is obeyed as numba does, and the guard holds there too."""
    elsewhere = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    ask(room, **elsewhere)
    (room / "inner.py").write_text(INNER.format(factor=2, more=20))

    assert [ask(room, **elsewhere), ask(room, **elsewhere)] == ["42 made now", "42 from disk"]
    assert [*room.rglob("*.nbc")] == []


def test_every_kernel_that_is_kept_has_the_guard() -> None:
    """Nothing but `compiled` asks numba for its cache."""
    asked = [file for file in SOURCES if file != KERNEL_FILES and "cache=True" in file.read_text("utf-8")]

    assert asked == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(HERE).as_posix())
def test_a_kernel_takes_nothing_from_beyond_its_guard(folder: Path) -> None:
    """Functions and constants of ours that a kernel uses are of its own folder, or of the files that all share."""
    beyond = [name for name in taken(map(Path.read_text, folder.glob("*.py"))) if not guarded(name, folder)]

    assert beyond == []


@pytest.mark.parametrize(
    ("kernel", "found"),
    [
        ("from models.stream.cycles import note\n{}    return note(x)", "models.stream.cycles.note"),
        ("from models import rhythm\n{}    return rhythm.of(x)", "models.rhythm"),
        ("from models.usual import LEAST as L\nMOST = 2 * L\n{}    return MOST * x", "models.usual.LEAST"),
        ("from models.usual import LEAST\nA, B = range(LEAST)\n{}    return B * x", "models.usual.LEAST"),
    ],
    ids=["a kernel", "a module", "a constant made of another", "one of several constants"],
)
def test_what_comes_from_another_folder_is_found(kernel: str, found: str) -> None:
    """The test above can fail; what is imported for types alone is none of its matter."""
    text = kernel.format("from models.trees import Forest\n@compiled()\ndef kernel(x: Forest):\n")

    beyond = [name for name in taken([text]) if not guarded(name, HERE / "models" / "detectors")]

    assert beyond == [found]


def ask(room: Path, script: str = ASK, **environ: str) -> str:
    """What a new process says of `outer(1)`. Python's own files of bytecode do not see a change within a second."""
    path = os.pathsep.join([str(room.parent), str(HERE)])
    return subprocess.check_output(
        [sys.executable, "-B", "-c", script],
        env=os.environ | {"PYTHONPATH": path} | environ,
        text=True,
        cwd=room.parent,
    ).strip()


def guarded(name: str, folder: Path) -> bool:
    """Whether a change of what `name` stands for makes the kernels of `folder` new."""
    file = home(name)
    return file in SHARED or file.parent == folder


def home(name: str) -> Path:
    """The file that `name` is, or that it comes from."""
    whole = HERE.joinpath(*name.split("."))
    files = (whole.with_suffix(".py"), whole.parent.with_suffix(".py"), whole.parent / "__init__.py")
    return next(file for file in files if file.is_file())


def taken(files: Iterable[str]) -> list[str]:
    """Full names of what the kernels of a folder use and its files import from our packages, constants included."""
    trees = [ast.parse(text) for text in files]
    used = {name for tree in trees for name in used_in_kernels(tree)}
    return sorted({name for tree in trees for name in imported_for(tree, used)})


def used_in_kernels(tree: ast.Module) -> Iterator[str]:
    """Names, and attributes such as `columns.DUTY`, in the bodies of kernels."""
    for kernel in ast.walk(tree):
        if isinstance(kernel, ast.FunctionDef) and any(map(is_kernel, kernel.decorator_list)):
            for statement in kernel.body:
                yield from names_in(statement)


def imported_for(tree: ast.Module, used: Set[str]) -> Iterator[str]:
    """What `tree` imports of ours for its kernels, or to make constants that kernels use."""
    imported = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ROOTS
        for alias in node.names
    }
    wanted = set(used_in_kernels(tree))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(used & set(names_in(target)) for target in node.targets):
            wanted |= set(names_in(node.value))
    yield from (imported[name] for name in wanted & imported.keys())


def names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def is_kernel(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id in DECORATORS
