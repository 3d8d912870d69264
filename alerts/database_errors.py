"""What a database's error means for whoever called: wait and try again, set the data aside, or stop.

By what the database says in numbers, not by its words: SQLSTATE of PostgreSQL
(https://www.postgresql.org/docs/current/errcodes-appendix.html), the result code of SQLite
(https://www.sqlite.org/rescode.html). Sentences name tables and columns, and never a value: it may be personal.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from foremend.vocabulary.errors import (
    ForemendError,
    InputError,
    IntegrityError,
    RefusedError,
    UnavailableError,
)

_WAIT_CLASSES = frozenset({"08", "40", "53", "55", "57", "58", "XX"})
"""Connection, serialisation and deadlock, resources (disk, memory, connections), locks, operator, system, internal."""
_WAIT_STATES = frozenset({"25006", "25P03", "25P04"})
"""Read-only, as after a failover; ended because it took too long."""
_DATA_CLASSES = frozenset({"22", "23"})  # too long, out of range, not text; a constraint
_DAMAGED = frozenset({"XX001", "XX002"})
_SCHEMA_STATES = frozenset({"3F000", "42P01", "42703"})

_LOGIN_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|is not permitted to log in"
    r"|(?:role|database) \".*\" does not exist"
)
"""The one thing that is known by words, English ones: for a connection that fails, libpq has no SQLSTATE."""

_SQLITE_WAITS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_INTERRUPT,
    }
)
_SQLITE_DATA = frozenset({sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH})
_SQLITE_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SQLITE_PLACE = re.compile(r"constraint failed: ([\w.]+)")
_SQLITE_SCHEMA = re.compile(r"no such (table|column)|has no column")
_STATEMENT_TABLE = re.compile(r"^(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)


def understood(error: BaseException, statement: str | None, what: str) -> ForemendError | None:
    """The error of ours that stands for a driver's; None for what is no matter of the database but a mistake of ours.

    `what` begins the sentence ("the effects database"); `statement` is the SQL, without values.
    """
    if isinstance(error, ForemendError):
        return error  # of a type of ours, before the database heard of it
    if isinstance(error, sqlite3.Error):
        return of_sqlite(error, what, statement)
    if isinstance(error, OverflowError | UnicodeError):
        return InputError(f"{what} cannot keep a value{_of(statement)}: {type(error).__name__}")
    if hasattr(error, "sqlstate"):
        return _of_postgresql(error, statement, what)
    return None


def of_sqlite(error: sqlite3.Error, what: str, statement: str | None = None) -> ForemendError | None:
    """The same for SQLite alone, for those who use it without SQLAlchemy."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    primary = code & 0xFF
    if primary in _SQLITE_WAITS:
        return UnavailableError(f"{what} cannot be used now: {error}")
    if primary in _SQLITE_DAMAGED:
        return IntegrityError(f"{what} is not usable: {error}; restore it from a backup")
    if primary in _SQLITE_DATA:
        place = _SQLITE_PLACE.search(str(error))
        return InputError(f"{what} refuses a value of {place[1]}" if place else _refused(what, statement))
    if _SQLITE_SCHEMA.search(str(error)):
        return IntegrityError(f"{what} lacks a table or column ({error}); restore it from a backup")
    return None


def login_refused(error: BaseException | None) -> str | None:
    """What a PostgreSQL says that is there and does not let us in, as with a wrong password; None for all else."""
    words = "" if error is None or not hasattr(error, "sqlstate") else _first_line(error)
    return words if _LOGIN_REFUSED.search(words) else None


def is_read_only(error: BaseException) -> bool:
    """Whether it is a PostgreSQL that was a primary, or never was: only another connection can help."""
    return getattr(error, "sqlstate", None) == "25006"


def _of_postgresql(error: Any, statement: str | None, what: str) -> ForemendError | None:
    state = error.sqlstate
    if state is None:
        return _without_state(error, statement, what)
    if state in _DAMAGED:
        return IntegrityError(f"{what} is damaged: {_words(error)}; restore it from a backup")
    if state[:2] in _WAIT_CLASSES or state in _WAIT_STATES:
        return UnavailableError(f"{what} cannot be used now: {_words(error)}")
    if state[:2] in _DATA_CLASSES:
        return InputError(_refused(what, statement, error.diag.table_name, error.diag.column_name, state))
    if state in _SCHEMA_STATES:
        return IntegrityError(f"{what} lacks a table or column ({_words(error)}); restore it from a backup")
    if state == "42501" or state[:2] == "28":
        return RefusedError(f"{what} does not allow it: {_words(error)}; grant it to Foremend's account")
    return None


def _without_state(error: BaseException, statement: str | None, what: str) -> ForemendError | None:
    """What the driver says by itself: no connection, or a value that cannot be sent."""
    import psycopg

    if isinstance(error, psycopg.OperationalError):
        return UnavailableError(f"{what} cannot be used now: {_first_line(error)}")
    if isinstance(error, psycopg.DataError):
        return InputError(_refused(what, statement))
    return None


def _first_line(error: BaseException) -> str:
    """Without the driver's guesses at why."""
    return str(error).partition("\n")[0]


def _words(error: Any) -> str:
    """The first line of what the server says: DETAIL and CONTEXT, which may hold values, are left out."""
    return str(error.diag.message_primary or error)


def _refused(
    what: str,
    statement: str | None,
    table: str | None = None,
    column: str | None = None,
    state: str | None = None,
) -> str:
    place = f" of {table}.{column}" if table and column else _of(f"UPDATE {table}" if table else statement)
    return f"{what} refuses a value{place}" + (f" (SQLSTATE {state})" if state else "")


def _of(statement: str | None) -> str:
    table = _STATEMENT_TABLE.match(statement or "")
    return f" of {table[1]}" if table else ""
