"""Device decoders, on the payloads in ../shared/data/devices/payloads.md word for word, and on their hard cases."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from foremend.vocabulary.errors import ConfigError

MODEL = "generic-compressor"


@pytest.fixture
def payloads(shared_data: Path) -> dict[str, list[bytes]]:
    """Section of payloads.md -> its code blocks, in order."""
    text = (shared_data / "devices" / "payloads.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    blocks = [re.findall(r"```\w*\n(.*?)\n```", body, flags=re.DOTALL) for body in parts[1::2]]
    return {
        title: [block.encode() for block in found] for title, found in zip(parts[::2], blocks, strict=True)
    }


def ms(text: str) -> int:
    """'2018-02-15T17:37:10' UTC -> ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def one_reading(decoded):
    """(appliance id, time, {signal: value}) of the only reading; absent signals left out."""
    assert decoded.dead_letters == []
    (block,) = decoded.blocks
    assert len(block) == 1
    said = {name: column[0] for name, column in block.signals.items() if not math.isnan(column[0])}
    return block.appliance_ids[0], int(block.time[0]), said


def last_reading(decoded):
    """The signals of the last row, absent ones left out."""
    (block,) = decoded.blocks
    return {name: column[-1] for name, column in block.signals.items() if not math.isnan(column[-1])}


# --- Tasmota


def tasmota(**changes):
    signals = {
        "power": {"path": "ENERGY.Power", "unit": "W"},
        "current": {"path": "ENERGY.Current", "unit": "A"},
        "voltage": {"path": "ENERGY.Voltage", "unit": "V"},
        "energy": {"path": "ENERGY.Total", "unit": "kWh"},
    }
    return {"decoder": "tasmota", "appliance_model": MODEL, "signals": signals} | changes


def probe(path, model="refrigerator"):
    return tasmota(appliance_model=model, signals={"cabinet_temp": {"path": path, "unit": "degC"}})


def test_tasmota_energy(make_ingest, message, payloads):
    """A SENSOR telegram is a reading at its own time; kWh become Wh."""
    ingest = make_ingest(oldest=None, decoders=[tasmota()])

    decoded = ingest.decode([message(payloads["Tasmota"][0], "tele/pow1/SENSOR")])

    assert one_reading(decoded) == (
        "pow1",
        ms("2018-02-15T17:37:10"),
        {"power": 2635.0, "current": 11.661, "voltage": 227.0, "energy": 6294.0},
    )


def test_tasmota_time_is_in_the_zone_of_the_settings(make_ingest, message, payloads):
    """17:37 in Berlin in February is 16:37 UTC."""
    ingest = make_ingest(oldest=None, decoders=[tasmota(timezone="Europe/Berlin")])

    decoded = ingest.decode([message(payloads["Tasmota"][0], "tele/pow1/SENSOR")])

    assert one_reading(decoded)[1] == ms("2018-02-15T16:37:10")


@pytest.mark.parametrize("received", ["2021-10-31T00:31:00", "2021-10-31T01:31:00"])
def test_tasmota_repeated_hour_is_the_one_near_reception(make_ingest, message, received):
    """When summer time ends 02:30 happens twice; the message came just after one of them."""
    ingest = make_ingest(oldest=None, decoders=[tasmota(timezone="Europe/Berlin")])
    payload = {"Time": "2021-10-31T02:30:00", "ENERGY": {"Power": 1}}

    decoded = ingest.decode([message(payload, "tele/pow1/SENSOR", received=ms(received))])

    assert one_reading(decoded)[1] == ms(received) - 60_000


@pytest.mark.parametrize(
    ("block", "path", "expected"),
    [
        (1, "[Id=0000059352D4].Temperature", 1.2),
        (1, "[Id=000005937C90].Temperature", 22.5),
        (2, "[Id=030597946B04].Temperature", 20.9),
        (2, "DS18B20.Temperature", 20.9),
    ],
)
def test_tasmota_probes_are_found_by_their_id(make_ingest, message, payloads, block, path, expected):
    """A probe keeps its signal whatever its number is today."""
    ingest = make_ingest(oldest=None, decoders=[probe(path)])

    decoded = ingest.decode([message(payloads["Tasmota"][block], "tele/fridge/SENSOR")])

    assert one_reading(decoded)[2] == {"cabinet_temp": expected}


def test_tasmota_fahrenheit(make_ingest, message):
    """The device says in which unit its temperatures are."""
    ingest = make_ingest(oldest=None, decoders=[probe("DS18B20.Temperature")])
    payload = {"Time": "2021-01-13T23:58:41", "DS18B20": {"Id": "0", "Temperature": 41.0}, "TempUnit": "F"}

    decoded = ingest.decode([message(payload, "tele/fridge/SENSOR")])

    assert one_reading(decoded)[2]["cabinet_temp"] == pytest.approx(5.0)


def test_tasmota_channels(make_ingest, message):
    """Of several channels the path names one; a device with one channel sends no array."""
    ingest = make_ingest(
        oldest=None, decoders=[tasmota(signals={"current": {"path": "ENERGY.Current[0]", "unit": "A"}})]
    )

    several, single = (
        ingest.decode([message({"ENERGY": {"Current": value}}, "tele/pow1/SENSOR")])
        for value in ([1.32, 2.1], 1.32)
    )

    assert one_reading(several)[2] == one_reading(single)[2] == {"current": 1.32}


def test_tasmota_array_without_an_index_is_a_dead_letter(make_ingest, message):
    """The reason tells what to change in the settings."""
    ingest = make_ingest(oldest=None, decoders=[tasmota()])

    decoded = ingest.decode([message({"ENERGY": {"Current": [1.32, 2.1]}}, "tele/pow1/SENSOR")])

    assert "needs an index" in decoded.dead_letters[0].reason


def test_tasmota_status8(make_ingest, message, payloads):
    """An answer on request wraps the same data."""
    ingest = make_ingest(oldest=None, decoders=[tasmota()])
    wrapped = {"StatusSNS": json.loads(payloads["Tasmota"][0])}

    decoded = ingest.decode([message(wrapped, "stat/pow1/STATUS8")])

    assert one_reading(decoded)[2]["power"] == 2635.0


def test_tasmota_order_of_the_topic_is_the_users(make_ingest, message, payloads):
    """%topic%/%prefix% instead of %prefix%/%topic%, under a prefix of the user's."""
    ingest = make_ingest(oldest=None, decoders=[tasmota(topic="home/{floor}/{appliance_id}/tele/SENSOR")])

    decoded = ingest.decode([message(payloads["Tasmota"][0], "home/cellar/pow1/tele/SENSOR")])

    assert one_reading(decoded)[0] == "pow1"
    assert "home/+/+/tele/SENSOR" in ingest.subscriptions


def test_tasmota_clock_not_set_yet(make_ingest, message, now):
    """Before a time server answers, a device lives in 1970; the time of reception is better."""
    ingest = make_ingest(oldest=None, decoders=[tasmota()])

    decoded = ingest.decode(
        [message({"Time": "1970-01-01T00:00:12", "ENERGY": {"Power": 1}}, "tele/pow1/SENSOR")]
    )

    assert one_reading(decoded)[1] == now


@pytest.mark.parametrize(("word", "online"), [(b"Online", True), (b"Offline", False)])
def test_tasmota_last_will(make_ingest, message, word, online):
    """LWT is presence."""
    ingest = make_ingest(oldest=None, decoders=[tasmota()])

    decoded = ingest.decode([message(word, "tele/pow1/LWT", retained=True)])

    assert [(said.appliance_id, said.online) for said in decoded.presence] == [("pow1", online)]


# --- Shelly Gen1


def gen1(**changes):
    signals = {
        "power": {"path": "emeter/0/power", "unit": "W"},
        "current": {"path": "emeter/0/current", "unit": "A"},
        "voltage": {"path": "emeter/0/voltage", "unit": "V"},
    }
    return {"decoder": "shelly-gen1", "appliance_model": MODEL, "signals": signals} | changes


def test_shelly_gen1(make_ingest, message, payloads, now):
    """Each scalar is a reading of its signal at reception; the relay and the announcement are of no use here."""
    ingest = make_ingest(oldest=None, decoders=[gen1()])
    lines = [line.split(b" ", 1) for line in payloads["Shelly Gen1 (plain scalars)"][0].splitlines()]

    decoded = ingest.decode([message(payload, topic.decode()) for topic, payload in lines])

    (block,) = decoded.blocks
    assert block.appliance_ids == ("shellyem3",)
    assert block.time.tolist() == [now] * 3
    assert [block.signals[name][row] for row, name in enumerate(("power", "current", "voltage"))] == [
        0.0,
        0.01,
        230.35,
    ]
    assert [(said.appliance_id, said.online) for said in decoded.presence] == [("shelly1", True)]
    assert (decoded.ignored, decoded.dead_letters) == (2, [])


def test_shelly_gen1_subscribes_to_what_is_mapped_only(make_ingest):
    """A busy broker is not asked for channels that nobody uses."""
    ingest = make_ingest(oldest=None, decoders=[gen1()])

    assert ingest.subscriptions[3:] == (
        "shellies/+/emeter/0/power",
        "shellies/+/emeter/0/current",
        "shellies/+/emeter/0/voltage",
        "shellies/+/online",
    )


@pytest.mark.parametrize(
    "payload", [b"on", b"inf", b"1_000", b"0x10", b"1e999", b"9" * 100, b"\xff", "\u0663".encode()]
)
def test_a_scalar_that_is_no_finite_number_is_a_dead_letter(make_ingest, message, payload):
    """Python's own float() would take some of these."""
    ingest = make_ingest(oldest=None, decoders=[gen1()])

    decoded = ingest.decode([message(payload, "shellies/shellyem3/emeter/0/power")])

    assert decoded.readings == 0
    assert "power" in decoded.dead_letters[0].reason


@pytest.mark.parametrize("payload", [b"", b"nan", b"NaN", b" unavailable\n", b"unknown", b"None", b"null"])
def test_a_scalar_that_says_that_there_is_none_is_ignored(make_ingest, message, payload):
    """As null in JSON is."""
    ingest = make_ingest(oldest=None, decoders=[gen1()])

    decoded = ingest.decode([message(payload, "shellies/shellyem3/emeter/0/power")])

    assert (decoded.readings, decoded.dead_letters, decoded.ignored) == (0, [], 1)


# --- Shelly Gen2 and later


def gen2(component="switch:0", power="apower", **changes):
    signals = {
        "power": {"path": f"{component}.{power}", "unit": "W"},
        "voltage": {"path": f"{component}.voltage", "unit": "V"},
        "current": {"path": f"{component}.current", "unit": "A"},
        "module_temp": {"path": "switch:0.temperature.tC", "unit": "degC"},
    }
    topics = {
        "topic": "shellies/{appliance_id}/status/{component}",
        "events": "shellies/{appliance_id}/events/rpc",
        "presence": "shellies/{appliance_id}/online",
    }
    return {"decoder": "shelly-gen2", "appliance_model": MODEL, "signals": signals} | topics | changes


GEN2 = "Shelly Gen2 and later"


def test_shelly_gen2_full_status(make_ingest, message, payloads, now):
    """A whole component is a reading at reception: it carries no time."""
    ingest = make_ingest(oldest=None, decoders=[gen2()])

    decoded = ingest.decode([message(payloads[GEN2][0], "shellies/plus1pm/status/switch:0")])

    assert one_reading(decoded) == (
        "plus1pm",
        now,
        {"power": 0.0, "voltage": 232.6, "current": 0.0, "module_temp": 46.0},
    )


def test_shelly_gen2_partial_notification_overlays_the_last_state(make_ingest, message, payloads):
    """What a notification leaves out has not changed."""
    ingest = make_ingest(oldest=None, decoders=[gen2()])
    ingest.decode([message(payloads[GEN2][0], "shellies/plus1pm/status/switch:0")])

    decoded = ingest.decode([message(payloads[GEN2][1], "shellies/plus1pm/events/rpc")])

    _, time, said = one_reading(decoded)
    assert time == 1_661_517_410_450
    assert said == {"power": 0.0, "voltage": 232.6, "current": 0.0, "module_temp": 44.06}


def test_shelly_gen2_partial_notification_without_a_last_state(make_ingest, message, payloads):
    """Nothing is invented for signals never seen."""
    ingest = make_ingest(oldest=None, decoders=[gen2()])

    decoded = ingest.decode([message(payloads[GEN2][1], "shellies/plus1pm/events/rpc")])

    assert one_reading(decoded)[2] == {"module_temp": 44.06}


def test_shelly_gen2_uptime_is_no_time(make_ingest, message, payloads, now):
    """The first ts after boot counts from the boot."""
    ingest = make_ingest(oldest=None, decoders=[gen2()])
    payload = payloads[GEN2][1].replace(b"1661517410.45", b"1.61")

    decoded = ingest.decode([message(payload, "shellies/plus1pm/events/rpc")])

    assert one_reading(decoded)[1] == now


def test_shelly_gen2_offline_forgets_the_last_state(make_ingest, message, payloads):
    """After a power cut the old power is not the new one."""
    ingest = make_ingest(oldest=None, decoders=[gen2()])
    ingest.decode(
        [
            message(payloads[GEN2][0], "shellies/plus1pm/status/switch:0"),
            message(b"false", "shellies/plus1pm/online"),
        ]
    )

    decoded = ingest.decode([message(payloads[GEN2][1], "shellies/plus1pm/events/rpc")])

    assert one_reading(decoded)[2] == {"module_temp": 44.06}


def test_shelly_gen2_state_survives_a_restart(make_ingest, message, payloads):
    """A restored decoder overlays on what was known before."""
    ingest, restarted = (
        make_ingest(oldest=None, decoders=[gen2()]),
        make_ingest(oldest=None, decoders=[gen2()]),
    )
    ingest.decode([message(payloads[GEN2][0], "shellies/plus1pm/status/switch:0")])

    restarted.restore(ingest.snapshot())

    decoded = restarted.decode([message(payloads[GEN2][1], "shellies/plus1pm/events/rpc")])
    assert one_reading(decoded)[2]["voltage"] == 232.6


def test_shelly_gen2_a_bad_value_does_not_spoil_the_state(make_ingest, message, payloads):
    """It costs itself: what is known of it stays as it was, and what else was said is used."""
    ingest = make_ingest(oldest=None, decoders=[gen2()])
    topic = "shellies/plus1pm/status/switch:0"

    decoded = ingest.decode(
        [
            message(payloads[GEN2][0], topic),
            message({"apower": 1, "voltage": 99_999}, topic),
            message({"current": 1}, topic),
        ]
    )

    assert decoded.dead_letters[0].reason.startswith(
        "signals.voltage: 99999.0 V is outside 0..300 V; the rest"
    )
    assert last_reading(decoded) == {"power": 1.0, "voltage": 232.6, "current": 1.0, "module_temp": 46.0}


@pytest.mark.parametrize(
    ("block", "component", "power", "expected"),
    [
        (2, "pm1:0", "apower", {"power": 1780.1, "voltage": 239.9, "current": 7.434}),
        (3, "em1:0", "act_power", {"power": 598.9, "voltage": 242.8, "current": 3.705}),
    ],
)
def test_shelly_gen2_meters(make_ingest, message, payloads, block, component, power, expected):
    """Meters without a switch are components like others."""
    ingest = make_ingest(oldest=None, decoders=[gen2(component, power)])

    decoded = ingest.decode([message(payloads[GEN2][block], f"shellies/em/status/{component}")])

    assert one_reading(decoded)[2] == expected


def test_shelly_gen2_temperature_component(make_ingest, message, payloads):
    """A probe of the add-on is a component of its own."""
    signals = {"cabinet_temp": {"path": "temperature:0.tC", "unit": "degC"}}
    ingest = make_ingest(oldest=None, decoders=[gen2(signals=signals, appliance_model="refrigerator")])

    decoded = ingest.decode([message(payloads[GEN2][4], "shellies/em/status/temperature:0")])

    assert one_reading(decoded)[2] == {"cabinet_temp": 39.0}


@pytest.mark.parametrize(
    "payload",
    [{"method": "NotifyEvent", "params": {}}, {"method": "NotifyStatus", "params": {"ts": 1.0, "wifi": {}}}],
)
def test_shelly_gen2_other_news_are_ignored(make_ingest, message, payload):
    """Buttons and the strength of the Wi-Fi are no faults of ours."""
    ingest = make_ingest(oldest=None, decoders=[gen2()])

    decoded = ingest.decode([message(payload, "shellies/em/events/rpc")])

    assert (decoded.ignored, decoded.readings, decoded.dead_letters) == (1, 0, [])


# --- Zigbee2MQTT


def zigbee(**changes):
    signals = {
        "power": {"path": "power", "unit": "W"},
        "current": {"path": "current", "unit": "A"},
        "voltage": {"path": "voltage", "unit": "V"},
        "module_temp": {"path": "device_temperature", "unit": "degC"},
        "energy": {"path": "energy", "unit": "kWh"},
    }
    return {"decoder": "zigbee2mqtt", "appliance_model": MODEL, "signals": signals} | changes


def test_zigbee2mqtt_plug(make_ingest, message, payloads):
    """A plug's reading is at last_seen, whose zone counts."""
    ingest = make_ingest(oldest=None, decoders=[zigbee()])

    decoded = ingest.decode(
        [message(payloads["Zigbee2MQTT"][0], "zigbee2mqtt/PS5", received=ms("2025-10-15T17:11:00"))]
    )

    name, time, said = one_reading(decoded)
    assert (name, time) == ("PS5", ms("2025-10-15T17:10:57"))
    assert said == {"power": 0.0, "current": 0.0, "voltage": 236.19, "module_temp": 30.0, "energy": 31_020.0}


def test_zigbee2mqtt_sensor_without_last_seen(make_ingest, message, payloads, now):
    """Without last_seen the time is that of reception."""
    signals = {"cabinet_temp": {"path": "temperature", "unit": "degC"}}
    ingest = make_ingest(oldest=None, decoders=[zigbee(signals=signals, appliance_model="refrigerator")])

    decoded = ingest.decode([message(payloads["Zigbee2MQTT"][1], "zigbee2mqtt/probe")])

    assert one_reading(decoded) == ("probe", now, {"cabinet_temp": 27.34})


def test_zigbee2mqtt_last_seen_as_epoch(make_ingest, message, now):
    """last_seen may be ms since 1970."""
    ingest = make_ingest(oldest=None, decoders=[zigbee()])

    decoded = ingest.decode([message({"power": 3, "last_seen": now - 5000}, "zigbee2mqtt/PS5")])

    assert one_reading(decoded)[1] == now - 5000


def test_zigbee2mqtt_friendly_name_with_a_slash(make_ingest, message):
    """Such a name is mapped to an appliance; its availability is too."""
    appliances = {"kitchen/old fridge": {"appliance_id": "fridge-1", "appliance_model": MODEL}}
    ingest = make_ingest(oldest=None, decoders=[zigbee(appliances=appliances, appliance_model=None)])

    decoded = ingest.decode(
        [
            message({"power": 80}, "zigbee2mqtt/kitchen/old fridge"),
            message({"state": "offline"}, "zigbee2mqtt/kitchen/old fridge/availability"),
        ]
    )

    assert one_reading(decoded)[0] == "fridge-1"
    assert [(said.appliance_id, said.online) for said in decoded.presence] == [("fridge-1", False)]
    assert "zigbee2mqtt/#" in ingest.subscriptions


def test_zigbee2mqtt_bridge_and_commands_are_ignored(make_ingest, message):
    """The bridge's own topics and commands come with the same subscription."""
    ingest = make_ingest(oldest=None, decoders=[zigbee()])

    decoded = ingest.decode(
        [
            message({"state": "online"}, "zigbee2mqtt/bridge/state"),
            message({"state": "ON"}, "zigbee2mqtt/PS5/set"),
        ]
    )

    assert (decoded.ignored, decoded.dead_letters) == (2, [])


# --- ESPHome


def esphome(**changes):
    signals = {"cabinet_temp": {"path": "cabinet_temperature", "unit": "°F"}}
    return {"decoder": "esphome", "appliance_model": "refrigerator", "signals": signals} | changes


def test_esphome_number(make_ingest, message, now):
    """A bare number is a reading at reception, in the profile's unit."""
    ingest = make_ingest(oldest=None, decoders=[esphome()])

    decoded = ingest.decode([message(b"39.2", "fridge-1/sensor/cabinet_temperature/state")])

    name, time, said = one_reading(decoded)
    assert (name, time, said["cabinet_temp"]) == ("fridge-1", now, pytest.approx(4.0))


def test_esphome_retained_number_is_stale(make_ingest, message):
    """What the broker kept may be from last week and does not say so."""
    ingest = make_ingest(oldest=None, decoders=[esphome()])

    decoded = ingest.decode([message(b"39.2", "fridge-1/sensor/cabinet_temperature/state", retained=True)])

    assert (decoded.readings, decoded.ignored) == (0, 1)


def test_esphome_status(make_ingest, message):
    """The status topic is presence, retained or not."""
    ingest = make_ingest(oldest=None, decoders=[esphome()])

    decoded = ingest.decode([message(b"offline", "fridge-1/status", retained=True)])

    assert decoded.presence[0].online is False


# --- all of them


def test_devices_of_one_kind_may_be_mapped_apart(make_ingest, message):
    """A device that one entry does not list is left to the next entry of the same kind."""
    fridge = {"plug-a": {"appliance_id": "fridge-1", "appliance_model": MODEL}}
    freezer = {"plug-b": {"appliance_id": "freezer-1", "appliance_model": MODEL}}
    ingest = make_ingest(
        decoders=[tasmota(appliances=entry, appliance_model=None) for entry in (fridge, freezer)]
    )

    decoded = ingest.decode(
        [message({"ENERGY": {"Power": 1}}, f"tele/{name}/SENSOR") for name in ("plug-b", "plug-a", "plug-c")]
    )

    assert decoded.blocks[0].appliance_ids == ("freezer-1", "fridge-1")
    assert (decoded.ignored, decoded.dead_letters) == (1, [])  # plug-c is a neighbour's


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"appliance_model": "toaster"},
            r"ingest.decoders\[0\] \(tasmota\): appliance model 'toaster' has no profile",
        ),
        ({"signals": {"speed": {"path": "a", "unit": "rpm"}}}, "speed is no signal of generic-compressor"),
        (
            {"signals": {"power": {"path": "a", "unit": "degC"}}},
            r"'degC' \(temperature\) cannot become 'W' \(power\)",
        ),
        ({"signals": {"power": {"path": "a", "unit": "horse"}}}, "unit 'horse' is unknown: use W or mW, kW"),
    ],
)
def test_a_mapping_that_does_not_fit_the_profile_is_refused(make_ingest, change, expected):
    """The sentence names the decoder, the key and what there is instead."""
    with pytest.raises(ConfigError, match=expected):
        make_ingest(oldest=None, decoders=[tasmota(**change)])


@pytest.mark.parametrize("value", [True, "on", [1], {}, 10**400, math.inf])
def test_a_value_that_is_no_finite_number_is_a_dead_letter(make_ingest, message, value):
    """Strings, flags, whole objects and numbers beyond all bounds are refused by the signal's name."""
    ingest = make_ingest(oldest=None, decoders=[gen2()])

    decoded = ingest.decode([message({"apower": value}, "shellies/plus1pm/status/switch:0")])

    assert decoded.readings == 0
    assert decoded.dead_letters[0].reason
