"""How to reach InfluxDB 2: the `storage.influx:` part of config.yaml."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from foremend.vocabulary.schema import DurationMs, SettingsPath, Strict, secret


class InfluxSettings(Strict):
    """One bucket of one organisation. The token itself never stands here."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/@]+/?$")] = "http://127.0.0.1:8086"
    org: str = Field("foremend", min_length=1)
    bucket: str = Field("foremend", min_length=1)
    token_env: str | None = Field(None, description="environment variable that holds the token")
    token_file: SettingsPath | None = Field(None, description="file whose first line is the token")
    retention: DurationMs | None = Field(None, ge=3_600_000, description="null keeps readings for ever")
    timeout: DurationMs = Field(30_000, ge=100, description="longest wait for one answer")

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if (self.token_env is None) == (self.token_file is None):
            raise ValueError("give token_env or token_file, one of them")
        return self

    def token(self) -> str:
        """The token from where the settings say. Raises ConfigError when it is not there."""
        return secret("storage.influx.token", self.token_env, self.token_file)
