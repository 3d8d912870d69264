"""What a process can do beside showing: each desk stands behind some routes of the application."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.audit_desk import AuditDesk
from alerts.consent_desk import ConsentDesk
from alerts.dead_letter_replay import Replays
from alerts.inbound import NOBODY, Inbound
from alerts.nameplates import Nameplates
from alerts.preview import Previews
from alerts.servicing import Servicing
from alerts.stop_links import StopDesk
from alerts.wellbeing.answers import ContactAnswers
from foremend.config import Settings
from foremend.installation.privacy import PrivacyDesk
from foremend.service.appliance_pages import AppliancePages
from foremend.service.own.look import OwnDesk
from foremend.service.v1.cohorts import CohortDesk
from foremend.service.v1.diagnoses import DiagnosisDesk
from foremend.service.v1.insights import InsightsDesk
from foremend.service.v1.models import ModelDesk
from foremend.service.v1.wellbeing import WellbeingDesk


@dataclass(frozen=True, slots=True)
class Desks:
    """Which of them a process has. A route whose desk is missing says so, or shows nothing.

    >>> Desks().servicing is None  # tickets are only shown
    True
    """

    servicing: Servicing | None = None  # steps of tickets
    inbound: Inbound = NOBODY  # systems that may send such steps
    consents: ConsentDesk | None = None  # owners, and what they agreed to
    stopping: StopDesk | None = None  # links in messages that stop them
    answers: ContactAnswers | None = None  # links in messages to trusted contacts
    privacy: PrivacyDesk | None = None  # erasure, export, retention
    previews: Previews | None = None  # what an owner would read
    diagnosing: DiagnosisDesk | None = None  # asks appliances how they are
    pages: AppliancePages | None = None  # charts of one appliance
    nameplates: Nameplates | None = None  # batch, region, firmware
    own: OwnDesk | None = None  # the owner's own page
    replays: Replays | None = None  # dead letters sent again
    audit: AuditDesk | None = None  # the audit log verified
    models: ModelDesk | None = None  # trained versions
    cohorts: CohortDesk | None = None  # cohorts, and the weeks to come
    in_force: Settings | None = None  # the settings that hold, shown
    wellbeing: WellbeingDesk | None = None  # whom to tell of a silence
    insights: InsightsDesk | None = None  # what goes with failures
