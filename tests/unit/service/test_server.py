"""Serving from a thread: starts, answers, stops, and says what is wrong with a port."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest

from foremend.service.app import create_app
from foremend.service.server import Server
from foremend.vocabulary.errors import ConfigError


def test_a_server_answers_until_it_is_stopped(world: Any) -> None:
    """The address it names is where it listens, and the port is free afterwards."""
    with Server(create_app(world.model), "127.0.0.1", 0) as address:
        alive = httpx.get(f"{address}/livez", timeout=60)

    assert alive.text == "ok\n"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/livez", timeout=60)


def test_an_address_of_ipv6_is_one_that_can_be_opened(world: Any) -> None:
    """As it is said in the log, with brackets; who sits at this machine is let in there, too."""
    with Server(create_app(world.model), "::1", 0) as address:
        answer = httpx.get(f"{address}/api/vocabulary", timeout=60)

    assert address.startswith("http://[::1]:")
    assert answer.status_code == 200


def test_a_taken_port_is_a_sentence(world: Any) -> None:
    """It says which port and what to do."""
    with Server(create_app(world.model), "127.0.0.1", 0) as address:
        port = int(address.rpartition(":")[2])

        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            Server(create_app(world.model), "127.0.0.1", port).start()


def test_an_answer_waits_for_no_receipt_of_its_first_part(world: Any) -> None:
    """Connections that it takes send at once: head and body are two packets, and a page asks one after the other."""
    with (
        Server(create_app(world.model), "127.0.0.1", 0)._listen() as listener,
        socket.create_connection(listener.getsockname()),
    ):
        taken, _ = listener.accept()

    with taken:
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
