"""`extends: shipped` in a settings file."""

from __future__ import annotations

from pathlib import Path

import pytest

from foremend.config import load_settings
from foremend.vocabulary.errors import ConfigError

SHIPPED = Path(__file__).parents[3] / "config.yaml"


def written(folder: Path, text: str) -> Path:
    file = folder / "own.yaml"
    file.write_text(text, "utf-8")
    return file


def test_sections_that_the_file_lacks_are_the_shipped_ones(tmp_path: Path) -> None:
    """So that who only names a broker keeps the rules, and the cases that hold them."""
    settings = load_settings(written(tmp_path, "extends: shipped\nmqtt: { url: mqtt://broker:1883 }"))
    shipped = load_settings(SHIPPED)

    assert settings.mqtt.url == "mqtt://broker:1883"
    assert (settings.rules, settings.examples) == (shipped.rules, shipped.examples)


def test_a_section_of_the_file_replaces_the_shipped_one_whole(tmp_path: Path) -> None:
    """What it leaves out has its default, as in a file that extends nothing."""
    assert not load_settings(written(tmp_path, "extends: shipped\nrules: {}\nexamples: []")).rules.book


def test_paths_start_at_the_files_own_folder(tmp_path: Path) -> None:
    """Those of shipped sections too."""
    settings = load_settings(written(tmp_path, "extends: shipped"))

    assert settings.storage.folder == tmp_path / "var"


def test_nothing_else_can_be_extended(tmp_path: Path) -> None:
    """One level, so that what holds can be seen in two files."""
    with pytest.raises(ConfigError, match=r"own\.yaml: extends: 'other\.yaml': .* 'shipped'"):
        load_settings(written(tmp_path, "extends: other.yaml"))
