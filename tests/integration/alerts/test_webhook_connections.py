"""Messages to one receiver follow each other at once, over one connection where its answers allow that."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from alerts.addresses import Lookup
from alerts.channels import GoneError, Message
from alerts.settings import WebhookEndpoint
from alerts.webhook import WebhookChannel
from foremend.runtimes.clock import SystemClock

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
MESSAGES = 4


class Receiver(ThreadingHTTPServer):
    """Notes from which port each message came; answers with `body`."""

    def __init__(self, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.ports = body, list[int]()


class Handler(BaseHTTPRequestHandler):
    """Keeps connections."""

    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.ports.append(self.client_address[1])
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing to say."""


@pytest.fixture(params=[b"", b"thank you"], ids=["empty", "words"])
def receiver(request: Any) -> Iterator[Receiver]:
    """A receiver that answers nothing, and one that answers words, which nobody reads."""
    with Receiver(request.param) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_messages_share_a_connection_where_answers_are_empty(receiver: Receiver) -> None:
    """No new connection, nor TLS, for each of thousands; what there is to read is not read, and each has its own."""
    endpoint = WebhookEndpoint(
        name="platform",
        url=f"http://127.0.0.1:{receiver.server_port}/hook",
        secret_env="SECRET",
        allow_private=True,
    )
    channel = WebhookChannel(endpoint, SECRET, SystemClock())
    for number in range(MESSAGES):
        channel.send(Message(f"m-{number}", "foremend.test", "{}"))
    channel.close()

    assert len(receiver.ports) == MESSAGES
    assert len(set(receiver.ports)) == (1 if receiver.body == b"" else MESSAGES)


class Crowd(ThreadingHTTPServer):
    """Answers nobody before `together` are there; what it answers is the body of the message, as a status code."""

    def __init__(self, together: int) -> None:
        super().__init__(("127.0.0.1", 0), CrowdHandler)
        self.all_there = threading.Barrier(together, timeout=60)
        self.ends = threading.Event()


class CrowdHandler(BaseHTTPRequestHandler):
    """Keeps connections; 0 is no answer as long as the test lasts."""

    protocol_version = "HTTP/1.1"
    server: Crowd

    def do_POST(self) -> None:
        status = int(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.all_there.wait()
        if status:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.server.ends.wait()

    def log_message(self, *_arguments: object) -> None:
        """Nothing to say."""


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """A receiver that answers four at a time."""
    with Crowd(MESSAGES) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.ends.set()
        server.shutdown()
        thread.join()


def crowd_channel(crowd: Crowd, timeout: str) -> WebhookChannel:
    endpoint = WebhookEndpoint.model_validate(
        {
            "name": "platform",
            "url": f"http://127.0.0.1:{crowd.server_port}/hook",
            "secret_env": "SECRET",
            "allow_private": True,
            "timeout": timeout,
            "at_once": MESSAGES,
        }
    )
    return WebhookChannel(endpoint, SECRET, SystemClock())


def answers_to(channel: WebhookChannel, statuses: Sequence[int]) -> list[Exception | None]:
    try:
        return channel.send_all(
            [Message(f"m-{n}", "foremend.test", str(one)) for n, one in enumerate(statuses)]
        )
    finally:
        channel.close()


def test_messages_are_under_way_side_by_side(crowd: Crowd) -> None:
    """A receiver that answers none before it has all: one after the other, the first would wait for ever."""
    assert answers_to(crowd_channel(crowd, "1 min"), [204] * MESSAGES) == [None] * MESSAGES


def test_what_goes_wrong_with_one_is_told_of_that_one(crowd: Crowd) -> None:
    """Taken, gone for good, an error, no answer: what came before the deadline counts, and each has its own."""
    taken, gone, wrong, silent = answers_to(crowd_channel(crowd, "3 s"), [204, 410, 500, 0])

    assert taken is None
    assert isinstance(gone, GoneError)
    assert str(wrong) == "webhook 'platform' answered 500"
    assert str(silent) == "webhook 'platform': no answer (within 3000 ms)"


def test_what_is_broken_off_has_no_answer(crowd: Crowd) -> None:
    """A stop ends all that are under way, and none of them counts as sent."""
    channel = crowd_channel(crowd, "10 min")
    cutter = threading.Thread(target=lambda: (crowd.all_there.wait(), channel.cut()))
    cutter.start()

    errors = answers_to(channel, [0] * (MESSAGES - 1))  # the cutter is the fourth
    cutter.join()

    assert [str(one) for one in errors] == ["broken off: Foremend stops"] * (MESSAGES - 1)


def test_a_look_up_that_has_answered_hangs_no_more() -> None:
    """The next message follows at once, while the thread of the look-up before is still ending."""
    lookup = Lookup(lambda _host, _port: ["127.0.0.1"])

    async def ask() -> set[str]:
        return {one for _ in range(2_000) for one in await lookup.addresses("here.example", 80, True)}

    assert asyncio.run(ask()) == {"127.0.0.1"}
