"""`foremend history compact` and `forget`, beside a running pipeline or without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alerts.database import open_database
from alerts.forgotten import ForgottenAppliances
from foremend.config import load_settings
from foremend.history.compaction import ON_COMMAND
from foremend.history.upkeep import DayDone
from foremend.installation.history import open_history, open_upkeep
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.types import Forgotten


def compact_history(config: Path | None, progress: DayDone) -> dict[str, Any]:
    """Apply the retention and compact whatever is settled; waits while another process is at it.

    Raises ConfigError where history is in InfluxDB, UnavailableError when the disk refuses.
    """
    upkeep = open_upkeep(load_settings(config).storage, SystemClock())
    if upkeep is None:
        raise ConfigError("storage.history is influx: InfluxDB compacts by itself, there is nothing to do")
    report = upkeep.round(ON_COMMAND, wait=True, progress=progress)
    return report.to_dict() if report else {}


def forget_in_history(config: Path | None, appliance_model: str, appliance: str) -> dict[str, Any]:
    """Remove every stored reading of one appliance, and keep those away that are still on their way.

    They are told from new ones by their time: what is stamped until now is not stored again, by nobody, and since a
    device's clock may be ahead, neither is what is stamped within `ingest.clock_ahead` from now. It may be called
    again, for instance after it was cut short. Raises UnavailableError while the database or InfluxDB is away.
    """
    settings, clock = load_settings(config), SystemClock()
    database = open_database(settings.alerts.database)
    try:
        forgotten = ForgottenAppliances(database, clock)
        one = Forgotten(appliance_model, appliance, clock.now_ms() + settings.ingest.clock_ahead)
        forgotten.begin(one)
        readings = open_history(settings.storage, "").forget_appliances(appliance_model, [appliance])
        forgotten.finish(one, readings)
    finally:
        database.dispose()
    return {"appliance_model": appliance_model, "appliance": appliance, "readings": readings}


def create_history(config: Path | None) -> dict[str, str]:
    """`foremend history create`: the bucket and its retention. Raises ConfigError where history is Parquet."""
    storage = load_settings(config).storage
    if storage.influx is None:
        raise ConfigError(
            "storage.history is parquet: its folders make themselves, there is nothing to create"
        )
    from foremend.history.influx import InfluxHistory

    return InfluxHistory(storage.influx).create()
