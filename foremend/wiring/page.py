"""The page and the API of a process: where they listen, under which names, and who is let in."""

from __future__ import annotations

import logging

from alerts.desk import Alerts
from alerts.inbound import NOBODY, Inbound
from foremend.config import ServiceSettings
from foremend.service.app import create_app
from foremend.service.guard.door import Door, is_loopback
from foremend.service.guard.rates import Buckets
from foremend.service.health import Health
from foremend.service.read_model import ReadModel
from foremend.service.server import Server

log = logging.getLogger(__name__)


def open_server(
    settings: ServiceSettings, model: ReadModel, health: Health, alerts: Alerts, inbound: Inbound = NOBODY
) -> Server:
    """Listens on nothing yet. Says so where nobody could come in."""
    alone = settings.login == "auto" and is_loopback(settings.host)
    rate = settings.requests_per_second
    door = Door(alerts.access, alone, Buckets(rate), Buckets(rate))
    if not alone and not alerts.access.anybody():
        log.warning(
            "the page and the API are closed, as others than this machine reach them or service.login is always: nobody"
            " has a token yet. Make one: foremend tokens create --name NAME --role admin"
        )
    app = create_app(
        model, (settings.host, *settings.names), health, door, alerts.servicing, inbound, alerts.consents
    )
    return Server(app, settings.host, settings.port, proxies=settings.trusted_proxies)
