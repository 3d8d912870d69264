"""The table of state in docs/performance.md is of the measured figures, and every byte of state has a purpose."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.costs import Bench, blocks, recording
from benchmarks.peers.__main__ import describe
from benchmarks.state_bytes import FIGURES, OTHERS, PURPOSES, by_purpose, table
from foremend.config import load_settings
from foremend.vocabulary.profiles import load_profiles

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/performance.md").read_text(encoding="utf-8")


def test_the_page_holds_the_table_of_its_figures() -> None:
    """Nobody edits it by hand: `python -m benchmarks.state_bytes` prints it."""
    assert table(json.loads(FIGURES.read_text(encoding="utf-8"))) in PAGE


def test_the_page_holds_what_the_peers_took() -> None:
    """As `python -m benchmarks.peers` prints it."""
    assert describe(json.loads(FIGURES.with_name("peers.json").read_text(encoding="utf-8"))).strip() in PAGE


@pytest.mark.parametrize("named", sorted({*re.findall(r"`(tests/[\w/]+\.py)`", PAGE)}))
def test_a_test_that_the_page_names_exists(named: str) -> None:
    assert (ROOT / named).is_file()


def test_nearly_all_state_has_a_purpose() -> None:
    """A part of the state that is new, or has another name, is not counted among `ids and all else` unseen."""
    engine = Bench(load_settings(), load_profiles()).engine()
    for block in blocks(recording("rf-260", 50, days=1), 1_000):
        engine.process(block)

    parts = by_purpose(engine.snapshot()["rf-260"], 50)

    assert set(parts) <= {*PURPOSES.values(), OTHERS}
    assert parts[OTHERS] < 0.05 * sum(parts.values())
