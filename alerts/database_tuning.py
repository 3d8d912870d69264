"""How connections to the effects database behave: how long they wait, and what SQLite must be told at each."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL

READ_ONLY = {"foremend_begin": "BEGIN"}
RELAXED = {"foremend_synchronous": "NORMAL"}
"""Execution options of a transaction."""
LONGEST_WAIT_S = 30
"""For another writer's lock; after it the database counts as away, and is tried again."""
LONGEST_PAUSE_S = 20
"""Within a transaction. PostgreSQL ends one whose process stands still (stopped, a paused machine), with the locks that
it holds, before those who wait for them give up; it begins again when its process goes on."""

_POSTGRESQL = {
    "connect_timeout": 10,  # s; without it a machine that is gone is waited for as long as its network likes
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # ms
}
_OPTIONS = f"-c lock_timeout={LONGEST_WAIT_S}s -c idle_in_transaction_session_timeout={LONGEST_PAUSE_S}s"


def patience(url: URL) -> dict[str, Any]:
    """What the driver is told about waiting; what the URL itself says goes first."""
    if url.get_backend_name() == "sqlite":
        return {}
    told = {name: value for name, value in _POSTGRESQL.items() if name not in url.query}
    of_url = url.normalized_query.get("options", ())  # of two that say the same, the last one counts
    return {**told, "options": " ".join([_OPTIONS, *of_url])}


def tune_sqlite(engine: Engine, url: URL) -> None:
    """WAL lets readers and one writer work at once; FULL keeps what was committed through a power cut.

    `?timeout=` in the URL, in seconds, is how long one waits for another writer: 30 s without.
    """
    busy_ms = round(1000 * float(str(url.query.get("timeout", LONGEST_WAIT_S))))

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transaction of its own: `_begin` does
        connection.execute(f"PRAGMA busy_timeout={busy_ms}").close()
        connection.execute("PRAGMA foreign_keys=ON").close()
        connection.execute("PRAGMA secure_delete=ON").close()  # what is deleted is overwritten
        _into_wal(connection, busy_ms)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(f"PRAGMA synchronous={options.get('foremend_synchronous', 'FULL')}")
        # A writer that began as a reader could not wait for another writer: SQLite would refuse it at once.
        connection.exec_driver_sql(options.get("foremend_begin", "BEGIN IMMEDIATE"))


def _into_wal(connection: sqlite3.Connection, busy_ms: int) -> None:
    """Processes that make a new file together: for this change alone SQLite would not let the later ones wait."""
    until = time.monotonic() + busy_ms / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
