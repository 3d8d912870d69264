"""How tests share a machine when several processes run them, as `make test` has it: `-n auto --dist loadfile`.

A file stays together, as what its tests have in common is made once. Servers that tests stop and kill (Kafka,
PostgreSQL) are each process's own. Files of what takes longest go first, so that no process is left alone with one at
the end; else the order is random, as ever.

What tests write goes into memory where there is enough of it, as nobody needs it afterwards: on a disk each commit of
a database waits for it, a copy of PostgreSQL's took 0.7 s, 0.1 in memory. TMPDIR names another place.

What Python compiles is kept, also where an image of a container says not to: else each of the thousand processes that
tests start compiles all of Foremend anew, 1.4 s of CPU.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

_IN_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 8 * 2**30
_LONGEST_FIRST = (
    "tests/conformance/test_runtimes.py",
    "tests/e2e",
    "tests/integration/kafka",
    "tests/integration",
    "tests/conformance",
)


def pytest_configure() -> None:
    """Workers inherit it, and what they start."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if (
        "TMPDIR" not in os.environ
        and _IN_MEMORY.is_dir()
        and shutil.disk_usage(_IN_MEMORY).free > _ENOUGH_BYTES
    ):
        os.environ["TMPDIR"] = str(_IN_MEMORY)
        tempfile.tempdir = None  # it is looked for once


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
