"""`foremend simulate`: a fleet's history into a folder, or live over MQTT."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

from foremend.errors import ConfigError
from simulators.categories import appliance_models
from simulators.fleet import Fleet
from simulators.history import write_history
from simulators.live import publish
from simulators.scenario import Scenario, load_scenario, plain_fleet

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


def into_folder(scenario: Scenario, seed: int, out: Path) -> dict[str, Any]:
    """Write history and, beside it, the truth. Raises ConfigError when `out` cannot be written."""
    written = write_history(Fleet(scenario, seed), out)
    return {"folder": str(written.folder), "readings": written.readings, "faults": written.faults}


def over_mqtt(
    scenario: Scenario, seed: int, url: str, speed: float | None, window: int | None, connections: int
) -> dict[str, Any]:
    """Publish until the scenario ends or a signal comes."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    fleet = Fleet(scenario, seed)
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


def require_one_way(out: Path | None, mqtt: str | None) -> None:
    """Raises ConfigError unless exactly one of the two was given."""
    if (out is None) == (mqtt is None):
        raise ConfigError("say where to: either --out DIR for history or --mqtt URL to publish")
