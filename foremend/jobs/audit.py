"""`foremend audit`: the log verified, exported and anchored."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from sqlalchemy import Engine

from alerts import audit
from alerts.anchors import Anchors
from alerts.audit_desk import whole
from alerts.database import open_database
from alerts.settings import AlertsSettings
from alerts.vault import open_vault
from foremend.config import load_settings
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import ConfigError


@contextmanager
def _opened(config: Path | None) -> Iterator[tuple[Engine, AlertsSettings]]:
    settings = load_settings(config).alerts
    engine = open_database(settings.database)
    try:
        yield engine, settings
    finally:
        engine.dispose()


def verify(config: Path | None, anchors: Path | None) -> dict[str, Any]:
    """The chain, the rows that it covers, and the anchors where there are some; `problem` is empty when all hold.

    `anchored` is none where nothing is: then nobody would see a log that was written anew from its start. Raises
    ConfigError where `anchors` is not there.
    """
    with _opened(config) as (engine, settings):
        file = anchors or settings.audit.anchor_file
        is_there = file is not None and file.exists()
        if anchors is not None and not is_there:
            raise ConfigError(f"--anchors {anchors}: there is no such file")
        report = whole(engine, file, lambda: _anchors(engine, settings))
    return asdict(report) | {"anchored": str(file) if is_there else None}


def export(config: Path | None, out: BinaryIO) -> int:
    """Write every entry as a line of JSON; how many."""
    written = 0
    with _opened(config) as (engine, _):
        for entry in audit.exported(engine):
            out.write(orjson.dumps(entry) + b"\n")
            written += 1
    return written


def anchor(config: Path | None, restart: str) -> dict[str, Any]:
    """Write a checkpoint now. Raises what `Anchors.write` raises."""
    with _opened(config) as (engine, settings):
        made = _anchors(engine, settings).write(restart)
    return {"written": made is not None, **(asdict(made) if made else {})}


def _anchors(engine: Engine, settings: AlertsSettings) -> Anchors:
    return Anchors(engine, open_vault(settings, os.environ), settings.audit, SystemClock())
