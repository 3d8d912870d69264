"""What a gateway subscribes to, and how it cuts what it takes."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from foremend.config import Settings
from foremend.runtimes.device_words import word_in
from foremend.runtimes.kafka import gateway as gateway_module
from foremend.runtimes.kafka.blocks import decode
from foremend.runtimes.kafka.dead_letters import MOST_PAYLOAD_BYTES, decode_letter, encode_letter
from foremend.runtimes.kafka.gateway import SLICE_BYTES, Gateway, slices
from foremend.service.metrics import render
from foremend.vocabulary.device_words import DeviceWord
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.schema import validated
from foremend.vocabulary.types import Block, DeadLetter, Purpose, RawMessage
from foremend.wiring.gateway import gateway_health, mqtt_settings
from ingest.decode import Ingest
from ingest.mqtt.source import MqttSource
from ingest.quarantine import INTERNAL_ERROR

TASMOTA = {
    "decoder": "tasmota",
    "appliance_model": "generic-compressor",
    "signals": {"power": {"path": "ENERGY.Power", "unit": "W"}},
}
SHELLY = {
    "decoder": "shelly-gen2",
    "topic": "home/{appliance_id}/status/{component}",
    "events": "home/{appliance_id}/events/rpc",
    "presence": "home/{appliance_id}/online",
    "appliance_model": "generic-compressor",
    "signals": {"power": {"path": "switch:0.apower", "unit": "W"}},
}


def settings_with(*decoders: dict[str, object]) -> Settings:
    return validated(Settings, {"kafka": {"share": "all"}, "ingest": {"decoders": decoders}}, "test")


def test_gateways_share_their_subscriptions() -> None:
    """Telemetry and every decoder that needs no other message of its device."""
    mqtt = mqtt_settings(settings_with(TASMOTA))

    assert "$share/all/dt/appliance/+/+/telemetry" in mqtt.subscribe
    assert "$share/all/dt/appliance/+/+/consent" in mqtt.subscribe
    assert "$share/all/tele/+/SENSOR" in mqtt.subscribe
    assert all(topic.startswith("$share/all/") for topic in mqtt.subscribe if "foremend/" not in topic)


def test_changes_only_devices_are_never_dealt_out(caplog: pytest.LogCaptureFixture) -> None:
    """A gateway that shares leaves them, and says who must take them."""
    mqtt = mqtt_settings(settings_with(TASMOTA, SHELLY))

    assert not [topic for topic in mqtt.subscribe if "home/" in topic]
    assert "foremend gateway --unshared" in caplog.text


def test_the_unshared_gateway_takes_nothing_else() -> None:
    """Its subscriptions are those devices', without a share, in a session of its own."""
    mqtt = mqtt_settings(settings_with(TASMOTA, SHELLY), role="unshared")

    assert set(mqtt.subscribe) == {"home/+/status/+", "home/+/events/rpc", "home/+/online"}
    assert mqtt.client_id == "foremend-gateway-unshared"


def test_an_unshared_gateway_without_a_purpose_is_refused() -> None:
    """It would subscribe to nothing."""
    with pytest.raises(ConfigError, match=r"--unshared: no decoder under ingest\.decoders needs it"):
        mqtt_settings(settings_with(TASMOTA), role="unshared")


def test_each_gateway_has_a_session_of_its_own() -> None:
    """Not that of `foremend run`, whose subscriptions are not shared."""
    default = mqtt_settings(settings_with())
    named = mqtt_settings(settings_with(), "gateway-7")

    assert (default.client_id, named.client_id) == ("foremend-gateway", "gateway-7")


def test_a_take_is_cut_by_the_size_of_its_payloads() -> None:
    """All deliveries, in order, none in two slices."""
    deliveries = [(RawMessage("t", b"x" * (SLICE_BYTES // 2), 0), token) for token in range(5)]

    cut = list(slices(deliveries))

    assert [[token for _, token in part] for part in cut] == [[0, 1], [2, 3], [4]]
    assert list(slices([])) == []


def test_a_dead_letter_comes_back_as_it_was() -> None:
    """Bytes that are no text too."""
    letter = DeadLetter("dt/appliance/rf-260/a/telemetry", b"\xff\x00{", "not JSON", 17)

    assert decode_letter(encode_letter(letter)) == letter


def test_a_huge_dead_letter_is_cut_below_the_limit_of_kafka() -> None:
    """A payload of any size must not stop the stream."""
    record = encode_letter(DeadLetter("t", b"x" * 5_000_000, "payload of 5000000 bytes", 17))

    assert len(record) < 1_000_000
    assert decode_letter(record).payload == b"x" * MOST_PAYLOAD_BYTES


def test_without_the_extra_the_command_names_it() -> None:
    """One sentence, exit code 6."""
    script = "import sys; sys.modules['aiokafka'] = None; sys.argv = ['foremend', 'gateway']\n"
    script += "from foremend.cli import main; main()"

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert ended.returncode == 6
    assert "pip install 'foremend[kafka]'" in ended.stderr


class Silent:
    """A source that is there and brings nothing."""

    def connect(self) -> None: ...

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        return ()

    def acknowledge(self, tokens: Iterable[Any]) -> None: ...

    def connected(self) -> bool:
        return True

    def close(self) -> None: ...


def test_a_reading_that_cannot_become_a_record_is_a_dead_letter_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It can be sent again as it is; nothing that one appliance sends ends a gateway."""
    settings = settings_with()
    signals = {name: profile.signals for name, profile in load_profiles().items()}
    gateway = Gateway(Silent(), Ingest(settings.ingest, signals), settings.kafka)
    real = gateway_module.encode_in_parts

    def raising(block: Block) -> Iterator[bytes]:
        if (block.signals["power"] == 666.0).any():
            raise ZeroDivisionError("by the mark")
        return real(block)

    monkeypatch.setattr(gateway_module, "encode_in_parts", raising)
    now = 1_732_190_000_000
    sent = [
        (
            RawMessage(
                f"dt/appliance/generic-compressor/plug-{n % 7}/telemetry",
                b'{"ts":%d,"seq":%d,"signals":{"power":%d}}' % (now + n, n, 666 if n in (3, 40) else 90),
                now,
            ),
            n,
        )
        for n in range(50)
    ]

    take = gateway._pack(sent)

    blocks = [record for record in take.records if record.topic == settings.kafka.blocks_topic]
    letters = [decode_letter(record.value) for record in take.records if record not in blocks]
    times = [int(time) - now for record in blocks for time in decode(record.value).time]
    assert sorted(times) == [n for n in range(50) if n not in (3, 40)]
    assert [b'"seq":%d' % n in letter.payload for n, letter in zip((3, 40), letters, strict=True)] == [
        True
    ] * 2
    assert all(letter.reason.startswith(INTERNAL_ERROR) for letter in letters)
    assert list(take.tokens) == list(range(50))
    with closing(MqttSource(settings.mqtt)) as source:
        metrics = render(gateway_health(gateway, source).families())
    assert 'foremend_quarantined_total{stage="record"} 2' in metrics


def test_an_owners_word_goes_to_kafka_as_one_and_what_is_none_as_a_letter_without_it() -> None:
    """Both keyed by their topic, so that those of an appliance come one after the other."""
    settings, now, topic = settings_with(), 1_780_000_000_000, "dt/appliance/rf-260/fridge-1/consent"
    gateway = Gateway(Silent(), Ingest(settings.ingest, {"rf-260": {}}), settings.kafka)
    sent = [b'{"ts":%d,"purposes":["sms"],"given":false}' % now, b'{"ts":1,"phone":"+8613800001234"}']

    take = gateway._pack([(RawMessage(topic, payload, now), n) for n, payload in enumerate(sent)])

    assert {(record.topic, record.key) for record in take.records} == {
        (settings.kafka.dead_letters_topic, topic.encode())
    }
    word, letter = (decode_letter(record.value) for record in take.records)
    assert word_in(word) == DeviceWord("rf-260", "fridge-1", (Purpose.SMS,), False, now, now, now)
    assert word_in(letter) is None
    assert (letter.payload, "138" in letter.reason) == (b"", False)


def test_a_gateway_says_once_that_readings_come(caplog: pytest.LogCaptureFixture) -> None:
    """It knows nobody, so who is new is a worker's word."""
    caplog.set_level(logging.INFO, "foremend.runtimes.arrivals")
    settings = settings_with()
    signals = {name: profile.signals for name, profile in load_profiles().items()}
    gateway = Gateway(Silent(), Ingest(settings.ingest, signals), settings.kafka)
    topic, now = "dt/appliance/generic-compressor/plug-1/telemetry", 1_732_190_000_000
    said = [b'{"ts":%d,"seq":%d,"signals":{"power":90}}' % (now + n, n) for n in range(2)]

    for payload in said:
        gateway._pack([(RawMessage(topic, payload, now), 0)])

    assert caplog.messages == ["the first readings are here: 1 of generic-compressor"]
