"""What a database's troubles mean for whoever called: each one really happens here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from alerts.database import open_database, reading, upsert, writing
from alerts.tables import FindingRow, PositionRow
from benchmarks.postgres_server import PostgresServer
from foremend.vocabulary.errors import (
    ForemendError,
    InputError,
    IntegrityError,
    RefusedError,
    UnavailableError,
)

SHORT_WAITS = {"sqlite": "?timeout=0.05", "postgresql": "&options=-c%20lock_timeout%3D50ms"}


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """An open database that waits for locks for 50 ms only."""
    opened = open_database(database + SHORT_WAITS[database.partition(":")[0]])
    yield opened
    opened.dispose()


@pytest.fixture
def postgresql(postgres_server: PostgresServer) -> Iterator[Engine]:
    opened = open_database(postgres_server.new_database())
    yield opened
    opened.dispose()


def keep(engine: Engine, value: int = 1, stream: str = "s") -> None:
    with writing(engine) as session:
        upsert(session, PositionRow, [{"stream": stream, "value": value}])


def kept(engine: Engine, stream: str = "s") -> int | None:
    with reading(engine) as session:
        row = session.get(PositionRow, stream)
    return None if row is None else row.value


def administer(engine: Engine, *statements: str) -> None:
    """As somebody at the server's console would."""
    console_url = engine.url.set(drivername="postgresql", database="postgres")
    with psycopg.connect(console_url.render_as_string(), autocommit=True) as console:
        for statement in statements:
            console.execute(statement.format(database=engine.url.database))


def test_a_lock_that_somebody_holds_is_waited_for_within_reason(engine: Engine) -> None:
    """Then it is a database that is away: tried again, and there once the lock is gone."""
    keep(engine)
    with writing(engine) as other:
        upsert(other, PositionRow, [{"stream": "s", "value": 2}])
        other.flush()
        with pytest.raises(UnavailableError, match="cannot be used now"):
            keep(engine, 3)

    keep(engine, 3)
    assert kept(engine) == 3


def test_a_server_that_stopped_is_away_until_it_is_back(
    postgresql: Engine, postgres_server: PostgresServer
) -> None:
    """The pool's connections died with it; nobody needs to open the database anew."""
    keep(postgresql)
    postgres_server.stop()
    for act in (keep, kept):
        with pytest.raises(UnavailableError, match="cannot be used now"):
            act(postgresql)

    postgres_server.start()
    keep(postgresql, 2)

    assert kept(postgresql) == 2


def test_a_restart_between_two_acts_is_not_noticed(
    postgresql: Engine, postgres_server: PostgresServer
) -> None:
    """Connections that died while nobody used them are replaced."""
    keep(postgresql)
    postgres_server.stop()
    postgres_server.start()

    assert kept(postgresql) == 1


def _ended_under_way(engine: Engine) -> None:
    with writing(engine) as session:
        upsert(session, PositionRow, [{"stream": "s", "value": 1}])
        administer(
            engine,
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = '{database}' AND pid <> pg_backend_pid()",
        )
        session.execute(text("SELECT 1"))


def test_a_connection_that_is_ended_under_way_is_away_once(postgresql: Engine) -> None:
    """pg_terminate_backend, as before a planned restart: nothing of the transaction stays, the next one works."""
    with pytest.raises(UnavailableError, match="terminating connection"):
        _ended_under_way(postgresql)

    assert kept(postgresql) is None
    keep(postgresql)


def test_a_replica_that_takes_no_writes_is_left_for_the_next_primary(postgresql: Engine) -> None:
    """Read-only after a failover: tried again on a new connection, which may lead to another server."""
    administer(postgresql, "ALTER DATABASE {database} SET default_transaction_read_only = on")
    postgresql.dispose()
    with pytest.raises(UnavailableError, match="read-only transaction"):
        keep(postgresql)

    administer(postgresql, "ALTER DATABASE {database} RESET default_transaction_read_only")
    keep(postgresql)

    assert kept(postgresql) == 1


def test_a_server_without_a_free_connection_is_away(postgresql: Engine) -> None:
    """max_connections used up by others."""
    postgresql.dispose()
    name = postgresql.url.set(drivername="postgresql").render_as_string()
    with ExitStack() as others:
        with suppress(psycopg.OperationalError):
            while True:
                others.enter_context(psycopg.connect(name))
        with pytest.raises(UnavailableError, match="too many clients"):
            keep(postgresql)

    keep(postgresql)


def test_a_deadlock_is_tried_again(postgresql: Engine) -> None:
    """Two writers in opposite orders: one of them is told to begin again, the other is through."""
    for stream in "ab":
        keep(postgresql, 0, stream)
    both = threading.Barrier(2)
    met: list[ForemendError] = []

    def write(first: str, second: str) -> None:
        try:
            with writing(postgresql) as session:
                upsert(session, PositionRow, [{"stream": first, "value": 1}])
                both.wait()
                upsert(session, PositionRow, [{"stream": second, "value": 1}])
        except ForemendError as error:
            met.append(error)

    threads = [threading.Thread(target=write, args=order) for order in ("ab", "ba")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [type(error) for error in met] == [UnavailableError]
    assert (kept(postgresql, "a"), kept(postgresql, "b")) == (1, 1)


def test_who_stands_still_in_a_transaction_holds_nobody_up(postgresql: Engine) -> None:
    """A process that is stopped in the midst of a write: PostgreSQL takes its locks back, and it begins again."""
    keep(postgresql, 1)
    stopped = Session(postgresql)
    upsert(stopped, PositionRow, [{"stream": "s", "value": 2}])
    stopped.execute(text("SET LOCAL idle_in_transaction_session_timeout = '200ms'"))  # its last word

    keep(postgresql, 3)

    with pytest.raises(UnavailableError, match="cannot be used now"):
        upsert(stopped, PositionRow, [{"stream": "s", "value": 4}])
    stopped.close()
    assert kept(postgresql) == 3
    keep(postgresql, 4)


def test_a_transaction_that_stands_still_ends_before_others_give_up_waiting(postgresql: Engine) -> None:
    """So that a frozen worker is never a database that is away for the others. A URL's own options add to ours."""
    waits, pauses = "lock_timeout", "idle_in_transaction_session_timeout"
    address = postgresql.url.update_query_dict({"options": "-c work_mem=9MB"})
    more = open_database(address.render_as_string())

    setting = text("SELECT CAST(setting AS integer) FROM pg_settings WHERE name = :name")
    for engine in (postgresql, more):
        with reading(engine) as session:
            pause_ms, wait_ms = (session.scalar(setting, {"name": name}) for name in (pauses, waits))
        assert 0 < pause_ms < wait_ms
    with reading(more) as session:
        assert session.scalar(text("SHOW work_mem")) == "9MB"
    more.dispose()


def test_a_serialization_failure_is_tried_again(postgresql: Engine) -> None:
    """Somebody else changed what this transaction had read."""
    keep(postgresql)
    strict = postgresql.execution_options(isolation_level="REPEATABLE READ")

    with writing(strict) as session:
        session.get(PositionRow, "s")
        keep(postgresql, 2)
        with pytest.raises(UnavailableError, match="concurrent update"):
            upsert(session, PositionRow, [{"stream": "s", "value": 3}])

    assert kept(postgresql) == 2


def test_an_account_that_may_not_is_told_so(postgresql: Engine) -> None:
    """Waiting would mend nothing: the sentence says what would."""
    role = f"visitor_{postgresql.url.database}"
    administer(postgresql, f"CREATE ROLE {role} LOGIN")
    visitor = postgresql.url.set(username=role, drivername="postgresql").render_as_string()

    with pytest.raises(RefusedError, match=r"permission denied.*grant it"):
        open_database(visitor)


def test_tables_that_are_gone_stop_everything(engine: Engine) -> None:
    """Nothing can be kept any more, and no waiting brings them back."""
    with writing(engine) as session:
        session.execute(text("DROP TABLE positions"))

    with pytest.raises(IntegrityError, match=r"lacks a table or column.*backup"):
        keep(engine)


def _too_long(engine: Engine) -> None:
    keep(engine, stream="secret" * 30)


def _nul_in_a_name(engine: Engine) -> None:
    keep(engine, stream="secret\0")


def _surrogate_in_a_name(engine: Engine) -> None:
    keep(engine, stream="secret\ud800")


def _out_of_range(engine: Engine) -> None:
    keep(engine, 2**63)


def _missing(engine: Engine) -> None:
    with writing(engine) as session:
        upsert(session, PositionRow, [{"stream": "secret", "value": None}])


def _asked_for(engine: Engine) -> None:
    with reading(engine) as session:
        session.query(FindingRow).filter(FindingRow.appliance_id == "secret\0").all()


@pytest.mark.parametrize(
    ("act", "place"),
    [
        (_too_long, r"positions\.stream has 180 characters; 120 at most"),
        (_nul_in_a_name, r"positions\.stream has a character"),
        (_surrogate_in_a_name, r"positions\.stream has a character"),
        (_out_of_range, "a value of positions"),
        (_missing, r"a value of positions\.value"),
        (_asked_for, r"findings\.appliance_id has a character"),
    ],
)
def test_data_that_cannot_be_kept_is_the_datas_fault(
    engine: Engine, act: Callable[[Engine], None], place: str
) -> None:
    """The same on both databases: not away, not damaged; the sentence names table and column and no value."""
    with pytest.raises(InputError, match=place) as refused:
        act(engine)

    assert "secret" not in str(refused.value)
    assert str(2**63) not in str(refused.value)
