"""The `storage.parquet:` part of config.yaml."""

from __future__ import annotations

from pydantic import Field

from foremend.vocabulary.schema import DurationMs, Strict
from foremend.vocabulary.types import MS_PER_DAY


class ParquetSettings(Strict):
    """What becomes of readings once they are written. Files are compacted in every case."""

    retention: DurationMs | None = Field(
        None, ge=MS_PER_DAY, description="null: as long as the policy of alerts.jurisdiction keeps readings"
    )
