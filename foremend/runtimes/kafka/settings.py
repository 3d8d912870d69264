"""How to reach Kafka, and how the fleet is spread over it: the `kafka:` part of config.yaml."""

from __future__ import annotations

import ssl
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.schema import DurationMs, SettingsPath, Strict, secret

Broker = Annotated[str, Field(pattern=r"^(\[[0-9a-fA-F:.]+\]|[^\s/:@\[\]]+):[1-9]\d{0,4}$")]
"""host:port"""


class KafkaSecurity(Strict):
    """Kafka's own words for protocol and mechanism. The password itself never stands here."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    user: str | None = Field(None, min_length=1)
    password_env: str | None = Field(None, description="environment variable that holds the password")
    password_file: SettingsPath | None = Field(None, description="file whose first line is the password")
    ca: SettingsPath | None = Field(
        None, description="certificate authority, PEM; the system's own where absent"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.password_env and self.password_file:
            raise ValueError("set password_env or password_file, not both")
        if self.sasl != all((self.user, self.password_env or self.password_file)):
            raise ValueError("protocol: SASL_... goes together with user and password_env or password_file")
        if self.ca and not self.tls:
            raise ValueError("ca needs TLS: write protocol: SSL or SASL_SSL")
        return self

    @property
    def sasl(self) -> bool:
        return self.protocol.startswith("SASL_")

    @property
    def tls(self) -> bool:
        return self.protocol.endswith("SSL")

    def password(self) -> str:
        """The password from where the settings say. Raises ConfigError when it is not there."""
        return secret("kafka.security.password", self.password_env, self.password_file)

    def tls_context(self) -> ssl.SSLContext | None:
        """Whom to believe; None without TLS. Raises ConfigError when the authority cannot be used."""
        if not self.tls:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca)
        except OSError as error:  # SSLError is one
            raise ConfigError(
                f"kafka.security.ca: {self.ca} is not a certificate authority ({error})"
            ) from error


class CompactionSettings(Strict):
    """How soon checkpoints that a newer one replaced give their space back: small segments, cleaned often."""

    segment: int = Field(33_554_432, ge=1_048_576, description="bytes; the newest segment is never cleaned")
    segment_age: DurationMs = Field(600_000, ge=1_000, description="a segment is closed when it is this old")
    dirty_ratio: float = Field(0.1, ge=0, le=1, description="cleaned when this share of a log was replaced")
    forget_after: DurationMs = Field(3_600_000, ge=1_000, description="readers see a deletion for this long")


class KafkaSettings(Strict):
    """One cluster, the topics of one fleet on it, and how appliances are spread over their partitions."""

    brokers: tuple[Broker, ...] = Field(("127.0.0.1:9092",), min_length=1)
    prefix: str = Field(
        "foremend",
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        max_length=100,
        description="starts every topic's name, and names the group of workers",
    )
    partitions: int = Field(12, ge=1, le=10_000, description="the most workers that share the load")
    replication: int = Field(1, ge=1, le=32_767, description="3 in production: one broker may be lost")
    retention: DurationMs = Field(7 * 86_400_000, ge=60_000, description="of blocks and dead letters")
    groups: int = Field(
        1, ge=1, le=65_536, description="cohorts an appliance model is cut into; siblings share one"
    )
    checkpoint_every: DurationMs = Field(30_000, ge=100, description="a takeover replays about this much")
    session_timeout: DurationMs = Field(
        10_000, ge=1_000, le=600_000, description="a worker not heard of for this long loses its partitions"
    )
    stalled_after: DurationMs = Field(
        60_000, ge=5_000, description="a worker that makes no progress for this long, and could, restarts"
    )
    share: str = Field(
        "foremend", pattern=r"^[^/+#\x00]+$", description="the gateways' MQTT shared subscription"
    )
    state: CompactionSettings = Field(default_factory=CompactionSettings)
    security: KafkaSecurity = Field(default_factory=KafkaSecurity)

    @property
    def blocks_topic(self) -> str:
        return f"{self.prefix}-blocks"

    @property
    def state_topic(self) -> str:
        return f"{self.prefix}-state"

    @property
    def dead_letters_topic(self) -> str:
        return f"{self.prefix}-dead-letters"


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments of every aiokafka client. Raises ConfigError when password or authority are not there."""
    security = settings.security
    arguments: dict[str, Any] = {
        "bootstrap_servers": list(settings.brokers),
        "security_protocol": security.protocol,
        "ssl_context": security.tls_context(),
    }
    if security.sasl:
        arguments |= {
            "sasl_mechanism": security.mechanism,
            "sasl_plain_username": security.user,
            "sasl_plain_password": security.password(),
        }
    return arguments
