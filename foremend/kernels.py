"""Compiles every numba kernel once, so that the first start does not: `python -m foremend.kernels`, part of set-up.

A day of one appliance of each simulated model goes through the simulator and the engine with the shipped rules.
"""

from __future__ import annotations

from foremend.config import load_profiles, load_settings
from foremend.engine import Engine
from foremend.learning.training import as_block
from rules.evaluator import RuleBook
from simulators.categories import appliance_models
from simulators.fleet import Fleet
from simulators.scenario import plain_fleet


def compile_kernels() -> int:
    """Run everything that is compiled; how many readings that took."""
    settings = load_settings()
    engine = Engine(load_profiles(), RuleBook(settings.rules), lateness_ms=settings.ingest.lateness)
    fleet = Fleet(plain_fleet(dict.fromkeys(appliance_models(), 1), days=2, fault_rate=0.0), seed=0)
    for telemetry in fleet.telemetry():
        engine.process(as_block(telemetry))
    engine.flush()
    return engine.counts().used


if __name__ == "__main__":
    compile_kernels()
