"""Families of devices, on payloads from their makers' documentation and from packages that speak as they do."""

from __future__ import annotations

import math
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary.errors import InputError
from ingest.decoders.protobuf import command, payload_of

MODEL = "generic-compressor"
NOW = 1_732_190_000_000
W = {"path": "power", "unit": "W"}


def entry(decoder, signals, devices=("plug",), **more):
    """An entry under `ingest.decoders` that lists devices; their appliances are called like them, without blanks."""
    appliances = {
        name: {"appliance_id": name.replace("/", "-").replace(" ", "-"), "appliance_model": MODEL}
        for name in devices
    }
    return {"decoder": decoder, "appliances": appliances, "signals": signals, **more}


def said(decoded):
    """[(appliance id, ms from NOW, signals that are there)] of each reading."""
    return [
        (
            block.appliance_ids[block.appliance[row]],
            int(block.time[row]) - NOW,
            {name: float(one[row]) for name, one in block.signals.items() if not math.isnan(one[row])},
        )
        for block in decoded.blocks
        for row in range(len(block))
    ]


def presence(decoded):
    """[(appliance id, whether it is online)]"""
    return [(one.appliance_id, one.online) for one in decoded.presence]


# --- Shelly


@pytest.mark.parametrize(
    ("topic", "payload", "signals", "expected"),
    [
        (  # Shelly Pro 3EM, triphase: shelly-api-docs, EM component
            "plug/status/em:0",
            {
                "id": 0,
                "a_current": 4.029,
                "a_voltage": 236.1,
                "a_act_power": 951.2,
                "b_act_power": -0.1,
                "c_act_power": 12.0,
                "n_current": None,
                "total_current": 11.116,
                "total_act_power": 963.1,
                "user_calibrated_phase": [],
            },
            {
                "power": {"path": "em:0.total_act_power", "unit": "W"},
                "voltage": {"path": "em:0.a_voltage", "unit": "V"},
            },
            {"power": 963.1, "voltage": 236.1},
        ),
        (  # the same, energy
            "plug/status/emdata:0",
            {"id": 0, "a_total_act_energy": 10.5, "total_act": 123.45, "total_act_ret": 0.0},
            {"energy": {"path": "emdata:0.total_act", "unit": "Wh"}},
            {"energy": 123.45},
        ),
        (  # monophase profile
            "plug/status/em1:2",
            {"id": 2, "current": 3.705, "voltage": 242.8, "act_power": 598.9, "pf": 0.67, "calibration": "f"},
            {"power": {"path": "em1:2.act_power", "unit": "W"}},
            {"power": 598.9},
        ),
        (  # Plug S Gen3 and 1PM Mini Gen4: a switch with its counter
            "plug/status/switch:0",
            {
                "id": 0,
                "source": "init",
                "output": True,
                "apower": 84.2,
                "voltage": 232.6,
                "current": 0.39,
                "freq": 50.0,
                "aenergy": {"total": 1532.4, "by_minute": [0.0, 1402.1, 1400.9], "minute_ts": 1732189980},
                "temperature": {"tC": 41.2, "tF": 106.1},
            },
            {
                "power": {"path": "switch:0.apower", "unit": "W"},
                "energy": {"path": "switch:0.aenergy.total", "unit": "Wh"},
                "module_temp": {"path": "switch:0.temperature.tC", "unit": "degC"},
            },
            {"power": 84.2, "energy": 1532.4, "module_temp": 41.2},
        ),
        (  # Plus Add-on, DS18B20
            "plug/status/temperature:100",
            {"id": 100, "tC": 4.5, "tF": 40.1},
            {"module_temp": {"path": "temperature:100.tC", "unit": "degC"}},
            {"module_temp": 4.5},
        ),
        (  # add-on without its probe
            "plug/status/temperature:100",
            {"id": 100, "tC": None, "tF": None, "errors": ["read"]},
            {"module_temp": {"path": "temperature:100.tC", "unit": "degC"}},
            None,
        ),
    ],
)
def test_components_of_shelly_gen2_to_gen4(make_ingest, message, topic, payload, signals, expected):
    """Every component is a path's first name, whatever the generation."""
    ingest = make_ingest(decoders=[entry("shelly-gen2", signals)])

    decoded = ingest.decode([message(payload, topic)])

    assert said(decoded) == ([] if expected is None else [("plug", 0, expected)])
    assert decoded.dead_letters == []


@pytest.mark.parametrize(
    ("topic", "payload", "path", "expected"),
    [
        ("shellies/plug/relay/0/power", b"84.21", "relay/0/power", 84.21),  # 1PM, Plug S
        ("shellies/plug/emeter/2/power", b"-0.35", "emeter/2/power", 0.0),  # 3EM, a phase at rest
        ("shellies/plug/ext_temperature/0", b"-18.5", "ext_temperature/0", -18.5),  # temperature add-on
    ],
)
def test_channels_of_shelly_gen1(make_ingest, message, topic, payload, path, expected):
    """Relays, clamps and the probes of an add-on."""
    signal, unit = ("module_temp", "degC") if "temp" in path else ("power", "W")
    ingest = make_ingest(decoders=[entry("shelly-gen1", {signal: {"path": path, "unit": unit}})])

    assert said(ingest.decode([message(payload, topic)])) == [("plug", 0, {signal: expected})]


# --- Zigbee2MQTT


@pytest.mark.parametrize(
    ("payload", "signal", "expected"),
    [
        ({"power_l1": 3.0, "power_l2": 84.0}, {"path": "power_l2", "unit": "W"}, 84.0),
        ({"power_left": 3.0, "power_right": 84.0}, {"path": "power_right", "unit": "W"}, 84.0),
        ({"power_phase_b": 84.0, "power": 1.0}, {"path": "power_phase_b", "unit": "W"}, 84.0),
        ({"power": 0.084}, {"path": "power", "unit": "kW"}, 84.0),
        ({"power_a": 84.0, "power_b": 0.0}, {"path": ["power_a", "power_b"], "unit": "W"}, 84.0),
    ],
)
def test_channels_phases_and_units_of_zigbee(make_ingest, message, payload, signal, expected):
    """Converters of two-channel and three-phase meters name them each in their own way."""
    ingest = make_ingest(decoders=[entry("zigbee2mqtt", {"power": signal})])

    assert said(ingest.decode([message(payload, "zigbee2mqtt/plug")])) == [("plug", 0, {"power": expected})]


def test_zigbee2mqtt_by_attribute(make_ingest, message):
    """A value a topic, of names with '/', too; commands and the bridge's own words are nobody's."""
    phases = {"path": ["power", "power_phase_b"], "unit": "W"}
    signals = {"power": phases, "voltage": {"path": "voltage", "unit": "V"}}
    ingest = make_ingest(decoders=[entry("zigbee2mqtt-attribute", signals)])

    decoded = ingest.decode(
        [
            message(b'{"state":"online"}', "zigbee2mqtt/plug/availability"),
            message(b"80", "zigbee2mqtt/plug/power"),
            message(b"4.25", "zigbee2mqtt/plug/power_phase_b"),
            message(b"230", "zigbee2mqtt/plug/voltage"),
            message(b"1", "zigbee2mqtt/plug/power/set"),
            message(b"9", "zigbee2mqtt/bridge/power"),
            message(b"80", "zigbee2mqtt/plug/voltage", retained=True),
        ]
    )

    assert said(decoded) == [("plug", 0, {"power": 84.25}), ("plug", 0, {"voltage": 230.0})]
    assert (presence(decoded), decoded.dead_letters) == ([("plug", True)], [])
    assert ingest.subscriptions[3:] == ("zigbee2mqtt/#",)


# --- OpenBeken


OBK = {"power": W, "voltage": {"path": "voltage", "unit": "V"}, "module_temp": {"path": "5", "unit": "degC"}}


def test_openbeken(make_ingest, message):
    """A number a topic, of a meter or of a channel; what else it says of itself is not asked for."""
    ingest = make_ingest(decoders=[entry("openbeken", OBK)])

    decoded = ingest.decode(
        [
            message(b"online", "plug/connected"),
            message(b"84.21", "plug/power/get"),
            message(b"221", "plug/voltage/get"),
            message(b"41", "plug/5/get"),
            message(b"", "plug/power/get"),  # somebody asks for it
            message(b"84.2", "plug/power/get", retained=True),
        ]
    )

    assert said(decoded) == [
        ("plug", 0, {"power": 84.21}),
        ("plug", 0, {"voltage": 221.0}),
        ("plug", 0, {"module_temp": 41.0}),
    ]
    assert (presence(decoded), decoded.ignored, decoded.dead_letters) == ([("plug", True)], 2, [])
    assert ingest.subscriptions[3:] == ("+/power/get", "+/voltage/get", "+/5/get", "+/connected")


def test_openbeken_as_tasmota(make_ingest, message):
    """With its telemetry switched on it is a Tasmota device; without a time server it lives in 1970."""
    ingest = make_ingest(decoders=[entry("tasmota", {"power": {"path": "ENERGY.Power", "unit": "W"}})])
    payload = {"Time": "1970-01-01T00:00:00", "ENERGY": {"Power": 84, "Voltage": 249.9, "Current": 0.4}}

    assert said(ingest.decode([message(payload, "tele/plug/SENSOR")])) == [("plug", 0, {"power": 84.0})]


# --- Home Assistant's mqtt_statestream


HASS = {"power": W, "voltage": {"path": "line_voltage", "unit": "V"}}


def state(entity, payload, message, **more):
    return message(payload.encode(), f"homeassistant/sensor/{entity}/state", **more)


def test_entities_of_home_assistant(make_ingest, message):
    """The end of an entity's name is what it measures, the rest the device; neighbours are ignored."""
    ingest = make_ingest(decoders=[entry("home-assistant", HASS, devices=("fridge_plug", "power"))])

    decoded = ingest.decode(
        [
            state("fridge_plug_power", "84.2", message),
            state("fridge_plug_line_voltage", "231", message),
            state("power_power", "3", message),
            state("fridge_plug_energy", "12", message),
            state("sun_next_dawn", "2024-11-22T06:00:00+00:00", message),
            state("fridge_plug_power", "unknown", message),
            state("fridge_plug_power", "84.3", message, retained=True),
        ]
    )

    assert said(decoded) == [
        ("fridge_plug", 0, {"power": 84.2}),
        ("fridge_plug", 0, {"voltage": 231.0}),
        ("power", 0, {"power": 3.0}),
    ]
    assert (decoded.ignored, decoded.dead_letters) == (4, [])
    assert ingest.subscriptions[3:] == ("homeassistant/sensor/+/state",)


def test_the_longest_name_of_what_is_measured_counts(make_ingest, message):
    """`active_power` of `plug`, not `power` of `plug_active`; unless that one is listed."""
    signals = {"power": {"path": "active_power", "unit": "W"}, "voltage": {"path": "power", "unit": "V"}}
    everybody = {"decoder": "home-assistant", "appliance_model": MODEL, "signals": signals}
    listed = entry("home-assistant", signals, devices=("plug_active",))

    of_everybody, of_listed = (
        make_ingest(decoders=[one]).decode([state("plug_active_power", "8", message)])
        for one in (everybody, listed)
    )

    assert said(of_everybody) == [("plug", 0, {"power": 8.0})]
    assert said(of_listed) == [("plug_active", 0, {"voltage": 8.0})]


def test_an_entity_that_is_unavailable_is_offline_until_its_next_value(make_ingest, message):
    """Once each, and remembered over a restart."""
    ingest, restarted = (
        make_ingest(decoders=[entry("home-assistant", HASS, devices=("fridge_plug",))]) for _ in range(2)
    )
    gone = state("fridge_plug_power", "unavailable", message)

    first = ingest.decode([gone, gone])
    restarted.restore(ingest.snapshot())
    second = restarted.decode([state("fridge_plug_power", "84", message)] * 2)

    assert (presence(first), first.ignored) == ([("fridge_plug", False)], 1)
    assert (presence(second), second.readings) == ([("fridge_plug", True)], 2)


# --- ThingsBoard


def test_devices_of_a_thingsboard_gateway(make_ingest, message):
    """Each device and each time is a reading; what is bad costs itself; neighbours are not ours."""
    ingest = make_ingest(
        decoders=[entry("thingsboard-gateway", {"power": W}, ("Device A", "Device B", "Device D"))]
    )
    payload = {
        "Device A": [
            {"ts": NOW - 1_000, "values": {"power": 42, "humidity": 80}},
            {"ts": NOW, "values": {"power": "43.5"}},
            {"ts": NOW, "values": {"power": "on"}},
        ],
        "Device B": [{"values": {"power": 7}}],
        "Device C": [{"ts": NOW, "values": {"power": 1}}],
        "Device D": {"power": 9},
    }

    decoded = ingest.decode([message(payload, "v1/gateway/telemetry")])

    assert said(decoded) == [
        ("Device-A", -1_000, {"power": 42.0}),
        ("Device-A", 0, {"power": 43.5}),
        ("Device-B", 0, {"power": 7.0}),
        ("Device-D", 0, {"power": 9.0}),
    ]
    assert [one.reason for one in decoded.dead_letters] == [
        "device 'Device A': signals.power: 'on' is not a valid number"
    ]


def test_a_thingsboard_gateway_says_who_is_there(make_ingest, message):
    """`connect` and `disconnect`."""
    ingest = make_ingest(decoders=[entry("thingsboard-gateway", {"power": W}, ("Device A",))])

    decoded = ingest.decode(
        [
            message({"device": "Device A", "type": "default"}, "v1/gateway/connect"),
            message({"device": "Device A"}, "v1/gateway/disconnect"),
            message({"device": "Device Z"}, "v1/gateway/disconnect"),
        ]
    )

    assert (presence(decoded), decoded.ignored) == ([("Device-A", True), ("Device-A", False)], 1)


def test_several_entries_share_a_gateway(make_ingest, message):
    """Each takes the devices that it lists; one that none lists is told of only where every device is an appliance."""
    both = [entry("thingsboard-gateway", {"power": W}, (name,)) for name in ("a", "b")]
    everybody = {"decoder": "thingsboard-gateway", "appliance_model": MODEL, "signals": {"power": W}}
    payload = {name: [{"power": 1}] for name in ("a", "b", "Küche Lampe", "Bad Lampe")}

    shared, taken = (
        make_ingest(decoders=entries).decode([message(payload, "v1/gateway/telemetry")])
        for entries in (both, [everybody])
    )

    assert [name for name, _, _ in said(shared)] == [name for name, _, _ in said(taken)] == ["a", "b"]
    assert shared.dead_letters == []
    assert "'Küche Lampe' cannot be an appliance id" in taken.dead_letters[0].reason
    assert "'Bad Lampe' cannot be an appliance id" in taken.dead_letters[0].reason


# --- Sparkplug B, as pysparkplug 0.6.1 encodes it


PACKETS = {
    "NBIRTH": (
        "0880a7c7f4b43212120a0562645365711880a7c7f4b4322004580712210a144e6f646520436f6e74726f6c2f52656269"
        "7274681880a7c7f4b432200b700012230a11426f6172642074656d706572617475726510011880a7c7f4b43220096500"
        "0026421800"
    ),
    "NDEATH": "0880a7c7f4b43212120a0562645365711880a7c7f4b43220045807",
    "NDEATH of an earlier life": "0880a7c7f4b43212120a0562645365711880a7c7f4b43220045806",
    "DBIRTH": (
        "0880a7c7f4b432121d0a0b4d657465722f506f776572100a1880a7c7f4b4322009650000a94212230a0d4d657465722f"
        "43757272656e74100b1880a7c7f4b432200a69ae47e17a14aed73f12160a0550726f6265100c1880a7c7f4b432200250"
        "eeff03121b0a054d6f64656c100d1880a7c7f4b432200c7a07474e20343031351801"
    ),
    "by alias": ("0888cec7f4b432120e100a1888cec7f4b432650080b442120d100c1888cec7f4b43250edff031802"),
    "by name": "0888cec7f4b43212190a0b4d657465722f506f77657218f0d5c7f4b432650000b6421802",
    "null": ("0888cec7f4b432120b100a18d8ddc7f4b43238011212100b18d8ddc7f4b43269000000000000e03f1802"),
    "at two times": ("0888cec7f4b432120e100a18a8edc7f4b4326500004040120e100a18c0e5c7f4b43265000000401802"),
    "historical": "0888cec7f4b4321210100a18a0d2c3f4b43228016500009a421802",
    "DDEATH": "0880a7c7f4b4321803",
    "NCMD": ("0880a7c7f4b43212210a144e6f646520436f6e74726f6c2f526562697274681880a7c7f4b432200b7001"),
}
METER = {
    "power": {"path": "Meter/Power", "unit": "W"},
    "current": {"path": "Meter/Current", "unit": "A"},
    "module_temp": {"path": "Probe", "unit": "degC"},
}
FREEZER = "Shop/Edge1/Freezer"


def packet(message, name, kind=None, device="/Freezer", **more):
    kind = kind or name.split()[0]
    tail = device if kind.startswith("D") else ""
    return message(bytes.fromhex(PACKETS[name]), f"spBv1.0/Shop/{kind}/Edge1{tail}", **more)


@pytest.fixture
def sparkplug(make_ingest):
    """An Ingest for one freezer behind an edge node."""
    return lambda: make_ingest(decoders=[entry("sparkplug-b", METER, devices=(FREEZER,))])


def test_a_birth_is_a_reading_of_all_metrics(sparkplug, message):
    """With its data types: -18 was sent as 65518."""
    decoded = sparkplug().decode([packet(message, "NBIRTH"), packet(message, "DBIRTH")])

    assert said(decoded) == [
        ("Shop-Edge1-Freezer", 0, {"power": 84.5, "current": 0.37, "module_temp": -18.0})
    ]
    assert (presence(decoded), decoded.dead_letters) == ([("Shop-Edge1-Freezer", True)], [])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("by alias", [(5_000, {"power": 90.25, "current": 0.37, "module_temp": -19.0})]),
        ("by name", [(6_000, {"power": 91.0, "current": 0.37, "module_temp": -18.0})]),
        ("null", [(7_000, {"power": 84.5, "current": 0.5, "module_temp": -18.0})]),
        (
            "at two times",
            [
                (8_000, {"power": 2.0, "current": 0.37, "module_temp": -18.0}),
                (9_000, {"power": 3.0, "current": 0.37, "module_temp": -18.0}),
            ],
        ),
        ("historical", [(-60_000, {"power": 77.0})]),
    ],
)
def test_data_is_laid_over_what_is_known(sparkplug, message, data, expected):
    """By the names of the birth, also after a restart; what is of the past is for itself."""
    ingest, restarted = sparkplug(), sparkplug()
    ingest.decode([packet(message, "NBIRTH"), packet(message, "DBIRTH")])
    restarted.restore(ingest.snapshot())

    decoded = restarted.decode([packet(message, data, "DDATA", received=NOW + 10_000)])

    readings = [one for one in said(decoded) if one[2].get("power") is not None]
    assert [(time, signals) for _, time, signals in readings if time in dict(expected)] == expected
    assert (decoded.dead_letters, restarted.requests()) == ([], [])


def test_without_its_birth_a_node_is_asked_for_it_and_told_once(sparkplug, message):
    """Numbers mean nothing; what has a name is used. Asked again after ten minutes, no sooner."""
    ingest = sparkplug()

    first = ingest.decode([packet(message, "by alias", "DDATA")] * 2 + [packet(message, "by name", "DDATA")])
    asked = ingest.requests()
    again = ingest.decode([packet(message, "by alias", "DDATA", received=NOW + 600_000)])

    assert [signals for _, _, signals in said(first)] == [{"power": 91.0}]
    assert "its birth was not heard" in first.dead_letters[0].reason
    assert len(first.dead_letters) == 1
    assert asked == [("spBv1.0/Shop/NCMD/Edge1", bytes.fromhex(PACKETS["NCMD"]))]
    assert (again.dead_letters, len(ingest.requests()), ingest.requests()) == ([], 1, [])


def test_a_rebirth_ends_what_numbers_meant(sparkplug, message):
    """The node's birth comes first; its devices' follow."""
    ingest = sparkplug()
    ingest.decode([packet(message, "NBIRTH"), packet(message, "DBIRTH"), packet(message, "NBIRTH")])

    between = ingest.decode([packet(message, "by alias", "DDATA")])
    after = ingest.decode([packet(message, "DBIRTH"), packet(message, "by alias", "DDATA")])

    assert (between.readings, after.readings) == (0, 2)


@pytest.mark.parametrize(
    ("death", "expected"),
    [
        ("DDEATH", [("Shop-Edge1-Freezer", False)]),
        ("NDEATH", [("Shop-Edge1-Freezer", False)]),
        ("NDEATH of an earlier life", []),
    ],
)
def test_a_death_is_of_the_device_or_of_all_devices_of_the_node(sparkplug, message, death, expected):
    """And of this life: a will of the connection before comes late."""
    ingest = sparkplug()
    ingest.decode([packet(message, "NBIRTH"), packet(message, "DBIRTH")])

    decoded = ingest.decode([packet(message, death)])
    later = ingest.decode([packet(message, "by name", "DDATA")])

    assert (presence(decoded), decoded.dead_letters) == (expected, [])
    assert ("current" in said(later)[-1][2]) == (not expected)  # what was known is forgotten


def test_a_node_that_dies_unheard_takes_all_its_listed_devices_along_and_no_others(make_ingest, message):
    """After a restart no birth is known; of a node whose name only begins alike nothing is said."""
    devices = (FREEZER, "Shop/Edge1/Fridge", "Shop/Edge10/Fridge", "Shop/Edge1")
    ingest = make_ingest(decoders=[entry("sparkplug-b", METER, devices=devices)])

    decoded = ingest.decode([packet(message, "NDEATH")])

    assert presence(decoded) == [
        ("Shop-Edge1", False),
        ("Shop-Edge1-Freezer", False),
        ("Shop-Edge1-Fridge", False),
    ]


def test_commands_states_of_hosts_and_what_was_kept_are_ignored(sparkplug, message):
    """Neither births nor data may be retained."""
    decoded = sparkplug().decode(
        [
            packet(message, "NCMD"),
            message({"online": True}, "spBv1.0/STATE/scada"),
            packet(message, "DBIRTH", retained=True),
            packet(message, "DBIRTH", device="/Neighbour"),
        ]
    )

    assert (decoded.ignored, decoded.readings, decoded.dead_letters) == (4, 0, [])


def test_every_device_goes_by_its_full_name_where_none_is_listed(make_ingest, message):
    """Of two edge nodes, two devices may have one name."""
    everybody = {"decoder": "sparkplug-b", "appliance_model": MODEL, "signals": METER}

    decoded = make_ingest(decoders=[everybody]).decode([packet(message, "DBIRTH")])

    assert said(decoded)[0][0] == "Shop-Edge1-Freezer"


@given(st.sampled_from(sorted(PACKETS)), st.data())
def test_a_packet_with_wrong_bytes_is_a_payload_or_refused(name, data):
    """Whatever a network or a disk made of it."""
    content = bytearray.fromhex(PACKETS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])

    with suppress(InputError):
        assert len(payload_of(cut).metrics) <= len(cut)


@given(st.text(max_size=40), st.integers(0, 2**63))
def test_a_command_reads_as_it_was_written(name, time):
    """Ours is read as theirs are."""
    (metric,) = payload_of(command(name, time)).metrics

    assert (metric.name, metric.timestamp, metric.value) == (name, time, True)


# --- power from a running total


def fridge(minutes, step):
    """A total in Wh, in whole steps, of a machine that draws 80 W for 20 minutes of every hour."""
    true, totals = 1_000.0, []
    for minute in range(minutes):
        totals.append(step * math.floor(true / step))
        true += (80.0 if minute % 60 < 20 else 2.0) / 60
    return totals


@pytest.mark.parametrize(("step", "share"), [(0.1, 0.1), (1.0, 0.15), (10.0, 0.35)])
def test_power_is_told_from_a_total_of_energy(make_ingest, message, step, share):
    """Its mean is right, and running is told from resting, with the coarseness that the meter has."""
    ingest = make_ingest(decoders=[entry("zigbee2mqtt", {"power": {"path": "energy", "unit": "kWh"}})])
    totals = fridge(24 * 60, step)
    sent = [
        message({"energy": total / 1_000}, "zigbee2mqtt/plug", received=NOW + 60_000 * minute)
        for minute, total in enumerate(totals)
    ]

    readings = said(ingest.decode(sent))

    time = [at for _, at, _ in readings]
    watts = [signals["power"] for _, _, signals in readings]
    energy = sum(w * (at - before) for w, before, at in zip(watts[1:], time, time[1:], strict=False))
    assert energy / 3_600_000 == pytest.approx(totals[-1] - totals[0], rel=share)
    assert max(at - before for before, at in pairwise(time)) <= 15 * 60_000
    assert 60 < max(watts) < 130
    assert min(watts) < 20


@pytest.mark.parametrize("wrong", [0.0, 999.0])
def test_one_wrong_total_is_no_power(make_ingest, message, wrong):
    """Nor a reset."""
    ingest = make_ingest(decoders=[entry("zigbee2mqtt", {"power": {"path": "energy", "unit": "kWh"}})])
    totals = [1 + 0.002 * minute for minute in range(60)]  # 120 W
    totals[30] = wrong
    sent = [
        message({"energy": total}, "zigbee2mqtt/plug", received=NOW + 60_000 * minute)
        for minute, total in enumerate(totals)
    ]

    decoded = ingest.decode(sent)

    assert {round(signals["power"]) for _, _, signals in said(decoded)} == {120}


@pytest.mark.parametrize("ahead_h", [0.5, 30, 600_000])
def test_a_clock_that_was_ahead_once_ends_no_power(make_ingest, message, ahead_h):
    """What follows is told again, a few minutes later; power is never that of the wild time."""
    ingest = make_ingest(decoders=[entry("zigbee2mqtt", {"power": {"path": "energy", "unit": "kWh"}})])
    ahead = {20: round(ahead_h * 3_600_000)}
    sent = [
        message(
            {"energy": 1 + 0.002 * minute, "last_seen": NOW + 60_000 * minute + ahead.get(minute, 0)},
            "zigbee2mqtt/plug",
            received=NOW + 60_000 * minute,
        )
        for minute in range(40)
    ]

    decoded = ingest.decode(sent)

    after = [signals["power"] for _, at, signals in said(decoded) if 20 * 60_000 < at <= 40 * 60_000]
    assert [round(watts) for watts in after] == [120, 120, 120]


def test_a_total_is_remembered_over_a_restart_and_needs_a_gateway_of_its_own(make_ingest, message):
    """What is known of it is state, as that of devices that send changes only."""
    one = entry("zigbee2mqtt", {"power": {"path": "energy", "unit": "kWh"}})
    ingest, restarted = make_ingest(decoders=[one]), make_ingest(decoders=[one])
    at = lambda minute: message(  # noqa: E731
        {"energy": 1 + 0.002 * minute}, "zigbee2mqtt/plug", received=NOW + 60_000 * minute
    )

    ingest.decode([at(minute) for minute in range(4)])
    restarted.restore(ingest.snapshot())
    decoded = restarted.decode([at(minute) for minute in range(4, 9)])

    assert [round(signals["power"]) for _, _, signals in said(decoded)] == [120]
