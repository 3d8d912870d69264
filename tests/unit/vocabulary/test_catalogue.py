"""The fault catalogue says what the issue promises, and refuses what it cannot stand for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from rich.console import Console

import foremend.vocabulary.catalogue as catalogue
from foremend.vocabulary.errors import ConfigError

PICTURES = Path(__file__).parents[3] / "foremend/console/static/help"

ENTRY = {
    "name": "loose-screw",
    "category": "refrigerator",
    "title": {"en": "A screw is loose", "zh": "螺丝松动"},
    "mechanism": {"en": "A screw loosens.", "zh": "螺丝松了。"},
    "signals": {"power": "up"},
    "growth": "progressive",
    "days_to_failure": [3, 30],
    "technician_finds": {"en": "A loose screw.", "zh": "松动的螺丝。"},
    "severity": "info",
}


def test_every_category_has_the_promised_number_of_faults() -> None:
    """Sixteen faults of air conditioners, eight of refrigerators, six of washing machines, four of water heaters."""
    entries = catalogue.load_catalogue().values()

    counts = Counter(entry.category for entry in entries)

    assert counts == {
        "air-conditioner": 16,
        "refrigerator": 8,
        "washing-machine": 6,
        "water-heater": 4,
        "any": 10,
    }


def test_every_fault_names_what_it_moves() -> None:
    """A fault of a part moves at least one thing, and each is a signal of its category or a known behaviour."""
    for entry in catalogue.load_catalogue().values():
        if entry.category == "any":
            continue
        known = catalogue.BEHAVIOURS | _signals_of(entry.category)

        unknown = set(entry.signals) - known

        assert entry.signals, entry.name
        assert not unknown, entry.name


def test_every_text_speaks_both_languages() -> None:
    """Who reads Chinese, an owner or a technician, gets Chinese, not a copy of the English."""
    for entry in catalogue.load_catalogue().values():
        for words in (entry.title, entry.mechanism, entry.technician_finds):
            assert words.en.isascii(), entry.name
            assert not words.zh.isascii(), entry.name


def test_table_has_a_row_per_fault() -> None:
    """`foremend faults` shows every fault by name."""
    entries = catalogue.load_catalogue()
    console = Console(width=240, record=True, quiet=True)
    with console.capture() as captured:
        console.quiet = False
        console.print(catalogue.faults_table(entries.values()))

    printed = captured.get()

    assert all(name in printed for name in entries)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"colour": "red"}, "colour"),
        ({"signals": {"power": "sideways"}}, "signals.power"),
        ({"days_to_failure": [30, 3]}, "low to high"),
        ({"self_help": {"en": ["Tighten it."], "zh": []}}, "1 steps in English but 0 in Chinese"),
    ],
)
def test_wrong_entry_is_refused_with_its_place(change: dict[str, object], names: str) -> None:
    """A wrong entry stops loading, and the sentence names the file and the field."""
    text = yaml.safe_dump([ENTRY | change])

    with pytest.raises(ConfigError, match=names) as caught:
        catalogue.parse_catalogue(text, "my-faults.yaml")

    assert "my-faults.yaml" in str(caught.value)


def test_name_given_twice_is_refused() -> None:
    """Two faults of one name would hide each other."""
    with pytest.raises(ConfigError, match="twice"):
        catalogue.parse_catalogue(yaml.safe_dump([ENTRY, ENTRY]), "my-faults.yaml")


def test_text_that_is_not_yaml_is_refused() -> None:
    """Broken YAML ends in a sentence, not a traceback."""
    with pytest.raises(ConfigError, match="is not YAML"):
        catalogue.parse_catalogue("- {name", "my-faults.yaml")


def _signals_of(category: str) -> set[str]:
    base = Path(catalogue.__file__).parents[1] / "profiles" / "base" / f"{category}.yaml"
    return set(yaml.safe_load(base.read_text(encoding="utf-8"))["signals"])


def test_each_part_has_a_chinese_name_and_no_name_is_of_no_part() -> None:
    """A page in Chinese orders none in English."""
    named = {part for entry in catalogue.load_catalogue().values() for part in entry.parts}

    assert set(catalogue.part_titles()) == named
    assert [name for name, words in catalogue.part_titles().items() if words["zh"].isascii()] == []


def test_a_fault_looks_like_one_that_there_is() -> None:
    """A slip of the pen in `looks_like` would be silent otherwise."""
    wrong = yaml.safe_dump([ENTRY | {"looks_like": "loose-nut"}])

    with pytest.raises(ConfigError, match="loose-screw looks like 'loose-nut', which has no entry"):
        catalogue.parse_catalogue(wrong, "faults.yaml")


def test_each_picture_is_there_and_says_nothing() -> None:
    """Drawings for whatever language, without a script, of faults whose owner may try something; none is left over."""
    shown = {entry.picture for entry in catalogue.load_catalogue().values() if entry.picture is not None}
    helpless = [
        name for name, entry in catalogue.load_catalogue().items() if entry.picture and not entry.self_help
    ]
    drawn = {path.stem: ElementTree.fromstring(path.read_bytes()) for path in PICTURES.glob("*.svg")}

    assert set(drawn) == shown
    assert helpless == []
    for drawing in drawn.values():
        kinds = {element.tag.rpartition("}")[2] for element in drawing.iter()}
        assert drawing.get("viewBox") == "0 0 160 100"
        assert kinds <= {"svg", "path", "rect", "circle"}
