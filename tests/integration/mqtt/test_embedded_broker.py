"""The embedded broker's own promises."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from foremend.broker import EmbeddedBroker
from foremend.errors import UnavailableError

MakePeer = Callable[..., Any]

START_AND_DIE = """
import os, signal
from foremend.broker import EmbeddedBroker
broker = EmbeddedBroker().start()
os.write(1, f"{broker.pid} {broker.port}".encode())
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_broker_outlives_a_kill_of_whoever_started_it(make_peer: MakePeer) -> None:
    """kill -9 of the pipeline leaves the broker, and so the sessions that it keeps."""
    starter = subprocess.run([sys.executable, "-c", START_AND_DIE], stdout=subprocess.PIPE, check=False)
    pid, port = map(int, starter.stdout.split())

    try:
        peer = make_peer(port)
        assert not peer.answer.is_failure
    finally:
        os.kill(pid, signal.SIGTERM)


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
