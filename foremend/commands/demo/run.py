"""The main job on one machine: broker, service platform, pipeline and fleet as processes of their own.

The pipeline sees MQTT only. The truth stays in this process, which looks at it once, at the end, to say what was
caught and what was not.
"""

from __future__ import annotations

import secrets
import shutil
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
from foremend.commands.demo.interrupts import interruptible, shielded
from foremend.commands.demo.owners import register, withdraw
from foremend.commands.demo.processes import ended, free_port, process, running, wait_for_child
from foremend.commands.demo.result import result_of
from foremend.commands.demo.screen import DemoScreen
from foremend.commands.demo.story import Story
from foremend.config import load_settings
from foremend.runtimes.clock import SystemClock
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.errors import UnavailableError
from foremend.wiring.desk import open_desk
from ingest.mqtt.source import MqttSource
from simulators.fleet.fleet import Fleet
from simulators.fleet.scenario import Scenario, as_yaml, load_scenario

STORY_FILE, SECRET_FILE = "story.json", "webhook.secret"
WINDOW = 400  # messages the pipeline may be behind the fleet
LOOK_EVERY_S = 0.25  # at the database, for what to tell: as often as the terminal is drawn
DRAIN_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Demo:
    """One run of a scenario. `folder` keeps trained models; everything else is made anew in `folder`/demo.

    `pace`: event-days a second at most; None: as fast as the pipeline keeps up.
    """

    scenario: Scenario
    seed: int
    folder: Path
    port: int
    stay: bool
    pace: float | None = None

    def run(self) -> dict[str, Any]:
        """Live through the scenario and say what happened. With `stay`, the page remains until interrupted.

        Raises Interrupted when somebody asks it to end before; nothing is left running then.
        """
        here = self.folder / "demo"
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir(parents=True)
        # Leaving by an exception unwinds the stack, which ends every child.
        with interruptible(), ExitStack() as stack:
            return self._run(here, stack)

    def _run(self, here: Path, stack: ExitStack) -> dict[str, Any]:
        with shielded():
            broker = stack.enter_context(EmbeddedBroker())
        platform, port = self._start_platform(here, stack)
        config = self._write_config(here, broker.url, port)
        settings, fleet = load_settings(config), Fleet(self.scenario, self.seed)
        alerts = open_desk(settings, SystemClock())
        story = Story(
            alerts.engine,
            self.scenario.start_ms,
            self.scenario.days,
            len(fleet.members),
            here / STORY_FILE,
        )
        story.write()
        page = f"http://127.0.0.1:{settings.service.port}"
        screen = stack.enter_context(DemoScreen(page, story))
        log = here / "pipeline.log"
        pipeline = stack.enter_context(process(["run", "--config", str(config)], log))
        screen.say("starting: broker, service platform, pipeline")
        register(alerts, fleet)
        ears = stack.enter_context(listening(broker.url))
        wait_for_child(platform, port, here / "platform.log")
        wait_for_word(ears, pipeline, log)
        publisher = stack.enter_context(self._publish(here, broker.url))
        self._follow(publisher, ears, alerts, fleet, screen, story)
        screen.say("delivering what waits in the outbox")
        wait_until_delivered(alerts)
        result = result_of(fleet, alerts.engine, story.progress)
        story.end(result)
        if self.stay:
            screen.wait_for_interrupt(result)
        return result

    def _start_platform(self, here: Path, stack: ExitStack) -> tuple[subprocess.Popen[bytes], int]:
        """The stand-in service platform and its port."""
        secret, port = here / SECRET_FILE, free_port()
        secret.write_text("whsec_" + b64encode(secrets.token_bytes(32)).decode())
        store = ["--secret-file", str(secret), "--store", str(here / "platform.db")]
        command = [sys.executable, "-m", "simulators.platform", "--port", str(port), *store]
        return stack.enter_context(running(command, here / "platform.log")), port

    def _write_config(self, here: Path, broker: str, platform: int) -> Path:
        """A config.yaml of its own: the shipped rules, this run's broker, platform, folder and ports."""
        shipped = load_settings().model_dump(mode="json", include={"rules"}, exclude_defaults=True)
        webhook = {
            "name": "platform",
            "url": f"http://127.0.0.1:{platform}/webhooks",
            "secret_file": str((here / SECRET_FILE).resolve()),
            "allow_private": True,
        }
        config = {
            **shipped,
            "service": {
                "port": self.port or free_port(),
                "story": str((here / STORY_FILE).resolve()),
            },
            "storage": {"folder": str(here.resolve())},
            "models": {
                "registry": str((self.folder / "models").resolve()),
                "appliance_models": list(self.scenario.appliances),
            },
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
    def _publish(self, here: Path, broker: str) -> Iterator[subprocess.Popen[bytes]]:
        path = here / "scenario.yaml"
        path.write_text(as_yaml(self.scenario))
        speed = ["--speed", str(self.pace * 86_400)] if self.pace is not None else []
        pace = [*speed, "--window", str(WINDOW), "--connections", "8", "--seed", str(self.seed)]
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
        story: Story,
    ) -> None:
        """Show progress and let owners withdraw when their time comes, until everything published is processed."""
        waiting = sorted((o for o in fleet.owners if o.withdraws is not None), key=lambda o: o.withdraws or 0)
        progress, quiet_since, looked = story.progress, time.monotonic(), 0.0
        while publisher.poll() is None or time.monotonic() - quiet_since < 2.0:
            before, progress = progress, (heard(ears) or [progress])[-1]
            if progress != before:
                quiet_since = time.monotonic()
            while waiting and (waiting[0].withdraws or 0) <= progress.time:
                withdraw(alerts, waiting.pop(0))
            if time.monotonic() - looked >= LOOK_EVERY_S:
                screen.show(story.look(progress))
                looked = time.monotonic()
        screen.show(story.look(progress))
        if publisher.returncode != 0:
            raise UnavailableError(
                f"the fleet stopped: {ended(publisher, self.folder / 'demo' / 'fleet.log')}"
            )


def chosen_scenario(name: str, appliances: int | None, days: int | None) -> Scenario:
    """A shipped scenario or a file, as large and as long as it says or as asked. Raises as `load_scenario` does."""
    found = load_scenario(name)
    if appliances is None and days is None:
        return found
    return found.resized(appliances or sum(found.appliances.values()), days or found.days)


def wait_until_delivered(alerts: Alerts) -> None:
    """Until no message waits in the outbox, within reason."""
    until = time.monotonic() + DRAIN_WITHIN_S
    while queries.counts(alerts.engine).messages_waiting and time.monotonic() < until:
        time.sleep(0.2)
