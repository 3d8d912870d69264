"""A start loads what it runs: libraries that take tenths of a second each come when something asks for them."""

from __future__ import annotations

import subprocess
import sys

import pytest

LEARNING = ("sklearn", "scipy.stats", "scipy.optimize")
NUMBERS = ("numpy", "scipy", "numba", "pyarrow", "sklearn")
SERVING = ("pydantic", "sqlalchemy", "fastapi", "uvicorn", "httpx", "cryptography", "alembic")
RARELY = ("alembic", "segno")
NOT_LOADED = {
    "foremend.cli": (*NUMBERS, *SERVING, "foremend.config"),
    "foremend.jobs.check": (
        "phonenumbers",
        "scipy",
        "numba",
        "pyarrow",
        "sklearn",
        "sqlalchemy",
        "fastapi",
        "jinja2",
        "simulators",
    ),
    "foremend.commands.demo.run": (
        *LEARNING,
        "pyarrow",
        "fastapi",
        "foremend.engine.engine",
        "foremend.learning",
    ),
    "foremend.jobs.simulate": (*LEARNING, "pyarrow", "sqlalchemy", "fastapi", "foremend.engine"),
    "simulators.platform": (*NUMBERS, "sqlalchemy"),
    "foremend.wiring.service": (
        *RARELY,
        "scipy",
        "sklearn",
        "numba",
        "pandas",
        "foremend.engine.engine",
        "simulators",
    ),
    "foremend.wiring.gateway": (
        *RARELY,
        "scipy",
        "sklearn",
        "numba",
        "sqlalchemy",
        "fastapi",
        "ingest.replay",
        "foremend.engine.engine",
        "simulators",
    ),
    "foremend.wiring.one_machine": (*LEARNING, *RARELY, "pandas", "simulators"),
}


@pytest.mark.parametrize("started", NOT_LOADED)
def test_a_start_does_not_load_what_it_does_not_run(started: str) -> None:
    """Each of these costs every start up to a second of processor time, whether it is used or not."""
    asked = f"import sys, {started}; print(*sorted(sys.modules), sep=chr(10))"

    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout

    loaded = set(said.split())
    assert started in loaded
    assert loaded.isdisjoint(NOT_LOADED[started])
