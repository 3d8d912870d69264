"""A backup of a pipeline under load, brought back elsewhere after its kill."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.dataset as ds
import pytest

from benchmarks.mosquitto_server import Mosquitto
from benchmarks.postgres_server import PostgresServer

HELD_BACK = 11  # the last ten minutes are held for late readings
LOOKS = 10  # at the clock, at most: they stand in the journal among the messages


def stored(place: Any) -> Counter[int]:
    """How often history holds each reading; a folder without a file yet has no columns."""
    history = ds.dataset(place.folder / "history", partitioning="hive")
    return Counter(history.to_table(["seq"])["seq"].to_pylist() if history.files else ())


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest) -> Callable[[], str | None]:
    """The address of an empty database; None for the file that a place has of its own."""
    if request.param == "sqlite":
        return lambda: None
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database


@pytest.mark.timeout(600)
def test_a_restored_backup_goes_on_and_doubles_and_loses_nothing_but_what_came_after_it(
    make_place: Callable[..., Any], mosquitto: Mosquitto, tmp_path: Path, new_database: Callable[[], str | None]
) -> None:  # fmt: skip
    """Backed up under load, killed, restored into another folder, gone on with in the same session of the broker."""
    here = make_place(mosquitto.url, database=new_database())
    elsewhere = make_place(mosquitto.url, "elsewhere", database=new_database())
    backup = tmp_path / "backup"

    with here.running() as child:
        here.publish(1, 200)
        sending = threading.Thread(target=here.publish, args=(201, 1_000))
        sending.start()
        said = here.call("backup", str(backup), "--json")
        sending.join()
        here.wait_until(lambda: len(stored(here)) > 900, child)
        here.kill(child)
    here.publish(1_001, 1_200)
    manifest = orjson.loads((backup / "manifest.json").read_bytes())
    restored = elsewhere.call("restore", str(backup), "--json")
    shutil.copy(here.folder / "foremend.key", elsewhere.folder)
    with elsewhere.running() as child:
        elsewhere.wait_until(lambda: max(stored(elsewhere), default=0) >= 1_200 - HELD_BACK, child)
    numbers = stored(elsewhere)

    assert said.returncode == restored.returncode == 0, said.stderr + restored.stderr
    assert set(numbers.values()) == {1}
    assert 200 - HELD_BACK <= manifest["journal"] <= 1_000 + LOOKS
    assert set(range(1, manifest["journal"] + 1 - LOOKS)) <= set(numbers)
    assert set(range(1_001, 1_200 - HELD_BACK)) <= set(numbers)  # and what the broker kept since the kill
    assert not [path for path in backup.rglob("*") if path.stat().st_mode & 0o077]
    assert not (backup / "foremend.key").exists()
    assert "withdrawn since" in orjson.loads(restored.stdout)["to_do"]


def test_a_postgresql_that_is_not_empty_or_not_the_kind_of_the_backup_is_left_alone(
    make_place: Callable[..., Any], mosquitto: Mosquitto, tmp_path: Path, postgres_server: PostgresServer
) -> None:  # fmt: skip
    """Restored over its own tables or into a file: code 2 and a sentence; away: code 4, and no half backup."""
    here = make_place(mosquitto.url, database=postgres_server.new_database())
    backup, later = tmp_path / "backup", tmp_path / "later"
    with here.running():
        here.publish(1, 50)
    made = here.call("backup", str(backup))

    over = make_place(mosquitto.url, "second", database=here.settings.alerts.database)
    refused = over.call("restore", str(backup))
    other_kind = make_place(mosquitto.url, "third").call("restore", str(backup))
    postgres_server.stop()
    away = here.call("backup", str(later))
    postgres_server.start()

    assert made.returncode == 0, made.stderr
    assert (refused.returncode, other_kind.returncode, away.returncode) == (2, 2, 4), refused.stderr
    assert "restore into a PostgreSQL database that is empty" in refused.stderr.replace("\n", " ")
    assert "alerts.database is a SQLite file" in other_kind.stderr.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir() if "later" in path.name] == []


def test_a_backup_that_was_altered_and_a_folder_that_is_not_empty_are_refused(
    make_place: Callable[..., Any], mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """One flipped byte is named with code 7; nothing is overwritten, with code 2; a backup is never half there."""
    here, elsewhere = make_place(mosquitto.url), make_place(mosquitto.url, "elsewhere")
    backup = tmp_path / "backup"
    with here.running():
        here.publish(1, 50)
    made = here.call("backup", str(backup))

    again = here.call("backup", str(backup))
    over = here.call("restore", str(backup))
    content = bytearray((backup / "foremend.db").read_bytes())
    content[5_000] ^= 1
    (backup / "foremend.db").write_bytes(content)
    altered = elsewhere.call("restore", str(backup))

    assert made.returncode == 0, made.stderr
    assert (again.returncode, over.returncode, altered.returncode) == (2, 2, 7)
    assert "is there already" in again.stderr
    assert "is there already" in over.stderr
    assert "foremend.db is not as it was backed up" in altered.stderr.replace("\n", " ")


def test_a_restore_that_was_cut_short_is_refused_at_the_start_and_done_again(
    make_place: Callable[..., Any], mosquitto: Mosquitto, tmp_path: Path, new_database: Callable[[], str | None]
) -> None:  # fmt: skip
    """Half of the files are there: `run` names the command, which starts from the beginning."""
    here = make_place(mosquitto.url, database=new_database())
    elsewhere = make_place(mosquitto.url, "elsewhere", database=new_database())
    backup = tmp_path / "backup"
    with here.running() as child:
        here.publish(1, 50)
        here.wait_until(lambda: len(stored(here)) >= 50 - HELD_BACK, child)
    here.call("backup", str(backup))
    elsewhere.folder.mkdir(mode=0o700)
    shutil.copy(backup / "journal.db", elsewhere.folder)
    (elsewhere.folder / "restoring").write_text(str(backup))

    refused = elsewhere.call("run")
    restored = elsewhere.call("restore", str(backup))
    (elsewhere.folder / "restoring").write_text(str(backup))  # cut short at the very end
    again = elsewhere.call("restore", str(backup))
    well = elsewhere.call("doctor")

    assert (refused.returncode, again.returncode) == (7, 0), again.stderr
    assert f"foremend restore {backup}" in refused.stderr.replace("\n", " ")
    assert (restored.returncode, well.returncode) == (0, 0), restored.stderr + well.stderr
