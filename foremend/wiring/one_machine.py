"""`foremend run`: the pipeline on one machine. `build` reads from top to bottom as the way the data goes."""

from __future__ import annotations

import gc
import logging
import signal
import threading
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from alerts.desk import Alerts
from alerts.forgotten import ForgottenAppliances
from alerts.installation import settle
from alerts.personal.erasure import Job, names_in
from foremend.config import Settings
from foremend.engine.resting import RestRules
from foremend.history.upkeep import Upkeep
from foremend.home.lane import HomeLane
from foremend.installation.erasing import Erasing
from foremend.installation.history import open_history, open_upkeep
from foremend.installation.lock import FolderLock
from foremend.installation.private import close_to_others
from foremend.installation.retaining import Retaining, forget_resting, open_retention
from foremend.installation.stores import Stores
from foremend.jobs.fleet_days import FleetDays
from foremend.jobs.insights_apart import InsightsApart
from foremend.jobs.wellbeing import WellbeingRounds
from foremend.learning.background import BackgroundTraining
from foremend.learning.in_use import scored_models
from foremend.learning.promotions import PromotionFollower
from foremend.learning.stored import open_registry
from foremend.learning.training import in_use, to_train
from foremend.plan import make_plan
from foremend.runtimes.asking import Asking
from foremend.runtimes.clock import ClockAtStart, SystemClock
from foremend.runtimes.consent_filter import ConsentFilter
from foremend.runtimes.erased_filter import ErasedFilter
from foremend.runtimes.firmware import FirmwareRounds
from foremend.runtimes.inprocess import InProcessRuntime
from foremend.runtimes.resting import STRANGERS_REST_AFTER, Resting
from foremend.service.health import Health, Probe
from foremend.service.pipeline import OwnPipeline
from foremend.service.read_model import ReadModel
from foremend.service.sending import with_sending
from foremend.service.server import Server, require_port
from foremend.service.session import with_session
from foremend.stores.journal import SqliteJournal
from foremend.stores.orders import Orders
from foremend.stores.resting import RestingStore
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.topics import PROGRESS, Progress
from foremend.wiring.desk import open_desk
from foremend.wiring.page import open_desks, open_server, open_wellbeing
from foremend.wiring.parts import build_engine, open_home
from ingest.decode import Ingest
from ingest.mqtt.source import MqttSource

log = logging.getLogger(__name__)

ERRAND_S = 60.0
"""So long another thread waits for the pipeline to get to what it asks."""


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that `foremend run` starts."""

    alerts: Alerts
    runtime: InProcessRuntime
    server: Server
    upkeep: Upkeep | None
    training: BackgroundTraining
    lock: FolderLock
    home: HomeLane | None
    erasing: Erasing
    retaining: Retaining
    fleet_days: FleetDays
    insights: InsightsApart
    wellbeing: WellbeingRounds
    firmware: FirmwareRounds
    asking: Asking

    def run(self, stop: threading.Event) -> None:
        """Recover, then work until `stop` is set; serves the page and sends what is due all the while."""
        with self.server as address:
            log.info("the page is on %s", address)
            self.alerts.start()
            self.training.start()
            try:
                if self.upkeep:
                    self.upkeep.start()
                self.runtime.recover(stop)
                self.erasing.start()
                self.retaining.start()
                self.fleet_days.start()
                self.insights.start()
                self.wellbeing.start()
                self.firmware.start()
                self.asking.start()
                if self.home:
                    self.home.start()
                self.runtime.run(stop)
            finally:
                self.asking.close()
                if self.home:
                    self.home.close()
                self.training.close()
                if self.upkeep:
                    self.upkeep.close()
                self.erasing.close()
                self.firmware.close()
                self.wellbeing.close()
                self.fleet_days.close()
                self.insights.close()
                self.retaining.close()
                self.close()

    def close(self) -> None:
        """Let go of the database and the folder."""
        self.alerts.close()
        self.lock.close()


def build(settings: Settings, clock: Clock | None = None) -> Application:
    """Wire the in-process pipeline and the training of what never was; opens the database, but no network yet.

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


def build_unserved(settings: Settings, clock: Clock | None = None) -> Application:
    """The same, for work on a pipeline that stands: it is never served nor connected to the broker.

    Raises RefusedError when another process has the storage folder, IntegrityError when its stores do not agree.
    """
    clock = clock or SystemClock()
    lock = FolderLock(settings.storage.folder)
    try:
        close_to_others(settings)
        Stores(settings, clock).require_agreement()
        return _wire(settings, clock, lock)
    except BaseException:
        lock.close()
        raise


def forget(runtime: InProcessRuntime, job: Job) -> None:
    """In the runtime's thread: nothing of whom an erasure is about stays."""
    runtime.forget([one.appliance_id for one in job.whose.appliances], job.whose.is_named_in)


def _speak(source: MqttSource, progress: Progress, ingest: Ingest) -> None:
    """How far the pipeline is, and what devices must be asked for."""
    source.publish(PROGRESS, progress.to_json())
    for topic, payload in ingest.requests():
        source.publish(topic, payload)


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
    scored = {name: profiles[name] for name in scored_models(settings.models, profiles)}
    training = BackgroundTraining(
        to_train(scored, registry, settings.models, clock.now_ms()), settings.models, clock
    )
    engine = build_engine(settings, profiles, in_use(scored, registry), history)
    follower = PromotionFollower(registry, engine, scored)
    permitted = ConsentFilter(alerts.watched, clock)
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
        permitted=ErasedFilter(lambda: names_in(alerts.erasures.pending()), permitted, clock),
        report=lambda progress: _speak(source, progress, ingest),
        follow=follower,
        orders=Orders(folder),
        resting=Resting(store, rules, forgotten, alerts.watched.gone),
        unwatched=alerts.watched.unwatched,
        hear_word=alerts.consents.hear,
        require_clock=ClockAtStart(clock, settings.ingest.clock_ahead).require,
    )
    catalogue = load_catalogue()
    model = ReadModel(
        alerts.engine,
        OwnPipeline(runtime),
        profiles,
        catalogue,
        feature_titles(profiles.values()),
        training.each,
        settings.service.story,
        alerts.watched.unwatched,
    )
    upkeep = open_upkeep(settings.storage, clock)
    home = open_home(settings, alerts, runtime, clock)
    retention = open_retention(settings, alerts, clock, partial(forget_resting, store))
    erasing = Erasing(
        settings,
        alerts.erasures,
        lambda job: runtime.ask(lambda: forget(runtime, job), ERRAND_S),
        profiles,
        clock.now_ms,
    )
    health = with_session(model.health(), source)
    health = _with_storage(_with_home(health, home), runtime, follower, upkeep)
    health = with_sending(health, alerts.dispatcher)
    insights = InsightsApart(settings, alerts.fleet_reports, open_desk, clock)
    desks = open_desks(settings, alerts, profiles, clock, retention, insights)
    server = open_server(settings.service, model, health, alerts.access, desks)
    asking = Asking(alerts.diagnoses, runtime, source.publish)
    return Application(
        alerts,
        runtime,
        server,
        upkeep,
        training,
        lock,
        home,
        erasing,
        Retaining(retention),
        FleetDays(alerts, clock),
        insights,
        open_wellbeing(settings, alerts, profiles, clock),
        FirmwareRounds(lambda: list(engine.lanes.values()), alerts.nameplates.hear),
        asking,
    )


def _with_home(health: Health, home: HomeLane | None) -> Health:
    """Where the household's automation is told: not ready while that waits, not alive without its thread."""
    if home is None:
        return health
    return replace(
        health,
        ready=(*health.ready, Probe("home assistant", home.trouble)),
        alive=(*health.alive, Probe("home assistant", home.ended)),
    )


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
    application = build(make_plan(config, "run").settings)
    gc.freeze()  # what is there now stays: looking through it again and again was a quarter of decoding
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    application.run(stop)
