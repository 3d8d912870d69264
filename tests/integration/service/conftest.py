"""A worker's engines, and the database through which it speaks to the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from sqlalchemy import Engine as Database

from alerts.database import open_database
from foremend.engine.engine import Engine
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import Block
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

NOW = 1_767_240_000_000


@dataclass
class ManualClock:
    """Stands still until it is moved."""

    now: int = NOW

    def now_ms(self) -> int:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tables(database: str) -> Iterator[Database]:
    """The effects database, open, on SQLite and on PostgreSQL."""
    engine = open_database(database)
    yield engine
    engine.dispose()


@pytest.fixture
def make_engine() -> Callable[[], Engine]:
    profiles = load_profiles()
    return lambda: Engine(profiles, RuleBook(RulesSettings()), {}, lateness_ms=600_000)


@pytest.fixture
def reading() -> Callable[..., Block]:
    """One reading of each named appliance at one time."""

    def make(*ids: str, time: int = NOW, model: str = "rf-260") -> Block:
        n = len(ids)
        return Block(
            model,
            ids,
            np.arange(n, dtype=np.int32),
            np.full(n, time),
            np.zeros(n, np.int64),
            {"power": np.full(n, 80.0)},
        )

    return make
