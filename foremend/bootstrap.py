"""The one place that picks adapters. `build` reads from top to bottom as the way the data goes."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alerts.desk import Alerts, open_alerts
from alerts.dispatch import open_channels
from alerts.forgotten import ForgottenAppliances
from alerts.guide import Guide
from alerts.installation import settle
from alerts.vault import open_vault
from foremend.config import Settings, StorageSettings, load_settings
from foremend.consent_filter import ConsentFilter
from foremend.engine.engine import Engine
from foremend.engine.fitted import FittedModel
from foremend.engine.resting import RestRules
from foremend.history.parquet import ParquetHistory
from foremend.history.upkeep import Upkeep
from foremend.journal import SqliteJournal
from foremend.learning.training import fitted_models, open_registry
from foremend.plan import make_plan
from foremend.promotions import PromotionFollower
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.runtimes.resting import STRANGERS_REST_AFTER, Resting
from foremend.service.app import create_app
from foremend.service.health import Health, Probe
from foremend.service.read_model import ReadModel
from foremend.service.sending import with_sending
from foremend.service.server import Server, require_port
from foremend.service.session import with_session
from foremend.stores.installation import Stores
from foremend.stores.lock import FolderLock
from foremend.stores.private import close_to_others, private_files
from foremend.stores.resting import RestingStore
from foremend.terminal import progress_bar
from foremend.vocabulary.catalogue import FaultEntry, load_catalogue
from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.ports import Clock, History
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.topics import PROGRESS
from foremend.vocabulary.types import Forgotten
from ingest.decode import Ingest
from ingest.mqtt import MqttSource
from models.registry import Registry
from rules.evaluator import RuleBook

log = logging.getLogger(__name__)


class SystemClock:
    """`foremend.vocabulary.ports.Clock` of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that `foremend run` starts."""

    alerts: Alerts
    runtime: InProcessRuntime
    server: Server
    upkeep: Upkeep | None
    lock: FolderLock

    def run(self, stop: threading.Event) -> None:
        """Recover, then work until `stop` is set; serves the page and sends what is due all the while."""
        with self.server as address:
            log.info("the page is on %s", address)
            self.alerts.dispatcher.start()
            self.alerts.letters.start()
            try:
                if self.upkeep:
                    self.upkeep.start()
                self.runtime.recover(stop)
                self.runtime.run(stop)
            finally:
                if self.upkeep:
                    self.upkeep.close()
                self.alerts.close()
                self.lock.close()


def build(settings: Settings, clock: Clock | None = None) -> Application:
    """Wire the in-process pipeline. Trains what was never trained; opens the database, but no network yet.

    Raises ConfigError when the page's port is taken, before any work; RefusedError when
    another process has the storage folder, IntegrityError when its stores do not agree.
    """
    clock = clock or SystemClock()
    lock = FolderLock(settings.storage.folder)
    try:
        require_port(settings.service.host, settings.service.port)
        close_to_others(settings)
        Stores(settings, clock).require_agreement()
        return _wire(settings, clock, lock)
    except BaseException:
        lock.close()
        raise


def _wire(settings: Settings, clock: Clock, lock: FolderLock) -> Application:
    folder = settings.storage.folder
    profiles = load_profiles(settings.profiles.folders)
    ingest = Ingest(settings.ingest, {name: profile.signals for name, profile in profiles.items()})
    subscribe = tuple(dict.fromkeys((*settings.mqtt.subscribe, *ingest.subscriptions)))
    source = MqttSource(settings.mqtt.model_copy(update={"subscribe": subscribe}), folder / "mqtt.session")
    journal = SqliteJournal(folder / "journal.db")
    alerts = open_desk(settings, clock, journal.id)
    forgotten = ForgottenAppliances(alerts.engine, clock).all
    history = open_history(settings.storage, journal.id, forgotten)
    registry = open_registry(settings.models)
    engine = build_engine(settings, profiles, registry, history, clock)
    follower = PromotionFollower(registry, engine, scored_models(settings, profiles))
    permitted = ConsentFilter(alerts.consent, clock)
    rules = RestRules(settings.storage.rest_after, STRANGERS_REST_AFTER, settings.storage.most_strangers)
    store = RestingStore(folder / "resting.db")
    runtime = InProcessRuntime(
        source=source,
        journal=journal,
        ingest=ingest,
        engine=engine,
        effects=alerts.effects,
        history=history,
        snapshot_file=folder / "engine.snapshot",
        clock=clock,
        checkpoint_every_ms=settings.storage.checkpoint_every,
        settle=lambda position: settle(alerts.engine, journal.id, position),
        permitted=permitted,
        report=lambda progress: source.publish(PROGRESS, progress.to_json()),
        follow=follower,
        resting=Resting(store, rules, forgotten, permitted.withdrawn),
    )
    catalogue, host = load_catalogue(), settings.service.host
    model = ReadModel(alerts.engine, runtime, profiles, catalogue, feature_titles(profiles.values()))
    upkeep = open_upkeep(settings.storage, clock)
    health = with_session(model.health(), lambda: source.sessions_forgotten)
    health = with_sending(_with_storage(health, runtime, follower, upkeep), alerts.dispatcher)
    server = Server(create_app(model, host, health), host, settings.service.port)
    return Application(alerts, runtime, server, upkeep, lock)


def _with_storage(
    health: Health, runtime: InProcessRuntime, follower: PromotionFollower, upkeep: Upkeep | None
) -> Health:
    """Not ready while anything waits for a disk or a database; each says why."""
    found = [Probe("storage", runtime.trouble), Probe("registry", follower.trouble)]
    if upkeep is not None:
        found.append(Probe("upkeep", upkeep.trouble))
    return replace(health, ready=(*health.ready, *found))


def open_history(
    storage: StorageSettings, journal: str, forgotten: Callable[[], Sequence[Forgotten]] = tuple
) -> History:
    """Where readings are stored. Connects to nothing yet.

    `journal` is the id of the one whose positions it is told; `forgotten` is asked for appliances to leave out.
    """
    if storage.influx is None:
        return ParquetHistory(storage.folder / "history", journal, forgotten)
    from foremend.history.influx import InfluxHistory

    return InfluxHistory(storage.influx, forgotten)


def open_upkeep(storage: StorageSettings, clock: Clock) -> Upkeep | None:
    """Compaction and retention, not started; None where InfluxDB does both by itself."""
    if storage.influx is not None:
        return None
    return Upkeep(storage.folder / "history", storage.parquet, clock)


def create_history(config: Path | None) -> dict[str, str]:
    """`foremend history create`: the bucket and its retention. Raises ConfigError where history is Parquet."""
    storage = load_settings(config).storage
    if storage.influx is None:
        raise ConfigError(
            "storage.history is parquet: its folders make themselves, there is nothing to create"
        )
    from foremend.history.influx import InfluxHistory

    return InfluxHistory(storage.influx).create()


def build_engine(
    settings: Settings,
    profiles: dict[str, Profile],
    registry: Registry,
    history: History,
    clock: Clock,
) -> Engine:
    """The core with its rules and the champions of the registry, trained first where there is none."""
    rules = RuleBook(settings.rules)
    rules.check(profiles.values())
    fitted = champions(settings, profiles, registry, clock)
    return Engine(profiles, rules, fitted, lateness_ms=settings.ingest.lateness, on_readings=history.write)


def champions(
    settings: Settings, profiles: dict[str, Profile], registry: Registry, clock: Clock
) -> dict[str, FittedModel]:
    """The fitted model in use for each appliance model that is scored, trained first where there is none."""
    with progress_bar() as bar:
        task = bar.add_task("first training", total=None)
        return fitted_models(
            {name: profiles[name] for name in scored_models(settings, profiles)},
            registry,
            settings.models,
            lambda name, done, total: bar.update(
                task, completed=done, total=total, description=f"first training {name}"
            ),
            clock.now_ms(),
        )


def prepare_models(config: Path | None) -> dict[str, str]:
    """`foremend models prepare`: train what was never trained; the version in use by appliance model."""
    settings = load_settings(config)
    profiles = load_profiles(settings.profiles.folders)
    fitted = champions(settings, profiles, open_registry(settings.models), SystemClock())
    return {name: model.version for name, model in sorted(fitted.items())}


def scored_models(settings: Settings, profiles: Iterable[str]) -> tuple[str, ...]:
    """The appliance models that get detectors and a predictor; the others are watched by rules alone."""
    named = settings.models.appliance_models
    return tuple(profiles) if named is None else named


def open_desk(settings: Settings, clock: Clock, stream: str = "journal") -> Alerts:
    """The alerts stage on its database, with every channel that is set up; `stream` names whose positions it keeps."""
    return open_alerts(
        settings.alerts,
        clock,
        open_vault(settings.alerts, os.environ),
        open_channels(settings.alerts, clock, os.environ),
        np.random.default_rng(),  # spreads retries over time; nothing is reproduced from it
        {name: guide_of(entry) for name, entry in load_catalogue().items()},
        feature_titles(load_profiles(settings.profiles.folders).values()),
        stream,
    )


def guide_of(entry: FaultEntry) -> Guide:
    """What the catalogue says of a fault, in the words of the alerts stage."""
    steps = entry.self_help.model_dump() if entry.self_help else {}
    safety = entry.safety.model_dump() if entry.safety else {}
    return Guide(entry.title.model_dump(), entry.technician_finds, entry.parts, steps, safety)


def run_until_signal(config: Path | None) -> None:
    """`foremend run`: until SIGINT or SIGTERM, then a last checkpoint."""
    with private_files():
        application = build(make_plan(config, "run").settings)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        application.run(stop)
