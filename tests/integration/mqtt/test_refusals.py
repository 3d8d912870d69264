"""What a broker answers at a connection, and what becomes of a pipeline that runs: a broker that is scripted."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

import pytest

from benchmarks.mqtt_load import publish_packet
from foremend.vocabulary.errors import RefusedError, UnavailableError
from ingest.mqtt.scan import PacketScanner
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource

PATIENCE_S = 20.0
_CONNECT, _SUBSCRIBE = 0x10, 0x82
_UNAVAILABLE, _NOT_AUTHORIZED = 3, 5
_GRANTED, _GRANTED_QOS_0, _FAILURE = b"\x01", b"\x00", b"\x80"


@dataclass(frozen=True)
class Answers:
    """What one connection is told; where `then` is empty the broker ends it once it is subscribed."""

    connack: int = 0
    suback: bytes = _GRANTED
    then: bytes = b""


LASTING = Answers(then=publish_packet("a/topic", b"news", 1))


@contextmanager
def scripted_broker(script: Sequence[Answers]) -> Iterator[MqttSettings]:
    """Settings of a broker that answers one connection after another by `script`, and from then on as its last."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, list(script)))
        thread.start()
        try:
            yield settings_of(listener)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def settings_of(listener: socket.socket, scheme: str = "mqtt") -> MqttSettings:
    return MqttSettings.model_validate(
        {
            "url": f"{scheme}://127.0.0.1:{listener.getsockname()[1]}",
            "subscribe": ["a/topic"],
            "reconnect_first": "10 ms",
            "reconnect_longest": "50 ms",
        }
    )


def _serve(listener: socket.socket, script: list[Answers]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # the test is over
        with client, suppress(OSError):
            _answer(client, script[0])
        if len(script) > 1:
            script.pop(0)


def _answer(client: socket.socket, answers: Answers) -> None:
    scanner = PacketScanner()
    while data := client.recv(65_536):
        for control in scanner.feed(data)[1]:
            if control.command == _CONNECT:
                client.sendall(bytes([0x20, 2, 0, answers.connack]))
                if answers.connack:
                    return
            if control.command == _SUBSCRIBE:
                said = control.body[:2] + answers.suback
                client.sendall(bytes([0x90, len(said)]) + said + answers.then)
                if not answers.then:
                    return


def news_from(source: MqttSource) -> bool:
    """Whether the message of the lasting connection comes."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        for message, _ in source.take(0.1):
            return message.payload == b"news"
    return False


@pytest.mark.parametrize("connack", [_UNAVAILABLE, _NOT_AUTHORIZED])
def test_who_was_let_in_before_and_is_refused_is_let_in_again(
    connack: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that restarts, or whose users are away for a while, ends no pipeline; the refusal is said once."""
    refused = Answers(connack=connack)

    with (
        scripted_broker([Answers(), refused, refused, refused, LASTING]) as settings,
        closing(MqttSource(settings)) as source,
    ):
        source.connect()
        assert news_from(source)

    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == (connack == _NOT_AUTHORIZED)


def test_a_subscription_that_is_refused_for_a_while_is_asked_for_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An access list that lacks us for a moment: said once, and gone on with."""
    script = [
        Answers(),
        Answers(suback=_FAILURE, then=b"\xd0\x00"),
        Answers(suback=_FAILURE, then=b"\xd0\x00"),
    ]

    with scripted_broker([*script, LASTING]) as settings, closing(MqttSource(settings)) as source:
        source.connect()
        assert news_from(source)

    assert [record.message for record in caplog.records if "refuses the subscription" in record.message][
        1:
    ] == []


def test_who_never_was_let_in_is_refused_and_not_available_is_no_refusal() -> None:
    """A wrong password is a wrong setting; a broker that is just starting is a broker that is away."""
    with (
        scripted_broker([Answers(connack=_NOT_AUTHORIZED)]) as settings,
        pytest.raises(RefusedError, match="Not authorized"),
    ):
        MqttSource(settings).connect()

    with (
        scripted_broker([Answers(connack=_UNAVAILABLE)]) as settings,
        pytest.raises(UnavailableError, match="not available"),
    ):
        MqttSource(settings).connect(0.5)


def test_who_accepts_and_says_nothing_is_not_said_to_end_the_connection() -> None:
    """We gave up, not the broker: no word of a wrong password."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(UnavailableError, match="no MQTT broker answers"),
    ):
        MqttSource(settings_of(listener)).connect(0.2)


@pytest.mark.parametrize("suback", [b"", _GRANTED * 2], ids=["too few", "too many"])
def test_an_answer_that_cannot_be_understood_is_a_lost_connection(
    suback: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It does not end the thread, and with it the pipeline: one traceback, and another connection."""
    odd = Answers(suback=suback, then=b"\xd0\x00")

    with scripted_broker([odd, odd, LASTING]) as settings, closing(MqttSource(settings)) as source:
        source.connect()
        assert news_from(source)

    assert len([record for record in caplog.records if "cannot be understood" in record.message]) == 1


def test_a_broker_that_grants_less_than_was_asked_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    """At QoS 0 nothing is kept while we are away: nobody would see what is lost."""
    granted = Answers(suback=_GRANTED_QOS_0, then=LASTING.then)

    with scripted_broker([granted]) as settings, closing(MqttSource(settings)) as source:
        source.connect()
        assert news_from(source)

    assert [record.message for record in caplog.records if "grants QoS 0" in record.message]


def test_a_stop_waits_for_no_broker_that_says_nothing() -> None:
    """A handshake that never ends takes as long as the connection may; a stop does not wait for it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = MqttSource(settings_of(listener, "mqtts"))
        source._connection.start()
        connection, _ = listener.accept()

        with connection:
            began = time.monotonic()
            source.close()
            took = time.monotonic() - began
        source._connection._thread.join()

    assert took < 10.0


def test_a_stop_waits_for_no_look_up_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that answers late, or never."""
    asked, over = threading.Event(), threading.Event()

    def resolve(*_: object, **__: object) -> None:
        asked.set()
        over.wait()
        raise OSError("no answer")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    source = MqttSource(MqttSettings.model_validate({"url": "mqtt://broker.invalid"}))
    source._connection.start()
    assert asked.wait(PATIENCE_S)

    began = time.monotonic()
    source.close()
    took = time.monotonic() - began
    over.set()
    source._connection._thread.join()

    assert took < 10.0
