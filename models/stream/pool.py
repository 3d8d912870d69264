"""Where readings wait during an appliance's warm-up: buffers that take pages of readings from a common store.

Pages rather than one array per buffer, because a device that reports every second needs forty times the room of
one that reports every minute, and a hundred thousand appliances may all be new at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from foremend.vocabulary.types import MS_PER_SECOND
from models.stream.lean import LEAN

PAGE = 48
"""Readings in a page."""
NOBODY = -1

BUFFER = np.dtype([("owner", np.int32), ("count", np.int32), ("spacing", np.int64)], align=True)
"""A buffer: the appliance that uses it, or NOBODY; its readings; ms at least between them."""


class Pool(NamedTuple):
    """k buffers of at most q pages, and a store of m pages."""

    buffer: NDArray[Any]  # (k,) BUFFER
    pages: NDArray[np.int32]  # (k, q) the pages of each buffer, in order
    time: NDArray[np.int64]  # (m, PAGE)
    values: NDArray[np.float64]  # (m, PAGE, s)
    free: NDArray[np.int32]  # (m,) a stack of unused pages, of which
    free_count: NDArray[np.int64]  # (1,) so many are left


@njit(**LEAN)
def wait(pool: Pool, k: int, time: int, values: NDArray[np.float64]) -> None:
    """Put a reading into buffer `k`, unless it follows the last one too closely; a full buffer is thinned."""
    b = pool.buffer[k]
    if b.count > 0 and time - time_of(pool, k, b.count - 1) < b.spacing:
        return
    while b.count == pool.pages.shape[1] * PAGE:
        _thin(pool, k)
    if b.count % PAGE == 0:
        pool.free_count[0] -= 1
        pool.pages[k, b.count // PAGE] = pool.free[pool.free_count[0]]
    _put(pool, k, b.count, time, values)
    b.count += 1


@njit(**LEAN)
def time_of(pool: Pool, k: int, i: int) -> int:
    """When reading `i` of buffer `k` was taken, ms."""
    return int(pool.time[pool.pages[k, i // PAGE], i % PAGE])


@njit(inline="always", **LEAN)
def values_of(pool: Pool, k: int, i: int) -> NDArray[np.float64]:
    """Reading `i` of buffer `k`, (s,)."""
    return pool.values[pool.pages[k, i // PAGE], i % PAGE]


@njit(**LEAN)
def give_back(pool: Pool, k: int, kept: int) -> None:
    """Keep the first `kept` readings of buffer `k` and free the pages behind them."""
    b = pool.buffer[k]
    for page in range((kept + PAGE - 1) // PAGE, (b.count + PAGE - 1) // PAGE):
        pool.free[pool.free_count[0]] = pool.pages[k, page]
        pool.free_count[0] += 1
    b.count = kept


@njit(**LEAN)
def _put(pool: Pool, k: int, i: int, time: int, values: NDArray[np.float64]) -> None:
    pool.time[pool.pages[k, i // PAGE], i % PAGE] = time
    target = values_of(pool, k, i)
    for index in range(len(values)):  # compiles much faster than slice assignment
        target[index] = values[index]


@njit(**LEAN)
def _thin(pool: Pool, k: int) -> None:
    """Double the least spacing in buffer `k` and drop what is closer."""
    b = pool.buffer[k]
    b.spacing = max(2 * b.spacing, MS_PER_SECOND)
    kept = 1
    for i in range(1, b.count):
        if time_of(pool, k, i) - time_of(pool, k, kept - 1) >= b.spacing:
            _put(pool, k, kept, time_of(pool, k, i), values_of(pool, k, i))
            kept += 1
    give_back(pool, k, kept)


def new_pool(buffers: int, readings: int, signals: int, pages: int = 0) -> Pool:
    """Free buffers for at most `readings` each (rounded up to pages), and a store of `pages`."""
    buffer = np.zeros(buffers, BUFFER)
    buffer["owner"] = NOBODY
    return Pool(
        buffer,
        np.zeros((buffers, -(-readings // PAGE)), np.int32),
        np.empty((pages, PAGE), np.int64),
        np.empty((pages, PAGE, signals)),
        np.arange(pages, dtype=np.int32),
        np.array([pages]),
    )


def with_buffers(pool: Pool, missing: int) -> Pool:
    """The same with at least `missing` more buffers."""
    more = new_pool(max(missing, len(pool.buffer)), pool.pages.shape[1] * PAGE, pool.values.shape[2])
    return pool._replace(
        buffer=np.concatenate([pool.buffer, more.buffer]), pages=np.concatenate([pool.pages, more.pages])
    )


def with_room(pool: Pool, slots: NDArray[np.int32], readings: NDArray[np.int64]) -> Pool:
    """The same, with enough free pages for so many `readings` more in each of the buffers `slots`."""
    count = pool.buffer["count"][slots]
    most = np.minimum(-(-(count + readings) // PAGE), pool.pages.shape[1])
    needed = int(np.sum(most - -(-count // PAGE)))
    have, free = len(pool.time), int(pool.free_count[0])
    if needed <= free:
        return pool
    more = max(needed - free, have // 2)
    stack = np.concatenate([pool.free[:free], np.arange(have, have + more, dtype=np.int32)])
    return pool._replace(
        time=np.concatenate([pool.time, np.empty((more, PAGE), np.int64)]),
        values=np.concatenate([pool.values, np.empty((more, *pool.values.shape[1:]))]),
        free=np.concatenate([stack, np.zeros(have - free, np.int32)]),
        free_count=np.array([len(stack)]),
    )


def let_go(pool: Pool, k: int) -> dict[str, Any]:
    """What waits in buffer `k`, which is nobody's from now on."""
    buffer = pool.buffer[k]
    count = int(buffer["count"])
    pages = pool.pages[k, : -(-count // PAGE)]
    values = pool.values[pages].reshape(-1, pool.values.shape[2])[:count]
    waits = {
        "spacing": int(buffer["spacing"]),
        "time": pool.time[pages].reshape(-1)[:count],
        "values": values,
    }
    free = int(pool.free_count[0])
    pool.free[free : free + len(pages)] = pages
    pool.free_count[0] += len(pages)
    buffer["owner"], buffer["count"], buffer["spacing"] = NOBODY, 0, 0
    return waits


def fill(pool: Pool, k: int, waits: Mapping[str, Any]) -> None:
    """Put back what `let_go` answered, into a buffer with room for it."""
    count = len(waits["time"])
    for first in range(0, count, PAGE):
        pool.free_count[0] -= 1
        page = pool.free[pool.free_count[0]]
        pool.pages[k, first // PAGE] = page
        some = slice(first, min(first + PAGE, count))
        pool.time[page, : some.stop - first] = waits["time"][some]
        pool.values[page, : some.stop - first] = waits["values"][some]
    pool.buffer["count"][k], pool.buffer["spacing"][k] = count, waits["spacing"]


def frozen(pool: Pool) -> dict[str, NDArray[Any]]:
    """The buffers in use and their pages, as arrays of plain numbers."""
    held = np.flatnonzero(pool.buffer["owner"] != NOBODY)
    buffer = pool.buffer[held]
    in_use = np.arange(pool.pages.shape[1]) < -(-buffer["count"][:, None] // PAGE)
    stored = pool.pages[held][in_use]
    pages = np.zeros(in_use.shape, np.int32)
    pages[in_use] = np.arange(len(stored))
    columns = {name: buffer[name].copy() for name in BUFFER.names or ()}
    return {**columns, "pages": pages, "time": pool.time[stored], "values": pool.values[stored]}


def thawed(saved: Mapping[str, NDArray[Any]]) -> Pool:
    """The pool that `frozen` described: its buffers are numbered anew, from 0 in the order of `owner`."""
    buffer = np.zeros(len(saved["owner"]), BUFFER)
    for name in BUFFER.names or ():
        buffer[name] = saved[name]
    return Pool(
        buffer,
        saved["pages"].copy(),
        saved["time"].copy(),
        saved["values"].copy(),
        np.zeros(len(saved["time"]), np.int32),
        np.array([0]),
    )
