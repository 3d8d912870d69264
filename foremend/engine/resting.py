"""Appliances that rest: what is known of each, as bytes of its own, to be kept outside the core and brought back.

The bytes of many appliances have one layout (their columns side by side), so that the layout is kept once, not with
each of them, and 10,000 are packed at once.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.engine.packing import pack, unpack
from foremend.vocabulary.errors import IntegrityError

_LEVEL = 1
"""Of zlib: a refrigerator's 9 KB become 2 KB; more effort saves a tenth for thrice the time."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resting:
    """One appliance that left memory, exactly as it was."""

    appliance_model: str
    appliance_id: str
    last_seen: int  # ms UTC, event time
    stranger: bool  # never heard of for longer than an hour
    layout: str  # how `state` is to be read
    state: bytes


@dataclass(frozen=True, slots=True)
class RestRules:
    """Who leaves memory; times in ms of event time."""

    after: int  # not heard of for this long, and all was said of it
    strangers_after: int  # the same for those never heard of for longer than an hour
    most_strangers: int  # of them in memory; beyond it half of them leave, the longest silent first


def packed(part: Mapping[str, Any], appliances: int, of: str) -> tuple[str, list[bytes]]:
    """A part (see `vocabulary.leaving`) as its layout and each appliance's bytes; `of` says what it is a part of."""
    leaves = list(_leaves(part))
    columns = [(path, leaf) for path, leaf in leaves if isinstance(leaf, np.ndarray)]
    described = [[path, column.dtype.str, column.shape[1:]] for path, column in columns]
    fixed = np.hstack([np.empty((appliances, 0), np.uint8), *(_bytes(column) for _, column in columns)])
    lists = [(json.dumps(path), leaf) for path, leaf in leaves if isinstance(leaf, list)]
    empty = [path for path, leaf in leaves if isinstance(leaf, Mapping)]
    states = []
    for row in range(appliances):
        rest = {path: leaf[row] for path, leaf in lists if leaf[row] is not None}
        states.append(zlib.compress(fixed[row].tobytes() + (bytes(pack(rest)) if rest else b""), _LEVEL))
    return json.dumps(
        {"of": of, "columns": described, "lists": [path for path, _ in lists], "empty": empty}
    ), states


def unpacked(layout: str, states: Sequence[bytes]) -> dict[str, Any]:
    """The part that `packed` was given; its arrays are its own. Raises IntegrityError where bytes are not whole."""
    described = json.loads(layout)
    part: dict[str, Any] = {}
    try:
        raw = [zlib.decompress(state) for state in states]
    except zlib.error as error:
        raise IntegrityError(
            f"what was kept of an appliance that rests is damaged ({error}): run `foremend doctor`"
        ) from error
    at = 0
    for path, kind, shape in described["columns"]:
        width = np.dtype(kind).itemsize * int(np.prod(shape))
        joined = b"".join(one[at : at + width] for one in raw)
        _put(part, path, np.frombuffer(joined, kind).reshape(len(raw), *shape).copy())
        at += width
    rest = [unpack(one[at:]) if len(one) > at else {} for one in raw]
    for path in described["lists"]:
        _put(part, json.loads(path), [one.get(path) for one in rest])
    for path in described["empty"]:
        _put(part, path, {})
    return part


def is_whole(state: bytes) -> bool:
    """Whether the bytes of one appliance are as they were packed: they end with a checksum."""
    try:
        zlib.decompress(state)
    except zlib.error:
        return False
    return True


def of(layout: str) -> str:
    """What `packed` was told that the part is of."""
    return str(json.loads(layout)["of"])


def by_layout(resting: Sequence[Resting]) -> Iterator[tuple[str, str, list[Resting]]]:
    """Appliance model, layout and those that share both."""

    def key(one: Resting) -> tuple[str, str]:
        return one.appliance_model, one.layout

    for (model, layout), some in groupby(sorted(resting, key=key), key):
        yield model, layout, list(some)


def _leaves(node: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for name, child in node.items():
        if isinstance(child, Mapping) and child:
            yield from _leaves(child, (*path, name))
        else:
            yield (*path, name), child


def _put(part: dict[str, Any], path: Sequence[str], leaf: Any) -> None:
    for name in path[:-1]:
        part = part.setdefault(name, {})
    part[path[-1]] = leaf


def _bytes(column: NDArray[Any]) -> NDArray[np.uint8]:
    """(n, bytes of a row)"""
    width = column.dtype.itemsize * int(np.prod(column.shape[1:]))
    return np.frombuffer(np.ascontiguousarray(column).tobytes(), np.uint8).reshape(len(column), width)
