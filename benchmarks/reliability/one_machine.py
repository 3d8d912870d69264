"""`foremend run` as a process between a real Mosquitto and PostgreSQL, with a fleet that talks on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.mosquitto_server import Mosquitto
from benchmarks.postgres_server import PostgresServer
from benchmarks.reliability.asked import AskedProcess
from benchmarks.reliability.load import Load
from benchmarks.reliability.rig import desk, until, written_settings
from benchmarks.reliability.story import READINGS, Story, time_of
from benchmarks.reliability.watch import PATIENCE_S, Readings
from foremend.commands.demo.processes import free_port
from foremend.config import load_settings
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import MS_PER_SECOND

LONGEST_START_S = 120.0
_ROUNDS_WITH_EPISODES = 40  # after 20 s some fifty have opened


@dataclass
class LocalServers:
    """What the pipeline of one machine runs between. Whoever makes them stops them."""

    mosquitto: Mosquitto
    postgres: PostgresServer


class Pipeline(AskedProcess):
    """`foremend run`."""

    def __init__(self, config: Path, environment: dict[str, str]) -> None:
        port = load_settings(config).service.port
        super().__init__(["run", "--config", str(config)], config.parent / "run.log", port, environment)


class PageWatch:
    """Sees from outside how far the pipeline is. The broker keeps the order of one publisher, so the newest event time
    that was worked on tells of everything before it."""

    def __init__(self, story: Story) -> None:
        self.pipeline: Pipeline | None = None
        self.seen: Readings = np.zeros((len(story.ids), story.most_readings), np.bool_)

    def until_seen(self, readings: Readings) -> None:
        """Until the newest of `readings` was worked on. Raises UnavailableError when that never comes."""
        sent = np.flatnonzero(readings.any(axis=0))
        if not len(sent):
            return
        wanted = time_of(int(sent[-1])) / MS_PER_SECOND
        until(lambda: self._newest() >= wanted, "readings that the pipeline never worked on", PATIENCE_S)

    def until_covered(self, readings: Readings) -> None:
        """The same: its consequences are committed together with it."""
        self.until_seen(readings)

    def _newest(self) -> float:
        return self.pipeline.number("event_time_seconds") if self.pipeline is not None else 0.0


@dataclass
class OneMachine:
    """The parts of one proof; open it with `one_machine`."""

    servers: LocalServers
    story: Story
    config: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = load_settings(self.config)
        self.watch = PageWatch(self.story)
        self.load = Load(self.story, self.settings.mqtt, self.watch)

    @property
    def pipeline(self) -> Pipeline:
        """The one that runs, or ran last."""
        assert self.watch.pipeline is not None
        return self.watch.pipeline

    def start(self) -> None:
        """Start the pipeline; returns when it is ready."""
        self.watch.pipeline = Pipeline(self.config, self.environment)
        until(self.pipeline.ready, f"a pipeline that works: {self.pipeline.log}", LONGEST_START_S)

    def recovered(self) -> float:
        """Seconds from now until all that was sent, and a round that is sent next, is worked on and committed."""
        began, rounds = time.monotonic(), self.load.rounds
        until(lambda: self.load.is_past(rounds + 1), "the fleet to go on")
        sent = np.zeros_like(self.load.sent)
        sent[:, : (rounds + 1) * READINGS] = True
        self.watch.until_seen(sent)
        return time.monotonic() - began

    def until_episodes(self) -> None:
        """Until the story is old enough for findings, so that a short fault is judged by them, too."""
        until(lambda: self.load.is_past(_ROUNDS_WITH_EPISODES), "the fleet to go on")

    def restarts(self) -> int:
        """This runtime has no restarts of its own."""
        return 0

    def end(self) -> None:
        """Stop in good order. Raises UnavailableError where the pipeline does not end as it should."""
        if (code := self.pipeline.stop()) != 0:
            raise UnavailableError(
                f"the pipeline ended with {code}: {self.pipeline.log.read_text(encoding='utf-8')[-2_000:]}"
            )


@contextmanager
def one_machine(
    servers: LocalServers,
    folder: Path,
    story: Story,
    webhooks: Sequence[dict[str, Any]] = (),
    environment: dict[str, str] | None = None,
) -> Iterator[OneMachine]:
    """A pipeline under load, everything working; nothing of it runs afterwards."""
    config = _configured(servers, folder, story, webhooks)
    with desk(load_settings(config), story):  # makes the tables, and knows the owners
        pass
    rig = OneMachine(servers, story, config, environment or {})
    try:
        rig.start()
        with rig.load:
            rig.recovered()
            yield rig
    finally:
        if rig.watch.pipeline is not None and rig.pipeline.returncode is None:
            rig.pipeline.kill()


def _configured(
    servers: LocalServers, folder: Path, story: Story, webhooks: Sequence[dict[str, Any]]
) -> Path:
    written = written_settings(folder, servers.mosquitto.url, servers.postgres.new_database(), story)
    written["service"] = {"port": free_port()}
    written["storage"]["checkpoint_every"] = "2 s"
    if webhooks:
        written["alerts"]["webhooks"] = [{"secret_file": "secret", **webhook} for webhook in webhooks]
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(written), encoding="utf-8")
    return config
