"""config.yaml is executable documentation: its rules say what its examples claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from foremend.config import Settings, load_settings
from foremend.jobs.examples import run_example
from foremend.vocabulary.profiles import load_profiles
from rules.evaluator import RuleBook
from rules.examples import Example, Given

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shipped() -> Settings:
    return load_settings(ROOT / "config.yaml")


def examples() -> list[Any]:
    return [pytest.param(e, id=e.say) for e in load_settings(ROOT / "config.yaml").examples]


@pytest.mark.parametrize("example", examples())
def test_an_example_comes_true(shipped: Settings, example: Example) -> None:
    """Each case of config.yaml, run on the rules of the same file."""
    assert run_example(example, shipped, load_profiles()) == example.expect


def test_every_shipped_rule_can_speak(shipped: Settings) -> None:
    """Units are the profiles', and every rule finds an appliance model with its signal."""
    RuleBook(shipped.rules).check(load_profiles().values())


def test_every_shipped_rule_has_an_example(shipped: Settings) -> None:
    """A rule that no example opens is a claim without proof."""
    shown = {expected.fault for example in shipped.examples for expected in example.expect}

    unproven = [
        rule.name for rule in shipped.rules.book if rule.fault is not None and rule.fault not in shown
    ]

    assert unproven == []


def test_a_series_can_repeat_a_value() -> None:
    """Long series stay readable."""
    given = Given(values={"power_mean": [4, "12 x 3"]})  # type: ignore[dict-item,list-item]

    assert given.values["power_mean"] == (4, 12, 12, 12)
    assert given.times[-1] == 4 * 3_600_000


def test_a_series_can_repeat_a_pattern() -> None:
    """Cycles stay readable, too."""
    given = Given(values={"power_mean": [4, "(80, 2) x 2"]})  # type: ignore[dict-item,list-item]

    assert given.values["power_mean"] == (4, 80, 2, 80, 2)
