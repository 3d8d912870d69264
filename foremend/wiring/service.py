"""`foremend service`: the page, the API and the dispatcher, beside workers on the same database."""

from __future__ import annotations

import logging
import signal
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from alerts.desk import Alerts
from foremend.config import Settings
from foremend.installation.erasing import Erasing, workers_forgot
from foremend.installation.private import close_to_others
from foremend.installation.retaining import Retaining, open_retention
from foremend.jobs.fleet_days import FleetDays
from foremend.jobs.insights_apart import InsightsApart
from foremend.jobs.wellbeing import WellbeingRounds
from foremend.plan import make_plan
from foremend.runtimes.asking_apart import AskingApart
from foremend.runtimes.clock import SystemClock
from foremend.runtimes.kafka.settings import KafkaSettings
from foremend.service.read_model import ReadModel
from foremend.service.sending import with_sending
from foremend.service.server import Server, require_port
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.catalogue.features import feature_titles
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import load_profiles
from foremend.wiring.desk import open_desk
from foremend.wiring.page import open_desks, open_server, open_wellbeing

log = logging.getLogger(__name__)
_LOOK_S = 1.0

_SHORTEST_SILENCE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Service:
    """Any number of these work beside each other: each message is sent by one of them."""

    alerts: Alerts
    server: Server
    retaining: Retaining
    fleet_days: FleetDays
    insights: InsightsApart
    wellbeing: WellbeingRounds
    erasing: Erasing
    asking: AskingApart

    def run(self, stop: threading.Event) -> None:
        """Serve and send until `stop` is set."""
        try:
            self.alerts.start()
            self.retaining.start()
            self.erasing.start()
            self.fleet_days.start()
            self.insights.start()
            self.wellbeing.start()
            self.asking.start()
            with self.server as address:
                log.info("the page is on %s", address)
                while not stop.wait(_LOOK_S):
                    pass  # a signal that came in the instant before it waits is heard of now
        finally:
            self.asking.close()
            self.wellbeing.close()
            self.fleet_days.close()
            self.insights.close()
            self.erasing.close()
            self.retaining.close()
            self.alerts.close()


def build_service(settings: Settings, clock: Clock | None = None) -> Service:
    """Opens the database and listens on nothing yet. Raises what `open_desk` raises."""
    clock = clock or SystemClock()
    alerts = open_desk(settings, clock)
    pipeline = SharedPipeline(alerts.engine, streams(settings.kafka), clock, _silence_ms(settings.kafka))
    profiles = load_profiles(settings.profiles.folders)
    model = ReadModel(
        alerts.engine,
        pipeline,
        profiles,
        load_catalogue(),
        feature_titles(profiles.values()),
        unwatched=alerts.watched.unwatched,
    )
    health = with_sending(model.health(), alerts.dispatcher)
    retention = open_retention(settings, alerts, clock, kafka=True)
    insights = InsightsApart(settings, alerts.fleet_reports, open_desk, clock)
    desks = open_desks(settings, alerts, profiles, clock, retention, insights)
    server = open_server(settings.service, model, health, alerts.access, desks)
    erasing = Erasing(
        settings,
        alerts.erasures,
        partial(workers_forgot, alerts.engine, streams(settings.kafka)),
        profiles,
        clock.now_ms,
    )
    rounds = open_wellbeing(settings, alerts, profiles, clock)
    signals = {name: profile.signals for name, profile in profiles.items()}
    return Service(
        alerts,
        server,
        Retaining(retention),
        FleetDays(alerts, clock),
        insights,
        rounds,
        erasing,
        AskingApart(alerts.diagnoses, settings.mqtt, settings.ingest, signals, clock),
    )


def streams(settings: KafkaSettings) -> tuple[str, ...]:
    """The name of each partition's stream in the effects database."""
    return tuple(f"{settings.prefix}-{partition}" for partition in range(settings.partitions))


def run_service(config: Path | None) -> None:
    """Until SIGINT or SIGTERM. Raises ConfigError for what `check --for service` finds, and for a taken port."""
    settings = make_plan(config, "service").settings
    require_port(settings.service.host, settings.service.port)
    close_to_others(settings)
    service = build_service(settings)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    service.run(stop)


def _silence_ms(settings: KafkaSettings) -> int:
    """Three checkpoints missed is a stream that stands still."""
    return max(3 * settings.checkpoint_every, _SHORTEST_SILENCE_MS)
