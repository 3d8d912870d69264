"""The alerts stage put together from its settings and what the wiring hands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from sqlalchemy import Engine

from alerts.access.access import Access, open_access
from alerts.anchors import Anchors
from alerts.channels import Channel
from alerts.cohort_alarms import CohortAlarms
from alerts.consent import ConsentLedger
from alerts.consent.endings import ConsentEndings
from alerts.consent.permitted import Keeping
from alerts.consent.watched import Watched
from alerts.consent_desk import ConsentDesk
from alerts.database import open_database
from alerts.dead_letters import DeadLetterUpkeep
from alerts.diagnosis.desk import Diagnoses
from alerts.diagnosis.owner_word import OwnerWords
from alerts.dispatch import Dispatcher
from alerts.effects import DatabaseEffects
from alerts.fleet_reports import FleetReports
from alerts.guide import Guide
from alerts.nameplates import Nameplates
from alerts.outbox import Outbox
from alerts.owners import Owners
from alerts.personal.erasure import Erasures
from alerts.policies import Policies, load_policies
from alerts.preview import Previews
from alerts.promise_watch import PromiseWatch
from alerts.queue import Queue
from alerts.servicing import Servicing
from alerts.settings import AlertsSettings
from alerts.stop_links import StopDesk, StopLinks
from alerts.vault import Vault
from alerts.wellbeing.answers import ContactAnswers
from alerts.wellbeing.contacts import Contacts, addressed
from alerts.wellbeing.desk import Wellbeing
from alerts.wording import Titles
from foremend.vocabulary.ports import Clock


@dataclass(frozen=True, slots=True)
class Alerts:
    """Everything others use of this stage; read models are in `alerts.queries`, on `engine`."""

    engine: Engine
    owners: Owners
    nameplates: Nameplates
    consent: ConsentLedger
    watched: Watched
    consents: ConsentDesk
    effects: DatabaseEffects
    servicing: Servicing
    promises: PromiseWatch
    queue: Queue
    dispatcher: Dispatcher
    letters: DeadLetterUpkeep
    policies: Policies
    erasures: Erasures
    access: Access
    anchors: Anchors
    endings: ConsentEndings
    stopping: StopDesk
    previews: Previews
    diagnoses: Diagnoses
    words: OwnerWords
    cohort_alarms: CohortAlarms
    fleet_reports: FleetReports
    contacts: Contacts
    wellbeing: Wellbeing
    answers: ContactAnswers

    def start(self) -> None:
        """Send what is due, and look after what is kept, until `close`."""
        self.dispatcher.start()
        self.letters.start()
        self.endings.start()
        self.promises.start()
        self.anchors.start()

    def close(self) -> None:
        """Stop the dispatcher after the messages it is at, and let go of the database."""
        self.promises.close()
        self.endings.close()
        self.letters.close()
        self.anchors.close()
        self.dispatcher.close()
        self.engine.dispose()


def open_alerts(
    settings: AlertsSettings,
    clock: Clock,
    vault: Vault,
    channels: Mapping[str, Channel],
    rng: np.random.Generator,
    guides: Mapping[str, Guide],
    feature_titles: Titles,
    stream: str = "journal",
    devices: Mapping[str, str] = MappingProxyType({}),
    kinds: Mapping[str, str] = MappingProxyType({}),
) -> Alerts:
    """Open the database and build the parts; nothing is sent before `dispatcher.start()`.

    `channels` by target as `alerts.dispatch.open_channels` makes them, `guides` by fault, `feature_titles` by feature,
    `stream` names whose positions `effects` keeps, `devices` has appliance ids by the name a device speaks under,
    `kinds` the category of each appliance model.
    Raises what `open_database` raises, and ConfigError for a policy that is wrong.
    """
    policies = load_policies(settings.policies.folders, settings.jurisdiction)
    engine = open_database(settings.database)
    outbox = Outbox(settings)
    owners = Owners(engine, vault, clock, outbox, policies, settings.phone_region)
    links = StopLinks(settings.stop_url, vault)
    dispatcher = Dispatcher(engine, channels, owners, settings, clock, rng, links)
    consent = ConsentLedger(engine, outbox, policies, clock, dispatcher.wake)
    watched = Watched(engine, policies, clock)
    effects = DatabaseEffects(
        engine,
        outbox,
        settings,
        clock,
        dispatcher.wake,
        guides,
        feature_titles,
        policies,
        Keeping(watched, policies, devices),
        stream,
        kinds,
    )
    letters = DeadLetterUpkeep(engine, settings.dead_letters, clock)
    erasures = Erasures(engine, outbox, clock, dispatcher.wake)
    access = open_access(engine, vault, clock, settings.access)
    anchors = Anchors(engine, vault, settings.audit, clock)
    endings = ConsentEndings(engine, outbox, policies, clock, dispatcher.wake)
    queue = Queue(engine, clock)
    consents = ConsentDesk(engine, owners, consent, clock)
    servicing = Servicing(engine, outbox, clock, dispatcher.wake)
    diagnoses = Diagnoses(engine, clock, policies, guides, feature_titles)
    contacts = Contacts(engine, owners, vault, clock, addressed(settings))
    wellbeing = Wellbeing(engine, vault, outbox, policies, consent, clock, dispatcher.wake)
    return Alerts(
        engine,
        owners,
        Nameplates(engine, clock),
        consent,
        watched,
        consents,
        effects,
        servicing,
        PromiseWatch(engine, outbox, clock, dispatcher.wake),
        queue,
        dispatcher,
        letters,
        policies,
        erasures,
        access,
        anchors,
        endings,
        StopDesk(engine, links, owners, consent, consents),
        Previews(engine, owners, settings, clock, links, guides, kinds),
        diagnoses,
        OwnerWords(diagnoses, effects, servicing),
        CohortAlarms(engine, outbox, clock, dispatcher.wake),
        FleetReports(engine, clock),
        contacts,
        wellbeing,
        ContactAnswers(engine, links, owners, consent, contacts, wellbeing, clock),
    )
