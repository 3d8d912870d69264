"""What `foremend discover --write` does to a config.yaml that somebody wrote: it adds, and keeps what is there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from foremend.jobs.config_file import changed, put
from foremend.vocabulary.errors import ConfigError
from ingest.discovery.proposal import Entry

SIGNALS = {"power": {"path": "ENERGY.Power[0]", "unit": "W"}}
REF = {"appliance_id": "freezer", "appliance_model": "generic-compressor"}
NEW = Entry({"decoder": "tasmota", "appliances": {"Küche 1": REF}, "signals": SIGNALS}, {"Küche 1": "84 W"})
URL = {"url": "mqtt://10.0.0.5:1883"}

TEXTS = {
    "nothing": "",
    "only a comment": "# mine\n",
    "no end of line": "service: { port: 8081 } # page",
    "another section": "service:\n  port: 8081 # page\n",
    "ingest in braces": "ingest: { lateness: 5 min } # keep\nservice: {}\n",
    "ingest without decoders": "ingest:\n    lateness: 5 min # keep\n\n# about the page\nservice:\n  port: 8081\n",
    "empty ingest": "ingest: # to do\nservice: {}\n",
    "no decoders yet": "ingest:\n  decoders: [] # none\n  lateness: 5 min\n",
    "decoders left empty": "ingest:\n  lateness: 5 min\n  decoders:\n# end\n",
    "a decoder in brackets": "ingest:\n  decoders: [{ decoder: a, signals: { power: { path: p } } }] # one\n",
    "a decoder": (
        "ingest:\n  decoders:\n  - decoder: a # first\n    signals:\n      power: { path: p }\n"
        "  # after\n  lateness: 5 min\n"
    ),
    "a deep decoder": (
        "ingest:\n    decoders:\n        - decoder: a\n          note: |\n            text\n            more\n\nx: 1\n"
    ),
    "a broker": "mqtt:\n  url: mqtt://127.0.0.1:1883 # old\n  user: me\n",
    "a broker in braces": "mqtt: { url: mqtt://127.0.0.1:1883, user: me } # old\n",
    "lines of Windows": "service:\r\n  port: 8081 # page\r\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_entries_are_added_and_everything_else_stays(name):
    """Of every form that YAML has for it: the values, the other ones, and each comment."""
    text = TEXTS[name]
    before = yaml.safe_load(text) or {}

    new = changed(text, [NEW], URL)

    after = yaml.safe_load(new)
    assert after["ingest"].pop("decoders")[-1] == NEW.settings
    assert after["mqtt"] == (before.get("mqtt") or {}) | URL
    assert after.get("service") == before.get("service")
    assert [line for line in comments(text) if line not in comments(new)] == []
    assert "# 84 W" in new
    assert ("\r\n" in new) == ("\r\n" in text)


@pytest.mark.parametrize("name", TEXTS)
def test_a_second_find_comes_behind_the_first(name):
    """Written twice, and still readable."""
    once = changed(TEXTS[name], [NEW], {})

    twice = changed(once, [NEW], {})

    decoders = yaml.safe_load(twice)["ingest"]["decoders"]
    assert decoders[-2:] == [NEW.settings] * 2
    assert len(decoders) == len(yaml.safe_load(once)["ingest"]["decoders"]) + 1


def comments(text: str) -> list[str]:
    return [line.partition("# ")[2].strip() for line in text.splitlines() if "# " in line]


@pytest.mark.parametrize("text", ["&a [1]\n", "ingest: &one { decoders: [] }\nother: *one\n", "- 1\n"])
def test_a_form_that_cannot_be_changed_without_harm_is_left_as_it_is(text, tmp_path: Path):
    """The sentence has what to put in by hand."""
    file = tmp_path / "config.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=r"by hand.*\n(.*\n)+.*decoder: tasmota"):
        put(file, [NEW], {})

    assert file.read_text() == text


def test_a_new_file_extends_the_shipped_one(tmp_path: Path):
    """So that it has rules."""
    file = tmp_path / "config.yaml"

    put(file, [NEW], URL)

    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert (said["extends"], said["mqtt"], said["ingest"]["decoders"]) == ("shipped", URL, [NEW.settings])


def test_the_rights_of_the_file_stay(tmp_path: Path):
    """A config that only its owner reads is not opened to others, and a link stays a link."""
    file, link = tmp_path / "config.yaml", tmp_path / "link.yaml"
    file.write_text("service: {}\n")
    file.chmod(0o600)
    link.symlink_to(file)

    put(link, [NEW], {})

    assert (file.stat().st_mode & 0o777, link.is_symlink()) == (0o600, True)
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path):
    """No traceback."""
    with pytest.raises(ConfigError, match="cannot be written"):
        put(tmp_path / "nowhere" / "config.yaml", [NEW], {})
