"""`foremend run` as a household's Home Assistant hears it: a plug, a kill, a start."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from benchmarks.mosquitto_server import Mosquitto
from foremend.commands.demo.processes import free_port, process
from tests.home_listener import Listener

STATUS = "foremend/home/status"
FREEZER = "foremend/home/appliances/freezer"


@pytest.fixture
def config(mosquitto: Mosquitto, tmp_path: Path) -> Path:
    """A plug on a freezer, everything in a folder of the test's own."""
    plug = {"appliance_id": "freezer", "appliance_model": "generic-compressor"}
    power = {"path": "ENERGY.Power", "unit": "W"}
    settings = {
        "extends": "shipped",
        "service": {"port": free_port()},
        "storage": {"folder": "var"},
        "mqtt": {"url": mosquitto.url},
        "models": {"appliance_models": []},
        "ingest": {
            "decoders": [{"decoder": "tasmota", "appliances": {"plug": plug}, "signals": {"power": power}}]
        },
        "alerts": {"database": "sqlite:///foremend.db", "key_file": "key", "home_assistant": {}},
    }
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings))
    return file


@pytest.fixture
def ear(mosquitto: Mosquitto) -> Iterator[Listener]:
    listener = Listener(mosquitto.port)
    yield listener
    listener.close()


@pytest.mark.timeout(1_200)
def test_a_plug_becomes_a_device_and_a_kill_is_told_by_the_broker(config: Path, ear: Listener) -> None:
    """A device with its first reading; `offline` without a goodbye; the same device with the next start."""
    run = ["run", "--config", str(config)]
    with process(run, config.parent / "first.log") as first:
        ear.until(lambda: ear.now.get(STATUS) == b"online")
        ear.publish("tele/plug/SENSOR", b'{"ENERGY": {"Power": 82}}')
        ear.until(lambda: FREEZER in ear.now)
        health = ear.state(FREEZER)["health"]
        os.kill(first.pid, signal.SIGKILL)
        ear.until(lambda: ear.now.get(STATUS) == b"offline")

    with process(run, config.parent / "second.log"):
        ear.until(lambda: ear.now.get(STATUS) == b"online")
        known = FREEZER in ear.now  # who is not known any more is removed before that is said

    ear.until(lambda: ear.now.get(STATUS) == b"offline")
    assert health == "learning"
    assert known
    assert "homeassistant/device/foremend_home_freezer/config" in ear.now
