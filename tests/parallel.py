"""How tests share a machine when several processes run them, as `make test` has it: `-n auto --dist loadfile`.

A file stays together, as what its tests have in common is made once. Servers that tests stop and kill (Kafka,
PostgreSQL) are each process's own. Files of what takes longest go first, so that no process is left alone with one at
the end; else the order is random, as ever.
"""

from __future__ import annotations

import os

import pytest

_LONGEST_FIRST = (
    "tests/conformance/test_runtimes.py",
    "tests/e2e",
    "tests/integration/kafka",
    "tests/integration",
    "tests/conformance",
)


def pytest_xdist_auto_num_workers() -> int:
    """One more than processors: somebody always waits for a server, an outage or a keepalive."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share them, put them in this order; it is stable, so the rest stays as it was."""
    if hasattr(config, "workerinput"):
        items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    file = item.location[0]
    return next((n for n, first in enumerate(_LONGEST_FIRST) if file.startswith(first)), len(_LONGEST_FIRST))
