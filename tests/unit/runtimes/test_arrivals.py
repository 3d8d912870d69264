"""The log says when readings come and who is new, in a few lines whatever comes."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from foremend.engine.engine import Engine
from foremend.runtimes.arrivals import MINUTE_MS, MOST_LINES, Arrivals
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Block
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

MODEL = "generic-compressor"
START = 20_000 * MS_PER_DAY


@pytest.fixture
def engine() -> Engine:
    """A real one, of one appliance model, that knows nobody."""
    return Engine({MODEL: load_profiles()[MODEL]}, RuleBook(RulesSettings()), lateness_ms=0)


def heard(arrivals: Arrivals, engine: Engine, ids: list[str], now_ms: int = 0) -> None:
    """One reading of each of `ids` goes through the engine."""
    appliance = np.arange(len(ids), dtype=np.int32)
    time = np.full(len(ids), START, np.int64)
    signals = {"power": np.full(len(ids), 80.0)}
    block = Block(MODEL, tuple(ids), appliance, time, np.full(len(ids), -1), signals)
    engine.process(block)
    arrivals.heard(engine, MODEL, len(block), now_ms)


def test_the_first_readings_and_each_new_appliance_are_told_once(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """Who waits for a plug sees it come; what it says next is no news."""
    caplog.set_level(logging.INFO, "foremend.runtimes.arrivals")
    arrivals = Arrivals()

    heard(arrivals, engine, ["freezer"])
    heard(arrivals, engine, ["freezer"])
    heard(arrivals, engine, ["freezer", "fridge"])

    assert caplog.messages == [
        f"the first readings are here: 1 of {MODEL}",
        f"heard of for the first time: 1 of {MODEL}",
        f"heard of for the first time: 1 of {MODEL}",
    ]


def test_a_fleet_that_comes_at_once_is_a_line(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """A number, and nobody by name: what is in a log no erasure removes."""
    caplog.set_level(logging.INFO, "foremend.runtimes.arrivals")

    heard(Arrivals(), engine, [f"a-{n}" for n in range(1_000)])

    assert caplog.messages[-1] == f"heard of for the first time: 1000 of {MODEL}"


def test_made_up_ids_fill_no_disk(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """Within a minute there are ten lines; whoever came beyond them is counted when it is over."""
    caplog.set_level(logging.INFO, "foremend.runtimes.arrivals")
    arrivals = Arrivals()

    for n in range(300):
        heard(arrivals, engine, [f"a-{n}"], now_ms=n)
    arrivals.tell(MINUTE_MS - 1)
    within = len(caplog.messages)
    arrivals.tell(MINUTE_MS)
    arrivals.tell(2 * MINUTE_MS)

    assert within == 1 + MOST_LINES
    assert caplog.messages[within:] == [f"heard of {300 - MOST_LINES} more appliances for the first time"]


def test_who_was_known_before_a_start_is_nobody_new(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """After a restart only newcomers are told; that readings come again is told."""
    heard(Arrivals(), engine, ["freezer", "fridge"])
    caplog.set_level(logging.INFO, "foremend.runtimes.arrivals")
    arrivals = Arrivals()
    arrivals.begin(engine)

    heard(arrivals, engine, ["freezer", "dryer"])

    assert caplog.messages == [
        f"the first readings are here: 2 of {MODEL}",
        f"heard of for the first time: 1 of {MODEL}",
    ]
