"""Who has a storage folder, and who may read it: real processes on one folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from foremend.installation.private import close_to_others
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.errors import ConfigError

MakePlace = Callable[..., Any]


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in [folder, *folder.rglob("*")] if path.stat().st_mode & 0o077]


def test_a_second_pipeline_on_one_folder_is_refused(make_place: MakePlace, broker: EmbeddedBroker) -> None:
    """Even on a port of its own: one sentence that names the folder and the process, code 5, and the first goes on."""
    first, second = make_place(broker.url), make_place(broker.url)

    with first.running() as child:
        refused = second.call("run")
        still_there = child.poll() is None

    assert refused.returncode == 5
    assert f"{first.folder} is used by another Foremend, process {child.pid}" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert still_there


def test_a_killed_pipeline_leaves_no_lock_behind(make_place: MakePlace, broker: EmbeddedBroker) -> None:
    """The kernel takes it back with kill -9, so that the next start needs no hand."""
    place = make_place(broker.url)
    with place.running() as child:
        place.kill(child)

    with place.running() as child:
        started = child.poll() is None

    assert started


def test_whatever_is_stored_is_closed_to_others(make_place: MakePlace, broker: EmbeddedBroker) -> None:
    """Journal, database and their logs, snapshot, history, key, lock: 0600, folders 0700, under a loose umask."""
    place = make_place(broker.url)

    with place.running() as child:
        place.publish(1, 50)
        place.wait_until(lambda: list(place.folder.glob("history/*/*/*.parquet")), child)
        place.wait_until((place.folder / "engine.snapshot").exists, child)  # written after the history
        running = open_to_others(place.folder)
        names = {path.name for path in place.folder.rglob("*")}

    assert running == []
    assert open_to_others(place.folder) == []
    assert {"journal.db", "journal.db-wal", "foremend.db", "foremend.db-wal", "engine.snapshot"} <= names
    assert "mqtt.session" in names


def test_what_was_open_to_others_is_closed_at_the_start_and_said_once(
    make_place: MakePlace, broker: EmbeddedBroker
) -> None:
    """A folder of an earlier version is tightened; the second start has nothing to say."""
    place = make_place(broker.url)
    with place.running():
        place.publish(1, 5)
    wide = [path for path in [place.folder, *place.folder.rglob("*")] if path.name != "foremend.key"]
    for path in wide:
        path.chmod(0o755 if path.is_dir() else 0o644)

    with place.running():
        said = place.words()
        closed = open_to_others(place.folder)
    with place.running():
        said_again = place.words()

    assert "could be read by others of this machine: closed now" in said
    assert closed == []
    assert "could be read by others" not in said_again


def test_a_folder_that_everybody_shares_is_not_taken(make_place: MakePlace) -> None:
    """Closing /tmp to everybody else would break the machine."""
    place = make_place("mqtt://127.0.0.1:1")
    place.folder.mkdir()
    place.folder.chmod(0o1777)

    with pytest.raises(ConfigError, match="shared by everybody"):
        close_to_others(place.settings)
    refused = place.call("run")

    assert refused.returncode == 2
    assert place.folder.stat().st_mode & 0o777 == 0o777
