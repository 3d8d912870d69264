"""Whatever arrives, decoding goes on and every message is accounted for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

MODEL = "generic-compressor"
DECODERS = [
    {
        "decoder": "tasmota",
        "appliance_model": MODEL,
        "signals": {
            "power": {"path": "ENERGY.Power[1]", "unit": "W"},
            "current": {"path": "[Id=1].I", "unit": "A"},
        },
    },
    {
        "decoder": "shelly-gen1",
        "appliance_model": MODEL,
        "signals": {"power": {"path": "emeter/0/power", "unit": "W"}},
    },
    {
        "decoder": "shelly-gen2",
        "appliance_model": MODEL,
        "signals": {"power": {"path": "switch:0.apower", "unit": "W"}},
    },
    {
        "decoder": "zigbee2mqtt",
        "appliance_model": MODEL,
        "signals": {"power": {"path": "power", "unit": "W"}},
    },
    {"decoder": "esphome", "appliance_model": MODEL, "signals": {"power": {"path": "power", "unit": "W"}}},
    {
        "decoder": "zigbee2mqtt-attribute",
        "appliance_model": MODEL,
        "signals": {"power": {"path": "power", "unit": "W"}},
    },
    {"decoder": "openbeken", "appliance_model": MODEL, "signals": {"power": {"path": "power", "unit": "W"}}},
    {
        "decoder": "home-assistant",
        "appliance_model": MODEL,
        "signals": {"power": {"path": "energy", "unit": "kWh"}, "current": {"path": "current", "unit": "A"}},
    },
    {
        "decoder": "thingsboard-gateway",
        "appliance_model": MODEL,
        "signals": {"power": {"path": "power", "unit": "W"}},
    },
    {
        "decoder": "sparkplug-b",
        "appliance_model": MODEL,
        "signals": {"power": {"path": "power", "unit": "W"}},
    },
]

TOPICS = st.sampled_from(
    [
        "dt/appliance/refrigerator/fridge-1/telemetry",
        "dt/appliance/refrigerator/fridge-1/status",
        "dt/appliance/toaster/t/telemetry",
        "tele/pow1/SENSOR",
        "stat/pow1/STATUS8",
        "tele/pow1/LWT",
        "shellies/em/emeter/0/power",
        "shellies/em/online",
        "shellies/announce",
        "plus/status/switch:0",
        "plus/events/rpc",
        "plus/online",
        "zigbee2mqtt/a/b",
        "zigbee2mqtt/a",
        "zigbee2mqtt/a/availability",
        "esp/sensor/power/state",
        "esp/status",
        "obk/power/get",
        "obk/connected",
        "homeassistant/sensor/plug_energy/state",
        "homeassistant/sensor/plug_current/state",
        "v1/gateway/telemetry",
        "v1/gateway/connect",
        "v1/gateway/disconnect",
        *(f"spBv1.0/g/{kind}/e" for kind in ("NBIRTH", "NDATA", "NDEATH", "NCMD")),
        *(f"spBv1.0/g/{kind}/e/d" for kind in ("DBIRTH", "DDATA", "DDEATH")),
    ]
) | st.text(max_size=40)

NUMBERS = st.integers() | st.floats() | st.sampled_from([1_732_190_000_000, 1e400, -0.0, 10**400])
KEYS = (
    st.sampled_from(
        [
            "ts",
            "seq",
            "fw",
            "signals",
            "current",
            "power",
            "appliance_id",
            "ENERGY",
            "Power",
            "Time",
            "TempUnit",
            "Id",
        ]
    )
    | st.sampled_from(["I", "StatusSNS", "switch:0", "apower", "method", "params", "last_seen", "state"])
    | st.text(max_size=5)
)
WORDS = (
    st.sampled_from(["NotifyStatus", "2021-01-01T00:00:00", "9999-12-31T23:59:59", "online", "F"]) | st.text()
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


def _shaped(value: object, time: object) -> dict[str, object]:
    """An object that has a `value` and a `time` wherever a decoder looks for one."""
    return {
        "ts": time,
        "Time": time,
        "last_seen": time,
        "signals": {"current": value},
        "power": value,
        "apower": value,
        "ENERGY": {"Power": [0, value]},
        "method": "NotifyStatus",
        "params": {"ts": time, "switch:0": {"apower": value}},
        "device": value,
        "a": [{"ts": time, "values": {"power": value}}, {"power": value}, value],
    }


def _varint(value: int) -> bytes:
    low = value & 0x7F
    return bytes((low | 0x80,)) + _varint(value >> 7) if value > 0x7F else bytes((low,))


def _metrics(metrics: list[bytes]) -> bytes:
    """A Sparkplug payload of these metrics."""
    return b"".join(b"\x12" + _varint(len(one)) + one for one in metrics)


NUMBERED = st.integers(0, 2**64 - 1).map(_varint)
METRIC = st.builds(
    lambda name, alias, time, kind, value: name + b"\x10" + alias + b"\x18" + time + b"\x20" + kind + value,
    st.sampled_from([b"", b"\x0a\x05power", b"\x0a\x05bdSeq", b"\x0a\x02\xff\xfe"]),
    st.integers(0, 3).map(_varint),
    NUMBERED | st.just(_varint(1_732_190_000_000)),
    st.integers(0, 20).map(_varint),
    st.binary(min_size=4, max_size=4).map(lambda four: b"\x65" + four)
    | st.binary(min_size=8, max_size=8).map(lambda eight: b"\x69" + eight)
    | NUMBERED.map(lambda number: b"\x50" + number)
    | NUMBERED.map(lambda number: b"\x58" + number)
    | st.just(b"\x38\x01")
    | st.binary(max_size=9),
)


SHAPED = st.builds(_shaped, JSON, JSON)
PAYLOADS = (
    st.binary(max_size=60)
    | (JSON | SHAPED | st.lists(SHAPED, max_size=3)).map(lambda value: json.dumps(value).encode())
    | WORDS.map(str.encode)
    | st.lists(METRIC, max_size=4).map(_metrics)
)


@pytest.fixture(scope="module")
def ingest(make_ingest):
    """One for all examples: making it takes longer than using it."""
    return make_ingest(decoders=DECODERS)


@pytest.fixture(scope="module")
def nothing_known(make_ingest):
    """The state of an Ingest that has seen no message."""
    return make_ingest(decoders=DECODERS).snapshot()


@settings(deadline=None)  # machines are shared
@given(st.lists(st.tuples(TOPICS, PAYLOADS), max_size=8))
def test_every_message_is_used_or_presence_or_ignored_or_a_dead_letter(
    ingest, nothing_known, message, reading, sent
):
    """Decoding never raises, and a good reading in the same batch is always used."""
    ingest.restore(nothing_known)
    good = message(reading(seq=123_456))
    messages = [message(payload, topic) for topic, payload in sent]

    decoded = ingest.decode([*messages, good])

    accounted = decoded.readings + len(decoded.presence) + decoded.ignored + decoded.repeated
    accounted += len(decoded.dead_letters)
    assert accounted >= len(messages) + 1
    assert any(123_456 in block.seq for block in decoded.blocks)
    for block in decoded.blocks:
        values = np.array(list(block.signals.values()))
        assert not np.isinf(values).any()
        assert not np.isnan(values).all(axis=0).any()


@settings(deadline=None)  # machines are shared
@given(st.lists(st.tuples(TOPICS, PAYLOADS), max_size=8), st.integers(0, 8))
def test_decoding_does_not_depend_on_batches(ingest, nothing_known, message, sent, cut):
    """The same messages in one batch or two give the same readings and dead letters."""
    messages = [message(payload, topic) for topic, payload in sent]

    ingest.restore(nothing_known)
    together = ingest.decode(messages)
    ingest.restore(nothing_known)
    first, second = ingest.decode(messages[:cut]), ingest.decode(messages[cut:])

    assert together.readings == first.readings + second.readings
    assert list(together.presence) == [*first.presence, *second.presence]
    assert list(together.dead_letters) == [*first.dead_letters, *second.dead_letters]
