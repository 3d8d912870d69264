"""What an operator may write: units, paths, topics, and the sentences for mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.schema import validated
from ingest import settings as settings_module
from ingest.paths import look_up, parse_path
from ingest.settings import IngestSettings
from ingest.topic_pattern import TopicPattern, check_pattern
from ingest.units import conversion

TASMOTA = {
    "decoder": "tasmota",
    "appliance_model": "generic-compressor",
    "signals": {"power": {"path": "ENERGY.Power", "unit": "W"}},
}


@pytest.mark.parametrize(
    ("wire", "wanted", "value", "expected"),
    [
        ("kW", "W", 1.5, 1500),
        ("mA", "A", 2500, 2.5),
        ("°F", "degC", 212, 100),
        ("K", "degC", 273.15, 0),
        ("degC", "degF", 100, 212),
        ("W min", "Wh", 60, 1),
        ("kWh", "Wh", 1, 1000),
        ("rpm", "Hz", 3000, 50),
        ("m3/h", "l/min", 6, 100),
        ("widgets", "widgets", 3, 3),
    ],
)
def test_units_are_converted(wire, wanted, value, expected):
    """Numbers and whole columns; a unit nobody knows is fine where nothing is to convert."""
    convert = conversion(wire, wanted)

    assert convert.apply(float(value)) == pytest.approx(expected)
    assert convert.apply(np.array([value], float)) == pytest.approx([expected])


@pytest.mark.parametrize(("wire", "wanted"), [("V", "A"), ("widgets", "W"), ("W", "widgets")])
def test_units_of_different_things_are_refused(wire, wanted):
    """The sentence names the unit that is wrong."""
    with pytest.raises(ConfigError, match=wire):
        conversion(wire, wanted)


DOCUMENT = {"a": {"b": [1, {"Id": "x", "t": 2}]}, "p1": {"Id": "y", "t": 3}, "one": 5}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b[0]", 1),
        ("a.b[1].t", 2),
        ("a.b[Id=x].t", 2),
        ("[Id=y].t", 3),
        ("one", 5),
        ("one[0]", 5),
        ("one[1]", None),
        ("a.b[7]", None),
        ("a.none.b", None),
        ("one.b", None),
        ("[Id=z].t", None),
    ],
)
def test_paths_lead_into_a_payload(path, expected):
    """By name, index or the Id of a member; nothing there is None."""
    assert look_up(DOCUMENT, parse_path(path)) == expected


def test_an_array_where_one_value_is_needed_is_refused():
    """Which of several channels is meant is never guessed."""
    with pytest.raises(InputError, match="array of 2 values"):
        look_up(DOCUMENT, parse_path("a.b"))


@pytest.mark.parametrize("path", ["", ".", "a.", "a[", "a[b]", "[=x]", "a..b"])
def test_a_text_that_is_no_path_is_refused(path):
    """A slip in the settings is told at the start, not met as missing data."""
    with pytest.raises(ValueError, match="is not a path"):
        parse_path(path)


def test_a_pattern_takes_a_topic_apart():
    """Placeholders are one level, those declared deep may be several; other text is taken word for word."""
    pattern = TopicPattern("home/{appliance_id}/{channel}.x", deep=frozenset({"channel"}))

    assert pattern.match("home/a/b/c.x") == {"appliance_id": "a", "channel": "b/c"}
    assert pattern.match("home/a/bcx") is None
    assert pattern.match("home/a") is None


@pytest.mark.parametrize(
    ("pattern", "known", "expected"),
    [
        ("tele/{appliance_id}/SENSOR", {}, "tele/+/SENSOR"),
        ("shellies/{appliance_id}/{channel}", {"channel": "emeter/0/power"}, "shellies/+/emeter/0/power"),
        ("zigbee2mqtt/{deep}/availability", {}, "zigbee2mqtt/#"),
        ("plug-{appliance_id}/x", {}, "+/x"),
    ],
)
def test_a_pattern_becomes_a_subscription(pattern, known, expected):
    """A level with a placeholder is a wildcard."""
    assert TopicPattern(pattern, deep=frozenset({"deep"})).subscription(**known) == expected


@pytest.mark.parametrize(
    "pattern", ["tele/+/SENSOR", "tele/SENSOR", "{appliance_id}/{appliance_id}", "", "{appliance_id}/#"]
)
def test_a_pattern_that_cannot_work_is_refused(pattern):
    """Without the appliance, or with MQTT's own wildcards, nobody would know whose message it is."""
    with pytest.raises(ValueError, match="'"):
        check_pattern(pattern, "appliance_id")


def test_the_example_in_the_documentation_works(make_ingest):
    """What an operator copies from there is accepted and subscribes to the devices' topics."""
    text = str(settings_module.__doc__)

    ingest = make_ingest(**yaml.safe_load(text[text.index("ingest:\n") :])["ingest"])

    assert {"tele/+/SENSOR", "home/+/status/+", "shellies/+/emeter/0/power"} <= set(ingest.subscriptions)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"latenes": "5 min"}, "did you mean 'lateness'"),
        ({"lateness": "soon"}, "is not a duration"),
        ({"lateness": "2 d", "oldest": "1 d"}, "oldest is shorter than lateness"),
        ({"dead_letter_bytes": 10}, "greater than or equal to 1024"),
        ({"max_readings": 0}, "greater than or equal to 1"),
        ({"decoders": [{"decoder": "sonoff"}]}, "there is no 'sonoff': known are tasmota"),
        ({"decoders": [TASMOTA | {"timezone": "Mars"}]}, "'Mars' is not a time zone"),
        ({"decoders": [TASMOTA | {"topic": "tele/+/SENSOR"}]}, "lacks {appliance_id}"),
        ({"decoders": [TASMOTA | {"signals": {}}]}, "at least 1 item"),
        ({"decoders": [TASMOTA | {"signals": {"power": {"path": "a[", "unit": "W"}}}]}, "is not a path"),
        ({"decoders": [TASMOTA | {"appliance_model": None}]}, "name the devices under appliances"),
    ],
)
def test_mistakes_in_the_settings_have_a_sentence(settings, expected):
    """The message says where and what."""
    with pytest.raises(ConfigError) as caught:
        validated(IngestSettings, settings, "config.yaml")

    assert expected in str(caught.value)
    assert str(caught.value).startswith("config.yaml: ")
