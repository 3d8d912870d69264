"""Folders and files that are written, and where history goes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from alerts.database_url import sqlite_file
from alerts.owner_channels import outbox_files
from foremend.config import Settings, StorageSettings
from foremend.plan.problem import Check, require_extra
from foremend.vocabulary.errors import ConfigError

_FOLDER = "name a folder that the account of Foremend can make and write"


def places(settings: Settings) -> Iterator[Check]:
    """Everything that is written, in the order of the file."""
    alerts = settings.alerts
    database = sqlite_file(alerts.database)
    named = {
        "storage.folder": settings.storage.folder,
        "models.registry": settings.models.registry,
        "alerts.key_file": None if os.environ.get(alerts.key_env) else alerts.key_file.parent,
        **{f"alerts.{name}.file": file.parent for name, file in outbox_files(alerts).items()},
        "alerts.database": database.parent if database else None,
    }
    for setting, folder in named.items():
        if folder is not None:
            yield Check(setting, _FOLDER, partial(check_folder, setting, folder))
    yield Check("storage.folder", _FOLDER, partial(require_own, settings.storage.folder))
    yield Check(
        "storage.influx", "export the token, or write history: parquet", lambda: _history(settings.storage)
    )


def check_folder(setting: str, folder: Path) -> None:
    """Raises ConfigError when `folder` could not be made, or nothing be written in it. Makes nothing."""
    there = next(one for one in (folder, *folder.resolve().parents) if one.exists())
    if not there.is_dir():
        raise ConfigError(f"{setting}: {folder} cannot be a folder: {there} is a file; name another one")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(f"{setting}: {folder} cannot be written: {_why_not(there)}; name another one")


def _why_not(folder: Path) -> str:
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return (
            f"{folder} is on a disk that is mounted read-only (a disk that failed is, until it is repaired)"
        )
    return f"{folder} belongs to others"


def require_own(folder: Path) -> None:
    """Raises ConfigError for a folder like /tmp, in which everybody may make files."""
    if folder.exists() and folder.stat().st_mode & stat.S_ISVTX:
        raise ConfigError(f"storage.folder {folder} is shared by everybody: name a folder of Foremend's own")


def _history(storage: StorageSettings) -> None:
    if storage.influx is None:
        return
    require_extra("influxdb_client", "InfluxDB", "influx")
    storage.influx.token()
