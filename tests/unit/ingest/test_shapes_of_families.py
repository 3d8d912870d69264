"""Payloads in the shapes that families of devices send: what of each is a reading, and what is passed over."""

from __future__ import annotations

import math

import pytest

MODEL = "generic-compressor"
TASMOTA = "tele/plug/SENSOR"


def one(decoder, path, topic, payload, expected, **power):
    """A case: what a device says, and the watts that it means, None for none."""
    name = f"{decoder} {path} {topic}"
    return pytest.param(decoder, {"path": path, "unit": "W"} | power, topic, payload, expected, id=name)


@pytest.mark.parametrize(
    ("decoder", "power", "topic", "payload", "expected"),
    [
        one(
            "tasmota",
            ["ENERGY.Power[0]", "ENERGY.Power[1]", "ENERGY.Power[2]"],
            TASMOTA,
            {"Time": "2024-11-21T11:53:20", "ENERGY": {"Power": [10, 20, 54.4], "Voltage": [230, 231, 229]}},
            84.4,
        ),
        one(
            "tasmota",
            "ZbReceived.0x1234.ActivePower",
            TASMOTA,
            {
                "ZbReceived": {
                    "0x1234": {"Device": "0x1234", "Name": "Freezer", "ActivePower": 84.4, "Endpoint": 1}
                }
            },
            84.4,
        ),
        one(
            "tasmota",
            "SML.Power_curr",
            TASMOTA,
            {"Time": "2024-11-21T11:53:20", "SML": {"Total_in": 2222.1, "Power_curr": -84.4}},
            84.4,
            sign="absolute",
        ),
        one(
            "shelly-gen2",
            "pm1:0.apower",
            "plug/status/pm1:0",
            {
                "id": 0,
                "voltage": 233.5,
                "current": 0.4,
                "apower": 84.4,
                "freq": 50.0,
                "aenergy": {"total": 0, "by_minute": [0, 0, 0], "minute_ts": 1732190000},
                "ret_aenergy": {"total": 0},
            },
            84.4,
        ),
        one(
            "shelly-gen2",
            "em:0.total_act_power",
            "plug/status/em:0",
            {
                "id": 0,
                "a_act_power": 40,
                "total_current": 0.4,
                "total_act_power": 84.4,
                "user_calibrated_phase": [],
            },
            84.4,
        ),
        one(
            "shelly-gen2",
            "em:0.total_act_power",
            "plug/status/em:0",
            {"id": 0, "a_act_power": None, "total_act_power": None, "errors": ["power_meter_failure"]},
            None,
        ),
        one(
            "shelly-gen2",
            "em1:1.act_power",
            "plug/status/em1:1",
            {"id": 1, "act_power": 84.4, "aprt_power": 90.1, "pf": 0.93, "calibration": "factory"},
            84.4,
        ),
        one(
            "shelly-gen2",
            "switch:0.apower",
            "plug/events/rpc",
            {
                "src": "shellyplugsg4-abc",
                "dst": "plug/events",
                "method": "NotifyFullStatus",
                "params": {"ts": 1732190000.0, "ble": {}, "switch:0": {"id": 0, "apower": 84.4}},
            },
            84.4,
        ),
        one("shelly-gen1", "relay/0/power", "shellies/plug/relay/0/power", b"84.40", 84.4),
        one("shelly-gen1", "relay/0/power", "shellies/plug/relay/0", b"on", None),
        one(
            "zigbee2mqtt",
            "power",
            "zigbee2mqtt/plug",
            {
                "child_lock": "UNLOCK",
                "energy": 12.1,
                "linkquality": 120,
                "power": 84.4,
                "power_outage_memory": "restore",
                "state": "ON",
                "update": {"installed_version": 192, "latest_version": 192, "state": "idle"},
                "last_seen": "2024-11-21T12:53:20+01:00",
            },
            84.4,
        ),
        one("zigbee2mqtt", "power", "zigbee2mqtt/plug", {"power": 84.4, "last_seen": "1732190000000"}, 84.4),
        one("zigbee2mqtt", "power", "zigbee2mqtt/plug", {"power": None, "state": "ON"}, None),
        one(
            "zigbee2mqtt",
            "power_l2",
            "zigbee2mqtt/plug",
            {"power_l1": 10, "power_l2": 84.4, "state_l1": "ON"},
            84.4,
        ),
        one("zigbee2mqtt-attribute", "power", "zigbee2mqtt/plug/power", b"84.4", 84.4),
        one("zigbee2mqtt-attribute", "power_l2", "zigbee2mqtt/plug/power_l2", b"84.4", 84.4),
        one("zigbee2mqtt-attribute", "power", "zigbee2mqtt/plug/power", b"null", None),
        one("zigbee2mqtt-attribute", "power", "zigbee2mqtt/plug/energy", b"12.1", None),
        one("esphome", "freezer_power", "plug/sensor/freezer_power/state", b"84.4", 84.4),
        one("esphome", "freezer_power", "plug/sensor/freezer_power/state", b"NAN", None),
        one("openbeken", "power", "plug/power/get", b"84.40", 84.4),
        one("openbeken", "power", "plug/power/get", b"-0.12", 0.0),
        one("openbeken", "power", "plug/power/get", b"nan", None),
        one("home-assistant", "power", "homeassistant/sensor/plug_power/state", b"84.4", 84.4),
        one("home-assistant", "power", "homeassistant/sensor/plug_power/state", b"unavailable", None),
    ],
)
def test_what_a_device_says_is_its_power_or_nothing(
    make_ingest, message, decoder, power, topic, payload, expected
):
    """Never another number, and never a dead letter."""
    appliances = {"plug": {"appliance_id": "fridge", "appliance_model": MODEL}}
    ingest = make_ingest(
        decoders=[{"decoder": decoder, "appliances": appliances, "signals": {"power": power}}]
    )

    decoded = ingest.decode([message(payload, topic)])

    watts = [float(one) for block in decoded.blocks for one in block.signals["power"] if not math.isnan(one)]
    assert (watts, decoded.dead_letters) == ([] if expected is None else [expected], [])
