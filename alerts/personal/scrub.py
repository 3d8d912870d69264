"""What was deleted made unreadable in the database's files, as far as that can be done from here."""

from __future__ import annotations

import sqlite3

from sqlalchemy import Engine, text

from alerts.database import WHAT
from alerts.personal.places import TABLES
from foremend.vocabulary.errors import UnavailableError

LARGEST = 1 << 30
"""Bytes of an SQLite file that is written anew: a second for each 100 MB or so, and nobody writes meanwhile."""


def scrub(engine: Engine) -> str:
    """What is left to say of it: `whole`, or why bytes may stay for a while.

    SQLite overwrites what it deletes (secure_delete); here the file is written anew, for what an earlier version left,
    and its log is emptied. PostgreSQL makes the room free for others: the bytes of deleted rows stay in it until these
    come, in its log until that is recycled, and in its archives and replicas as long as whoever runs it keeps those.

    Raises UnavailableError while others are at it: call again.
    """
    if engine.dialect.name == "postgresql":
        return _vacuumed(engine)
    try:
        return _written_anew(engine)
    except sqlite3.OperationalError as error:
        raise UnavailableError(f"{WHAT} cannot be written anew now: {error}") from error


def _written_anew(engine: Engine) -> str:
    connection = engine.raw_connection()
    try:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        if pages * size <= LARGEST:
            connection.execute("VACUUM")
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.close()
    if busy:
        raise UnavailableError(f"{WHAT} is being read: its log cannot be emptied yet")
    return "whole" if pages * size <= LARGEST else "large"


def _vacuumed(engine: Engine) -> str:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for place in TABLES:
            connection.execute(text(f"VACUUM {place.table.__tablename__}"))
    return "postgresql"
