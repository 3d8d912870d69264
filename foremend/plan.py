"""What a configuration would need before anything starts: `foremend check` and `foremend run` both ask here.

Reads files; makes none, opens no socket and no database. Every finding is a sentence with its place in the file.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

from alerts.database_url import check_url, is_postgresql, sqlite_file
from alerts.public import is_public
from alerts.settings import AlertsSettings, WebhookEndpoint
from alerts.vault import check_key
from alerts.webhook_secret import secret_of, signer
from foremend.config import Profile, Settings, StorageSettings, load_profiles, load_settings
from foremend.errors import ConfigError, ForemendError, MissingExtraError
from ingest.decoders import build_decoders
from ingest.mqtt_settings import MqttSettings
from rules.reach import check_rules

Check = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration that can be run: nothing of what `problems` looks for is wrong with it."""

    settings: Settings
    profiles: dict[str, Profile]


def make_plan(path: Path | None) -> Plan:
    """The configuration of `path` (as `load_settings`). Raises ConfigError with one line for each thing wrong."""
    settings = load_settings(path)
    profiles = load_profiles(settings.profiles.folders)
    if found := list(problems(settings, profiles)):
        raise ConfigError("\n".join(found))
    return Plan(settings, profiles)


def problems(settings: Settings, profiles: Mapping[str, Profile]) -> Iterator[str]:
    """Everything that `foremend run` would refuse, in the order of the file."""
    yield from _said(_folders(settings))
    yield from _said([lambda: _history(settings.storage)])
    yield from _said(_broker(settings.mqtt))
    yield from _decoders(settings, profiles)
    yield from _appliance_models(settings, profiles)
    yield from _rules(settings, profiles)
    yield from _said(_alerts(settings.alerts))


def _said(checks: Iterator[Check] | list[Check]) -> Iterator[str]:
    for check in checks:
        try:
            check()
        except ForemendError as error:
            yield str(error)


def _folders(settings: Settings) -> Iterator[Check]:
    alerts = settings.alerts
    named = {
        "storage.folder": settings.storage.folder,
        "models.registry": settings.models.registry,
        "alerts.key_file": None if os.environ.get(alerts.key_env) else alerts.key_file.parent,
        "alerts.sms.file": alerts.sms.file.parent if alerts.sms else None,
        "alerts.push.file": alerts.push.file.parent if alerts.push else None,
        "alerts.database": file.parent if (file := sqlite_file(alerts.database)) else None,
    }
    for setting, folder in named.items():
        if folder is not None:
            yield partial(check_folder, setting, folder)


def check_folder(setting: str, folder: Path) -> None:
    """Raises ConfigError when `folder` could not be made, or nothing be written in it. Makes nothing."""
    there = next(one for one in (folder, *folder.resolve().parents) if one.exists())
    if not there.is_dir():
        raise ConfigError(f"{setting}: {folder} cannot be a folder: {there} is a file; name another one")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(
            f"{setting}: {folder} cannot be written: {there} belongs to others; name another one"
        )


def _history(storage: StorageSettings) -> None:
    if storage.influx is None:
        return
    if find_spec("influxdb_client") is None:
        raise MissingExtraError("InfluxDB", "influx")
    storage.influx.token()


def _broker(mqtt: MqttSettings) -> Iterator[Check]:
    yield mqtt.password
    if mqtt.tls:
        yield mqtt.tls_context


def _decoders(settings: Settings, profiles: Mapping[str, Profile]) -> Iterator[str]:
    """Each entry on its own, so that one wrong entry hides no other."""
    signals = {name: profile.signals for name, profile in profiles.items()}
    for index, one in enumerate(settings.ingest.decoders):
        try:
            build_decoders((one,), signals, payloads={})
        except ConfigError as error:
            yield str(error).replace("ingest.decoders[0]", f"ingest.decoders[{index}]", 1)


def _appliance_models(settings: Settings, profiles: Mapping[str, Profile]) -> Iterator[str]:
    for name in settings.models.appliance_models or ():
        if name not in profiles:
            near = difflib.get_close_matches(name, profiles, n=1)
            meant = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(profiles))}"
            yield f"models.appliance_models: there is no appliance model '{name}': {meant}"


def _rules(settings: Settings, profiles: Mapping[str, Profile]) -> Iterator[str]:
    """Each rule on its own. A file without any would find nothing, for ever."""
    if not settings.rules.book:
        yield "rules.book: there is no rule, so nothing would ever be found: write some, or 'extends: shipped'"
    for rule in settings.rules.book:
        alone = settings.rules.model_copy(update={"book": (rule,)})
        yield from _said([partial(check_rules, alone, profiles.values())])


def _alerts(alerts: AlertsSettings) -> Iterator[Check]:
    yield lambda: _database(alerts.database)
    yield lambda: check_key(alerts, os.environ)
    for endpoint in alerts.webhooks:
        yield partial(_receiver, endpoint)
        yield partial(_secret, endpoint)


def _database(url: str) -> None:
    check_url(url)
    if is_postgresql(url) and find_spec("psycopg") is None:
        raise MissingExtraError("PostgreSQL", "postgres")


def _secret(endpoint: WebhookEndpoint) -> None:
    signer(endpoint, secret_of(endpoint, os.environ))


def _receiver(endpoint: WebhookEndpoint) -> None:
    import httpx

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
