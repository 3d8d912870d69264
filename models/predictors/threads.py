"""One OpenMP thread for boosting: on a busy machine several wait for each other for minutes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import sklearn.ensemble  # noqa: F401 - brings the OpenMP library that is to be found
from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """While it is entered, scikit-learn's OpenMP loops run on one thread."""
    limit: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="openmp")
    return limit


@cache
def _libraries() -> ThreadpoolController:
    """Looked for once: that takes 2.7 ms, a limit 0.01."""
    return ThreadpoolController()
