"""Which database `alerts.database` names: told from the settings alone, without opening it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from foremend.vocabulary.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_FILE = re.compile(r"sqlite:///(?!:memory:)[^?]+")
_POSTGRESQL = re.compile(r"postgresql(\+\w+)?://")


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL without further words; None for any other URL."""
    return Path(url.removeprefix("sqlite:///")) if _FILE.fullmatch(url) else None


def is_postgresql(url: str) -> bool:
    return _POSTGRESQL.match(url) is not None


def check_url(url: str) -> None:
    """Raises as `checked_url` does; SQLAlchemy, a quarter of a second to load, judges only what is no file."""
    if sqlite_file(url) is None:
        checked_url(url)


def checked_url(url: str) -> URL:
    """What SQLAlchemy needs to know of the database. Opens nothing. Raises ConfigError for an unusable URL."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

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
