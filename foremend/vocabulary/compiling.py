"""`compiled`: the decorator of what must be fast. Machine code by numba, as `kernel_files.py` keeps it on disk.

Numba costs 0.4 s of CPU to load and to take a kernel from the disk. A process that looks at some rows and ends imports
its kernels within `interpreted`: they stay Python then. Those that read and write records by attribute need numba.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_INTERPRETED = ContextVar("_INTERPRETED", default=False)


def compiled(**options: Any) -> Callable[[Function], Function]:
    """Decorator: `numba.njit` with these `options`, kept on disk; the function itself within `interpreted`."""

    def decorate(function: Function) -> Function:
        if _INTERPRETED.get():
            return function
        from foremend.vocabulary.kernel_files import kept

        return kept(function, options)

    return decorate


@contextmanager
def interpreted() -> Iterator[None]:
    """Modules that are imported meanwhile for the first time have kernels of Python, as long as the process lives."""
    before = _INTERPRETED.set(True)
    try:
        yield
    finally:
        _INTERPRETED.reset(before)
