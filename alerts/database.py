"""The effects database: opened, migrated, and the few places where SQLite and PostgreSQL differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Executable,
    Table,
    bindparam,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.orm import InstrumentedAttribute, Session

from alerts.database_errors import is_read_only, login_refused, understood
from alerts.database_tuning import READ_ONLY, RELAXED, patience, tune_sqlite
from alerts.database_url import checked_url
from alerts.storable import json_text
from alerts.tables import Base
from foremend.vocabulary.errors import (
    ConfigError,
    ForemendError,
    IntegrityError,
    MissingExtraError,
    UnavailableError,
)

WHAT = "the effects database"
CHUNK = 500
"""Most values of one `IN (...)`: databases bound the number of parameters in a query."""
Key = TypeVar("Key", int, str)
_MIGRATION_LOCK = 0x464F5245  # "FORE": two processes that start together migrate one after the other


def open_database(url: str) -> Engine:
    """Open the database at `url`, an SQLAlchemy URL of SQLite or PostgreSQL, and bring its tables up to date.

    `?password_file=/path` in a PostgreSQL URL names a file whose first line is the password.
    Raises ConfigError for an unusable URL, or one with which PostgreSQL does not let us in; MissingExtraError without
    the PostgreSQL driver, UnavailableError when the database cannot be reached, and IntegrityError when its tables come
    from a newer Foremend.

    Whoever uses the engine hears of its troubles as errors of Foremend (`alerts.database_errors`): UnavailableError to
    try again, InputError where the database refuses the data, IntegrityError and RefusedError to stop.
    """
    engine = connecting(url)
    try:
        _migrate(engine)
    except ForemendError as error:
        engine.dispose()
        if (words := login_refused(error.__cause__)) is not None:
            raise ConfigError(
                f"alerts.database: {words}; correct its user, password (or password_file) or database name"
            ) from error
        raise
    return engine


def connecting(url: str) -> Engine:
    """As `open_database`, with the tables as they are, if there are any."""
    parsed = checked_url(url)
    if parsed.get_backend_name() == "sqlite":
        _make_folder(Path(str(parsed.database)).parent)
    try:
        # Parameters are hidden so that no contact or ticket reaches a log through an error message.
        engine = create_engine(
            parsed,
            json_serializer=json_text,
            hide_parameters=True,
            connect_args=patience(parsed),
            pool_pre_ping=parsed.get_backend_name() == "postgresql",  # a restart meanwhile is no error
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError("PostgreSQL", "postgres") from error
    if parsed.get_backend_name() == "sqlite":
        tune_sqlite(engine, parsed)
    event.listen(engine, "handle_error", _in_our_words)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that only reads and holds up no writer. Raises UnavailableError while the database is away."""
    with _free_connection(), Session(engine.execution_options(**READ_ONLY), autoflush=False) as session:
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """A session in one transaction, committed at the end of the `with`; nothing stays of it if it raises.

    Raises UnavailableError while the database is away, or busy for longer than anybody should wait.
    """
    with _free_connection(), Session(engine) as session, session.begin():
        yield session


@contextmanager
def relaxed(engine: Engine) -> Iterator[Connection]:
    """A transaction for what may be done again: a crash leaves it, a power cut may take the last ones back.

    On SQLite it does not wait for the disk; a later `writing` makes it durable together with its own changes.
    """
    with (
        _free_connection(),
        engine.connect().execution_options(**RELAXED) as connection,
        connection.begin(),
    ):
        yield connection


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


def in_code_points(engine: Engine, column: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """A column of text to compare and sort as Python does, whatever the database's language is."""
    return column.collate("C") if engine.dialect.name == "postgresql" else column.expression


def database_version(engine: Engine) -> str:
    """Which database it is, as `SQLite 3.40.1`. Raises UnavailableError while it is away."""
    with reading(engine) as session:
        numbers = session.connection().dialect.server_version_info or ()
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(engine.dialect.name, engine.dialect.name)
    return f"{name} {'.'.join(map(str, numbers))}".strip()


def chunks(values: Iterable[Key]) -> list[Sequence[Key]]:
    """In order, as many at once as one `IN (...)` takes."""
    ordered = sorted(values)
    return [ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK)]


@contextmanager
def _free_connection() -> Iterator[None]:
    """Everything else goes wrong in `_in_our_words`."""
    try:
        yield
    except TimeoutError as error:
        raise UnavailableError(f"{WHAT} is busy: no connection came free") from error


def _in_our_words(context: ExceptionContext) -> None:
    """Hears of every error of the driver, whoever used the engine, and raises what it means for the caller."""
    if context.is_pre_ping:
        return  # the pool looks whether a connection is still there, and opens another
    if is_read_only(context.original_exception):
        context.is_disconnect = True  # behind the same address there may be another server now
    error = understood(context.original_exception, context.statement, WHAT)
    if error is not None:
        raise error from context.original_exception


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


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (NotADirectoryError, FileExistsError, PermissionError) as error:
        raise ConfigError(f"alerts.database: {folder} cannot be made: {error.strerror}") from error


@cache
def _newest_migration() -> str:
    """By the files' names: loading them all would cost every start of every command ten times as much."""
    return max(file.name[1:5] for file in (Path(__file__).parent / "migrations" / "versions").glob("v*.py"))


def _is_up_to_date(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [_newest_migration()]


def _migrate(engine: Engine) -> None:
    try:
        with engine.begin() as connection:
            if not _is_up_to_date(connection):
                _upgrade(connection)
    except DBAPIError as error:
        raise IntegrityError(f"{WHAT} is not usable: {error.orig}") from error


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    settings = Config()
    settings.set_main_option("script_location", "alerts:migrations")
    settings.attributes["connection"] = connection
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    try:
        command.upgrade(settings, "head")
    except CommandError as error:
        raise IntegrityError(f"{WHAT} was written by a newer Foremend ({error}); upgrade Foremend") from error
