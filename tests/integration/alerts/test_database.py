"""Opening the effects database."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, select, text

from alerts import dead_letter_bounds, migrations
from alerts.database import checked_url, open_database, reading, writing
from alerts.held_back import Cause, cause_of
from alerts.queries import counts
from alerts.settings import DeadLetterSettings
from alerts.tables import LIVE, NEVER, Base, DeadLetterRow, HeldBackRow, PositionRow, TicketRow
from foremend.vocabulary.errors import ConfigError, IntegrityError, UnavailableError
from foremend.vocabulary.types import DeadLetter


def test_the_migrations_make_what_the_mappings_say(bare_database: str) -> None:
    """No table, column or index is in one and not in the other."""
    engine = open_database(bare_database)

    def is_of_this_database(one: Any, name: str | None, kind: str, *_: object) -> bool:
        return one.info.get("only_on", engine.dialect.name) == engine.dialect.name

    with engine.connect() as connection:
        compared = MigrationContext.configure(connection, opts={"include_object": is_of_this_database})
        differences = compare_metadata(compared, Base.metadata)
    engine.dispose()

    assert differences == []


def test_a_migration_s_file_is_named_by_its_revision() -> None:
    """By its name a start knows that nothing is to be done."""
    found = ScriptDirectory(str(Path(migrations.__file__).parent)).walk_revisions()
    names = {one.revision: Path(one.path).name[:5] for one in found}
    assert len(names) > 30
    assert all(name == f"v{revision}" for revision, name in names.items())


def test_processes_that_start_together_migrate_once(bare_database: str) -> None:
    """Every one of them ends with a usable database."""
    ready = threading.Barrier(3)
    opened = []

    def start() -> None:
        ready.wait()
        opened.append(open_database(bare_database))

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for engine in opened:
        engine.dispose()
    assert len(opened) == 3


def test_a_database_of_a_newer_version_is_refused(database: str) -> None:
    """Tables that this version does not know are left alone, with the way out in the sentence."""
    engine = open_database(database)
    with writing(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(IntegrityError, match="newer Foremend"):
        open_database(database)


def migrated(url: str, to: str, how: Callable[[Config, str], object] = command.upgrade) -> Engine:
    """The database at `url`, with the tables of an earlier or later version."""
    engine = create_engine(checked_url(url))
    settings = Config()
    settings.set_main_option("script_location", "alerts:migrations")
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        how(settings, to)
    return engine


def test_dead_letters_of_before_their_bounds_are_kept_and_counted(bare_database: str) -> None:
    """Each stands for itself, the total is as many as there are, and what comes afterwards is added."""
    older = migrated(bare_database, "0005")
    row = (
        "INSERT INTO dead_letters (id, topic, payload, reason, received)"
        " VALUES (:id, 'dt/appliance/rf-260/one/telemetry', :payload, 'no JSON', 1)"
    )
    with older.begin() as connection:
        connection.execute(text(row), [{"id": f"dl_{n}", "payload": b"{%d" % n} for n in range(3)])
    older.dispose()

    engine = open_database(bare_database)

    with reading(engine) as session:
        kept = session.scalars(select(DeadLetterRow).order_by(DeadLetterRow.id)).all()
        assert [(row.id, row.payload, row.times, row.bucket) for row in kept] == [
            (f"dl_{n}", b"{%d" % n, 1, "") for n in range(3)
        ]
    assert counts(engine).dead_letters == 3
    with writing(engine) as session:
        dead_letter_bounds.keep(session, [DeadLetter("t", b"x", "no JSON", 2)], DeadLetterSettings(), True)
    assert counts(engine).dead_letters == 4
    engine.dispose()
    migrated(bare_database, "0005", command.downgrade).dispose()
    open_database(bare_database).dispose()


def test_tickets_of_before_have_what_was_found_and_what_goes_on(bare_database: str) -> None:
    """An outcome ends its ticket and is of its episode; open episodes are known by their newest finding; and back."""
    old = migrated(bare_database, "0013")
    finding = (
        "INSERT INTO findings (id, episode_id, kind, appliance_id, appliance_model, fault, rule, severity, time,"
        " episode_start, score, days_to_failure, evidence, at)"
        " VALUES (:id, :ep, :kind, 'a', 'm', 'leak', 'r', 'warning', :time, 1, 0.5, :days, '[]', 1)"
    )
    ticket = (
        "INSERT INTO tickets (id, episode_id, appliance_id, appliance_model, fault, severity, status, opened_at,"
        " told_at, note, content, created_at)"
        " VALUES (:id, :id, 'a', 'm', 'leak', 'warning', :status, 1, 1, '', '{}', 7)"
    )
    outcome = "INSERT INTO outcomes (ticket_id, fault, found_at, recorded_at) VALUES (:id, :fault, 5, 6)"
    found = [("f1", "e1", "opened", 1, None), ("f2", "e1", "updated", 1, 2.0), ("f3", "e2", "opened", 1, 1.0)]
    found += [("f4", "e2", "closed", 9, None), ("f5", "e3", "opened", 4, None)]
    with old.begin() as connection:
        for id_, ep, kind, time, days in found:
            row = {"id": id_, "ep": ep, "kind": kind, "time": time, "days": days}
            connection.execute(text(finding), row)
        for id_, status in (
            ("t1", "open"),
            ("t2", "open"),
            ("t3", "closed"),
            ("t4", "withdrawn"),
            ("t5", "open"),
        ):
            connection.execute(text(ticket), {"id": id_, "status": status})
        for id_, fault in (("t1", "leak"), ("t2", None), ("t3", "fan"), ("t4", "leak"), ("gone", "leak")):
            connection.execute(text(outcome), {"id": id_, "fault": fault})
    old.dispose()

    engine = open_database(bare_database)
    with engine.connect() as connection:
        tickets = connection.execute(text("SELECT id, status, resolution FROM tickets ORDER BY id")).all()
        outcomes = connection.execute(
            text("SELECT ticket_id, episode_id, result FROM outcomes ORDER BY 1")
        ).all()
        episodes = connection.execute(
            text("SELECT id, finding_id, fails_at FROM open_episodes ORDER BY 1")
        ).all()
    engine.dispose()
    migrated(bare_database, "0013", command.downgrade).dispose()
    open_database(bare_database).dispose()

    assert [tuple(row) for row in tickets] == [
        ("t1", "resolved", "confirmed"), ("t2", "resolved", "no_fault_found"), ("t3", "closed", "other_fault"),
        ("t4", "withdrawn", "confirmed"), ("t5", "open", None),
    ]  # fmt: skip
    assert [tuple(row) for row in outcomes] == [
        ("gone", "", "confirmed"), ("t1", "t1", "confirmed"), ("t2", "t2", "no_fault_found"),
        ("t3", "t3", "other_fault"), ("t4", "t4", "confirmed"),
    ]  # fmt: skip
    assert [tuple(row) for row in episodes] == [("e1", "f2", 1 + 2 * 86_400_000), ("e3", "f5", 2**62)]


def test_readers_do_not_wait_for_a_writer(database: str) -> None:
    """While a transaction is open others read what was committed before it."""
    engine = open_database(database)
    with writing(engine) as writer:
        writer.add(PositionRow(stream="s", value=1))
        writer.flush()
        with reading(engine) as reader:
            seen = reader.scalars(select(PositionRow)).all()
    engine.dispose()

    assert seen == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("var/foremend.db", "is not a database URL"),
        ("sqlite://", "cannot keep effects"),
        ("sqlite:///:memory:", "cannot keep effects"),
        ("mysql://localhost/x", "cannot keep effects"),
    ],
)
def test_unusable_urls_are_refused(url: str, words: str) -> None:
    """Before anything is opened."""
    with pytest.raises(ConfigError, match=words):
        open_database(url)


def test_a_server_that_is_away_can_be_tried_again(tmp_path: Path) -> None:
    """No PostgreSQL behind the socket: away, not wrong."""
    with pytest.raises(UnavailableError, match="cannot be used now"):
        open_database(f"postgresql://foremend@/x?host={tmp_path}")


def test_a_password_can_stand_in_a_file(postgres: str, tmp_path: Path) -> None:
    """As secrets do in a container: the driver gets the password and never hears of the file."""
    (tmp_path / "password").write_text("secret\nsecond line\n")

    engine = open_database(postgres.format("postgres") + f"&password_file={tmp_path}/password")
    engine.dispose()

    assert engine.url.password == "secret"
    assert "password_file" not in engine.url.query


def test_a_password_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before the server is asked."""
    with pytest.raises(ConfigError, match=r"password_file .*/none cannot be read"):
        open_database(f"postgresql://foremend@/x?host={tmp_path}&password_file={tmp_path}/none")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A text file under the database's name is not overwritten."""
    path = tmp_path / "effects.db"
    path.write_text("not a database " * 100)

    with pytest.raises(IntegrityError, match="not usable"):
        open_database(f"sqlite:///{path}")
    assert path.read_text().startswith("not a database")


def test_tickets_of_before_have_when_their_next_promise_ends_and_where_they_are_served(
    bare_database: str,
) -> None:
    """Only of who is worked on and waits for nobody: the first promise that is not kept."""
    old = migrated(bare_database, "0028")
    clocks = json.dumps(
        {
            "first_contact": {"start": 1, "due": 5, "met": 4, "told": 0},
            "visit": {"start": 1, "due": 30, "met": None, "told": 0},
            "fix": {"start": 1, "due": 90, "met": None, "told": 0},
        }
    )
    ticket = (
        "INSERT INTO tickets (id, episode_id, appliance_id, appliance_model, fault, severity, status, opened_at,"
        " told_at, note, content, created_at, clocks, waiting_since)"
        " VALUES (:id, :id, 'a', 'm', 'leak', 'warning', :status, 1, 1, '', :content, 7, :clocks, :waiting)"
    )
    rows = [(status.value, status.value, None) for status in LIVE] + [
        ("waits", "open", 8),
        ("over", "closed", None),
    ]
    with old.begin() as connection:
        for id_, status, waiting in rows:
            row = {"id": id_, "status": status, "clocks": clocks, "waiting": waiting}
            connection.execute(text(ticket), {**row, "content": '{"service_area": "north"}'})
        bare = {"id": "bare", "status": "open", "clocks": "{}", "waiting": None, "content": "{}"}
        connection.execute(text(ticket), bare)
    old.dispose()

    engine = open_database(bare_database)
    with reading(engine) as session:
        found = {row.id: (row.due_at, row.service_area) for row in session.scalars(select(TicketRow))}
    engine.dispose()
    migrated(bare_database, "0028", command.downgrade).dispose()
    open_database(bare_database).dispose()

    assert found == {
        **{status.value: (30, "north") for status in LIVE},
        "waits": (NEVER, "north"),
        "over": (NEVER, "north"),
        "bare": (NEVER, None),
    }


def test_what_was_held_back_before_has_its_cause(bare_database: str) -> None:
    """As if it were held back now; and back."""
    old = migrated(bare_database, "0035")
    reasons = {
        "never given": Cause.NEVER_GIVEN,
        "withdrawn at 2026-01-01T00:00:00.000Z": Cause.WITHDRAWN,
        "ended at 2026-01-01T00:00:00.000Z": Cause.ENDED,
        "the policy EU uses no sms": Cause.POLICY,
    }
    row = (
        "INSERT INTO held_back (id, act, purpose, appliance_id, fault, reason, at)"
        " VALUES (:id, 'ticket', 'ticket', 'fridge-1', 'leak', :reason, 1)"
    )
    with old.begin() as connection:
        connection.execute(text(row), [{"id": f"hb_{n}", "reason": one} for n, one in enumerate(reasons)])
    old.dispose()

    engine = open_database(bare_database)

    with reading(engine) as session:
        found = session.execute(select(HeldBackRow.reason, HeldBackRow.cause)).all()
    assert dict(found) == {one: cause.value for one, cause in reasons.items()}
    assert all(cause_of(one) is cause for one, cause in reasons.items())
    engine.dispose()
    migrated(bare_database, "0035", command.downgrade).dispose()
    open_database(bare_database).dispose()
