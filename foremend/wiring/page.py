"""The page and the API of a process: where they listen, under which names, and who is let in."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

from alerts.access.access import Access
from alerts.access.openid import OpenId, open_openid
from alerts.access.users import FIRST
from alerts.audit_desk import AuditDesk
from alerts.desk import Alerts
from alerts.inbound import open_inbound
from alerts.personal.retention import Retention
from foremend.config import ServiceSettings, Settings, link_to
from foremend.installation.history import open_history
from foremend.installation.privacy import PrivacyDesk
from foremend.jobs.dead_letters import open_replays
from foremend.jobs.insights_apart import InsightsApart
from foremend.jobs.wellbeing import WellbeingRounds
from foremend.learning.cohort_members import failed_members
from foremend.learning.stored import open_registry
from foremend.learning.versions import Versions
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.appliance_pages import AppliancePages
from foremend.service.desks import Desks
from foremend.service.guard.door import Door, is_loopback
from foremend.service.guard.rates import Buckets
from foremend.service.health import Health
from foremend.service.own.look import OwnDesk
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.v1.cohorts import CohortDesk
from foremend.service.v1.diagnoses import DiagnosisDesk
from foremend.service.v1.insights import InsightsDesk
from foremend.service.v1.models import ModelDesk
from foremend.service.v1.wellbeing import WellbeingDesk
from foremend.terminal import say
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.profiles import Profile

log = logging.getLogger(__name__)


def open_server(
    settings: ServiceSettings, model: ReadModel, health: Health, access: Access, desks: Desks
) -> Server:
    """Listens on nothing yet. Says so where nobody could come in; where nobody ever could, prints how, once."""
    alone = settings.login == "auto" and is_loopback(settings.host)
    rate = settings.requests_per_second
    door = Door(access, alone, Buckets(rate), Buckets(rate), _openid(settings, access))
    if not alone and not access.anybody():
        _invite(settings, access)
    links = desks.stopping.links.url if desks.stopping else None
    names = (*_names(settings), *_host(links), *settings.names)
    app = create_app(model, names, health, door, desks)
    return Server(app, settings.host, settings.port, proxies=settings.trusted_proxies)


def _openid(settings: ServiceSettings, access: Access) -> OpenId | None:
    if settings.openid is None:
        return None
    return open_openid(settings.openid, access.vault, SystemClock(), settings.public_url)


def _invite(settings: ServiceSettings, access: Access) -> None:
    """The link is printed, not logged: logs are kept, and others read them."""
    link = access.users.invite_first("first start")
    if link is not None:
        say("The first admin sets a password by this link, which holds once:", link_to(settings, link))
    log.warning(
        "the page and the API are closed, as others than this machine reach them or service.login is always: nobody has"
        " a password or a token yet. %s A program's token: foremend tokens create --name NAME --role admin",
        f"A link for user {FIRST} was printed beside this log."
        if link is not None
        else f"A new link: foremend users reset {FIRST}.",
    )


def _names(settings: ServiceSettings) -> tuple[str, ...]:
    return tuple(name for name in (settings.host, *_host(settings.public_url)) if name)


def _host(url: str | None) -> tuple[str, ...]:
    name = urlsplit(url).hostname if url else None
    return (name,) if name else ()


def open_desks(
    settings: Settings,
    alerts: Alerts,
    profiles: Mapping[str, Profile],
    clock: Clock,
    retention: Retention,
    apart: InsightsApart,
) -> Desks:
    """Everything that a process does which serves the page of its own database. Connects to nothing yet."""
    privacy = PrivacyDesk(settings, alerts, clock, retention)
    return Desks(
        servicing=alerts.servicing,
        inbound=open_inbound(settings.alerts, os.environ),
        consents=alerts.consents,
        wellbeing=WellbeingDesk(alerts.contacts, alerts.wellbeing, clock),
        stopping=alerts.stopping,
        answers=alerts.answers,
        privacy=privacy,
        previews=alerts.previews,
        diagnosing=DiagnosisDesk(alerts.diagnoses, alerts.words),
        pages=_pages(settings, alerts, profiles, clock),
        nameplates=alerts.nameplates,
        own=OwnDesk(alerts, privacy),
        replays=open_replays(settings, alerts.engine),
        audit=AuditDesk(alerts.engine, alerts.anchors),
        models=_models(settings, alerts, profiles, clock),
        cohorts=_cohorts(alerts, clock),
        in_force=settings,
        insights=open_insights(alerts, apart, profiles, clock),
    )


def _cohorts(alerts: Alerts, clock: Clock) -> CohortDesk:
    """What is known of cohorts and of the weeks to come."""
    failed = partial(failed_members, alerts.engine, alerts.nameplates, clock)
    return CohortDesk(alerts.cohort_alarms, alerts.fleet_reports, failed)


def open_insights(
    alerts: Alerts, apart: InsightsApart, profiles: Mapping[str, Profile], clock: Clock
) -> InsightsDesk:
    """What goes with failures, as it was found and as `apart` finds it."""
    reports = alerts.fleet_reports
    return InsightsDesk(reports, profiles, apart.ask, apart.shares, alerts.engine, clock)


def _pages(
    settings: Settings, alerts: Alerts, profiles: Mapping[str, Profile], clock: Clock
) -> AppliancePages:
    """Reads history beside whoever writes it. Connects to nothing yet."""
    reader = open_history(settings.storage, "")
    return AppliancePages(
        alerts.engine, reader, profiles, clock, settings.alerts.act_from, alerts.watched.unwatched
    )


def open_wellbeing(
    settings: Settings, alerts: Alerts, profiles: Mapping[str, Profile], clock: Clock
) -> WellbeingRounds:
    """Rounds over households that agreed, not started; they read history beside whoever writes it."""
    return WellbeingRounds(alerts.wellbeing, open_history(settings.storage, ""), profiles, clock)


def _models(settings: Settings, alerts: Alerts, profiles: Mapping[str, Profile], clock: Clock) -> ModelDesk:
    """Over the registry of the settings, which other processes train into and read."""
    days = settings.models.horizon_days
    versions = Versions(open_registry(settings.models), profiles, settings.rules, days, clock)
    return ModelDesk(versions, alerts.engine, clock)
