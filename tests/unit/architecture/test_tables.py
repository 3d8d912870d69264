"""The effects database is alerts' own: nobody else names its tables or writes a query."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parents[3]
ROOTS = tomllib.loads((HERE / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
OUTSIDE = [file for root in ROOTS if root != "alerts" for file in sorted((HERE / root).rglob("*.py"))]
OWN = {"alerts.tables", "sqlalchemy.orm"}
QUERIES = {
    "sqlalchemy.select",
    "sqlalchemy.insert",
    "sqlalchemy.update",
    "sqlalchemy.delete",
    "sqlalchemy.func",
}


def test_no_module_outside_alerts_queries_its_tables() -> None:
    """They ask `alerts.queries`, `alerts.shared_status` and the stage itself."""
    found = {file.relative_to(HERE).as_posix(): queried(file.read_text("utf-8")) for file in OUTSIDE}

    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "text",
    [
        "from alerts.tables import TicketRow",
        "from alerts import tables",
        "import alerts.tables",
        "from sqlalchemy import Engine, select",
        "import sqlalchemy as sa\nsa.select(1)",
        "def late():\n    from sqlalchemy.orm import Session",
    ],
)
def test_a_query_elsewhere_is_found(text: str) -> None:
    """By any way to write the import."""
    assert queried(text) != set()


def queried(text: str) -> set[str]:
    """What a module takes of the tables, or to write queries with; `sqlalchemy` as a whole counts."""
    taken = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            taken |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            taken |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in taken if name in OWN | QUERIES} | ({"sqlalchemy"} & plain(text))


def plain(text: str) -> set[str]:
    """Modules that are imported whole."""
    return {
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
