"""`foremend simulate`: a fleet's history into a folder, or live over MQTT."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.types import MS_PER_DAY
from ingest.settings import IngestSettings
from simulators.categories import appliance_models
from simulators.fleet.fleet import DayLived, Fleet
from simulators.fleet.scenario import Scenario, load_scenario, plain_fleet

log = logging.getLogger(__name__)

PASSWORD = "FOREMEND_SIMULATOR_PASSWORD"
"""Environment variable with the password that every simulated appliance uses; its user name is its id."""


def chosen_scenario(
    scenario: str | None, appliances: int, days: int, rate: float, model: list[str]
) -> Scenario:
    """The named scenario, or `appliances` spread evenly over `model` (none: every simulated appliance model)."""
    if scenario is not None:
        return load_scenario(scenario)
    models = model or list(appliance_models())
    share, rest = divmod(appliances, len(models))
    counts = {name: share + (k < rest) for k, name in enumerate(models)}
    return plain_fleet({name: count for name, count in counts.items() if count or appliances < 1}, days, rate)


def into_folder(scenario: Scenario, seed: int, out: Path, lived: DayLived) -> dict[str, Any]:
    """Write history and, beside it, the truth. Raises ConfigError when `out` cannot be written."""
    from simulators.fleet.history import write_history  # brings Arrow

    written = write_history(Fleet(scenario, seed, lived), out)
    return {"folder": str(written.folder), "readings": written.readings, "faults": written.faults}


def over_mqtt(
    scenario: Scenario,
    seed: int,
    url: str,
    speed: float | None,
    window: int | None,
    connections: int,
    lived: DayLived,
) -> dict[str, Any]:
    """Publish until the scenario ends or a signal comes."""
    from simulators.fleet.live import publish

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    _warn_of_age(scenario)
    fleet = Fleet(scenario, seed, lived)
    shared = os.environ.get(PASSWORD)
    passwords = {member.appliance_id: shared for member in fleet.members} if shared else None
    published = publish(
        fleet, url, speed=speed, window=window, connections=connections, passwords=passwords, stop=stop
    )
    return {
        "messages": published.messages,
        "readings": published.readings,
        "seconds": round(published.seconds, 1),
    }


def _warn_of_age(scenario: Scenario) -> None:
    """A pipeline takes a scenario of years ago for a clock that was never set."""
    oldest = IngestSettings().oldest
    age_ms = time.time_ns() // 1_000_000 - scenario.start_ms
    if oldest is not None and age_ms > oldest:
        log.warning(
            "the scenario starts %d days ago: a pipeline refuses readings older than its ingest.oldest (%d d), unless"
            " it has `oldest: null`; or give the scenario a later `start`",
            age_ms // MS_PER_DAY,
            oldest // MS_PER_DAY,
        )


def require_one_way(out: Path | None, mqtt: str | None) -> None:
    """Raises ConfigError unless exactly one of the two was given."""
    if (out is None) == (mqtt is None):
        raise ConfigError("say where to: either --out DIR for history or --mqtt URL to publish")
