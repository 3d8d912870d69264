"""What a stage remembers, without what it remembers of some devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def without(tree: Any, named: Callable[[str], bool]) -> Any:
    """A snapshot's tree without the keys that are `named`, and without such entries of its lists of text."""
    if isinstance(tree, Mapping):
        return {key: without(child, named) for key, child in tree.items() if not named(key)}
    if isinstance(tree, list | tuple):
        return [without(child, named) for child in tree if not (isinstance(child, str) and named(child))]
    return tree
