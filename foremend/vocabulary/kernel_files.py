"""Machine code by numba that is kept on disk, and made anew when a file that it may come from has changed.

Numba's own `njit(cache=True)` looks at the file of the cached function only. Constants and functions that it takes
from another file are compiled into it, and stay as they were when that file is edited. What is `compiled` here belongs
to its folder: a change in any Python file of it, or in `foremend.vocabulary.types` and `.features`, makes everything in
it new. So a kernel takes constants and other kernels from its own folder or from there; a test holds it.

What only other kernels call may have a plain `njit`: it is compiled with them. Needs numba 0.62, the first in which
others may say where and for how long a cache stands (`NUMBA_CACHE_LOCATOR_CLASSES`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from numba import config, njit
from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

Function = TypeVar("Function", bound=Callable[..., Any])

_NUMBA: Any = config  # its options are attributes that a checker does not see
_ALSO = tuple(Path(__file__).with_name(name) for name in ("types.py", "features.py"))


def kept(function: Function, options: Mapping[str, Any]) -> Function:
    """`numba.njit` with these `options`, kept on disk where numba would, while the function's folder stays as it is."""
    with _located_by_folder():
        kernel: Function = njit(cache=True, **options)(function)
    return kernel


class _ByFolder:
    """Where numba asks whether a cache is still good: yes while this stamp is the same."""

    _py_file: str

    def get_source_stamp(self) -> str:
        return _stamp(Path(self._py_file).parent)


class GivenFolder(_ByFolder, UserProvidedCacheLocator):
    """Cached in `NUMBA_CACHE_DIR`, where that is set."""


class BesideSource(_ByFolder, InTreeCacheLocator):
    """Cached in `__pycache__` beside the source, where that can be written."""


class UserFolder(_ByFolder, UserWideCacheLocator):
    """Cached in the user's own cache folder."""


_LOCATORS = ",".join(f"{__name__}.{one.__name__}" for one in (GivenFolder, BesideSource, UserFolder))


@contextmanager
def _located_by_folder() -> Iterator[None]:
    """Numba takes these locators for what is decorated meanwhile; other libraries' functions keep theirs."""
    before, _NUMBA.CACHE_LOCATOR_CLASSES = _NUMBA.CACHE_LOCATOR_CLASSES, _LOCATORS
    try:
        yield
    finally:
        _NUMBA.CACHE_LOCATOR_CLASSES = before


@cache
def _stamp(folder: Path) -> str:
    """A digest of every Python file in `folder` and of the constants that all share."""
    digest = hashlib.sha256()
    for file in (*sorted(folder.glob("*.py")), *_ALSO):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
