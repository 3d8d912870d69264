"""`make champions`: trains what comes with Foremend anew, appliance model by appliance model, from today's code.

`python -m foremend.jobs.champions [NAME ...]` makes those that are named, or all that are simulated and can fail.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from foremend.learning.champions import make_champion
from foremend.learning.training import SHIPPED
from foremend.runtimes.clock import SystemClock
from foremend.terminal import people
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import load_profiles
from models.registry.registry import MODEL_FILE, Registry
from simulators.categories import appliance_models


def champion_names() -> list[str]:
    """The appliance models that a champion comes with."""
    profiles = load_profiles()
    return [name for name in appliance_models() if profiles[name].faults]


def make_champions(names: list[str], processes: int) -> None:
    """One after the other, the fleets of each in `processes`. Raises ConfigError for a name that has none."""
    profiles, registry = load_profiles(), Registry(SHIPPED)
    strange = [name for name in names if name not in champion_names()]
    if strange:
        raise ConfigError(f"no champion comes for {strange[0]}: choose from {', '.join(champion_names())}")
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for name in names or champion_names():
            card = make_champion(profiles[name], registry, SHIPPED, SystemClock().now_ms(), pool.map)
            size = (SHIPPED / name / card.version / MODEL_FILE).stat().st_size
            people.print(f"{name}: {size / 1e6:.2f} MB, {card.metrics}")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("names", nargs="*")
    asked.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = asked.parse_args()
    make_champions(given.names, given.processes)
