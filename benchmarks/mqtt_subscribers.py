"""The subscribers in Python that `benchmarks.throughput` compares; each says when it is ready and measures itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.mqtt_load import APPLIANCE_MODEL, payload_of
from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.history.parquet import ParquetHistory
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.stores.journal import SqliteJournal
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.topics import TELEMETRY_WILDCARD, telemetry_topic
from foremend.vocabulary.types import RawMessage
from foremend.wiring.desk import open_desk
from ingest.decode import Ingest
from ingest.mqtt.settings import MqttSettings
from ingest.mqtt.source import MqttSource
from rules.evaluator import RuleBook

Figures = dict[str, Any]

PATIENCE_S = 300.0  # numba compiles before the first run
_TAKE_S = 0.05


def count_with_paho(port: int, messages: int, ready: Callable[[], None]) -> Figures:
    """What paho alone can do: the callback only counts."""
    times: list[float] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, "bare")

    def on_message(*_: object) -> None:
        times.append(time.perf_counter())
        if len(times) == messages:
            client.disconnect()

    client.on_subscribe = lambda *_: ready()
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.subscribe(TELEMETRY_WILDCARD, qos=1)
    client.loop_forever()
    return {"seconds": times[-1] - times[0]}


def count_with_source(port: int, messages: int, ready: Callable[[], None]) -> Figures:
    """The way in, without anything behind it."""
    source = MqttSource(MqttSettings(url=f"mqtt://127.0.0.1:{port}", client_id="source"))
    source.connect()
    ready()
    taken = source.take(PATIENCE_S)
    begun = time.perf_counter()
    left = messages
    while taken:
        source.acknowledge([token for _, token in taken])
        left -= len(taken)
        taken = source.take(PATIENCE_S) if left else []
    seconds = time.perf_counter() - begun
    source.close()
    return {"seconds": seconds}


class Timed:
    """Stands before a part of the pipeline and adds up the CPU time of some of its methods."""

    def __init__(self, part: Any, spent: dict[str, float], **stages: str) -> None:
        self._part = part
        for method, stage in stages.items():
            setattr(self, method, self._timed(getattr(part, method), spent, stage))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._part, name)

    @staticmethod
    def _timed(method: Callable[..., Any], spent: dict[str, float], stage: str) -> Callable[..., Any]:
        spent.setdefault(stage, 0.0)

        def call(*args: Any, **named: Any) -> Any:
            begun = time.thread_time()
            try:
                return method(*args, **named)
            finally:
                spent[stage] += time.thread_time() - begun

        return call


def run_pipeline(port: int, messages: int, ready: Callable[[], None]) -> Figures:
    """The in-process runtime with its real parts, on a disk of its own; consent is given by all."""
    spent: dict[str, float] = {}
    runtime, source = build_pipeline(port, spent)
    runtime.recover()
    source.connect()
    ready()
    while not runtime.step(_TAKE_S):
        pass
    begun, process, thread = time.perf_counter(), time.process_time(), time.thread_time()
    spent.update(dict.fromkeys(spent, 0.0))
    before = runtime.progress.messages
    while runtime.progress.messages < messages:
        runtime.step(_TAKE_S)
    seconds = time.perf_counter() - begun
    others = (time.process_time() - process) - (time.thread_time() - thread)
    counted = runtime.progress.messages - before
    source.close()
    cpu = {"mqtt_thread": others} | spent
    return {
        "seconds": seconds * messages / counted,
        "cpu_us_per_message": {stage: round(value / counted * 1e6, 1) for stage, value in cpu.items()},
        "dead_letters": runtime.progress.dead_letters,
    }


def build_pipeline(port: int, spent: dict[str, float]) -> tuple[InProcessRuntime, MqttSource]:
    """Every part in the current folder. The predictor is left out: it scores once an event day, never a message."""
    settings, clock, folder = load_settings(), SystemClock(), Path.cwd()
    profiles = load_profiles(settings.profiles.folders)
    signals = {name: profile.signals for name, profile in profiles.items()}
    ingest, engine = (
        Ingest(settings.ingest, signals),
        Engine(profiles, RuleBook(settings.rules), lateness_ms=600_000),
    )
    warm_up(Ingest(settings.ingest, signals), Engine(profiles, RuleBook(settings.rules), lateness_ms=600_000))
    source = MqttSource(MqttSettings(url=f"mqtt://127.0.0.1:{port}", client_id="pipeline"))
    runtime = InProcessRuntime(
        source=Timed(source, spent, acknowledge="acknowledge", take="take"),
        journal=Timed(SqliteJournal(folder / "journal.db"), spent, append="journal"),  # type: ignore[arg-type]
        ingest=Timed(ingest, spent, decode="decode"),  # type: ignore[arg-type]
        engine=Timed(engine, spent, process="engine"),  # type: ignore[arg-type]
        effects=Timed(open_desk(settings, clock).effects, spent, apply="effects"),
        history=Timed(ParquetHistory(folder / "history"), spent, write="history"),
        snapshot_file=folder / "engine.snapshot",
        clock=clock,
        checkpoint_every_ms=settings.storage.checkpoint_every,
        permitted=lambda block: block,
        report=lambda progress: None,
    )
    return runtime, source


def warm_up(ingest: Ingest, engine: Engine) -> None:
    """Let numba compile before the clock runs."""
    topic = telemetry_topic(APPLIANCE_MODEL, "fridge-0000")
    messages = [RawMessage(topic, payload_of(0, 0, 60), SystemClock().now_ms())]
    for block in ingest.decode(messages).blocks:
        engine.process(block)
