"""Who has a storage folder, and who may read it: real processes on one folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from foremend.installation.private import close_to_others, stored
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.errors import ConfigError

MakePlace = Callable[..., Any]
MODEL = "generic-compressor"


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
        looked_at = {
            *stored(place.settings),
            place.settings.alerts.key_file,
        }  # the key's own place is the vault's

    assert running == []
    assert looked_at >= set(place.folder.rglob("*"))
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


PLUG = "time,power\n" + "".join(f"2026-01-01 {n // 60:02}:{n % 60:02}:00,{90 - n % 2}\n" for n in range(120))
COMMANDS = {
    "a mapping of a recording": ["replay", "plug.csv", "--write-mapping", "mapping.yaml"],
    "models": ["models", "prepare"],
    "the database, in which nobody is known yet": ["household", "withdraw"],
}


@pytest.mark.parametrize("made", COMMANDS)
def test_whatever_a_command_makes_is_closed_to_others(
    make_place: MakePlace, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    """Wherever it is made, and before any first start: a command's files are as private as those of `run`."""
    place = make_place("mqtt://127.0.0.1:1")
    home = place.config.parent
    monkeypatch.chdir(home)
    (home / "plug.csv").write_text(PLUG)
    place.config.write_text(
        place.config.read_text().replace("appliance_models: []", "appliance_models: [rf-260]")
    )
    before = set(home.rglob("*"))

    done = place.call(*COMMANDS[made])

    new = set(home.rglob("*")) - before
    assert new, done.stderr
    assert [path for path in new if path.stat().st_mode & 0o077] == []


def test_a_config_to_begin_with_tells_of_nobody_and_others_may_read_it(
    tmp_path: Path,
) -> None:
    """The service's account is another one than whoever writes its settings."""
    written = subprocess.run(
        [sys.executable, "-m", "foremend", "init", "home", "--config", str(tmp_path / "new.yaml")],
        capture_output=True, text=True, umask=0o022, check=False,
    )  # fmt: skip

    assert written.returncode == 0, written.stderr
    assert (tmp_path / "new.yaml").stat().st_mode & 0o777 == 0o644


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
