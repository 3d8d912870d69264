"""docs/security.md names tests as its proof: they exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", (ROOT / "docs" / "security.md").read_text("utf-8"))))


def names_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_every_test_that_the_page_names_exists(file: str) -> None:
    """Who renames or removes one changes the page, or the claim goes."""
    named = {name for one, name in NAMED if one == file}

    missing = named - names_in(ROOT / "tests" / file)

    assert missing == set()
    assert all(name.startswith("test_") for name in named)


def test_every_row_has_its_proof_or_says_how_it_was_seen() -> None:
    """A claim without a test says so in its last column."""
    rows = re.findall(r"^\|.*\|$", (ROOT / "docs" / "security.md").read_text("utf-8"), re.MULTILINE)
    claims = [row for row in rows if not re.match(r"\| (who|what) \||\|---", row)]

    bare = [
        row
        for row in claims
        if "::test_" not in row and not re.search(r"(by hand|in the code)[^|]* \|$", row)
    ]

    assert len(claims) > 20
    assert bare == []
