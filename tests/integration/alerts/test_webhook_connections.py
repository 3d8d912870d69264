"""Messages to one receiver follow each other at once, over one connection where its answers allow that."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from alerts.addresses import Lookup
from alerts.channels import Message
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


def test_a_look_up_that_has_answered_hangs_no_more() -> None:
    """The next message follows at once, while the thread of the look-up before is still ending."""
    lookup = Lookup(lambda _host, _port: ["127.0.0.1"])

    async def ask() -> set[str]:
        return {one for _ in range(2_000) for one in await lookup.addresses("here.example", 80, True)}

    assert asyncio.run(ask()) == {"127.0.0.1"}
