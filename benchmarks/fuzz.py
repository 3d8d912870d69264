"""Broken payloads by structure: any value of any kind of message replaced by the worst that JSON and text can be.

`python -m benchmarks.fuzz --payloads 1000000 --json` decodes so many and counts what they became. A dead letter with
"internal error" is a mistake of Foremend's: the first ones are shown, and the command ends with 1.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from foremend.terminal import progress_bar
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import RawMessage
from ingest.decode import Ingest
from ingest.quarantine import INTERNAL_ERROR
from ingest.settings import IngestSettings
from ingest.values import SignalSpecs

MODEL = "generic-compressor"
NOW = 1_732_190_000_000  # ms UTC
BATCH = 500
DECODERS = (
    {
        "decoder": "tasmota",
        "appliance_model": MODEL,
        "appliances": {"pow2": {"appliance_id": "f-2", "appliance_model": "rf-260"}},
        "timezone": "Europe/Berlin",
        "signals": {
            "power": {"path": "ENERGY.Power[1]", "unit": "W"},
            "current": {"path": "[Id=1].I", "unit": "A"},
            "cabinet_temp": {"path": "DS18B20.Temperature", "unit": "degC"},
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
        "signals": {"power": {"path": "power", "unit": "kW"}},
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
        "signals": {"power": {"path": "energy", "unit": "kWh"}},
    },
    {
        "decoder": "thingsboard-gateway",
        "appliance_model": MODEL,
        "signals": {"power": {"path": "power", "unit": "W"}},
    },
)

_GOOD = {
    "ts": NOW,
    "seq": 7,
    "fw": "1.2.3",
    "signals": {"power": 90.0, "current": 0.8},
    "appliance_id": "f-1",
}
_CANONICAL = f"dt/appliance/{MODEL}/f-1/telemetry"
_SWITCH = {"switch:0": {"id": 0, "apower": 8.9}, "ts": 1_732_190_000.5}
KINDS: tuple[tuple[str, Any], ...] = (
    (_CANONICAL, _GOOD),
    (_CANONICAL, [_GOOD, _GOOD | {"seq": 8}]),
    ("dt/appliance/rf-260/f-2/telemetry", _GOOD | {"signals": {"current": 0.8, "cabinet_temp": 4.0}}),
    (f"dt/appliance/{MODEL}/f-1/status", {"state": "online"}),
    ("tele/pow1/SENSOR", {"Time": "2024-11-21T12:00:00", "TempUnit": "F", "ENERGY": {"Power": [1, 90]}}),
    ("stat/pow1/STATUS8", {"StatusSNS": {"Time": "2024-11-21T12:00:00", "ENERGY": {"Power": [1, 90]}}}),
    ("tele/pow2/SENSOR", {"DS18B20": {"Id": "1", "Temperature": 4.5}, "TempUnit": "C"}),
    ("tele/pow1/LWT", "Online"),
    ("shellies/em/emeter/0/power", 12.5),
    ("shellies/em/online", True),
    ("obk/power/get", 12.5),
    ("homeassistant/sensor/plug_energy/state", 12.5),
    ("v1/gateway/telemetry", {"f-3": [{"ts": NOW, "values": {"power": 90}}, {"power": 80}]}),
    ("v1/gateway/connect", {"device": "f-3"}),
    ("plus/status/switch:0", {"apower": 8.9}),
    ("plus/events/rpc", {"method": "NotifyStatus", "params": _SWITCH}),
    ("plus/online", "true"),
    ("zigbee2mqtt/a/b", {"power": 0.09, "last_seen": "2024-11-21T12:00:00Z"}),
    ("zigbee2mqtt/a", {"power": 0.09, "last_seen": NOW}),
    ("zigbee2mqtt/a/availability", {"state": "offline"}),
    ("esp/sensor/power/state", 12.5),
    ("esp/status", "online"),
)

TOKENS = (
    "null", "true", "false", "0", "-0", "-0.0", "1e400", "-1e400", "1e-400", "NaN", "Infinity", "-Infinity", "1e308",
    "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "99999999999", "100000000000", "100000000000000", "100000000000001", "1732190000", "1732190000.123", "1e13", "-1",
    '""', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"', '"\ufeff"', '"3"', '"online"',
    '"0001-01-01T00:00:00"', '"9999-12-31T23:59:59.999999"', '"9999-12-31T23:59:59-23:59"', '"2024-11-21"',
    '"2024-03-31T02:30:00"', '"2024-W47-4"', '"2024-11-21T24:00:00"', '"NotifyFullStatus"', "[]", "{}", "[[]]",
    '{"":1}', '{"":{"":{"":1}}}', '{"a":1,"a":2}', '{"ts":1,"ts":1732190000000}', '{"\\u0000":1}', '{"power":null}',
    "01", "+1", ".5", "1.", "0x10", "1_000", "'x'", "nul", "", ",", "]", "}", "\\", '"', "\x00", "\x7f", "/*x*/1",
)  # fmt: skip
"""What stands where a value belongs; the last two lines are no JSON."""

_LENGTHS = (20, 308, 309, 310, 400, 4_299, 4_300, 4_301, 5_000)


def messages(count: int, seed: int) -> Iterator[RawMessage]:
    """`count` broken messages; the same for the same seed."""
    dice = random.Random(seed)
    for number in range(count):
        topic, good = KINDS[dice.randrange(len(KINDS))]
        text = _written(good, dice, places=dice.choice((1, 1, 2, 4)) / max(_leaves(good), 1))
        payload = text.encode("utf-8", "surrogatepass")
        yield RawMessage(topic, _torn(payload, dice), NOW + number, retained=dice.random() < 0.1)


def signals() -> SignalSpecs:
    """Of the shipped profiles."""
    return {name: profile.signals for name, profile in load_profiles().items()}


def fuzzed(count: int, seed: int, batch: int = BATCH, heard: Any = lambda done: None) -> dict[str, Any]:
    """What `count` broken messages became, and the first internal errors, of which there should be none.

    `heard` is told how many are done.
    """
    ingest = Ingest(IngestSettings.model_validate({"decoders": DECODERS}), signals())
    became: Counter[str] = Counter()
    errors: dict[str, str] = {}
    waiting: list[RawMessage] = []
    for number, message in enumerate(messages(count, seed), start=1):
        waiting.append(message)
        if len(waiting) == batch or number == count:
            decoded = ingest.decode(waiting)
            became += Counter(
                readings=decoded.readings, dead_letters=len(decoded.dead_letters), ignored=decoded.ignored,
                presence=len(decoded.presence), repeated=decoded.repeated,
            )  # fmt: skip
            for letter in decoded.dead_letters:
                if letter.reason.startswith(INTERNAL_ERROR):
                    errors.setdefault(letter.reason, f"{letter.topic} {letter.payload[:200]!r}")
            waiting.clear()
            heard(number)
    internal = sum(ingest.quarantine.counts.values())
    return {"payloads": count, "seed": seed, **became, "internal_errors": internal, "first": errors}


def _written(value: Any, dice: random.Random, places: float) -> str:
    """`value` as JSON, each place in it broken with this probability."""
    if dice.random() < places:
        return _broken(dice)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}:{_written(one, dice, places)}" for key, one in value.items()]
        if dice.random() < places:  # a key again, an empty one, one that nobody knows, or one fewer
            parts.insert(
                dice.randrange(len(parts) + 1),
                f'"{dice.choice(["", "ts", "signals", "x", "seq"])}":{_broken(dice)}',
            )
        if parts and dice.random() < places:
            parts.pop(dice.randrange(len(parts)))
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(one, dice, places) for one in value) + "]"
    return json.dumps(value)


def _broken(dice: random.Random) -> str:
    kind = dice.random()
    if kind < 0.75:
        return dice.choice(TOKENS)
    if kind < 0.9:
        digits = dice.choice("123456789") * dice.choice(_LENGTHS)
        return dice.choice(("", "-", "0.", "1e")) + digits
    deep = dice.choice((2, 50, 198, 199, 200, 201, 1_000))
    return "[" * deep + "]" * deep if kind < 0.95 else '{"a":' * deep + "1" + "}" * deep


def _torn(payload: bytes, dice: random.Random) -> bytes:
    """Now and then cut, with a byte flipped, with space around, or with bytes that are no UTF-8."""
    kind, at = dice.random(), dice.randrange(len(payload) + 1)
    if kind < 0.9 or not payload:
        return payload
    if kind < 0.93:
        return payload[:at]
    if kind < 0.96:
        at %= len(payload)
        return payload[:at] + bytes([payload[at] ^ 1 << dice.randrange(8)]) + payload[at + 1 :]
    return (
        payload[:at]
        + dice.choice((b"\xff\xfe", b"\xed\xa0\x80", b"\x00", b"\xc0\xaf", b" \t\r\n"))
        + payload[at:]
    )


def _leaves(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_leaves, inner))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--payloads", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    began = time.monotonic()
    with progress_bar() as bar:
        task = bar.add_task("decode", total=asked.payloads)
        result = fuzzed(asked.payloads, asked.seed, heard=lambda done: bar.update(task, completed=done))
    result["seconds"] = round(time.monotonic() - began, 1)
    told = [f"{name}: {value}" for name, value in result.items()]
    sys.stdout.write((json.dumps(result) if asked.json else "\n".join(told)) + "\n")
    sys.exit(1 if result["internal_errors"] else 0)


if __name__ == "__main__":
    main()
