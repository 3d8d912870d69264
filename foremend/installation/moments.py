"""A database as it is at one moment, held open, and copied as it was then however long that takes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Protocol

from sqlalchemy import text

from alerts.database import connecting
from foremend.config import Settings
from foremend.installation.copies import Progress, sync
from foremend.installation.postgres_tools import dump
from foremend.installation.private import database_file
from foremend.vocabulary.errors import IntegrityError

SQLITE_NAME, POSTGRES_NAME = "foremend.db", "foremend.pgdump"
"""What the effects database is called in a backup, wherever it is in life."""


class DatabaseMoment(Protocol):
    """The effects database at one moment; `name` is its file's in a backup."""

    name: str

    def committed(self, stream: str) -> int:
        """The position of `stream` whose effects are committed then; 0 before the first."""
        ...

    def copy_to(self, target: Path, progress: Progress) -> None: ...

    def close(self) -> None: ...


class SqliteMoment:
    """A reading transaction on one file."""

    def __init__(self, file: Path, name: str) -> None:
        """Raises sqlite3.Error for what is no database."""
        self.name = name
        self.connection = sqlite3.connect(f"file:{file}?mode=rw", uri=True, isolation_level=None)
        self.connection.execute("BEGIN")
        self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def committed(self, stream: str) -> int:
        row = self.connection.execute("SELECT value FROM positions WHERE stream = ?", (stream,)).fetchone()
        return int(row[0]) if row else 0

    def copy_to(self, target: Path, progress: Progress) -> None:
        def copied(_status: int, left: int, total: int) -> None:
            progress(target.name, total - left, total)

        with closing(sqlite3.connect(target)) as copy:
            self.connection.backup(copy, pages=1_000, progress=copied)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, its log in it
        sync(target)

    def close(self) -> None:
        self.connection.close()


class PostgresMoment:
    """An exported snapshot, which `pg_dump` reads."""

    name = POSTGRES_NAME

    def __init__(self, url: str) -> None:
        """Raises UnavailableError while the database is away."""
        self._url, self._engine = url, connecting(url)
        self._connection = self._engine.connect().execution_options(isolation_level="REPEATABLE READ")
        self._snapshot = str(self._connection.execute(text("SELECT pg_export_snapshot()")).scalar_one())

    def committed(self, stream: str) -> int:
        query = text("SELECT value FROM positions WHERE stream = :stream")
        return int(self._connection.execute(query, {"stream": stream}).scalar() or 0)

    def copy_to(self, target: Path, progress: Progress) -> None:
        progress(target.name, 0, 1)
        dump(self._url, self._snapshot, target)
        sync(target)
        progress(target.name, 1, 1)

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()


def database_moment(settings: Settings) -> DatabaseMoment:
    """Of the effects database as it is now. Raises IntegrityError where its file is missing."""
    file = database_file(settings)
    if file is None:
        return PostgresMoment(settings.alerts.database)
    if not file.exists():
        raise IntegrityError(f"there is no database {file}: see `foremend doctor`")
    return SqliteMoment(file, SQLITE_NAME)
