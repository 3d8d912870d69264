"""Mosquitto with the very file that deploy/compose.yaml mounts."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from foremend.commands.demo.processes import free_port, running, wait_for_port

DEPLOY = Path(__file__).parents[3] / "deploy" / "mosquitto"
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
TOPIC = "dt/appliance/generic-compressor/fridge-a/telemetry"
PASSWORDS = {"foremend": "pipeline-secret", "fridge-a": "secret-a"}

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto: apt-get install mosquitto")


@dataclass
class Broker:
    """A running broker with both listeners."""

    folder: Path
    outside: int
    inside: int

    @property
    def ca(self) -> Path:
        return self.folder / "certs" / "ca.crt"


def set_up(folder: Path) -> None:
    """Authority, certificate and `foremend` by the steps of the README; one appliance as step 5 says."""
    (folder / "certs").mkdir()
    steps = re.findall(r"```sh\n(.*?)```", (DEPLOY / "README.md").read_text("utf-8"), re.DOTALL)
    environment = os.environ | {
        "DIR": str(folder),
        "HOST": "localhost",
        "FOREMEND_PASSWORD": PASSWORDS["foremend"],
    }
    subprocess.run(
        ["sh", "-eu", "-c", "".join(steps)], cwd=DEPLOY, env=environment, check=True, capture_output=True
    )
    subprocess.run(
        ["mosquitto_passwd", "-b", folder / "passwords", "fridge-a", PASSWORDS["fridge-a"]], check=True
    )


def configured(broker: Broker) -> Path:
    """compose.conf with only paths, ports and the system's user changed."""
    text = (DEPLOY / "compose.conf").read_text("utf-8")
    for before, after in (
        ("listener 8883", f"listener {broker.outside} localhost"),
        ("listener 1883", f"listener {broker.inside} localhost"),
        ("/mosquitto/config", str(broker.folder)),
        ("/mosquitto/data/", f"{broker.folder}/"),
    ):
        assert before in text
        text = text.replace(before, after)
    file = broker.folder / "compose.conf"
    file.write_text(f"{text}\nuser {getpass.getuser()}\n", "utf-8")
    return file


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with tempfile.TemporaryDirectory(prefix="foremend-mosquitto-") as name:
        broker = Broker(Path(name), free_port(), free_port())
        set_up(broker.folder)
        with running([str(MOSQUITTO), "-c", str(configured(broker))], broker.folder / "log"):
            wait_for_port(broker.outside)
            wait_for_port(broker.inside)
            yield broker


def test_gateways_with_one_user_share_what_appliances_say(
    broker: Broker, make_peer: Callable[..., Any]
) -> None:
    """Each has a session of its own inside, and each message comes to one of them; appliances come in over TLS."""
    gateways = [
        make_peer(
            broker.inside, f"gateway-{n}", host="localhost", user="foremend", password=PASSWORDS["foremend"]
        )
        for n in (1, 2)
    ]
    for gateway in gateways:
        gateway.subscribe("$share/foremend/dt/appliance/+/+/telemetry")
    appliance = make_peer(
        broker.outside, "any", host="localhost", ca=broker.ca, user="fridge-a", password=PASSWORDS["fridge-a"]
    )
    sent = [f"{n}".encode() for n in range(40)]

    appliance.publish(TOPIC, sent)

    deadline = time.monotonic() + 20
    while sum(len(one.messages) for one in gateways) < len(sent) and time.monotonic() < deadline:
        time.sleep(0.02)
    came = [{payload for _, payload in one.messages} for one in gateways]
    assert all(came)
    assert sorted([*came[0], *came[1]]) == sorted(sent)


@pytest.mark.parametrize("listener", ["inside", "outside"])
def test_nobody_comes_in_without_a_password(
    broker: Broker, make_peer: Callable[..., Any], listener: str
) -> None:
    """On neither listener; the one inside has no TLS, but asks all the same."""
    tls = {"ca": broker.ca} if listener == "outside" else {}

    stranger = make_peer(getattr(broker, listener), "stranger", host="localhost", **tls)

    assert stranger.answer.is_failure
