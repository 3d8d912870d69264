"""What devices that nobody here built really say, beyond the payloads of their documentation."""

from __future__ import annotations

import json
import logging
import math
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decoders.plain import plain
from ingest.decoders.times import device_ms

MODEL = "generic-compressor"
POWER = {"power": {"path": "power", "unit": "W"}}
NOW = 1_732_190_000_000


def entry(decoder, signals, device="plug", appliance_id="fridge", **more):
    """An entry under `ingest.decoders` that lists one device."""
    appliances = {device: {"appliance_id": appliance_id, "appliance_model": MODEL}}
    return {"decoder": decoder, "appliances": appliances, "signals": signals, **more}


def said(decoded):
    """[(appliance id, signals that are there)] of each reading."""
    return [
        (
            block.appliance_ids[block.appliance[row]],
            {name: float(one[row]) for name, one in block.signals.items() if not math.isnan(one[row])},
        )
        for block in decoded.blocks
        for row in range(len(block))
    ]


# --- a signal that is bad costs itself


def test_the_first_of_each_kind_is_told_and_the_rest_counted(make_ingest, message):
    """A probe that is broken for months is one dead letter, also after a restart."""
    signals = POWER | {"module_temp": {"path": "temperature", "unit": "degC"}}
    make = lambda: make_ingest(decoders=[entry("zigbee2mqtt", signals)])  # noqa: E731
    ingest, restarted = make(), make()
    broken = message({"power": 80, "temperature": -127}, "zigbee2mqtt/plug")

    first = ingest.decode([broken] * 3)
    restarted.restore(ingest.snapshot())
    later = restarted.decode([broken] * 2)

    assert said(first) == [("fridge", {"power": 80.0})] * 3
    assert ([len(one.dead_letters) for one in (first, later)], first.left_out, later.left_out) == (
        [1, 0],
        3,
        2,
    )


def test_a_message_in_which_all_is_bad_is_a_dead_letter(make_ingest, message):
    """Nothing of it was used."""
    ingest = make_ingest(decoders=[entry("zigbee2mqtt", POWER)])

    decoded = ingest.decode([message({"power": 99_999}, "zigbee2mqtt/plug")] * 2)

    assert [letter.reason for letter in decoded.dead_letters] == [
        "signals.power: 99999.0 W is outside 0..5000 W"
    ] * 2


@pytest.mark.parametrize("family", ["zigbee2mqtt", "dt"])
@pytest.mark.parametrize(("watts", "expected"), [(-0.4, 0.0), (-9.9, 0.0), (0.0, 0.0), (0.3, 0.3)])
def test_just_below_zero_is_rest(make_ingest, message, reading, family, watts, expected):
    """A metering chip with an offset, behind a plug or in an appliance of our own."""
    ingest = make_ingest(decoders=[entry("zigbee2mqtt", POWER)])
    sent = {
        "zigbee2mqtt": message({"power": watts}, "zigbee2mqtt/plug"),
        "dt": message(reading(signals={"power": watts}), f"dt/appliance/{MODEL}/fridge/telemetry"),
    }

    decoded = ingest.decode([sent[family]])

    assert (said(decoded), decoded.dead_letters) == ([("fridge", {"power": expected})], [])


def test_far_below_zero_is_no_rest(make_ingest, message):
    """A clamp put on the other way round is told of, not taken for a machine at rest."""
    ingest = make_ingest(decoders=[entry("zigbee2mqtt", POWER)])

    decoded = ingest.decode([message({"power": -84}, "zigbee2mqtt/plug")])

    assert "is outside" in decoded.dead_letters[0].reason


# --- sums and signs


@pytest.mark.parametrize(("sign", "sent", "expected"), [("reversed", -84, 84), ("absolute", -84, 84)])
def test_a_clamp_put_on_the_other_way_round(make_ingest, message, sign, sent, expected):
    """`sign` turns it."""
    ingest = make_ingest(decoders=[entry("zigbee2mqtt", {"power": POWER["power"] | {"sign": sign}})])

    decoded = ingest.decode([message({"power": sent}, "zigbee2mqtt/plug")])

    assert said(decoded) == [("fridge", {"power": expected})]


THREE = ["power", "power_phase_b", "power_phase_c"]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"power": 100, "power_phase_b": "20.5", "power_phase_c": 3}, [("fridge", {"power": 123.5})]),
        ({"power": 100, "power_phase_b": 20}, []),
        ({"power": 100, "power_phase_b": None, "power_phase_c": 3}, []),
    ],
)
def test_phases_are_added_up_where_all_are_known(make_ingest, message, payload, expected):
    """Two of three phases are not the machine."""
    ingest = make_ingest(decoders=[entry("zigbee2mqtt", {"power": {"path": THREE, "unit": "W"}})])

    decoded = ingest.decode([message(payload, "zigbee2mqtt/plug")])

    assert (said(decoded), decoded.dead_letters) == (expected, [])


def test_phases_that_come_in_several_topics_are_added_up(make_ingest, message):
    """Shelly 3EM: a bare number a phase. What was heard long ago is no part of it."""
    paths = [f"emeter/{phase}/power" for phase in range(3)]
    ingest = make_ingest(decoders=[entry("shelly-gen1", {"power": {"path": paths, "unit": "W"}})])

    def phase(number, watts, at):
        return message(str(watts).encode(), f"shellies/plug/emeter/{number}/power", received=at)

    decoded = ingest.decode(
        [phase(0, 100, NOW), phase(1, 20, NOW + 1), phase(2, 3, NOW + 2), phase(1, 21, NOW + 30_000)]
    )
    later = ingest.decode([phase(0, 100, NOW + 86_400_000)])

    assert [one["power"] for _, one in said(decoded)] == [123.0, 124.0]
    assert said(later) == []


def test_phases_of_shelly_components_are_added_up(make_ingest, message):
    """Each component comes on its own; a restart remembers the others."""
    paths = [f"em1:{phase}.act_power" for phase in range(2)]
    make = lambda: make_ingest(decoders=[entry("shelly-gen2", {"power": {"path": paths, "unit": "W"}})])  # noqa: E731
    ingest, restarted = make(), make()

    first = ingest.decode([message({"act_power": 795.6}, "plug/status/em1:0")])
    restarted.restore(ingest.snapshot())
    both = restarted.decode([message({"act_power": 222.2}, "plug/status/em1:1")])

    assert said(first) == []
    assert said(both) == [("fridge", {"power": pytest.approx(1017.8)})]


# --- one device, several appliances


def test_an_entry_for_every_device_leaves_alone_what_others_list(make_ingest, message):
    """Listed devices first; the rest goes by its own name."""
    everybody = {"decoder": "zigbee2mqtt", "appliance_model": MODEL, "signals": POWER}
    ingest = make_ingest(decoders=[entry("zigbee2mqtt", POWER), everybody])

    decoded = ingest.decode([message({"power": 1}, f"zigbee2mqtt/{name}") for name in ("plug", "other")])

    assert [name for name, _ in said(decoded)] == ["fridge", "other"]


def test_the_last_will_of_a_strip_is_of_all_its_appliances(make_ingest, message):
    """It has one plug of its own."""
    ingest = make_ingest(
        decoders=[entry("tasmota", POWER, appliance_id=name) for name in ("fridge", "freezer")]
    )

    decoded = ingest.decode([message(b"Offline", "tele/plug/LWT", retained=True)])

    assert [(one.appliance_id, one.online) for one in decoded.presence] == [
        ("fridge", False),
        ("freezer", False),
    ]


def test_a_kept_value_of_several_appliances_is_no_news_of_any(make_ingest, message):
    """Once a message, whatever is made of it."""
    strip = [
        entry("zigbee2mqtt", {"power": {"path": path, "unit": "W"}}, appliance_id=name)
        for name, path in (("fridge", "power_left"), ("freezer", "power_right"))
    ]
    ingest = make_ingest(decoders=strip)
    payload = {"power_left": 1, "power_right": 2}

    live = ingest.decode([message(payload, "zigbee2mqtt/plug")])
    kept = ingest.decode([message(payload, "zigbee2mqtt/plug", retained=True)])

    assert (live.readings, kept.readings, kept.ignored) == (2, 0, 1)


# --- not ours


def test_a_neighbour_is_told_of_once_in_the_log(make_ingest, message, caplog):
    """Forty lamps once a minute are no faults of appliances."""
    ingest = make_ingest(decoders=[entry("zigbee2mqtt", POWER)])

    with caplog.at_level(logging.INFO, logger="ingest.decode"):
        decoded = ingest.decode([message({"state": "ON"}, "zigbee2mqtt/lamp")] * 5)

    assert (decoded.ignored, decoded.dead_letters) == (5, [])
    assert [record.getMessage() for record in caplog.records] == [
        "zigbee2mqtt/lamp is of no appliance under ingest.decoders: ignored (said once)"
    ]


@pytest.mark.parametrize(
    ("payload", "letters"),
    [({"brightness": 3}, 0), ({"power": 80}, 1)],
)
def test_a_name_that_can_be_no_id_is_told_once_and_only_where_it_has_a_signal(
    make_ingest, message, payload, letters
):
    """A lamp is no appliance, whatever it is called; a freezer called so needs an entry."""
    ingest = make_ingest(decoders=[{"decoder": "zigbee2mqtt", "appliance_model": MODEL, "signals": POWER}])

    decoded = ingest.decode([message(payload, "zigbee2mqtt/Küche Lampe")] * 20)

    assert (decoded.readings, decoded.ignored) == (0, 20)
    assert [one.reason for one in decoded.dead_letters] == [
        "device 'Küche Lampe' cannot be an appliance id: give it one under appliances (said once a topic)"
    ] * letters


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("zigbee2mqtt/bridge/devices", b"x" * 2_000_000),
        ("zigbee2mqtt/bridge/logging", b"{"),
        ("zigbee2mqtt/plug/set", b"ON"),
        ("zigbee2mqtt/plug", b""),
    ],
)
def test_what_a_bridge_says_of_itself_and_what_was_removed_is_ignored(make_ingest, message, topic, payload):
    """However large, and whether or not every device is ours."""
    ingest = make_ingest(decoders=[{"decoder": "zigbee2mqtt", "appliance_model": MODEL, "signals": POWER}])

    decoded = ingest.decode([message(payload, topic)])

    assert (decoded.ignored, decoded.dead_letters) == (1, [])


def test_a_tasmota_device_without_a_meter_is_told_of_once(make_ingest, message):
    """Where every device is an appliance, a thermometer is none of them."""
    everybody = {"decoder": "tasmota", "appliance_model": MODEL, "signals": POWER}
    ingest = make_ingest(decoders=[everybody])

    decoded = ingest.decode([message({"AM2301": {"Temperature": 21.0}}, "tele/room/SENSOR")] * 3)

    assert (len(decoded.dead_letters), decoded.ignored) == (1, 3)


def test_another_programs_status_is_told_of_once(make_ingest, message):
    """`+/status` is ESPHome's, and of others."""
    everybody = {"decoder": "esphome", "appliance_model": MODEL, "signals": POWER}
    ingest = make_ingest(decoders=[everybody])

    decoded = ingest.decode([message({"uptime": 3}, "rtl433/status")] * 3)

    assert (len(decoded.dead_letters), decoded.presence) == (1, [])


# --- numbers and times


@given(st.floats(-1e300, 1e300))
def test_a_number_as_text_is_that_number(number):
    """Exactly, in any of Python's own ways to write it."""
    assert plain(repr(number)) == plain(json.dumps(number)) == number


@given(st.text(max_size=20))
def test_text_is_a_number_nothing_or_itself(text):
    """Nothing is made up."""
    value = plain(text)

    assert value is None or value == text or value == float(text)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2024-11-21T11:53:20", NOW),
        ("2024-11-21T12:53:20+01:00", NOW),
        (1_732_190_000, NOW),
        ("1732190000", NOW),
        (1_732_190_000.25, NOW + 250),
        (1_732_190_000_123, NOW + 123),
        ("2024.11.21T11:53:20", NOW),
        ("2024/11/21 11:53:20", NOW),
        ("21.11.2024 11:53:20", NOW),
        ("21.11.2024T11:53:20", NOW),
        (42.5, None),
        ("1970-01-01T00:00:05", None),
        (None, None),
        ("", None),
        ("unknown", None),
    ],
)
def test_times_as_devices_write_them(time, expected):
    """ISO, with dots, seconds and ms since 1970, as text too; what is no time yet is none."""
    assert device_ms(time, UTC, NOW) == expected


@pytest.mark.parametrize("retained", [False, True])
@pytest.mark.parametrize(
    ("decoder", "topic", "payload"),
    [
        ("tasmota", "tele/plug/SENSOR", {"Time": "1970-01-01T00:00:05", "power": 7}),
        ("tasmota", "tele/plug/SENSOR", {"Time": 42, "power": 7}),
        ("tasmota", "tele/plug/SENSOR", {"Time": "soon", "power": 7}),
        ("zigbee2mqtt", "zigbee2mqtt/plug", {"power": 7}),
        ("zigbee2mqtt", "zigbee2mqtt/plug", {"power": 7, "last_seen": "soon"}),
        ("zigbee2mqtt", "zigbee2mqtt/plug", {"power": 7, "last_seen": None}),
        ("shelly-gen2", "plug/events/rpc", {"method": "NotifyStatus", "params": {"ts": 42.5, "power": 7}}),
        ("shelly-gen2", "plug/events/rpc", {"method": "NotifyStatus", "params": {"ts": "x", "power": 7}}),
        ("shelly-gen2", "plug/status/power", 7),
        ("esphome", "plug/sensor/power/state", 7),
        ("shelly-gen1", "shellies/plug/power", 7),
    ],
)
def test_without_a_usable_time_live_is_now_and_kept_is_nothing(
    make_ingest, message, now, decoder, topic, payload, retained
):
    """One rule in every decoder."""
    signals = {"power": {"path": "power.w" if topic == "plug/status/power" else "power", "unit": "W"}}
    payload = {"w": 7} if topic == "plug/status/power" else payload
    ingest = make_ingest(decoders=[entry(decoder, signals)])

    decoded = ingest.decode([message(payload, topic, retained=retained)])

    assert [int(time) for block in decoded.blocks for time in block.time] == ([] if retained else [now])
