"""`foremend check`: a config.yaml is held to its own examples before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from foremend.jobs.check import check_config
from foremend.vocabulary.errors import ConfigError

RULE = """
rules:
  book:
    - {name: overload, fault: overload, when: {signal: power, above: 100, unit: W}, sustained_for: 1 h}
examples:
  - say: two hours of overload are told
    appliance_model: MODEL
    given: [{values: {power_mean: [50, 200, 200]}}]
    expect: [{after: 3 h, finding: opened, fault: overload, severity: warning}]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_config_that_keeps_its_word_passes(tmp_path: Path) -> None:
    """What was checked is counted."""
    checked = check_config(written(tmp_path, RULE.replace("MODEL", "generic-compressor")))

    assert not checked.problems
    assert (checked.counts["rules"], checked.counts["examples_played"]) == (1, 1)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "sustained_for: 1 h",
            "sustained_for: 2 h",
            "expected overload opened (warning) after 3 h, but found nothing",
        ),
        ("above: 100", "above: 10", "but found overload opened (warning) after 2 h"),
        ("MODEL", "toaster-1", "there is no appliance model toaster-1"),
        ("unit: W", "unit: kW", "write the level in W (100 kW is 100000 W)"),
    ],
)
def test_a_config_that_does_not_is_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """The sentence says which example, what it expected and what happened."""
    text = RULE.replace(old, new).replace("MODEL", "generic-compressor")

    with pytest.raises(ConfigError) as caught:
        check_config(written(tmp_path, text)).require()

    assert sentence in str(caught.value)


def test_examples_as_shipped_are_not_played_again(tmp_path: Path) -> None:
    """They hold for the rules and profiles that they are shipped with, which tests prove; `--examples` plays them."""
    path = written(tmp_path, "extends: shipped\nservice: {port: 8090}\n")

    checked, asked = check_config(path), check_config(path, examples=True)

    assert checked.counts["examples_played"] == 0
    assert asked.counts["examples_played"] == asked.counts["examples"] > 10


@pytest.mark.parametrize(
    "own",
    [
        "ingest: {lateness: 20 min}",
        "profiles: {folders: [mine]}",
        "rules: {updates: {change: 0.2}, book: BOOK}",
    ],
)
def test_what_decides_the_examples_has_them_played(own: str, tmp_path: Path) -> None:
    """A change of the rules, the profiles or the lateness could make any of them untrue."""
    book = "[{name: hot, fault: hot, when: {signal: power, above: 1, unit: W}}]\nexamples: []"
    (tmp_path / "mine").mkdir()

    checked = check_config(
        written(tmp_path, "extends: shipped\n" + own.replace("BOOK}", book.replace("]\n", "]}\n")))
    )

    assert checked.counts["examples_played"] == checked.counts["examples"]
