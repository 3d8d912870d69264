"""How to reach the broker: the `mqtt:` part of config.yaml."""

from __future__ import annotations

import os
import ssl
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.schema import DurationMs, SettingsPath, Strict
from foremend.vocabulary.topics import TELEMETRY_WILDCARD
from ingest.topic_pattern import check_filter

_PORTS = {"mqtt": 1883, "mqtts": 8883}


Filter = Annotated[str, AfterValidator(check_filter)]
"""A topic with MQTT's wildcards."""


class MqttSettings(Strict):
    """One broker, one persistent session. The password itself never stands here."""

    url: str = Field("mqtt://127.0.0.1:1883", description="mqtt://host:port, or mqtts:// for TLS")
    client_id: str = Field(
        "foremend", min_length=1, description="names the session: keep it when you restart"
    )
    subscribe: tuple[Filter, ...] = Field(
        (TELEMETRY_WILDCARD,), min_length=1, description="topic filters, QoS 1"
    )
    user: str | None = None
    password_env: str | None = Field(None, description="environment variable that holds the password")
    password_file: SettingsPath | None = Field(None, description="file whose first line is the password")
    ca: SettingsPath | None = Field(
        None, description="certificate authority, PEM; the system's own where absent"
    )
    certificate: SettingsPath | None = Field(None, description="client certificate, PEM")
    key: SettingsPath | None = Field(None, description="the client certificate's key, PEM")
    keepalive: DurationMs = Field(30_000, ge=1_000, le=65_535_000)
    reconnect_first: DurationMs = Field(
        500, ge=1, description="wait before the first new attempt; then it doubles"
    )
    reconnect_longest: DurationMs = Field(30_000, ge=1)
    waiting_bytes: int = Field(
        8 * 1024 * 1024,
        ge=65_536,
        description="memory for messages that wait for the pipeline; the broker keeps the rest",
    )
    waiting_qos0: int = Field(
        20_000, ge=1, description="QoS 0 messages held for the pipeline; more are dropped"
    )

    @field_validator("url")
    @classmethod
    def _known_url(cls, url: str) -> str:
        parts = urlsplit(url)
        try:
            known = (
                parts.scheme in _PORTS and parts.hostname and parts.port != 0 and not parts.path.strip("/")
            )
        except ValueError:  # a port that is no number
            known = False
        if not known:
            raise ValueError(f"{url!r} is not a broker: write mqtt://host:1883 or mqtts://host:8883")
        if parts.username or parts.password:
            raise ValueError("a broker's url carries no user or password: set user and password_env")
        return url

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.password_env and self.password_file:
            raise ValueError("set password_env or password_file, not both")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        if not self.tls and (self.ca or self.certificate):
            raise ValueError("ca and certificate need TLS: write mqtts:// in url")
        return self

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or _PORTS[parts.scheme]

    @property
    def tls(self) -> bool:
        return self.url.startswith("mqtts:")

    def password(self) -> str | None:
        """Read from where the settings point. Raises ConfigError when it is not there."""
        if self.password_env:
            if self.password_env not in os.environ:
                raise ConfigError(f"mqtt.password_env: the environment has no {self.password_env}; export it")
            return os.environ[self.password_env]
        if self.password_file:
            try:
                return self.password_file.read_text().splitlines()[0]
            except (OSError, IndexError) as error:
                raise ConfigError(
                    f"mqtt.password_file: cannot read {self.password_file} ({error})"
                ) from error
        return None

    def tls_context(self) -> ssl.SSLContext:
        """Whom to believe, and who we are. Raises ConfigError when a certificate or key cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # SSLError is one
            raise ConfigError(f"mqtt: cannot use ca, certificate or key ({error})") from error
        return context
