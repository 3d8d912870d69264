"""`foremend discover`: what speaks on a broker, and the entries of config.yaml that read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foremend.config import Settings, load_settings
from foremend.jobs.check import check_config
from foremend.jobs.config_file import put
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.schema import validated
from ingest.discovery.listen import Progress, listen
from ingest.discovery.report import Discovery, report
from ingest.mqtt.settings import MqttSettings

USUAL_MODEL = "generic-compressor"


@dataclass(frozen=True, slots=True)
class Search:
    """Where to listen, for how long, and what to propose."""

    url: str | None = None  # the broker of the settings where it is left out
    user: str | None = None
    password_env: str | None = None
    seconds: float = 60.0
    appliance_model: str = USUAL_MODEL
    only: Sequence[str] = field(default=())  # devices by their names; all, where it is empty


def discover(
    search: Search, config: Path | None, progress: Progress = lambda passed, heard: None
) -> tuple[MqttSettings, Discovery]:
    """Listens, and says what was found; `progress` hears of it meanwhile. Publishes nothing, writes nothing.

    What the file `config` reads already is not proposed again. Raises UnavailableError or RefusedError where the broker
    is away or says no, ConfigError for an appliance model without a profile.
    """
    settings = load_settings(config)
    profiles = load_profiles(settings.profiles.folders)
    if search.appliance_model not in profiles:
        raise ConfigError(
            f"--appliance-model: there is no {search.appliance_model!r}: choose from {', '.join(profiles)}"
        )
    broker = broker_of(settings, search)
    heard = listen(broker, search.seconds, progress)
    signals = {name: profile.signals for name, profile in profiles.items()}
    return broker, report(heard, signals, settings.ingest, search.appliance_model, search.only)


def write(file: Path, broker: MqttSettings, found: Discovery) -> list[str]:
    """Puts what was found into the file, and where it was found; what `foremend check` says of it then.

    Keeps what is there. Raises ConfigError where the file cannot be changed.
    """
    before = load_settings(file).mqtt if file.exists() else MqttSettings()
    named = {"url": broker.url, "user": broker.user, "password_env": broker.password_env}
    is_new = not file.exists()
    mqtt = {
        key: value
        for key, value in named.items()
        if value is not None and (value != getattr(before, key) or (is_new and key == "url"))
    }
    put(file, found.entries, mqtt)
    return [problem.what for problem in check_config(file, "run").problems]


def broker_of(settings: Settings, search: Search) -> MqttSettings:
    """The broker of the settings, or another with what was said of it. Raises ConfigError where that is no broker."""
    said: dict[str, Any] = {"url": search.url, "user": search.user, "password_env": search.password_env}
    said = {key: value for key, value in said.items() if value is not None}
    known = settings.mqtt.model_dump()
    if search.url is not None and search.url != settings.mqtt.url:
        known |= {"user": None, "password_env": None, "password_file": None}
        known |= {"ca": None, "certificate": None, "key": None} if not search.url.startswith("mqtts") else {}
    return validated(MqttSettings, known | said, "mqtt") if said else settings.mqtt
