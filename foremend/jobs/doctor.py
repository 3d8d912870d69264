"""`foremend doctor`: every store of an installation read through, beside a running pipeline or without one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from alerts.anchors import Anchors
from alerts.audit import verify
from alerts.database import open_database
from alerts.vault import open_vault
from foremend.config import Settings, load_settings
from foremend.history.parquet_folder import Folder
from foremend.history.tables import is_whole
from foremend.history.upkeep import DayDone
from foremend.installation.agreement import STORES, problems
from foremend.installation.lock import FolderLock, holder
from foremend.installation.private import close_to_others, database_file
from foremend.installation.stores import Stores
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import ConfigError


def examine(config: Path | None, progress: DayDone) -> dict[str, Any]:
    """What is there and what is wrong; `progress` hears of files of history. Changes nothing.

    `problems` is empty where all is well. Raises UnavailableError while the database is away.
    """
    settings = load_settings(config)
    facts = Stores(settings, SystemClock()).facts(thorough=True)
    found = [problem.sentence() for problem in problems(facts)]
    found += _of_database(settings) if facts.database else []
    files = damaged_files(settings, progress)
    found += [
        f"{file} is damaged: its readings are lost. Put the right one back, or set it aside by"
        " `foremend doctor --accept-loss files`"
        for file in files
    ]
    journal, snapshot = facts.journal, facts.snapshot
    return {
        "folder": str(settings.storage.folder),
        "running": holder(settings.storage.folder),
        "installation": facts.installation,
        "journal": None if journal is None else {"first_kept": journal.first_kept, "last": journal.last},
        "snapshot": None if snapshot is None else snapshot.position,
        "database": facts.committed,
        "problems": found,
    }


def accept_loss(config: Path | None, store: str) -> dict[str, Any]:
    """Go on without what one store lost; what is damaged is moved to `set-aside`, never deleted.

    Raises ConfigError for another store, or one with nothing wrong, RefusedError while a pipeline runs.
    """
    if store not in (*STORES, "files"):
        raise ConfigError(f"--accept-loss {store}: the stores are {', '.join((*STORES, 'files'))}")
    settings, clock = load_settings(config), SystemClock()
    with closing(FolderLock(settings.storage.folder)):
        if store == "files":
            return {"set_aside": [str(file) for file in _set_files_aside(settings)]}
        lost = Stores(settings, clock).accept_loss(store)
        close_to_others(settings)
    return {"store": store, "was": lost.wrong, "lost": lost.lost}


def damaged_files(settings: Settings, progress: DayDone) -> list[Path]:
    """Files of a Parquet history that cannot be read to their end."""
    if settings.storage.history != "parquet":
        return []
    folder = Folder(settings.storage.folder / "history")
    files = [file for day in folder.all_days() for file in sorted(day.glob("*.parquet"))]
    found = []
    for done, file in enumerate(files, start=1):
        if not is_whole(file):
            found.append(file)
        progress(done, len(files))
    return found


def _set_files_aside(settings: Settings) -> list[Path]:
    files, aside = damaged_files(settings, lambda done, total: None), settings.storage.folder / "set-aside"
    if not files:
        raise ConfigError("nothing is wrong with the files of history: there is no loss to accept")
    for file in files:
        target = aside / file.relative_to(settings.storage.folder)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.rename(target)
    return files


def _of_database(settings: Settings) -> list[str]:
    """A file read through, the audit log's chain, the rows that it covers, its anchors."""
    engine = open_database(settings.alerts.database)
    try:
        report, anchors = verify(engine), settings.alerts.audit.anchor_file
        wrong = report.problem
        if not wrong and anchors is not None:
            vault = open_vault(settings.alerts, os.environ)
            wrong = Anchors(engine, vault, settings.alerts.audit, SystemClock()).problem()
    finally:
        engine.dispose()
    found = [f"the audit log is not whole: {wrong}"] if wrong else []
    file = database_file(settings)
    if file is not None:
        with closing(sqlite3.connect(file)) as database:
            said = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        found += [] if said == "ok" else [f"{file} is damaged: {said}. Restore it from a backup"]
    return found
