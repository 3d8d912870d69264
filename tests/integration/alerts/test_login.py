"""A PostgreSQL that asks for a password: whoever is not let in hears so at the start, and waits while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from alerts.database import open_database, upsert, writing
from alerts.tables import PositionRow
from benchmarks.postgres_server import PostgresServer
from foremend.vocabulary.errors import ConfigError, UnavailableError
from tests.conftest import not_here


@pytest.fixture(scope="module")
def strict() -> Iterator[PostgresServer]:
    """A server of the tests' own; over its socket nobody but the test itself is trusted."""
    try:
        server = PostgresServer()
    except UnavailableError as error:
        not_here(str(error))
    said(server, "CREATE ROLE owner LOGIN SUPERUSER PASSWORD 'right'", "CREATE DATABASE effects OWNER owner")
    told = said(server, "SHOW hba_file")
    Path(told).write_text("local all foremend trust\nlocal all all scram-sha-256\n")
    said(server, "SELECT pg_reload_conf()")
    yield server
    server.close()


def said(server: PostgresServer, *statements: str) -> Any:
    """What the server answers to the last of them."""
    with psycopg.connect(server.address.format("postgres"), autocommit=True) as console:
        for statement in statements:
            answer = console.execute(statement)
        return answer.fetchone()[0] if answer.description else None  # type: ignore[index]


def address(server: PostgresServer, user: str, database: str) -> str:
    return server.address.format(database).replace("foremend@", f"{user}@")


WRONG = {
    "password": ("owner:wrong", "effects", "authentication failed"),
    "no password": ("owner", "effects", "no password supplied"),
    "user": ("nobody:right", "effects", "authentication failed"),
    "database": ("owner:right", "nothing", 'database "nothing" does not exist'),
}


@pytest.mark.parametrize("what", WRONG)
def test_whoever_is_not_let_in_is_told_at_the_start(strict: PostgresServer, what: str) -> None:
    """As a wrong setting, which no waiting mends; the password is not repeated."""
    user, database, words = WRONG[what]

    with pytest.raises(
        ConfigError, match=f"^alerts.database: .*{words}.*; correct its user, password"
    ) as told:
        open_database(address(strict, user, database))

    assert "wrong" not in str(told.value)


def keep(engine: Engine) -> None:
    with writing(engine) as session:
        upsert(session, PositionRow, [{"stream": "s", "value": 1}])


def test_a_password_that_changes_while_it_runs_is_waited_for(strict: PostgresServer) -> None:
    """An operator may be in the midst of changing it: the trouble says why, and nobody needs to start anew."""
    engine = open_database(address(strict, "owner:right", "effects"))
    said(strict, "ALTER ROLE owner PASSWORD 'new'")
    engine.dispose()

    with pytest.raises(UnavailableError, match=r"cannot be used now: .*password authentication failed"):
        keep(engine)

    said(strict, "ALTER ROLE owner PASSWORD 'right'")
    keep(engine)
    engine.dispose()
