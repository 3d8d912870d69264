"""What a broker's messages tell of the devices on it, in the words of each family."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import RawMessage
from ingest.decode import Ingest
from ingest.discovery.heard import Heard
from ingest.discovery.report import LEFT_OUT, MAPPED, NEW, NOTHING, OURS, report
from ingest.settings import IngestSettings

MODEL = "generic-compressor"
SIGNALS = {name: profile.signals for name, profile in load_profiles().items()}
BEGAN = 1_732_190_000_000  # 2024-11-21T11:53:20Z

# What devices sent, word for word but for names and addresses.
ENERGY = json.loads(
    '{"TotalStartTime":"2023-01-17T19:18:31","Total":261.244,"Yesterday":1.737,"Today":1.163,"Power":76.2,'
    '"ApparentPower":131.265,"ReactivePower":106.9,"Factor":0.58,"Voltage":231.1,"Current":0.568}'
)
SENSOR = {"Time": "2024-11-21T11:53:20", "ENERGY": ENERGY}
Z2M = {"power": 6, "current": 60, "voltage": 236, "power_factor": 43, "linkquality": 115, "state": "ON"}
GEN2 = "shellyplus1pm-4417939341dc"


def heard_of(*messages, every_ms=10_000):
    """What was heard: (topic, payload) came now, (topic, payload, True) the broker had kept."""
    heard = Heard()
    for at, (topic, payload, *retained) in enumerate(messages):
        body = payload if isinstance(payload, str) else json.dumps(payload)
        heard.take(topic, body.encode(), bool(retained), BEGAN + at * every_ms)
    return heard


def found_in(*messages, settings=None, only=(), **how):
    """What is reported of it."""
    written = validated(IngestSettings, settings or {}, "test")
    return report(heard_of(*messages, **how), SIGNALS, written, MODEL, only)


def decoded(found, *messages):
    """appliance id -> {signal: value} that the proposed entries make of messages."""
    written = {"decoders": [one.settings for one in found.entries], "oldest": None}
    ingest = Ingest(validated(IngestSettings, written, "test"), {MODEL: SIGNALS[MODEL]})
    sent = [
        RawMessage(topic, (body if isinstance(body, str) else json.dumps(body)).encode(), BEGAN, False)
        for topic, body in messages
    ]
    told = {}
    for block in ingest.decode(sent).blocks:
        for row in range(len(block)):
            values = {name: float(one[row]) for name, one in block.signals.items() if one[row] == one[row]}
            told.setdefault(block.appliance_ids[block.appliance[row]], {}).update(values)
    return told


def state_of(found, name):
    (one,) = [one for one in found.devices if one.name == name]
    return one.state


FAMILIES = {
    "tasmota": [("tele/fridge/SENSOR", SENSOR)],
    "tasmota, topic first": [("home/fridge/tele/SENSOR", SENSOR)],
    "tasmota, asked": [("stat/fridge/STATUS8", {"StatusSNS": SENSOR})],
    "shelly-gen1": [
        ("shellies/fridge/relay/0/power", "76.20"),
        ("shellies/fridge/relay/0", "on"),
        ("shellies/announce", {"id": "fridge"}),
    ],
    "shelly-gen2": [
        (f"{GEN2}/status/switch:0".replace(GEN2, "fridge"), {"id": 0, "apower": 76.2, "voltage": 231.1})
    ],
    "shelly-gen2, changes only": [
        (
            "fridge/events/rpc",
            {
                "src": GEN2,
                "method": "NotifyStatus",
                "params": {"ts": 1.7e9, "switch:0": {"id": 0, "apower": 76.2}},
            },
        )
    ],
    "zigbee2mqtt": [("zigbee2mqtt/fridge", Z2M | {"power": 76.2})],
    "zigbee2mqtt-attribute": [
        ("zigbee2mqtt/bridge/devices", [{"friendly_name": "fridge", "type": "Router"}]),
        ("zigbee2mqtt/fridge/power", "76.2"),
        ("zigbee2mqtt/fridge/state", "ON"),
        ("zigbee2mqtt/fridge/availability", {"state": "online"}),
    ],
    "zigbee2mqtt-attribute, an object before": [
        ("zigbee2mqtt/bridge/devices", [{"friendly_name": "fridge", "type": "Router"}]),
        ("zigbee2mqtt/fridge", ""),  # what the broker had kept of it was cleared
        ("zigbee2mqtt/fridge/power", "76.2"),
    ],
    "openbeken": [("fridge/power/get", "76.2"), ("fridge/1/get", "1"), ("fridge/connected", "online")],
    "home-assistant": [("homeassistant/sensor/fridge_power/state", "76.2")],
    "thingsboard-gateway": [
        ("v1/gateway/telemetry", {"fridge": [{"ts": BEGAN, "values": {"power": 76.2, "on": True}}]})
    ],
    "esphome": [("fridge/sensor/power/state", "76.2"), ("fridge/sensor/wifi_signal/state", "-61")],
    "esphome, elsewhere": [("home/fridge/sensor/power/state", "76.2"), ("home/fridge/status", "online")],
}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_proposed_reads_what_was_heard(family):
    """Name, family and value; and the entry makes the reading of it that the device meant."""
    messages = FAMILIES[family]

    found = found_in(*messages, *messages)

    (device,) = [one for one in found.devices if one.state == NEW]
    assert (device.family, device.name) == (family.partition(",")[0], "fridge")
    assert device.appliances == ("fridge",)
    assert decoded(found, *messages)["fridge"]["power"] == pytest.approx(76.2)
    assert found.unknown == ()


def test_how_often_a_device_speaks_is_of_what_came_while_listening():
    """What the broker had kept came all at once, perhaps years after it was said."""
    spoken = [("tele/fridge/SENSOR", SENSOR)] * 4

    found = found_in(("tele/fridge/SENSOR", SENSOR, True), *spoken, every_ms=30_000)

    (device,) = found.devices
    assert (device.messages, device.every_s) == (4, 30.0)


def test_a_strip_is_as_many_appliances_as_it_has_sockets():
    """Tasmota's arrays with one voltage for all."""
    strip = {
        "Time": "2024-11-21T11:53:20",
        "ENERGY": {"Power": [23.6, 67.2], "Current": [0.1, 0.3], "Voltage": 230},
    }

    found = found_in(("tele/strip/SENSOR", strip))

    assert decoded(found, ("tele/strip/SENSOR", strip)) == {
        "strip-1": {"power": 23.6, "current": 0.1, "voltage": 230.0},
        "strip-2": {"power": 67.2, "current": 0.3, "voltage": 230.0},
    }


@pytest.mark.parametrize(
    "messages",
    [
        [("tele/pump/SENSOR", {"ENERGY": {"Power": [100, 200, 300], "Voltage": [230, 231, 232]}})],
        [("zigbee2mqtt/pump", {"power": 100, "power_phase_b": 200, "power_phase_c": 300, "linkquality": 9})],
        [(f"shellies/shellyem3-8CAAB5/emeter/{at}/power", f"{100 * at + 100}.0") for at in range(3)],
        [
            (
                "shellypro3em-aa/status/em:0",
                {"id": 0, "a_act_power": 100, "total_act_power": 600, "a_voltage": 230},
            )
        ],
    ],
)
def test_a_three_phase_machine_is_one_appliance(messages):
    """Its phases are added up."""
    found = found_in(*messages)

    (told,) = decoded(found, *messages).values()
    assert told["power"] == 600.0


def test_channels_of_a_meter_are_appliances_of_their_own():
    """A Pro 4PM, or a Pro 3EM in the profile of one phase each."""
    sent = [(f"hp/status/em1:{at}", {"id": at, "act_power": 100.0 + at, "voltage": 230.0}) for at in range(3)]

    found = found_in(*sent)

    assert {name: told["power"] for name, told in decoded(found, *sent).items()} == {
        "hp-0": 100.0,
        "hp-1": 101.0,
        "hp-2": 102.0,
    }


def test_milliamperes_that_are_called_amperes_are_known_by_power_and_voltage():
    """Of a plug that sends 60 at 6 W."""
    found = found_in(("zigbee2mqtt/plug", Z2M))

    assert decoded(found, ("zigbee2mqtt/plug", Z2M))["plug"]["current"] == 0.06


def test_a_device_that_did_not_speak_is_known_by_what_it_announced():
    """Tasmota speaks every five minutes, a Zigbee plug when something changes."""
    exposes = [{"property": "power", "unit": "W"}, {"property": "linkquality", "unit": "lqi"}]
    devices = [{"friendly_name": "cellar/plug", "type": "Router", "definition": {"exposes": exposes}}]
    config = {
        "t": "freezer",
        "ft": "%prefix%/%topic%/",
        "tp": ["cmnd", "stat", "tele"],
        "mac": "DC4F220756C6",
    }

    found = found_in(
        ("zigbee2mqtt/bridge/devices", devices, True),
        ("tasmota/discovery/DC4F220756C6/config", config, True),
        ("tasmota/discovery/DC4F220756C6/sensors", {"sn": SENSOR, "ver": 1}, True),
    )

    assert [one.state for one in found.devices] == [NEW, NEW]
    told = decoded(found, ("tele/freezer/SENSOR", SENSOR), ("zigbee2mqtt/cellar/plug", {"power": 61}))
    assert (told["freezer"]["power"], told["cellar-plug"]["power"]) == (76.2, 61.0)
    assert all("told by" in one.notes[0] for one in found.devices)


def test_a_shelly_at_rest_tells_its_energy_only_and_is_proposed_by_it():
    """A notification carries what changed."""
    params = {"ts": 1.7e9, "switch:0": {"id": 0, "aenergy": {"total": 1.2, "by_minute": [0, 0, 0]}}}

    found = found_in((f"{GEN2}/events/rpc", {"src": GEN2, "method": "NotifyStatus", "params": params}))

    (device,) = found.devices
    assert found.entries[0].settings["signals"] == {"power": {"path": "switch:0.apower", "unit": "W"}}
    assert "tells only what changes" in device.notes[0]


def test_units_of_esphome_are_those_it_announces():
    """`kW` here; a name tells none."""
    announced = {
        "stat_t": "~/state",
        "~": "heater/sensor/load",
        "dev_cla": "power",
        "unit_of_meas": "kW",
        "uniq_id": "1",
    }
    sent = ("heater/sensor/load/state", "1.5")

    found = found_in(("homeassistant/sensor/heater/load/config", announced, True), sent)

    assert decoded(found, sent)["heater"]["power"] == 1_500.0
    assert found.devices[0].notes == ()


@pytest.mark.parametrize(
    ("sensor", "unit", "note"),
    [
        ("heat_power", "BTU/h", "unit 'BTU/h' is unknown"),
        ("heat[1_power", "W", "'heat[1_power' is not a path"),
    ],
)
def test_what_no_entry_can_read_is_told_and_ends_nothing(sensor, unit, note):
    """A unit or a name that a stranger made up costs that signal; its others and all other devices are proposed."""
    announced = {
        "unique_id": "1",
        "state_topic": f"stove/sensor/{sensor}/state",
        "unit_of_measurement": unit,
        "device_class": "power",
    }

    found = found_in(
        ("homeassistant/sensor/stove/config", announced),
        (f"stove/sensor/{sensor}/state", "300"),
        ("stove/sensor/current/state", "1.5"),
        ("fridge/sensor/power/state", "84"),
    )

    (stove,) = [one for one in found.devices if one.name == "stove"]
    (why,) = [one for one in stove.notes if "cannot be read" in one]
    assert note in why
    assert decoded(found, ("stove/sensor/current/state", "1.5"), ("fridge/sensor/power/state", "84")) == {
        "stove": {"current": 1.5},
        "fridge": {"power": 84.0},
    }


def test_several_meters_of_one_esphome_device():
    """Each by what its names begin with."""
    sent = [("board/sensor/fridge_power/state", "80"), ("board/sensor/freezer_power/state", "60")]

    found = found_in(*sent)

    assert decoded(found, *sent) == {"board-fridge": {"power": 80.0}, "board-freezer": {"power": 60.0}}


def test_a_recorders_stream_of_states_is_no_esphome_device():
    """Home Assistant publishes `last_updated` beside each `state`."""
    stream = "ha/sensor/fridge_power"
    sent = [(f"{stream}/state", "80"), (f"{stream}/last_updated", '"2024-11-21T11:53:20+00:00"')]

    found = found_in(*sent, (f"{stream}/unit_of_measurement", '"W"'), ("ha/light/lamp/state", "on"))

    assert [(one.family, one.name) for one in found.devices] == [("home-assistant", "fridge")]
    assert (decoded(found, *sent), found.unknown) == ({"fridge": {"power": 80.0}}, ())


def test_devices_of_a_gateway_are_found_though_they_take_turns():
    """Each message names some of them."""
    topic = "v1/gateway/telemetry"
    sent = [
        (topic, {name: [{"ts": BEGAN, "values": {"power": watts}}]}) for name, watts in (("a", 80), ("b", 61))
    ]

    found = found_in(*sent)

    assert decoded(found, *sent) == {"a": {"power": 80.0}, "b": {"power": 61.0}}


def test_of_a_topic_that_devices_share_only_the_listed_ones_are_in_the_config():
    """The gateway brings both."""
    values = [{"ts": BEGAN, "values": {"power": 80}}]
    listed = {"a": {"appliance_id": "a", "appliance_model": MODEL}}
    entry = {
        "decoder": "thingsboard-gateway",
        "appliances": listed,
        "signals": {"power": {"path": "power", "unit": "W"}},
    }

    found = found_in(("v1/gateway/telemetry", {"a": values, "b": values}), settings={"decoders": [entry]})

    assert (state_of(found, "a"), state_of(found, "b")) == (MAPPED, NEW)


DBIRTH = (  # as pysparkplug 0.6.1 encodes Meter/Power 84.5 W, Meter/Current, a probe and a name
    "0880a7c7f4b432121d0a0b4d657465722f506f77657210"
    "0a1880a7c7f4b4322009650000a94212230a0d4d657465722f43757272656e74100b1880a7c7f4b432200a69ae47e17a14aed73f"
    "12160a0550726f6265100c1880a7c7f4b432200250eeff03121b0a054d6f64656c100d1880a7c7f4b432200c7a07474e20343031351801"
)
BY_ALIAS = "0888cec7f4b432120e100a1888cec7f4b432650080b442120d100c1888cec7f4b43250edff031802"


@pytest.mark.parametrize(
    ("kind", "packet", "proposed"), [("DBIRTH", DBIRTH, True), ("DDATA", BY_ALIAS, False)]
)
def test_sparkplug_devices_are_known_by_their_births(kind, packet, proposed):
    """Data that came without one tells numbers without names, which is said."""
    heard = Heard()
    heard.take(f"spBv1.0/Shop/{kind}/Edge1/Freezer", bytes.fromhex(packet), False, BEGAN)

    found = report(heard, SIGNALS, IngestSettings(), MODEL)

    (device,) = found.devices
    assert (device.name, device.state) == ("Shop/Edge1/Freezer", NEW if proposed else NOTHING)
    if proposed:
        assert found.entries[0].settings["signals"]["power"] == {"path": "Meter/Power", "unit": "W"}
        assert device.signals[0]["value"] == 84.5
    else:
        assert "start it anew" in device.notes[0]


def test_lamps_bridges_and_presence_are_nothing_to_watch():
    """And not `not understood` either."""
    found = found_in(
        ("zigbee2mqtt/bridge/state", {"state": "online"}, True),
        ("zigbee2mqtt/bridge/logging", {"level": "info"}),
        ("zigbee2mqtt/lamp", {"state": "ON", "brightness": 254, "linkquality": 100}),
        ("zigbee2mqtt/lamp/availability", {"state": "offline"}, True),
        ("zigbee2mqtt/lamp/set", {"state": "OFF"}),
        ("tele/switch/LWT", "Online", True),
        ("tele/switch/STATE", {"POWER": "ON"}),
    )

    assert {(one.name, one.state, one.online) for one in found.devices} == {
        ("lamp", NOTHING, False),
        ("switch", NOTHING, True),
    }
    assert (found.unknown, found.entries) == ((), ())


def test_what_is_not_understood_is_told_by_how_it_begins():
    """The loudest first, with an example."""
    found = found_in(("openWB/evu/W", "1200"), ("openWB/evu/A", "5"), ("N/c06/x", "\x00\x01"))

    assert [(one.begins, one.topics, one.messages) for one in found.unknown] == [
        ("openWB/evu", 2, 2),
        ("N/c06", 1, 1),
    ]
    assert found.unknown[0].says == "1200"


def test_what_the_config_reads_already_is_not_proposed_again():
    """Listed by its name, or taken with all; ids that are given away are not given twice."""
    taken = {"fridge": {"appliance_id": "cooler", "appliance_model": MODEL}}
    settings = {
        "decoders": [
            {
                "decoder": "tasmota",
                "appliances": taken,
                "signals": {"power": {"path": "ENERGY.Power", "unit": "W"}},
            }
        ]
    }

    found = found_in(("tele/fridge/SENSOR", SENSOR), ("tele/cooler/SENSOR", SENSOR), settings=settings)

    assert (state_of(found, "fridge"), state_of(found, "cooler")) == (MAPPED, NEW)
    assert found.entries[0].settings["appliances"]["cooler"]["appliance_id"] == "cooler-2"


def test_only_the_devices_that_are_asked_for():
    """The others are shown, and left out."""
    found = found_in(("tele/fridge/SENSOR", SENSOR), ("tele/tv/SENSOR", SENSOR), only=["fridge"])

    assert (state_of(found, "fridge"), state_of(found, "tv")) == (NEW, LEFT_OUT)


def test_an_appliance_of_our_own_contract_needs_no_entry():
    """It is shown with what it says."""
    said = {"ts": BEGAN, "signals": {"power": 84.0}}

    found = found_in(("dt/appliance/rf-260/a-1/telemetry", said), ("dt/appliance/zz/b/telemetry", said))

    assert [(one.name, one.state) for one in found.devices] == [("rf-260/a-1", OURS), ("zz/b", OURS)]
    assert found.devices[1].notes == ("appliance model 'zz' has no profile",)


def test_power_that_is_made_is_not_proposed():
    """Of a panel on a roof; a clamp that was put on the other way round looks the same, so it is told."""
    found = found_in(("shellies/em/emeter/0/power", "84.2"), ("shellies/em/emeter/1/power", "-2950.0"))

    (device,) = found.devices
    assert device.appliances == ("em",)
    assert "sign: reversed" in device.notes[0]


def test_ids_are_made_of_names_in_any_language():
    """And none twice."""
    found = found_in(
        *(
            (f"zigbee2mqtt/{name}", Z2M)
            for name in ("Küche/Kühlschrank", "Kueche Kuehlschrank", "冰箱", "x" * 80)
        )
    )

    ids = [one for device in found.devices for one in device.appliances]
    assert len(set(ids)) == 4
    assert {"kueche-kuehlschrank", "kueche-kuehlschrank-2"} < set(ids)
    assert all(1 <= len(one) <= 64 for one in ids)


@pytest.mark.parametrize(
    ("ahead_h", "expected", "told"), [(0, None, ""), (2, "Etc/GMT-2", "+2 h"), (0.4, None, "no time zone's")]
)
def test_the_zone_of_tasmotas_clock_is_told_by_when_its_messages_come(ahead_h, expected, told, monkeypatch):
    """`Time` carries none."""
    monkeypatch.setenv("TZ", "UTC")
    clock = {0: "11:53:20", 2: "13:53:20", 0.4: "12:17:20"}[ahead_h]

    found = found_in(("tele/fridge/SENSOR", SENSOR | {"Time": f"2024-11-21T{clock}"}))

    assert found.entries[0].settings.get("timezone") == expected
    assert told in "".join(found.devices[0].notes)


def test_the_zone_of_this_machine_is_written_where_its_clock_is_the_same(monkeypatch):
    """That one knows summer time."""
    monkeypatch.setenv("TZ", "Europe/Berlin")

    found = found_in(("tele/fridge/SENSOR", SENSOR | {"Time": "2024-11-21T12:53:20"}))

    assert found.entries[0].settings["timezone"] == "Europe/Berlin"


# --- within bounds, whatever comes


def test_memory_is_bounded_whatever_the_broker_sends():
    """Topics, payloads and both together; what finds no room is counted."""
    heard = Heard(most_topics=10, most_payload=100, most_kept=600)

    for at in range(50):
        heard.take(f"t/{at}", b"x" * 90, False, BEGAN)
    heard.take("t/0", b"y" * 101, False, BEGAN)

    assert (heard.messages, len(heard.topics), heard.left_out) == (51, 10, 40)
    assert heard.kept <= 600
    assert heard.topics["t/0"].live == 2
    assert heard.topics["t/0"].payload == b"x" * 90


def test_notifications_of_a_thousand_components_are_bounded():
    """What is laid over earlier ones is kept for a minute only, and not all of it."""
    heard = Heard()

    for at in range(1_000):
        state = {f"field-{at}-{key}": "z" * 1_000 if key else at for key in range(5)}
        body = {"method": "NotifyStatus", "params": {f"switch:{at}": state, "switch:0": state}}
        heard.take("d/events/rpc", json.dumps(body).encode(), False, BEGAN)

    changes = heard.topics["d/events/rpc"].changes
    assert (len(changes), len(changes["switch:0"])) == (64, 64)


def test_what_notifications_add_up_to_counts_as_kept():
    """However many devices say however much at whatever depth, under names of any length."""
    heard = Heard(most_kept=100_000)

    for at in range(200):
        state = {f"{at}-{key}-{'n' * 300}": [["z" * 500]] for key in range(10)}
        body = {"method": "NotifyStatus", "params": {"switch:0": {"apower": at, **state}}}
        heard.take(f"d{at % 20}/events/rpc", json.dumps(body).encode(), False, BEGAN)

    laid_over = [one.changes for one in heard.topics.values()]
    assert heard.kept <= 100_000
    assert len(repr(laid_over)) <= 100_000
    assert (
        laid_over[0]["switch:0"]["apower"] == 180
    )  # what is known is said again where there is no more room


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
KEYS = [
    *("ENERGY", "Power", "Voltage", "Time", "power", "current", "linkquality", "StatusSNS", "sn", "t", "ft"),
    *("params", "method", "src", "switch:0", "apower", "id", "friendly_name", "definition", "exposes"),
]
TREE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)
TOPICS = (
    "spBv1.0/a/DBIRTH/b/c",
    *("v1/gateway/telemetry", "homeassistant/sensor/a_power/state", "a/power/get"),
    *(
        "tele/a/SENSOR",
        "stat/a/STATUS8",
        "tele/a/LWT",
        "tasmota/discovery/1/config",
        "tasmota/discovery/1/sensors",
    ),
    *(
        "shellies/a/relay/0/power",
        "a/events/rpc",
        "a/status/switch:0",
        "a/online",
        "zigbee2mqtt/bridge/devices",
    ),
    *(
        "zigbee2mqtt/a",
        "a/sensor/power/state",
        "homeassistant/sensor/a/config",
        "dt/appliance/rf-260/a/telemetry",
        "/",
    ),
)


@given(st.lists(st.tuples(st.sampled_from(TOPICS), TREE, st.booleans()), max_size=12))
def test_no_message_ends_the_search(messages):
    """Whatever is on a stranger's broker; and what is proposed can always be read."""
    heard = Heard()
    for topic, body, retained in messages:
        heard.take(topic, json.dumps(body).encode(), retained, BEGAN)

    found = report(heard, SIGNALS, IngestSettings(), MODEL)

    json.dumps(found.as_dict(), default=str)
    assert found.messages == len(messages)
