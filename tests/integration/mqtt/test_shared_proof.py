"""Gateways at brokers that deal out, and at one that grants shared subscriptions and leaves them empty."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mosquitto_server import Mosquitto
from foremend.config import Settings, validated
from foremend.runtimes.kafka import proof as proof_module
from foremend.runtimes.kafka.proof import PATIENCE_S, SharedProof
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.errors import RefusedError
from foremend.vocabulary.types import RawMessage
from foremend.wiring.gateway import build_gateway, mqtt_settings
from ingest.mqtt.source import MqttSource
from tests.integration.mqtt.granting_broker import granting_broker

TOPIC = "dt/appliance/rf-260/fridge-1/telemetry"
WAIT_S = 20.0


class Watched:
    """A gateway's source and its proof, with a clock that a test sets."""

    def __init__(self, url: str, client_id: str = "gateway-1") -> None:
        settings = validated(Settings, {"mqtt": {"url": url, "reconnect_first": 50}}, "test")
        self.now = 0.0
        mqtt = mqtt_settings(settings, client_id)
        self.source = MqttSource(mqtt)
        self.proof = SharedProof(mqtt, self.source, lambda: self.now)

    def close(self) -> None:
        self.source.close()

    def until_given(self) -> list[RawMessage]:
        """What came until it was proved."""
        taken: list[RawMessage] = []
        for _ in range(400):
            deliveries = self.source.take(0.05)
            self.source.acknowledge([token for _, token in deliveries])
            taken += [message for message, _ in deliveries]
            if self.proof.given(deliveries):
                return taken
        raise AssertionError("nothing came")

    def out_of_patience(self, needs: int) -> None:
        """What came is seen, then time is over."""
        heard: list[Any] = []
        self.proof.given(())
        for _ in range(400 * (needs > 0)):
            heard += self.source.take(0.05)
            if len(heard) >= needs:
                break
        self.now += PATIENCE_S + 1
        self.proof.given(heard)


@contextmanager
def watched(url: str, client_id: str = "gateway-1") -> Iterator[Watched]:
    with closing(Watched(url, client_id)) as one:
        one.source.connect(WAIT_S)
        yield one


def test_mosquitto_deals_out(mosquitto: Mosquitto) -> None:
    """The gateway's own message is enough: no appliance has to speak."""
    with watched(mosquitto.url) as gateway:
        taken = gateway.until_given()

    assert {message.topic.rpartition("/")[0].rpartition("/")[0] for message in taken} == {"foremend/proof"}


def test_the_embedded_broker_deals_out(broker: EmbeddedBroker) -> None:
    """Also to a session that it knows from before."""
    for _ in range(2):
        with watched(broker.url) as gateway:
            assert gateway.until_given()


def test_a_sibling_in_the_same_share_takes_no_proof_away(mosquitto: Mosquitto) -> None:
    """Twenty starts beside it: a share would have dealt half of them to the other."""
    with watched(mosquitto.url, "sibling") as sibling:
        sibling.until_given()
        for number in range(20):
            with watched(mosquitto.url, f"gateway-{number}") as gateway:
                assert gateway.until_given()


def test_an_appliances_message_through_the_share_is_proof_too(
    mosquitto: Mosquitto, make_peer: Callable[..., Any]
) -> None:
    """So nobody waits for the end of a backlog, behind which the own message comes."""
    with watched(mosquitto.url):
        pass
    make_peer(mosquitto.port).publish(TOPIC, [b"{}"])

    with watched(mosquitto.url) as gateway:
        taken = gateway.source.take(WAIT_S)

        assert gateway.proof.given([one for one in taken if one[0].topic == TOPIC])


def test_a_share_that_stays_empty_ends_the_gateway_with_the_reason() -> None:
    """It came past the share and not through it: the broker's fault, and told as such."""
    with (
        granting_broker(lambda topic: not topic.startswith("$share/")) as port,
        watched(f"mqtt://127.0.0.1:{port}") as gateway,
        pytest.raises(RefusedError, match=r"granted our shared subscriptions .* sends nothing through them"),
    ):
        gateway.out_of_patience(needs=1)


def test_a_broker_that_brings_nothing_at_all_is_told_apart() -> None:
    """As where an ACL forgets the topic: it says nothing either way of shared subscriptions."""
    with (
        granting_broker(lambda topic: False) as port,
        watched(f"mqtt://127.0.0.1:{port}") as gateway,
        pytest.raises(RefusedError, match=r"let this gateway's user write and read there"),
    ):
        gateway.out_of_patience(needs=0)


def test_an_outage_while_waiting_begins_the_wait_anew(mosquitto: Mosquitto) -> None:
    """Time without a broker says nothing of its shared subscriptions."""
    with watched(mosquitto.url) as gateway:
        gateway.proof.given(())
        mosquitto.stop()
        while gateway.source.connected():
            gateway.source.take(0.05)
        gateway.now += PATIENCE_S + 1

        assert not gateway.proof.given(())
        mosquitto.start()
        assert gateway.source.connected(WAIT_S)
        assert gateway.until_given()


def test_the_gateways_loop_ends_where_the_share_stays_empty(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What `foremend gateway` runs, before Kafka: RefusedError is exit code 5."""
    monkeypatch.setattr(proof_module, "PATIENCE_S", 0.0)
    with granting_broker(lambda topic: not topic.startswith("$share/")) as port:
        settings = validated(Settings, {"mqtt": {"url": f"mqtt://127.0.0.1:{port}"}}, "test", tmp_path)
        gateway, source = build_gateway(settings)
        with closing(source):
            source.connect(WAIT_S)

            with pytest.raises(RefusedError) as refused:
                deque((gateway._collect() for _ in count()), 0)

    assert refused.value.exit_code == 5


def test_an_own_message_is_neither_reading_nor_dead_letter(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Whoever subscribes to everything gets those of all gateways, and the pipeline's progress."""
    settings = validated(Settings, {"mqtt": {"url": mosquitto.url}}, "test", tmp_path)
    gateway, source = build_gateway(settings)
    sent = [
        RawMessage(topic, b"proof", 1_732_190_000_000)
        for topic in ("foremend/proof/0a/shared", "foremend/pipeline/progress")
    ]

    with closing(source):
        take = gateway._pack([(message, token) for token, message in enumerate(sent)])

    assert take.records == []
    assert take.tokens == [0, 1]
