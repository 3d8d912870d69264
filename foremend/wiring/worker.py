"""`foremend worker`: wires a worker, watches over it, and starts the same process anew when only that helps.

State is where it always is, in checkpoints.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Collection, Mapping
from functools import partial

from threadpoolctl import threadpool_limits

from alerts.desk import Alerts
from alerts.forgotten import ForgottenAppliances
from alerts.personal.erasure import names_in
from alerts.resting import RestingAppliances
from alerts.shared_status import forget_seen
from foremend.config import Settings
from foremend.engine.engine import Engine, ReadingsListener
from foremend.engine.lane import Lane
from foremend.engine.resting import RestRules
from foremend.installation.history import open_history, open_upkeep
from foremend.installation.private import close_to_others
from foremend.learning.in_use import scored_models
from foremend.learning.promotions import PromotionFollower
from foremend.learning.stored import open_registry
from foremend.runtimes.anew import StopAsked, start_anew
from foremend.runtimes.arrivals import Arrivals
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.consent_filter import ConsentFilter
from foremend.runtimes.device_words import refused_words, word_in
from foremend.runtimes.erased_filter import ErasedFilter
from foremend.runtimes.firmware import FirmwareRounds
from foremend.runtimes.kafka import membership
from foremend.runtimes.kafka.dead_letters import decode_letter
from foremend.runtimes.kafka.event_times import EventTimes
from foremend.runtimes.kafka.meter import Meter
from foremend.runtimes.kafka.partition import Keyed, PartitionRuntime, Record
from foremend.runtimes.kafka.resting import AtRest
from foremend.runtimes.kafka.status_writer import StatusWriter
from foremend.runtimes.kafka.topics import check
from foremend.runtimes.kafka.watchdog import Progress, Watchdog
from foremend.runtimes.kafka.worker import Worker
from foremend.runtimes.resting import STRANGERS_REST_AFTER
from foremend.service.health import serve_health
from foremend.service.server import require_port
from foremend.service.worker_health import worker_health
from foremend.stores.patience import Patience
from foremend.vocabulary.errors import InputError, UnavailableError, is_unforeseen
from foremend.vocabulary.ids import EVERYBODY
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.types import MS_PER_DAY, DeadLetter
from foremend.wiring.desk import open_desk
from ingest.dead_letters import bounded
from ingest.quarantine import Quarantine
from models.registry.registry import Registry
from rules.evaluator import RuleBook

log = logging.getLogger(__name__)

LEAST_KEPT = 2 * MS_PER_DAY
"""What an older checkpoint names of appliances that rest, however short Kafka keeps blocks."""


def run_worker(settings: Settings, health_port: int | None) -> None:
    """Until SIGINT or SIGTERM; waits for Kafka and the database. Raises ConfigError: a wrong topic, a taken port."""
    for noisy in ("faust", "mode", "aiokafka", membership.__name__):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)  # 70 lines a second in an outage; we say it once
    if health_port is not None:
        require_port(settings.service.host, health_port, "--health-port")
    asked = StopAsked()
    try:
        # Engines have one thread; more would wait for each other.
        with threadpool_limits(limits=1):
            close_to_others(settings)
            _work(settings, health_port, asked)
    except UnavailableError as error:
        asked.or_anew(error)


def build_worker(settings: Settings, clock: Clock | None = None) -> tuple[Worker, Alerts, threading.Event]:
    """Wire a worker; opens the database, but no connection to Kafka yet. Set the event when it ended.

    A worker never trains: it takes champions from the registry, and watches what has none by rules alone.
    """
    clock = clock or SystemClock()
    alerts = open_desk(settings, clock)
    engines = Engines(settings, open_registry(settings.models))
    watched, meter, quarantine = alerts.watched, Meter(), Quarantine()
    permitted = ErasedFilter(
        lambda: names_in(alerts.erasures.pending()), ConsentFilter(watched, clock), clock
    )
    forgotten = ForgottenAppliances(alerts.engine, clock).all
    rules = RestRules(settings.storage.rest_after, STRANGERS_REST_AFTER, settings.storage.most_strangers)
    arrivals = Arrivals()
    kept_for = max(settings.kafka.retention, LEAST_KEPT)

    def runtime_of(partition: int) -> PartitionRuntime:
        stream = f"{settings.kafka.prefix}-{partition}"
        return PartitionRuntime(
            topic=settings.kafka.blocks_topic,
            engines=engines,
            effects=alerts.effects.of(stream),
            history=open_history(settings.storage, stream, forgotten),
            permitted=permitted,
            report=StatusWriter(alerts.engine, stream, clock).record,
            clock=clock,
            meter=meter,
            quarantine=quarantine,
            event_times=EventTimes.of(settings.ingest),
            arrivals=arrivals,
            erasures=alerts.erasures.pending,
            unwatched=partial(_leave, alerts),
            resting=AtRest(
                RestingAppliances(alerts.engine, stream, clock),
                rules,
                clock,
                kept_for,
                forgotten,
                watched.gone,
            ),
        )

    ended = threading.Event()
    letters = Letters(settings, alerts, ended, quarantine)
    folder = settings.storage.folder / "faust"
    worker = Worker(settings.kafka, runtime_of, letters.store, meter, folder, quarantine)
    return worker, alerts, ended


def _leave(alerts: Alerts, ids: Collection[str]) -> Collection[str]:
    """Those of `ids` whom nobody may watch; the page, too, shows them no more."""
    if gone := alerts.watched.unwatched(ids):
        forget_seen(alerts.engine, gone)
    return gone


class Engines:
    """Makes the engine of each record key, with the champion of the registry."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        """Raises ConfigError for a rule that could never speak; warns of models that nobody trained."""
        self._profiles: Mapping[str, Profile] = load_profiles(settings.profiles.folders)
        self._rules = RuleBook(settings.rules)
        self._rules.check(self._profiles.values())
        self._registry, self._lateness_ms = registry, settings.ingest.lateness
        self._scored = scored_models(settings.models, self._profiles)
        self.appliance_models: Collection[str] = self._profiles.keys()
        for name in self._scored:
            if registry.aliases(name).champion is None:
                log.warning(
                    "%s has no trained model; rules and its own past watch it: `foremend models prepare`",
                    name,
                )

    def __call__(self, key: str, on_readings: ReadingsListener) -> Keyed:
        appliance_model = key.rpartition("/")[0]
        engine = Engine(
            self._profiles,
            self._rules,
            lateness_ms=self._lateness_ms,
            on_readings=on_readings,
            everybody=f"{EVERYBODY}{key}",  # engines do not know of each other, and their findings share no id
        )
        mine = self._profiles[appliance_model]
        followed = {appliance_model: mine} if appliance_model in self._scored else {}
        return Keyed(engine, PromotionFollower(self._registry, engine, followed))


class Letters:
    """From the dead letters' topic into the database; a letter that comes twice has the same id, and an owner's word,
    which comes the same way, a key of its own."""

    def __init__(
        self, settings: Settings, alerts: Alerts, stop: threading.Event, quarantine: Quarantine
    ) -> None:
        """`stop` ends waiting for a database that is away."""
        self._quarantine = quarantine
        self._topic, self._effects = settings.kafka.dead_letters_topic, alerts.effects
        self._hear, self._most_bytes = alerts.consents.hear, settings.ingest.dead_letter_bytes
        self._patience = Patience(stop)

    def store(self, partition: int, record: Record) -> None:
        """Keep the letter in the record; one that is none is a dead letter itself.

        Of one that raises, by a mistake of ours, the reason alone is kept; Kafka has the record for `kafka.retention`.
        """
        value = record.value or b""
        try:
            letter = decode_letter(value)
        except InputError as error:
            letter = DeadLetter(self._topic, value, str(error), record.received)
        effects, position = self._effects.of(f"{self._topic}-{partition}"), record.offset + 1

        def keep(*letters: DeadLetter) -> None:
            self._patience.insist(lambda: effects.apply((), letters, position))

        try:
            word = word_in(letter)
            if word is not None:
                keep(*refused_words([word], self._hear, self._patience.insist))
            else:
                keep(bounded(letter, self._most_bytes))
        except Exception as error:
            if not is_unforeseen(error):
                raise
            where = f"record {record.offset} of partition {partition} of {self._topic}"
            reason = f"{self._quarantine.reason('effects', error)}: {where} has the letter"
            keep(DeadLetter(self._topic, b"", reason, record.received))


def _work(settings: Settings, health_port: int | None, asked: StopAsked) -> None:
    worker, alerts, ended = build_worker(settings)
    watchdog = Watchdog(settings.kafka, lambda: _progress(worker), start_anew)
    health = worker_health(worker, watchdog, settings.kafka)
    upkeep = open_upkeep(settings.storage, SystemClock())
    firmware = FirmwareRounds(lambda: _lanes(worker), alerts.nameplates.hear)
    try:
        firmware.start()
        if upkeep:
            upkeep.start()
        with serve_health(health, settings.service.host, health_port):
            gc.freeze()  # as in `wiring.one_machine`
            asyncio.run(_until_asked(asked, worker, watchdog, settings, ended))
    finally:
        firmware.close()
        if upkeep:
            upkeep.close()
        alerts.close()


def _lanes(worker: Worker) -> list[Lane]:
    engines = [engine for one in worker.held.values() for engine in list(one.runtime.engines.values())]
    return [lane for engine in engines for lane in list(engine.lanes.values())]


async def _until_asked(
    asked: StopAsked, worker: Worker, watchdog: Watchdog, settings: Settings, ended: threading.Event
) -> None:
    stop = asyncio.Event()
    with asked.tell(stop):
        await check(settings.kafka)
        watchdog.start()
        try:
            await worker.run(stop)
        finally:
            ended.set()


def _progress(worker: Worker) -> Progress:
    held = worker.held
    return Progress(
        {partition: one.runtime.next_offset for partition, one in held.items()},
        any(one.runtime.waiting for one in held.values()),
        worker.idle_since,
        None if worker.holdings is None else worker.holdings.busy_since,
    )
