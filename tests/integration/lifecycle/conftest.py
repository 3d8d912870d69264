"""A small past to learn from: a simulated fleet of refrigerators, its history and what technicians confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from foremend.history.parquet import ParquetHistory
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import Block
from simulators.fleet.fleet import Fleet
from simulators.fleet.history import write_history
from simulators.fleet.scenario import Scenario

MODEL = "rf-260"


def simulated(folder: Path, seed: int, appliances: int, days: int) -> Path:
    """History and truth of a fleet that reports every tenth sample, in `folder`."""
    data = {"appliances": {MODEL: appliances}, "days": days, "fault_rate": 0.9, "report_every": 10}
    return write_history(Fleet(validated(Scenario, data, "test"), seed), folder).folder


@pytest.fixture(scope="session")
def profile() -> Profile:
    return load_profiles()[MODEL]


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `history` and `truth.json` of 32 refrigerators in 72 days."""
    return simulated(tmp_path_factory.mktemp("past") / "fleet", seed=3, appliances=32, days=72)


@pytest.fixture(scope="session")
def present(tmp_path_factory: pytest.TempPathFactory) -> list[Block]:
    """Eight other refrigerators in 34 days, a block a day."""
    folder = simulated(tmp_path_factory.mktemp("present") / "fleet", seed=4, appliances=8, days=34)
    return list(ParquetHistory(folder / "history").read(MODEL, 0, 2**62))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings with an empty registry and a first training that is quick."""
    path = tmp_path / "config.yaml"
    settings = {"registry": "models", "training": {"appliances": 20, "days": 40, "every_days": 1}}
    database = {"database": f"sqlite:///{tmp_path}/foremend.db", "key_file": "key"}
    path.write_text(yaml.safe_dump({"models": settings, "alerts": database}))
    return path
