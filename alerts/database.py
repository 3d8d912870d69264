"""The effects database: opened, migrated, and the few places where SQLite and PostgreSQL differ."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import orjson
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, Executable, Table, bindparam, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Session

from alerts.tables import Base
from foremend.errors import ConfigError, ForemendError, IntegrityError, MissingExtraError, UnavailableError

CHUNK = 500
"""Most values of one `IN (...)`: databases bound the number of parameters in a query."""
_MIGRATION_LOCK = 0x464F5245  # "FORE": two processes that start together migrate one after the other
_BUSY_TIMEOUT_MS = 30_000
_READ_ONLY = {"foremend_begin": "BEGIN"}
_RELAXED = {"foremend_synchronous": "NORMAL"}


def open_database(url: str) -> Engine:
    """Open the database at `url`, an SQLAlchemy URL of SQLite or PostgreSQL, and bring its tables up to date.

    `?password_file=/path` in a PostgreSQL URL names a file whose first line is the password.
    Raises ConfigError for an unusable URL, MissingExtraError without the PostgreSQL driver, UnavailableError when
    the database cannot be reached, and IntegrityError when its tables come from a newer Foremend.
    """
    parsed = _checked(url)
    try:
        # Parameters are hidden so that no contact or ticket reaches a log through an error message.
        engine = create_engine(parsed, json_serializer=json_text, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise MissingExtraError("PostgreSQL", "postgres") from error
    if parsed.get_backend_name() == "sqlite":
        _tune_sqlite(engine)
    try:
        _migrate(engine)
    except ForemendError:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that only reads and holds up no writer. Raises UnavailableError while the database is away."""
    with _reachable(), Session(engine.execution_options(**_READ_ONLY), autoflush=False) as session:
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """A session in one transaction, committed at the end of the `with`; nothing stays of it if it raises.

    Raises UnavailableError while the database is away, or busy for longer than anybody should wait.
    """
    with _reachable(), Session(engine) as session, session.begin():
        yield session


@contextmanager
def relaxed(engine: Engine) -> Iterator[Connection]:
    """A transaction for what may be done again: a crash leaves it, a power cut may take the last ones back.

    On SQLite it does not wait for the disk; a later `writing` makes it durable together with its own changes.
    """
    with _reachable(), engine.execution_options(**_RELAXED).begin() as connection:
        yield connection


def json_text(value: Any) -> str:
    """JSON that both databases and every receiver take: numbers that are not finite become null."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def insert_new(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> set[Any]:
    """Insert the rows whose `id` is not there yet; answers the ids that were new."""
    if not rows:
        return set()
    target = _table(table)
    statement = (
        _insert(session.get_bind().dialect.name, target).on_conflict_do_nothing().returning(target.c.id)
    )
    return set(session.execute(statement, list(rows)).scalars())


def upsert(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows, or overwrite the rest of the columns where the primary key is there already."""
    if not rows:
        return
    target = _table(table)
    statement = _insert(session.get_bind().dialect.name, target)
    keys = [column.name for column in target.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise UnavailableError(f"the effects database did not answer: {error.orig}") from error


def raise_to(engine: Engine, table: type[Base], key: str, value: str) -> Executable:
    """A statement with parameters `key` and `value`: inserts the pair, or raises the value; it never lowers it."""
    target = _table(table)
    statement = _insert(engine.dialect.name, target).values({key: bindparam(key), value: bindparam(value)})
    new = statement.excluded[value]
    return cast(
        Executable,
        statement.on_conflict_do_update(index_elements=[key], set_={value: new}, where=new > target.c[value]),
    )


def _table(table: type[Base]) -> Table:
    return cast(Table, table.__table__)


def _insert(dialect: str, table: Table) -> Any:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            "alerts.database is not a database URL; write for example sqlite:///var/foremend.db"
        ) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return _with_password(parsed).set(drivername="postgresql+psycopg")
    if backend != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise ConfigError(
            f"alerts.database: {backend} at {parsed.database!r} cannot keep effects; use a SQLite file or PostgreSQL"
        )
    Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    return parsed


def _with_password(url: URL) -> URL:
    """Secrets in files are never readable by their owner alone in a container, as libpq's PGPASSFILE has to be."""
    file = url.query.get("password_file")
    if file is None:
        return url
    try:
        password = Path(str(file)).read_text(encoding="utf-8").partition("\n")[0].strip()
    except OSError as error:
        raise ConfigError(
            f"alerts.database: password_file {file} cannot be read: {error.strerror}"
        ) from error
    return url.difference_update_query(["password_file"]).set(password=password)


def _tune_sqlite(engine: Engine) -> None:
    """WAL lets readers and one writer work at once; FULL keeps what was committed through a power cut."""

    @event.listens_for(engine, "connect")
    def _set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transaction of its own: `_begin` does
        connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}").close()
        connection.execute("PRAGMA foreign_keys=ON").close()
        _into_wal(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(f"PRAGMA synchronous={options.get('foremend_synchronous', 'FULL')}")
        # A writer that began as a reader could not wait for another writer: SQLite would refuse it at once.
        connection.exec_driver_sql(options.get("foremend_begin", "BEGIN IMMEDIATE"))


def _into_wal(connection: sqlite3.Connection) -> None:
    """Processes that make a new file together: for this change alone SQLite would not let the later ones wait."""
    until = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _migrate(engine: Engine) -> None:
    settings = Config()
    settings.set_main_option("script_location", "alerts:migrations")
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
    except OperationalError as error:
        raise UnavailableError(f"the effects database cannot be opened: {error.orig}") from error
    except CommandError as error:
        raise IntegrityError(
            f"the effects database was written by a newer Foremend ({error}); upgrade Foremend"
        ) from error
    except DBAPIError as error:
        raise IntegrityError(f"the effects database is not usable: {error.orig}") from error
