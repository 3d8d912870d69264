"""`foremend check`: a config.yaml is held to its own examples before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from foremend.errors import ConfigError
from foremend.examples import check_config

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

    assert (checked["rules"], checked["examples"]) == (1, 1)


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
        check_config(written(tmp_path, text))

    assert sentence in str(caught.value)
