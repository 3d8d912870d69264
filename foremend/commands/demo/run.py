"""The main job on one machine: broker, service platform, pipeline and fleet as processes of their own.

The pipeline sees MQTT only. The truth stays in this process, which looks at it once, at the end, to say what was
caught and what was not.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from alerts import queries
from alerts.desk import Alerts
from alerts.owner_channels import OWNER_CHANNELS
from foremend.commands.demo.ears import heard, listening, wait_for_word
from foremend.commands.demo.owners import register, withdraw
from foremend.commands.demo.processes import free_port, process, running, wait_for_port
from foremend.commands.demo.result import result_of
from foremend.commands.demo.screen import DemoScreen
from foremend.config import load_settings
from foremend.runtimes.clock import SystemClock
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.errors import UnavailableError
from foremend.wiring.parts import open_desk
from ingest.mqtt.source import MqttSource
from simulators.fleet.fleet import Fleet
from simulators.fleet.scenario import Scenario, load_scenario

WINDOW = 400  # messages the pipeline may be behind the fleet
DRAIN_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Demo:
    """One run. `folder` keeps trained models; everything else is made anew in `folder`/demo."""

    days: int
    appliances: int
    seed: int
    folder: Path
    port: int
    stay: bool

    def run(self) -> dict[str, Any]:
        """Live through `days` and say what happened. With `stay`, the page remains until interrupted."""
        # Leaving by an exception unwinds the stack below, which ends every child.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        here = self.folder / "demo"
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir(parents=True)
        scenario = load_scenario("demo").resized(self.appliances, self.days)
        fleet = Fleet(scenario, self.seed)
        with ExitStack() as stack:
            broker = stack.enter_context(EmbeddedBroker())
            config = self._write_config(here, broker.url, list(scenario.appliances), stack)
            settings = load_settings(config)
            alerts = open_desk(settings, SystemClock())
            register(alerts, fleet)
            page = f"http://127.0.0.1:{settings.service.port}"
            ears = stack.enter_context(listening(broker.url))
            screen = stack.enter_context(DemoScreen(page, scenario.days, scenario.start_ms))
            pipeline = stack.enter_context(process(["run", "--config", str(config)], here / "pipeline.log"))
            screen.say("starting; the first start trains the models")
            wait_for_word(ears, pipeline)
            publisher = stack.enter_context(self._publish(here, scenario, broker.url))
            self._follow(publisher, ears, alerts, fleet, screen)
            screen.say("delivering what waits in the outbox")
            wait_until_delivered(alerts)
            result = result_of(fleet, alerts.engine, screen.progress)
            if self.stay:
                screen.wait_for_interrupt(result)
        return result

    def _write_config(self, here: Path, broker: str, models: list[str], stack: ExitStack) -> Path:
        """A config.yaml of its own: the shipped rules, this run's broker, platform, folder and ports."""
        secret = here / "webhook.secret"
        secret.write_text("whsec_" + b64encode(secrets.token_bytes(32)).decode())
        platform = free_port()
        store = ["--secret-file", str(secret), "--store", str(here / "platform.db")]
        command = [sys.executable, "-m", "simulators.platform", "--port", str(platform), *store]
        stack.enter_context(running(command, here / "platform.log"))
        wait_for_port(platform)
        shipped = load_settings().model_dump(mode="json", include={"rules"}, exclude_defaults=True)
        webhook = {
            "name": "platform",
            "url": f"http://127.0.0.1:{platform}/webhooks",
            "secret_file": str(secret.resolve()),
            "allow_private": True,
        }
        config = {
            **shipped,
            "service": {"port": self.port or free_port()},
            "storage": {"folder": str(here.resolve())},
            "models": {"registry": str((self.folder / "models").resolve()), "appliance_models": models},
            "mqtt": {"url": broker},
            "ingest": {"oldest": None},  # its fleet lives in its scenario's year, whatever year it is now
            "alerts": {
                "database": f"sqlite:///{here.resolve()}/foremend.db",
                "key_file": str((here / "foremend.key").resolve()),
                "webhooks": [webhook],
                **{
                    name: {"file": str((here / "outbox" / f"{name}.jsonl").resolve())}
                    for name in OWNER_CHANNELS
                },
                "quiet_hours": None,
            },
        }
        path = here / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    @contextmanager
    def _publish(self, here: Path, scenario: Scenario, broker: str) -> Iterator[subprocess.Popen[bytes]]:
        path = here / "scenario.yaml"
        path.write_text(yaml.safe_dump(scenario.model_dump(mode="json", exclude_defaults=True)))
        pace = ["--window", str(WINDOW), "--connections", "8", "--seed", str(self.seed)]
        with process(
            ["simulate", "--scenario", str(path), "--mqtt", broker, *pace], here / "fleet.log"
        ) as child:
            yield child

    def _follow(
        self,
        publisher: subprocess.Popen[bytes],
        ears: MqttSource,
        alerts: Alerts,
        fleet: Fleet,
        screen: DemoScreen,
    ) -> None:
        """Show progress and let owners withdraw when their time comes, until everything published is processed."""
        waiting = sorted((o for o in fleet.owners if o.withdraws is not None), key=lambda o: o.withdraws or 0)
        quiet_since = time.monotonic()
        while publisher.poll() is None or time.monotonic() - quiet_since < 2.0:
            before = screen.progress
            for progress in heard(ears):
                screen.progress = progress
            if screen.progress != before:
                quiet_since = time.monotonic()
            while waiting and (waiting[0].withdraws or 0) <= screen.progress.time:
                withdraw(alerts, waiting.pop(0))
            screen.show(queries.counts(alerts.engine))
        if publisher.returncode != 0:
            raise UnavailableError(
                f"the fleet ended with code {publisher.returncode}: see {self.folder}/demo/fleet.log"
            )


def wait_until_delivered(alerts: Alerts) -> None:
    """Until no message waits in the outbox, within reason."""
    until = time.monotonic() + DRAIN_WITHIN_S
    while queries.counts(alerts.engine).messages_waiting and time.monotonic() < until:
        time.sleep(0.2)
