"""No circle of files, and none of folders at any level: the house can be read from the ground up."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

HERE = Path(__file__).parents[3]
ROOTS = tomllib.loads((HERE / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
ROOMS = (
    *("kitchen/oven.py", "kitchen/sink.py", "cellar/wine.py", "cellar/coal.py"),
    *("east/hall/door.py", "east/hall/lamp.py", "east/bath/tap.py", "east/bath/tub.py"),
)

Edges = dict[str, set[str]]


def test_the_tree_has_no_circle() -> None:
    """Over all packages, imports inside functions and for types only included."""
    graph = grimp.build_graph(*ROOTS, cache_dir=None)

    assert list(circles(graph)) == []


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"one.py": "import house.two", "two.py": "import house.one"}, {"house.one", "house.two"}),
        (
            {"kitchen/oven.py": "import house.cellar.wine", "cellar/coal.py": "import house.kitchen.sink"},
            {"house.kitchen", "house.cellar"},
        ),
        (
            {"kitchen/__init__.py": "import house.kitchen.oven", "kitchen/oven.py": "import house.kitchen"},
            {"house.kitchen", "house.kitchen.oven"},
        ),
        (
            {
                "east/hall/door.py": "import house.east.bath.tap",
                "east/bath/tub.py": "def run():\n    import house.east.hall.lamp",
            },
            {"house.east.hall", "house.east.bath"},
        ),
    ],
    ids=["files", "folders", "a folder and its own file", "folders in a folder"],
)
def test_a_circle_is_found(
    files: dict[str, str], found: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two files, two folders of which no file is in a circle, a door and its room, and the same one level down."""
    build(tmp_path / "house", dict.fromkeys(ROOMS, "") | files)
    monkeypatch.syspath_prepend(tmp_path)

    graph = grimp.build_graph("house", cache_dir=None)

    assert {frozenset(circle) for circle in circles(graph)} == {frozenset(found)}


def circles(graph: grimp.ImportGraph) -> Iterator[list[str]]:
    """One circle of files, if there is any, and one of the rooms of each folder that has one."""
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    yield from one_circle(imports)
    for folder in sorted(name for name in graph.modules if graph.find_children(name)):
        yield from one_circle(between_rooms(folder, imports))


def between_rooms(folder: str, imports: Edges) -> Edges:
    """Which children of `folder` import which others, with all that is in them."""
    rooms: Edges = defaultdict(set)
    for importer, imported in imports.items():
        if (one := room(folder, importer)) is not None:
            rooms[one] |= {other for name in imported if (other := room(folder, name)) not in (None, one)}
    return rooms


def room(folder: str, module: str) -> str | None:
    """The child of `folder` that `module` is or is in."""
    if not module.startswith(f"{folder}."):
        return None
    return f"{folder}.{module.removeprefix(f'{folder}.').split('.')[0]}"


def one_circle(edges: Edges) -> Iterator[list[str]]:
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        yield error.args[1]


def build(house: Path, files: dict[str, str]) -> None:
    """A package of these files; folders without a file of their own to open them get an empty one."""
    for name, text in files.items():
        file = house / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for folder in (house, *filter(Path.is_dir, house.rglob("*"))):
        (folder / "__init__.py").touch()
