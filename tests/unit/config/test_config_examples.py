"""`foremend check`: a config.yaml is held to its own examples before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from foremend.config import shipped
from foremend.jobs.check import check_config
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import BUNDLED

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


def played(folder: Path, **sections: Any) -> int:
    """How many examples of the shipped file with these sections instead are in doubt: those of windows are played."""
    path = written(folder, yaml.safe_dump({"extends": "shipped", **sections}))
    counts = check_config(path).counts
    return counts["examples_played"] + counts["examples_left"]


READINGS = """
extends: shipped
examples:
  - say: one that dies is told
    appliance_model: generic-compressor
    readings: { every: 10 min, signals: { power: ["(80, 81, 80, 2, 3, 2, 2, 3, 2) x 96", 0 x 100] } }
    expect: [{ after: AFTER, finding: opened, fault: stopped, severity: critical }]
"""


def test_examples_of_readings_are_played_where_that_is_asked(tmp_path: Path) -> None:
    """Else a note says that they were not, and how to: what judges readings takes longer to load than all else."""
    path = written(tmp_path, READINGS.replace("AFTER", "9 h"))

    checked, asked = check_config(path), check_config(path, examples=True)
    (path).write_text(READINGS.replace("AFTER", "8770 min"), encoding="utf-8")
    mended = check_config(path, examples=True)

    assert (checked.problems, checked.counts["examples_played"], checked.counts["examples_left"]) == (
        (),
        0,
        1,
    )
    assert [note.mend for note in checked.notes if note.where == "examples"] == ["foremend check --examples"]
    assert "after 146.167 h" in asked.problems[0].what
    assert (mended.problems, mended.counts["examples_left"]) == ((), 0)


def examples_of(*appliance_models: str) -> int:
    return sum(one["appliance_model"] in appliance_models for one in shipped()["examples"])


@pytest.mark.parametrize(
    "own", [{"ingest": {"lateness": "20 min"}}, {"rules": shipped()["rules"] | {"updates": {"change": 0.11}}}]
)
def test_what_decides_every_example_has_all_played(own: dict[str, Any], tmp_path: Path) -> None:
    """Lateness, and when an open episode is spoken of again."""
    assert played(tmp_path, **own) == len(shipped()["examples"])


def test_an_own_rule_has_the_examples_played_of_whom_it_applies_to(tmp_path: Path) -> None:
    """It could tell something of these, where nothing is expected."""
    rules = shipped()["rules"]
    hot = {"name": "hot", "fault": "hot", "when": {"signal": "power", "above": 9_000, "unit": "W"}}
    hot["applies_to"] = {"appliance_model": ["ac-26f"]}

    own = played(tmp_path, rules=rules | {"book": [*rules["book"], hot]})

    assert own == examples_of("ac-26f") > 0


def test_a_shipped_rule_that_is_left_out_or_moved_has_examples_played(tmp_path: Path) -> None:
    """What it told may be missed; and rules are asked in their order."""
    rules = shipped()["rules"]

    moved = played(tmp_path, rules=rules | {"book": rules["book"][::-1]})
    without = written(
        tmp_path, yaml.safe_dump({"extends": "shipped", "rules": rules | {"book": rules["book"][1:]}})
    )

    assert moved == len(shipped()["examples"])
    assert check_config(without).problems


def test_an_own_profile_has_the_examples_played_of_its_appliance_model(tmp_path: Path) -> None:
    """Others do not know of it."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "ac-26f.yaml").write_text((BUNDLED / "ac-26f.yaml").read_text("utf-8"), "utf-8")

    assert played(tmp_path, profiles={"folders": ["mine"]}) == examples_of("ac-26f")


def test_an_own_example_is_played_and_those_beside_it_are_not(tmp_path: Path) -> None:
    """Word for word the same is shipped."""
    first, *others = shipped()["examples"]

    assert played(tmp_path, examples=[first | {"say": "as I say it"}, *others]) == 1
