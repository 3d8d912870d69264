"""Compiles every numba kernel once, so that the first start does not: `python -m foremend.jobs.kernels`, in set-up.

A day of one appliance of each simulated model goes through the simulator and the engine with the shipped rules, and so
do some hours of a compressor that is watched reading by reading, and a payload through the reader of payloads.
"""

from __future__ import annotations

import numpy as np

from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.learning.practice_rows import as_block
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import Block
from ingest.batch import Waiting
from ingest.payloads import PlainPayloads
from ingest.settings import IngestSettings
from rules.evaluator import RuleBook
from simulators.categories import appliance_models
from simulators.fleet.fleet import Fleet
from simulators.fleet.scenario import plain_fleet


def compile_kernels() -> int:
    """Run everything that is compiled; how many readings that took."""
    settings = load_settings()
    engine = Engine(load_profiles(), RuleBook(settings.rules), lateness_ms=settings.ingest.lateness)
    fleet = Fleet(plain_fleet(dict.fromkeys(appliance_models(), 1), days=2, fault_rate=0.0), seed=0)
    for telemetry in fleet.telemetry():
        engine.process(as_block(telemetry))
    engine.process(_compressor())
    engine.flush()
    _read_payload(settings.ingest)
    return engine.counts().used


def _read_payload(settings: IngestSettings) -> None:
    profile = load_profiles()["air-compressor"]
    payload = b'{"ts":1760000000000,"signals":{"current":6.0}}'
    waiting = Waiting([0], ["one"], [payload])
    PlainPayloads(profile.signals, settings).read(waiting, np.array([1_760_000_000_000]))


def _compressor() -> Block:
    """Readings a minute apart, more than the watch over readings learns from at first."""
    number = np.arange(1_000)
    current = {"current": 6.0 * (number % 20 < 8) + 0.1 * (number % 3)}
    return Block("air-compressor", ("one",), np.zeros(1_000, np.int32), 60_000 * number, number, current)


if __name__ == "__main__":
    compile_kernels()
