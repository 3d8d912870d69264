"""What the benchmarks feed: a fleet's readings as it would send them, and a small fleet's state made large."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmarks.kafka_state import MODEL, tiled
from benchmarks.recorded import blocks, in_messages, recording
from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import Block
from rules.evaluator import RuleBook

FLEET = 23  # of no array's other dimension


@cache
def recorded() -> Block:
    return recording(MODEL, FLEET, 1)


def engine() -> Engine:
    settings = load_settings()
    return Engine(load_profiles(), RuleBook(settings.rules), lateness_ms=settings.ingest.lateness)


def test_messages_hold_one_appliances_readings_in_order() -> None:
    """Sixty readings of an appliance stand together, and messages follow each other by their newest reading."""
    sent = in_messages(recorded(), 60)

    first = np.flatnonzero(np.diff(sent.appliance, prepend=-1) | (np.diff(sent.seq, prepend=-1) != 1))
    newest = np.maximum.reduceat(sent.time, first)
    assert np.diff(first, append=len(sent)).max() % 60 == 0
    assert (np.diff(newest) >= 0).all()
    assert len(sent) == len(recorded())


def test_blocks_come_once_for_each_fleet() -> None:
    """All readings are there for every fleet, and fleets share no appliance."""
    cut = list(blocks(in_messages(recorded(), 60), 1_000, fleets=2))

    assert sum(map(len, cut)) == 2 * len(recorded())
    assert len({name for block in cut for name in block.appliance_ids}) == 2 * FLEET


def test_a_state_made_large_goes_on_like_the_small_one() -> None:
    """Every copy of an appliance in an enlarged state holds back, and then releases, what the appliance itself does."""
    small, large = engine(), engine()
    small.process(recorded())
    known = small.snapshot()
    large.restore(known | {MODEL: tiled(known[MODEL], 3, f"{MODEL}/0")})
    before = small.counts().used

    small.flush()
    large.flush()

    assert large.lanes[MODEL].ids == [f"{MODEL}/0-{number}" for number in range(3 * FLEET)]
    assert large.counts().used - before == 3 * (small.counts().used - before) > 0
