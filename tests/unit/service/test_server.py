"""Serving from a thread: starts, answers, stops, and says what is wrong with a port."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from foremend.service.app import create_app
from foremend.service.server import Server
from foremend.vocabulary.errors import ConfigError


def test_a_server_answers_until_it_is_stopped(world: Any) -> None:
    """The address it names is where it listens, and the port is free afterwards."""
    with Server(create_app(world.model), "127.0.0.1", 0) as address:
        alive = httpx.get(f"{address}/livez")

    assert alive.text == "ok\n"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/livez")


def test_a_taken_port_is_a_sentence(world: Any) -> None:
    """It says which port and what to do."""
    with Server(create_app(world.model), "127.0.0.1", 0) as address:
        port = int(address.rpartition(":")[2])

        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            Server(create_app(world.model), "127.0.0.1", port).start()
