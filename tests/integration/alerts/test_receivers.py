"""Receivers that do their worst, over real sockets: the lane and the stop wait for none of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from cryptography.fernet import Fernet

from alerts import queries
from alerts.channels import Message
from alerts.consent import ConsentRecord
from alerts.desk import Alerts, open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.vault import Vault
from alerts.webhook import WebhookChannel
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import Finding, Purpose

SECRET = "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
MESSAGE = Message("ev_1", "foremend.ticket.opened", "{}")
NOW = 1_767_240_000_000
Behaviour = Callable[[socket.socket, threading.Event], None]


class StillClock:
    """Stands still."""

    def now_ms(self) -> int:
        return NOW


def drip(connection: socket.socket, over: threading.Event, start: bytes, drop: bytes) -> None:
    """Send `start`, and then `drop` every 10 ms until the sender goes or the test is over."""
    connection.sendall(start)
    while not over.wait(0.01):
        connection.sendall(drop)


def trickles_headers(connection: socket.socket, over: threading.Event) -> None:
    drip(connection, over, b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a")


def trickles_its_status(connection: socket.socket, over: threading.Event) -> None:
    drip(connection, over, b"HTTP/1.1 ", b"2")


def answers_100_for_ever(connection: socket.socket, over: threading.Event) -> None:
    drip(connection, over, b"", b"HTTP/1.1 100 Continue\r\n\r\n")


def never_answers(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(1)
    over.wait()


def trickles_a_body(connection: socket.socket, over: threading.Event) -> None:
    drip(connection, over, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", b"a")


def answers(said: bytes) -> Behaviour:
    def behave(connection: socket.socket, _over: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(said)

    return behave


@pytest.fixture
def receiver() -> Iterator[Callable[[Behaviour], int]]:
    """Listens on a free port and treats every connection as told; answers the port."""
    over = threading.Event()
    with ExitStack() as stack:
        stack.callback(over.set)

        def listen(behave: Behaviour) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            thread = threading.Thread(target=_serve, args=(listener, behave, over))
            thread.start()
            stack.callback(thread.join)
            stack.callback(lambda: socket.create_connection(listener.getsockname()).close())
            stack.callback(over.set)
            return int(listener.getsockname()[1])

        yield listen


def _serve(listener: socket.socket, behave: Behaviour, over: threading.Event) -> None:
    while not over.is_set():
        connection, _ = listener.accept()
        with connection:
            try:
                behave(connection, over)
            except OSError:
                continue  # the sender went


def settings(port: int, **changes: Any) -> AlertsSettings:
    endpoint = {"name": "slow", "url": f"http://127.0.0.1:{port}/", "secret_env": "S", "allow_private": True}
    return AlertsSettings(webhooks=[endpoint | {"timeout": "300 ms"} | changes], sms=None, push=None)


@pytest.fixture
def channel() -> Iterator[Callable[..., WebhookChannel]]:
    opened: list[WebhookChannel] = []

    def make(port: int, resolver: Any = None, **changes: Any) -> WebhookChannel:
        more = {"resolver": resolver} if resolver else {}
        opened.append(WebhookChannel(settings(port, **changes).webhooks[0], SECRET, StillClock(), **more))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    "behave", [trickles_headers, trickles_its_status, answers_100_for_ever, never_answers]
)
def test_a_receiver_that_trickles_has_one_deadline(
    receiver: Callable[[Behaviour], int], channel: Callable[..., WebhookChannel], behave: Behaviour
) -> None:
    """Each byte comes in time, and still the exchange ends when its time is over."""
    with pytest.raises(UnavailableError, match=r"no answer .within 300 ms"):
        channel(receiver(behave)).send(MESSAGE)


def test_a_receiver_that_never_accepts_has_one_deadline(channel: Callable[..., WebhookChannel]) -> None:
    """A queue of connections that is full: the handshake of TCP never ends."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            crowd = stack.enter_context(socket.socket())
            crowd.setblocking(False)
            crowd.connect_ex(listener.getsockname())

        with pytest.raises(UnavailableError, match="no answer"):
            channel(listener.getsockname()[1]).send(MESSAGE)


def test_a_body_that_never_ends_is_not_read(
    receiver: Callable[[Behaviour], int], channel: Callable[..., WebhookChannel]
) -> None:
    """The status is the answer: delivered."""
    channel(receiver(trickles_a_body), timeout="20 s").send(MESSAGE)


def test_a_resolver_that_hangs_has_the_same_deadline(channel: Callable[..., WebhookChannel]) -> None:
    """The look-up is left to its thread; while that hangs no second one is begun; once it answers all is well."""
    lets_go, calls = threading.Event(), []

    def resolver(host: str, _port: int) -> list[str]:
        calls.append(host)
        lets_go.wait()
        return ["127.0.0.1"]

    sender = channel(1, resolver, url="http://platform.example/")

    with pytest.raises(UnavailableError, match=r"no answer .within 300 ms"):
        sender.send(MESSAGE)
    with pytest.raises(UnavailableError, match="earlier look-up of the name still hangs"):
        sender.send(MESSAGE)
    lets_go.set()

    assert calls == ["platform.example"]


@pytest.mark.parametrize(
    "said",
    [
        b"\x00\xff\xfe\r\n\r\n",
        b"HTTP/1.1 999999 Odd\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\xff\x00: \r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nRetry-After: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nRetry-After: " + b"9" * 5_000 + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nRetry-After: Thu, 01 Jan 1" + b"0" * 20 + b" 00:00:00 GMT\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000,
        b"HTTP/1.1 302 Found\r\nLocation: http://[::ffff:10.0.0.1]/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: \xff\xff\r\nContent-Length: 0\r\n\r\n",
        b"",
    ],
)
def test_odd_answers_are_failures_to_be_tried_again(
    receiver: Callable[[Behaviour], int], channel: Callable[..., WebhookChannel], said: bytes
) -> None:
    """Bytes that are no HTTP, headers of any kind, a redirect (never followed): all the same sentence-sized failure."""
    with pytest.raises(UnavailableError, match="webhook 'slow'"):
        channel(receiver(answers(said)), timeout="20 s").send(MESSAGE)


def test_the_address_that_was_checked_is_the_one_that_is_reached(
    receiver: Callable[[Behaviour], int], channel: Callable[..., WebhookChannel]
) -> None:
    """A name that answers otherwise at every look (DNS rebinding) is looked up once an exchange, and refused inside."""
    looks = iter([["127.0.0.1"], ["8.8.8.8", "::ffff:127.0.0.1"]])
    port = receiver(answers(b"HTTP/1.1 204 No Content\r\n\r\n"))
    reached = channel(port, lambda *_: next(looks), url=f"http://platform.example:{port}/", timeout="20 s")
    guarded = channel(port, lambda *_: next(looks), url="https://platform.example/", allow_private=False)

    reached.send(MESSAGE)
    with pytest.raises(UnavailableError, match=r"private address ::ffff:127\.0\.0\.1"):
        guarded.send(MESSAGE)


@pytest.fixture
def stage(tmp_path: Any, finding: Callable[..., Finding]) -> Callable[[WebhookChannel], Alerts]:
    """The stage with one message for the channel."""

    def open_with(sender: WebhookChannel) -> Alerts:
        chosen = settings(1).model_copy(update={"database": f"sqlite:///{tmp_path}/effects.db"})
        vault = Vault(Fernet.generate_key().decode())
        channels = {"webhook:slow": sender}
        alerts = open_alerts(chosen, StillClock(), vault, channels, np.random.default_rng(1), {}, {})
        alerts.owners.register_owners([Owner("o-1", {})])
        alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-1", "BCD-200")])
        said = ConsentRecord("fridge-1", "o-1", Purpose.TICKET, True, NOW, "1", "zh", "app")
        alerts.consent.record([said])
        alerts.effects.apply([finding()], [], 1)
        return alerts

    return open_with


def test_a_stop_breaks_off_what_a_receiver_draws_out(
    receiver: Callable[[Behaviour], int],
    channel: Callable[..., WebhookChannel],
    stage: Callable[[WebhookChannel], Alerts],
) -> None:
    """An hour's timeout and a receiver that trickles: the stop ends the exchange, and the message stays to be sent."""
    reached = threading.Event()

    def behave(connection: socket.socket, over: threading.Event) -> None:
        reached.set()
        trickles_headers(connection, over)

    alerts = stage(channel(receiver(behave), timeout="1 h"))
    alerts.dispatcher.start()
    assert reached.wait(20)

    alerts.dispatcher.close(finish_s=0)

    [row] = queries.outbox(alerts.engine, state="pending").items
    assert not alerts.dispatcher.alive()
    assert row["error"] == "broken off: Foremend stops"
    alerts.engine.dispose()


def test_a_stop_does_not_wait_for_a_resolver(
    channel: Callable[..., WebhookChannel], stage: Callable[[WebhookChannel], Alerts]
) -> None:
    """A look-up that hangs for ever holds up nothing."""
    asked, lets_go = threading.Event(), threading.Event()

    def resolver(_host: str, _port: int) -> list[str]:
        asked.set()
        lets_go.wait()
        return []

    alerts = stage(channel(1, resolver, url="http://platform.example/", timeout="1 h"))
    alerts.dispatcher.start()
    assert asked.wait(20)

    alerts.dispatcher.close(finish_s=0)

    assert not alerts.dispatcher.alive()
    lets_go.set()
    alerts.engine.dispose()
