"""The embedded broker's own promises."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.errors import UnavailableError

MakePeer = Callable[..., Any]

OWNER = """
import sys
from foremend.stores.broker import EmbeddedBroker
broker = EmbeddedBroker().start()
print(broker.port, flush=True)
sys.stdin.read()
"""


def test_a_kill_of_its_owner_ends_the_broker() -> None:
    """Even kill -9 leaves no broker behind."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        port = int(owner.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            owner.kill()

            with contextlib.suppress(ConnectionResetError):  # either way the broker's end is closed
                assert connection.recv(1) == b""


def test_a_stopped_broker_frees_its_port() -> None:
    """After stop the port can be bound, and start takes the same one again."""
    broker = EmbeddedBroker().start()
    broker.stop()

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", broker.port))

    assert broker.pid is None


def test_a_taken_port_is_an_unavailable_error() -> None:
    """Two brokers cannot share a port, and the sentence names it."""
    with EmbeddedBroker() as first, pytest.raises(UnavailableError, match=str(first.port)):
        EmbeddedBroker(first.port).start()


def test_a_payload_above_the_bound_does_not_harm_others(
    broker: EmbeddedBroker, peer: Any, make_peer: MakePeer
) -> None:
    """Its publisher is disconnected; everybody else goes on."""
    peer.subscribe("a/b")
    rude = make_peer(broker.port, "rude")
    rude.client.publish("a/b", b"x" * (17 * 1024 * 1024), 1)

    polite = make_peer(broker.port, "polite")
    polite.publish("a/b", [b"hello"])
    received = peer.wait_for(1)

    assert received == [("a/b", b"hello")]
