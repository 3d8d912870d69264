"""Stores that are missing, older, cut short or damaged: refused at the start, told, and repaired by what is named."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from alerts.audit import verify
from foremend.history.parquet import ParquetHistory
from foremend.installation.agreement import STORES
from foremend.installation.stores import Stores
from foremend.jobs.backup import back_up
from foremend.jobs.doctor import accept_loss, examine
from foremend.jobs.restore import restore
from foremend.runtimes.clock import SystemClock
from foremend.stores.resting import RestingStore
from foremend.vocabulary.errors import ConfigError, IntegrityError
from foremend.vocabulary.types import MS_PER_DAY, RawMessage
from foremend.wiring.one_machine import Application, build

START = 1_767_225_600_000
MODEL = "generic-compressor"


class ListSource:
    """A source of messages that are already there."""

    def __init__(self, messages: Iterable[RawMessage]) -> None:
        self._waiting = deque(messages)

    def connect(self) -> None: ...

    def take(self, timeout_s: float) -> Sequence[tuple[RawMessage, Any]]:
        return [(self._waiting.popleft(), None) for _ in range(min(5, len(self._waiting)))]

    def acknowledge(self, tokens: Iterable[Any]) -> None: ...

    def connected(self, timeout_s: float = 0.0) -> bool:
        return True

    def close(self) -> None: ...


def message(number: int, appliance: str = "freezer-1") -> RawMessage:
    body = {"ts": START + number * 60_000, "seq": number, "signals": {"power": 90.0}}
    return RawMessage(
        f"dt/appliance/{MODEL}/{appliance}/telemetry", orjson.dumps(body), START + number * 60_000
    )


@contextmanager
def started(place: Any) -> Iterator[Application]:
    """Everything that `foremend run` opens, up to the point where it would take messages."""
    application = build(place.settings)
    try:
        application.runtime.recover()
        yield application
    finally:
        application.alerts.close()
        application.runtime._journal.close()
        application.lock.close()


def take(application: Application, first: int, last: int) -> None:
    take_messages(application, [message(number) for number in range(first, last + 1)])


def take_messages(application: Application, messages: Iterable[RawMessage]) -> None:
    application.runtime._source = ListSource(messages)
    while application.runtime.step(0.0):
        pass


def stored(place: Any) -> list[int]:
    blocks = ParquetHistory(place.folder / "history").read(MODEL, START, START + MS_PER_DAY)
    return [int(number) for block in blocks for number in block.seq]


@pytest.fixture
def place(make_place: Callable[..., Any]) -> Any:
    """Messages 1 to 40 are covered by a snapshot, 41 to 80 are in the journal's log alone."""
    place = make_place("mqtt://127.0.0.1:1", checkpoint_every="1 h")
    with started(place) as application:
        take(application, 1, 40)
        application.runtime.checkpoint()
        take(application, 41, 80)
        shutil.copytree(place.folder, place.folder.parent / "killed")
    shutil.rmtree(place.folder)
    (place.folder.parent / "killed").rename(place.folder)
    return place


@pytest.fixture
def resting_place(make_place: Callable[..., Any]) -> Any:
    """Two freezers were heard of for hours, then one of them for days; the other one rests since."""
    place = make_place("mqtt://127.0.0.1:1", checkpoint_every="1 h", rest_after="1 d")
    with started(place) as application:
        hours = [message(n, one) for n in range(1, 240, 10) for one in ("freezer-1", "freezer-2")]
        take_messages(application, hours + [message(n) for n in range(240, 5 * 1_440, 120)])
        application.runtime.checkpoint()
        assert application.runtime.status().resting == 1
    return place


def remove(folder: Path, pattern: str) -> None:
    for path in folder.glob(pattern):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def cut_log(folder: Path) -> None:
    log = folder / "journal.db-wal"
    os.truncate(log, log.stat().st_size * 6 // 10)


def scribble(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[: len(content) // 2] = os.urandom(len(content) // 2)
    file.write_bytes(content)


def damage_database(folder: Path) -> None:
    remove(folder, "foremend.db-*")
    scribble(folder / "foremend.db")


def damage_journal(folder: Path) -> None:
    remove(folder, "journal.db-*")
    scribble(folder / "journal.db")


def empty_database(folder: Path) -> None:
    remove(folder, "foremend.db-*")
    (folder / "foremend.db").write_bytes(b"")


def empty_history(folder: Path) -> None:
    remove(folder / "history", "*")


FAULTS: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "a log cut to 60 %": ("journal", "are gone", cut_log),
    "no log at all": (
        "journal",
        "is missing or empty|are gone",
        lambda folder: remove(folder, "journal.db-wal"),
    ),
    "no journal": ("journal", "is missing", lambda folder: remove(folder, "journal.db*")),
    "a damaged journal": ("journal", "is damaged", damage_journal),
    "no database": ("database", "is missing", lambda folder: remove(folder, "foremend.db*")),
    "an emptied database": ("database", "is missing or empty", empty_database),
    "a damaged database": ("database", "is damaged", damage_database),
    "no snapshot": ("snapshot", "is missing", lambda folder: remove(folder, "engine.snapshot")),
    "a snapshot that is no snapshot": (
        "snapshot",
        "is damaged",
        lambda folder: scribble(folder / "engine.snapshot"),
    ),
    "no history": ("history", "is missing", lambda folder: remove(folder, "history")),
    "an emptied history": ("history", f"was emptied: nothing is there of {MODEL}", empty_history),
    "no history and none of its marks": (
        "history",
        "is missing",
        lambda folder: remove(folder, "history*"),
    ),
}


def test_a_killed_pipeline_starts_again_with_everything(place: Any) -> None:
    """Nothing is wrong with what a kill leaves behind: the log is replayed and the doctor is content."""
    assert examine(place.config, lambda done, total: None)["problems"] == []

    with started(place) as application:
        readings = application.runtime.status().readings

    assert readings == 80


@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_does_not_fit_is_refused_and_the_named_command_repairs_it(
    place: Any, fault: str
) -> None:
    """The sentence names file, meaning and command; the command works, once; and what comes then is not swallowed."""
    store, words, injure = FAULTS[fault]
    injure(place.folder)

    with pytest.raises(IntegrityError, match=words) as refusal, started(place):
        pass
    told = examine(place.config, lambda done, total: None)["problems"]
    accept_loss(place.config, store)
    with started(place) as application:
        before = application.runtime.status().messages
        take(application, 81, 120)
        application.runtime.checkpoint()
        after = application.runtime.status().messages
        audit = verify(application.alerts.engine)
    with started(place):
        numbers = stored(place)

    assert f"foremend doctor --accept-loss {store}" in str(refusal.value)
    assert str(refusal.value) in "; ".join(told)
    assert after - before == 40
    assert len(numbers) == len(set(numbers))
    assert set(range(81, 109)) <= set(numbers)  # the last ten minutes are held for late ones
    assert audit.intact
    assert audit.entries
    with pytest.raises(ConfigError, match="nothing is wrong"):
        accept_loss(place.config, store)


def test_an_older_journal_is_refused(place: Any) -> None:
    """Restored alone from a backup, it would give out positions whose findings the database takes for known."""
    older = place.folder.parent / "older"
    shutil.copytree(place.folder, older)
    with started(place) as application:
        take(application, 81, 120)
        application.runtime.checkpoint()
    remove(place.folder, "journal.*")
    for file in older.glob("journal.*"):
        shutil.copy(file, place.folder)

    with pytest.raises(IntegrityError, match=r"ends at message \d+ and \d+ were written, 40 are gone"):
        build(place.settings)


@pytest.mark.parametrize("store", ["database", "snapshot"])
def test_an_older_database_or_snapshot_is_refused(place: Any, store: str) -> None:
    """What happened since is lost in it; the others know how far it was."""
    files = {"database": "foremend.db*", "snapshot": "engine.snapshot"}[store]
    older = place.folder.parent / "older"
    shutil.copytree(place.folder, older)
    with started(place) as application:
        take(application, 81, 120)
        application.runtime.checkpoint()
    remove(place.folder, files)
    for file in older.glob(files):
        shutil.copy(file, place.folder)

    with pytest.raises(IntegrityError, match=f"is older.*--accept-loss {store}"):
        build(place.settings)


def on_database(make_place: Callable[..., Any], name: str, database: str) -> Any:
    place = make_place("mqtt://127.0.0.1:1", name, checkpoint_every="1 h")
    alerts = place.settings.alerts.model_copy(update={"database": database})
    return replace(place, settings=place.settings.model_copy(update={"alerts": alerts}))


def test_a_second_folder_on_the_same_database_is_refused(
    make_place: Callable[..., Any], database: str
) -> None:
    """On this machine or another one, new or with an installation of its own; the first one goes on."""
    first, second, third = (on_database(make_place, name, database) for name in ("one", "two", "three"))
    with started(first) as application:
        take(application, 1, 40)
    own = make_place("mqtt://127.0.0.1:1", "three")
    with started(own):
        pass

    with started(first) as application:
        with pytest.raises(IntegrityError, match="is missing or empty, and others know of it") as new:
            build(second.settings)
        with pytest.raises(IntegrityError, match="belongs to another installation"):
            build(third.settings)
        take(application, 41, 80)
        messages = application.runtime.status().messages

    assert new.value.exit_code == 7
    assert messages == 80


def test_a_log_without_what_the_database_never_saw_is_told_too(place: Any) -> None:
    """Appended, acknowledged, killed before its effects: only the mark beside the journal knows of it."""
    with started(place) as application:
        application.runtime._journal.append([message(81), message(82)])
        remove(place.folder.parent, "killed")
        shutil.copytree(place.folder, place.folder.parent / "killed")
    shutil.rmtree(place.folder)
    (place.folder.parent / "killed").rename(place.folder)
    log = place.folder / "journal.db-wal"
    os.truncate(log, log.stat().st_size - 100)

    with pytest.raises(IntegrityError, match=r"ends at message \d+ and \d+ were written, 2 are gone"):
        build(place.settings)


def older_resting(folder: Path) -> None:
    """As a backup of this one file would be, taken before anybody rested."""
    remove(folder, "resting.db*")
    shutil.copy(folder.parent / "resting-before.db", folder / "resting.db")


def another_resting(folder: Path) -> None:
    remove(folder, "resting.db*")
    RestingStore(folder / "resting.db").close()


def empty_resting(folder: Path) -> None:
    remove(folder, "resting.db-*")
    (folder / "resting.db").write_bytes(b"")


def damage_resting(folder: Path) -> None:
    remove(folder, "resting.db-*")
    scribble(folder / "resting.db")


RESTING_FAULTS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "missing": ("is missing or empty", lambda folder: remove(folder, "resting.db*")),
    "emptied": ("is missing or empty", empty_resting),
    "another one": ("is not the one that the snapshot knows", another_resting),
    "older": (r"is older than the snapshot: at change \d+ of \d+", older_resting),
    "damaged": ("is damaged", damage_resting),
}


@pytest.mark.parametrize("fault", RESTING_FAULTS)
def test_those_who_rest_are_missed_like_any_other_store(resting_place: Any, fault: str) -> None:
    """Refused with code 7, file, meaning and command; the command goes on without them, once; others rest again."""
    words, injure = RESTING_FAULTS[fault]
    before = sqlite3.connect(resting_place.folder / "resting.db")
    older = sqlite3.connect(resting_place.folder.parent / "resting-before.db")
    before.backup(older)
    older.execute("UPDATE identity SET changes = 0")
    older.execute("DELETE FROM resting")
    older.commit()
    before.close()
    older.close()
    injure(resting_place.folder)

    with pytest.raises(IntegrityError, match=words) as refusal:
        build(resting_place.settings)
    told = examine(resting_place.config, lambda done, total: None)["problems"]
    accept_loss(resting_place.config, "resting")
    with started(resting_place) as application:
        rested = application.runtime.status().resting
        take_messages(
            application,
            [message(n, "freezer-2") for n in range(5 * 1_440, 5 * 1_440 + 240, 10)]
            + [message(n) for n in range(5 * 1_440 + 240, 10 * 1_440, 120)],
        )
        application.runtime.checkpoint()
        rest_again = application.runtime.status().resting

    assert refusal.value.exit_code == 7
    assert "resting.db" in str(refusal.value)
    assert "foremend doctor --accept-loss resting" in str(refusal.value)
    assert told == [str(refusal.value)]
    assert (rested, rest_again) == (0, 1)
    with pytest.raises(ConfigError, match="nothing is wrong"):
        accept_loss(resting_place.config, "resting")


def test_one_who_rests_and_whose_bytes_were_altered_is_no_traceback(resting_place: Any) -> None:
    """Seen when it speaks, and by the doctor; its message is in the journal and is worked on after the repair."""
    with closing(sqlite3.connect(resting_place.folder / "resting.db")) as database:
        (state,) = database.execute("SELECT state FROM resting").fetchone()
        database.execute("UPDATE resting SET state = ?", (state[:-4] + bytes(4),))
        database.commit()

    with started(resting_place) as application, pytest.raises(IntegrityError, match="foremend doctor"):
        take_messages(application, [message(5 * 1_440, "freezer-2")])
    told = examine(resting_place.config, lambda done, total: None)["problems"]
    accept_loss(resting_place.config, "resting")
    with started(resting_place) as application:
        heard_of = {one.appliance_id for one in application.runtime.fleet()}

    assert "resting.db is damaged" in told[0]
    assert heard_of == {"freezer-1", "freezer-2"}


def test_a_kill_right_after_the_snapshot_leaves_no_resting_file_to_be_refused(resting_place: Any) -> None:
    """What the file lets go of after a snapshot may be missing: it is newer than the snapshot says, never older."""
    with started(resting_place) as application:
        take_messages(application, [message(5 * 1_440, "freezer-2")])
        application.runtime.checkpoint()
        assert application.runtime.status().resting == 0
        shutil.copytree(resting_place.folder, resting_place.folder.parent / "killed")
    shutil.rmtree(resting_place.folder)
    (resting_place.folder.parent / "killed").rename(resting_place.folder)

    with started(resting_place) as application:
        heard_of = {one.appliance_id for one in application.runtime.fleet()}

    assert heard_of == {"freezer-1", "freezer-2"}


def test_a_restored_backup_has_those_who_rest(
    resting_place: Any, make_place: Callable[..., Any], tmp_path: Path
) -> None:
    """Who rested at the backup's moment comes back in the restored folder, and is no newcomer."""
    elsewhere = make_place("mqtt://127.0.0.1:1", "elsewhere", checkpoint_every="1 h", rest_after="1 d")
    back_up(resting_place.config, tmp_path / "backup", lambda what, done, total: None)
    restore(elsewhere.config, tmp_path / "backup", lambda what, done, total: None)

    with started(elsewhere) as application:
        before = application.runtime.status()
        take_messages(application, [message(5 * 1_440, "freezer-2")])
        application.runtime.checkpoint()
        after = application.runtime.status()
    remove(elsewhere.folder, "resting.db*")

    assert (before.resting, after.resting) == (1, 0)
    assert after.newcomers == before.newcomers
    with pytest.raises(IntegrityError, match=r"resting\.db is missing or empty"):
        build(elsewhere.settings)


@pytest.mark.parametrize("messages", [0, 5])
def test_a_backup_from_before_the_first_reading_of_history_is_restored_whole(
    make_place: Callable[..., Any], tmp_path: Path, messages: int
) -> None:
    """Nothing was stored yet, or all of it waits in the journal: the doctor is content, and it starts and goes on."""
    here = make_place("mqtt://127.0.0.1:1", checkpoint_every="1 h")
    elsewhere = make_place("mqtt://127.0.0.1:1", "elsewhere", checkpoint_every="1 h")
    with started(here) as application:
        take(application, 1, messages)
    back_up(here.config, tmp_path / "backup", lambda what, done, total: None)

    restore(elsewhere.config, tmp_path / "backup", lambda what, done, total: None)
    told = examine(elsewhere.config, lambda done, total: None)["problems"]
    with started(elsewhere) as application:
        take(application, messages + 1, 40)
        application.runtime.checkpoint()

    assert told == []
    assert stored(elsewhere) == list(range(1, 40 - 10))  # the last ten minutes are held for late ones


def test_a_folder_of_an_earlier_version_is_adopted_once(place: Any) -> None:
    """No store has an id: all get the same one, without a question, and keep it."""
    journal = sqlite3.connect(place.folder / "journal.db")
    journal.execute("DROP TABLE installation")
    journal.commit()
    journal.close()
    database = sqlite3.connect(place.folder / "foremend.db")
    database.execute("DELETE FROM installation")
    database.commit()
    database.close()
    remove(place.folder, "history.work/installation")
    remove(place.folder, "engine.snapshot")
    (place.folder / "journal.position").unlink()

    with pytest.raises(IntegrityError, match=r"engine\.snapshot is missing"):
        build(place.settings)
    accept_loss(place.config, "snapshot")
    with started(place):
        first = Stores(place.settings, SystemClock()).facts()
    with started(place):
        second = Stores(place.settings, SystemClock()).facts()

    assert first.installation == second.installation == first.history
    assert first.journal is not None
    assert first.database is not None
    assert first.journal.installation == first.database.installation == first.installation


def test_a_setup_that_was_killed_is_finished_by_the_next_start(make_place: Callable[..., Any]) -> None:
    """While the first start gives out the id, a kill leaves some stores with it and some without."""
    place = make_place("mqtt://127.0.0.1:1")
    with started(place):
        known = Stores(place.settings, SystemClock()).facts().installation
    remove(place.folder, "foremend.db*")
    remove(place.folder, "history*")
    (place.folder / "installation.new").write_text(known)

    with started(place):
        facts = Stores(place.settings, SystemClock()).facts()

    assert facts.database is not None
    assert facts.database.installation == facts.history == known
    assert facts.adopting is None


def test_a_damaged_file_of_history_is_found_and_set_aside(place: Any) -> None:
    """The doctor names it; accepted, it is moved away and the rest can be read."""
    file = next(iter(place.folder.glob("history/*/*/*.parquet")))
    scribble(file)

    told = examine(place.config, lambda done, total: None)["problems"]
    accept_loss(place.config, "files")

    assert len(told) == 1
    assert str(file) in told[0]
    assert examine(place.config, lambda done, total: None)["problems"] == []
    assert (place.folder / "set-aside" / file.relative_to(place.folder)).exists()


def test_the_doctor_says_what_is_wrong_with_code_7(place: Any) -> None:
    """One JSON object on stdout, the sentence on stderr; a store that is none is code 2."""
    well = place.call("doctor", "--json")
    remove(place.folder, "history")

    ill = place.call("doctor", "--json")
    wrong = place.call("doctor", "--accept-loss", "everything")

    assert (well.returncode, ill.returncode, wrong.returncode) == (0, 7, 2)
    assert orjson.loads(well.stdout)["problems"] == []
    assert "--accept-loss history" in orjson.loads(ill.stdout)["problems"][0]
    assert all(store in wrong.stderr for store in STORES)
