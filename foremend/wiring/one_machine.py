"""`foremend run`: the pipeline on one machine. `build` reads from top to bottom as the way the data goes."""

from __future__ import annotations

import logging
import signal
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from alerts.desk import Alerts
from alerts.forgotten import ForgottenAppliances
from alerts.installation import settle
from foremend.config import Settings
from foremend.engine.resting import RestRules
from foremend.history.upkeep import Upkeep
from foremend.installation.history import open_history, open_upkeep
from foremend.installation.lock import FolderLock
from foremend.installation.private import close_to_others, private_files
from foremend.installation.stores import Stores
from foremend.learning.promotions import PromotionFollower
from foremend.learning.training import open_registry
from foremend.plan import make_plan
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.consent_filter import ConsentFilter
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.runtimes.resting import STRANGERS_REST_AFTER, Resting
from foremend.service.app import create_app
from foremend.service.health import Health, Probe
from foremend.service.pipeline import OwnPipeline
from foremend.service.read_model import ReadModel
from foremend.service.sending import with_sending
from foremend.service.server import Server, require_port
from foremend.service.session import with_session
from foremend.stores.journal import SqliteJournal
from foremend.stores.resting import RestingStore
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.topics import PROGRESS
from foremend.wiring.parts import build_engine, open_desk, scored_models
from ingest.decode import Ingest
from ingest.mqtt.source import MqttSource

log = logging.getLogger(__name__)


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
    model = ReadModel(
        alerts.engine, OwnPipeline(runtime), profiles, catalogue, feature_titles(profiles.values())
    )
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


def run_until_signal(config: Path | None) -> None:
    """`foremend run`: until SIGINT or SIGTERM, then a last checkpoint."""
    with private_files():
        application = build(make_plan(config, "run").settings)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        application.run(stop)
