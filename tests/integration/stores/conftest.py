"""A whole `foremend run` in a process of its own, on an embedded or a real broker, without trained models."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import pytest
import yaml

from foremend.commands.demo.processes import free_port, process, wait_for_port
from foremend.config import Settings, load_settings
from foremend.stores.broker import EmbeddedBroker
from ingest.mqtt.publish import MqttPublisher

START = 1_767_225_600_000  # 2026-01-01T00:00Z
MODEL = "generic-compressor"


@dataclass
class Place:
    """One installation: a folder of its own with its config beside it."""

    config: Path
    settings: Settings

    @property
    def folder(self) -> Path:
        return self.settings.storage.folder

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.settings.service.port}"

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """`foremend run`, ready; ended by SIGTERM unless the test killed it."""
        with process(["run", "--config", str(self.config)], self.config.with_suffix(".log")) as child:
            wait_for_port(self.settings.service.port, 240)
            self.wait_until(lambda: httpx.get(f"{self.page}/readyz", timeout=60).status_code == 200, child)
            yield child

    def wait_until(self, holds: Callable[[], object], child: subprocess.Popen[bytes]) -> None:
        """Until `holds`; fails when the pipeline ends, or after four."""
        for _ in range(4_800):
            if holds():
                return
            assert child.poll() is None, self.words()
            threading.Event().wait(0.05)
        raise AssertionError(f"it never came to hold; the pipeline said: {self.words()}")

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """At once, and nothing is tidied up."""
        os.kill(child.pid, signal.SIGKILL)
        child.wait()

    def words(self) -> str:
        """What the last `running` said."""
        return self.config.with_suffix(".log").read_text()

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command on this installation, under a umask that lets everybody read."""
        command = [sys.executable, "-m", "foremend", *arguments, "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, umask=0o022, check=False)

    def publish(self, first: int, last: int) -> None:
        """Readings number `first` to `last` of one appliance, one a message and a minute."""
        with MqttPublisher(self.settings.mqtt.model_copy(update={"client_id": f"sender-{first}"})) as sender:
            for number in range(first, last + 1):
                body = {"ts": START + number * 60_000, "seq": number, "signals": {"power": 90.0}}
                sender.publish(f"dt/appliance/{MODEL}/freezer-1/telemetry", orjson.dumps(body))
            sender.wait_until_acknowledged()


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture
def make_place(tmp_path: Path) -> Callable[..., Place]:
    """Makes installations of different names; each call again gives the same one a new port."""

    def make(broker: str, name: str = "one", database: str | None = None, **storage: object) -> Place:
        folder = tmp_path / name / "var"
        folder.parent.mkdir(exist_ok=True)
        config = {
            "service": {"port": free_port()},
            "storage": {"folder": str(folder), "checkpoint_every": "1 s", **storage},
            "models": {"registry": str(folder / "models"), "appliance_models": []},
            "mqtt": {"url": broker},
            "rules": {"book": [{"name": "never", "when": {"probability": "any", "above": 0.99}}]},
            "alerts": {
                "database": database or f"sqlite:///{folder}/foremend.db",
                "key_file": str(folder / "foremend.key"),
                "sms": {"file": str(folder / "outbox" / "sms.jsonl")},
                "push": None,
            },
        }
        path = tmp_path / name / f"config-{config['service']['port']}.yaml"  # type: ignore[index]
        path.write_text(yaml.safe_dump(config))
        return Place(path, load_settings(path))

    return make
