"""What plugs, bridges and their neighbours really said: each message is used, ignored, or told once."""

from __future__ import annotations


def test_12_two_appliances_on_one_device_are_two(hear):
    """Relays of a strip and phases of a meter: an entry each, and each its own power."""
    heard = hear(12)

    assert {name: said["power"] for name, _, said in heard.readings} == {
        "fridge-a": 23.6,
        "freezer-b": 67.2,
        "hp-l1": 795.6,
        "hp-l2": 222.2,
    }
    assert heard.decoded.dead_letters == []


def test_13_what_the_broker_kept_of_a_device_without_a_clock_is_no_reading(hear):
    """1970, no time, an uptime: nobody can tell how old it is."""
    heard = hear(13)

    assert (heard.readings, heard.decoded.dead_letters, heard.decoded.ignored) == ([], [], 3)


def test_14_a_broken_probe_does_not_take_the_meter_with_it(hear):
    """Power is used, the probe's value is not, and told of once."""
    heard = hear(14)

    assert heard.readings == [("th-fridge", 60, {"power": 84.4}), ("th-fridge", 0, {"power": 84.2})]
    assert [letter.reason for letter in heard.decoded.dead_letters] == [
        "signals.cabinet_temp: -127.0 degC is outside -30..60 degC; the rest is used (said once)"
    ]
    assert heard.decoded.left_out == 2


def test_15_numbers_as_text_are_numbers(hear):
    """Firmware that nobody here wrote cannot be changed."""
    heard = hear(15)

    assert heard.readings == [("hp1", 0, {"power": 84.2, "current": 0.37})]
    assert heard.decoded.dead_letters == []


def test_16_neighbours_are_ignored(hear):
    """Lamps, a bridge's list of a megabyte and other programs are no faults of appliances."""
    heard = hear(16)

    assert heard.readings == [("z-freezer", 0, {"power": 84.1})]
    assert (heard.decoded.dead_letters, heard.decoded.ignored) == ([], 10)


def test_17_no_value_is_no_value(hear):
    """`nan`, `NaN` and `unavailable` say that there is nothing to say."""
    heard = hear(17)

    assert heard.readings == [("e-freezer", 0, {"power": 84.21})]
    assert (heard.decoded.dead_letters, heard.decoded.ignored) == ([], 3)


def test_18_tasmota_may_write_its_time_as_a_number(hear):
    """Unix seconds, which people who feed databases ask for."""
    heard = hear(18)

    assert heard.readings == [("pow1", 0, {"power": 84.2})]
    assert heard.decoded.dead_letters == []
