"""Where effects are kept, whom they are told, and who lets users in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_address

from alerts.access.openid import client_secret
from alerts.access.openid_settings import OpenIdSettings
from alerts.database_url import check_url, is_postgresql
from alerts.mainland_sms import MainlandSms
from alerts.notifier import Notifier, SmsGateway
from alerts.owner_channels import set_up
from alerts.policies import load_policies
from alerts.public import is_public
from alerts.settings import AlertsSettings, InboundSender, WebhookEndpoint
from alerts.smtp import MailServer
from alerts.vault import check_key
from alerts.webhook_secret import secret_of, signers
from foremend.config import Written
from foremend.plan.problem import Check, require_extra
from foremend.vocabulary.errors import ConfigError


def telling(written: Written) -> Iterator[Check]:
    """The database, the key and every receiver."""
    alerts = written.settings.alerts
    url = "write a SQLite file, or postgresql:// with a host"
    yield Check("alerts.database", url, lambda: _database(alerts.database))
    key = "give the file mode 0600, or bring back the key that contacts were sealed with"
    yield Check("alerts.key_file", key, lambda: _key(alerts))
    if (openid := written.settings.service.openid) is not None:
        word = "put the client's secret into the variable or the file that it names"
        yield Check("service.openid", word, partial(_openid, openid))
    law = "name one of CN, EU, UK, US-CA, strict and household, or mend the file that it names"
    yield Check("alerts.jurisdiction", law, lambda: _policies(alerts))
    for index, endpoint in enumerate(alerts.webhooks):
        where = f"alerts.webhooks[{written.place('alerts.webhooks', index)}]"
        public = "write a URL of the world, or allow_private: true where it is meant"
        yield Check(f"{where}.url", public, partial(_receiver, endpoint))
        secret = "put whsec_ and base64 into the variable or the file that the endpoint names"
        yield Check(f"{where}.secret", secret, partial(_secret, endpoint))
    for index, sender in enumerate(alerts.inbound):
        where = f"alerts.inbound[{written.place('alerts.inbound', index)}]"
        secret = "put whsec_ and base64 into the variable or the file that the sender names"
        yield Check(f"{where}.secret", secret, partial(_secret, sender))
    for name, one in set_up(alerts).items():
        if isinstance(one, Notifier | SmsGateway):
            line = "put a line that Apprise understands into the variable or the file that it names"
            yield Check(f"alerts.{name}", line, partial(_notifier, name, one))
        if isinstance(one, MailServer):
            word = "put the password into the variable or the file that it names; write a host of the world"
            yield Check(f"alerts.{name}", word, partial(one.check, f"alerts.{name}"))
        if isinstance(one, MainlandSms):
            word = "put the access key's secret into the variable or the file that it names"
            yield Check(f"alerts.{name}", word, partial(_mainland, name, one))


def _mainland(name: str, settings: MainlandSms) -> None:
    require_extra("alibabacloud_dysmsapi20170525", f"alerts.{name} with templates", "sms-cn")
    settings.check(f"alerts.{name}")


def _notifier(name: str, settings: Notifier | SmsGateway) -> None:
    require_extra("apprise", f"alerts.{name} with url_env or url_file", "notify")
    settings.plugin(f"alerts.{name}.url")


def _openid(settings: OpenIdSettings) -> None:
    require_extra("authlib", "service.openid", "oidc")
    client_secret(settings, os.environ)


def _policies(alerts: AlertsSettings) -> None:
    load_policies(alerts.policies.folders, alerts.jurisdiction)


def _key(alerts: AlertsSettings) -> None:
    check_key(alerts, os.environ)


def _database(url: str) -> None:
    check_url(url)
    if is_postgresql(url):
        require_extra("psycopg", "PostgreSQL", "postgres")


def _secret(endpoint: WebhookEndpoint | InboundSender) -> None:
    signers(endpoint, secret_of(endpoint, os.environ))


def _receiver(endpoint: WebhookEndpoint) -> None:
    import httpx  # judges URLs as it does when a message leaves; most files name no receiver

    where = f"alerts.webhooks: {endpoint.name!r}: {endpoint.url}"
    try:
        host = httpx.URL(endpoint.url).host
        address = str(ip_address(host))
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ConfigError(f"{where} is not a URL ({error})") from error
    except ValueError:
        return  # a name: where it leads is asked when a message leaves
    if not is_public(address) and not endpoint.allow_private:
        raise ConfigError(f"{where} is at a private address; set allow_private if it is meant")
