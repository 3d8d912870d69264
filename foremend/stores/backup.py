"""`foremend backup` and `foremend restore`: one moment of a running pipeline, copied as a whole or not at all.

The snapshot's file is opened and a reading transaction begun on database and journal, again until their positions
agree: from then on they show that moment, however long copying takes. History's upkeep rests meanwhile, so its
settled files are those of that moment too; what was flushed beyond the snapshot is left out, as a replay writes it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from alerts.database import open_database
from alerts.installation import belong, belonging
from alerts.wording import iso
from foremend.bootstrap import SystemClock
from foremend.config import Settings, load_settings
from foremend.errors import ConfigError, IntegrityError, UnavailableError
from foremend.history.parquet_folder import Folder, flushed, sync_folder
from foremend.journal import mark_file
from foremend.snapshots import replace_atomically, snapshot_header
from foremend.stores.lock import FolderLock
from foremend.stores.private import database_file

_TRIES = 100
_CHUNK = 1 << 20

Progress = Callable[[str, int, int], object]
"""Hears what is being done, and how much of it of how much."""


def back_up(config: Path | None, target: Path, progress: Progress) -> dict[str, Any]:
    """Copy everything of an installation but its key and config into the new folder `target`, also while it runs.

    Raises ConfigError where `target` is there or the database is no file, IntegrityError where there is nothing whole.
    """
    settings = load_settings(config)
    database = _database(settings)
    if target.exists():
        raise ConfigError(f"{target} is there already: name a new folder")
    if not (settings.storage.folder / "journal.db").exists() or not database.exists():
        raise IntegrityError(
            f"{settings.storage.folder} has no journal or no database: see `foremend doctor`"
        )
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True, mode=0o700)
    try:
        with Folder(settings.storage.folder / "history").upkeep():
            manifest = _copy(settings, database, part, progress)
        replace_atomically(part / "manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise UnavailableError(f"the backup {target} cannot be written: {error}") from error
    part.rename(target)
    sync_folder(target.parent)
    return _summary(manifest) | {"backup": str(target)}


def restore(config: Path | None, source: Path, progress: Progress) -> dict[str, Any]:
    """Bring a backup back to where `config` says things are; overwrites nothing.

    Raises ConfigError where something is there already, IntegrityError where the backup is not whole.
    """
    settings, clock = load_settings(config), SystemClock()
    manifest = _checked(source, progress)
    places = _places(settings)
    with closing(FolderLock(settings.storage.folder)):
        unfinished = settings.storage.folder / "restoring"
        _require_room(places, settings, unfinished)
        replace_atomically(unfinished, str(source.resolve()).encode())
        for done, name in enumerate(manifest["files"], start=1):
            _copy_file((source / name).open("rb"), _place(places, name))
            progress("restore", done, len(manifest["files"]))
        engine = open_database(settings.alerts.database)
        try:
            known = belonging(engine)
            if known is not None:
                moment = f"of {iso(manifest['at'])}, restored"
                belong(engine, known, clock, ("stores.restored", moment))
        finally:
            engine.dispose()
        unfinished.unlink()
    return _summary(manifest) | {"folder": str(settings.storage.folder), "to_do": _to_do(manifest)}


def _copy(settings: Settings, database: Path, part: Path, progress: Progress) -> dict[str, Any]:
    folder = settings.storage.folder
    with ExitStack() as stack:
        snapshot, databases, at = _pinned(folder, database, stack)
        moment = {"at": SystemClock().now_ms(), **at}
        names = []
        if snapshot is not None:
            _copy_file(snapshot, part / "engine.snapshot")
            names.append("engine.snapshot")
        for name, one in databases.items():
            _copy_database(one, part / name, progress)
            names.append(name)
    mark = part / mark_file(Path("journal.db"))
    replace_atomically(mark, f"{at['stream']} {at['journal']:019d}\n".encode())
    names.append(mark.name)
    others = [*_history_files(folder, at), *_model_files(settings), *_outbox_files(settings)]
    for done, (file, name) in enumerate(others, start=1):
        _copy_file(file.open("rb"), part / name)
        names.append(name)
        progress("history, models, messages", done, len(others))
    stream = part / "history.work" / "streams" / f"{at['stream']}.json"
    if stream.exists():  # it may have gone on while files were copied
        said = orjson.loads(stream.read_bytes())
        replace_atomically(stream, orjson.dumps(said | {"settled": min(said["settled"], at["snapshot"])}))
    return moment | {"files": {name: _described(part / name) for name in names}}


def _pinned(
    folder: Path, database: Path, stack: ExitStack
) -> tuple[BinaryIO | None, dict[str, sqlite3.Connection], dict[str, Any]]:
    """Handles on one moment of the snapshot and the databases, and its positions."""
    file, resting = folder / "engine.snapshot", folder / "resting.db"
    for _ in range(_TRIES):
        with ExitStack() as trying:
            snapshot = trying.enter_context(file.open("rb")) if file.exists() else None
            found = {"foremend.db": trying.enter_context(closing(_reading(database)))}
            if resting.exists():
                found["resting.db"] = trying.enter_context(closing(_reading(resting)))
            found["journal.db"] = trying.enter_context(closing(_reading(folder / "journal.db")))
            at = _positions(snapshot, found["foremend.db"], found["journal.db"])
            ordered = at["first_kept"] <= at["snapshot"] <= at["committed"] <= at["journal"]
            # A later snapshot may already have let go of who came back from `resting.db`.
            if ordered and (snapshot is None or file.stat().st_ino == os.fstat(snapshot.fileno()).st_ino):
                stack.push(trying.pop_all())
                return snapshot, found, at
    raise IntegrityError(f"the stores in {folder} do not agree: see `foremend doctor`")


def _reading(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{file}?mode=rw", uri=True, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection


def _positions(
    snapshot: BinaryIO | None, effects: sqlite3.Connection, journal: sqlite3.Connection
) -> dict[str, Any]:
    (stream,) = journal.execute("SELECT id FROM identity").fetchone()
    last = journal.execute("SELECT seq FROM sqlite_sequence WHERE name = 'message'").fetchone()
    oldest = journal.execute("SELECT MIN(position) FROM message").fetchone()[0]
    committed = effects.execute("SELECT value FROM positions WHERE stream = ?", (stream,)).fetchone()
    header = snapshot_header(Path(f"/proc/self/fd/{snapshot.fileno()}")) if snapshot else {}
    return {
        "installation": journal.execute("SELECT id FROM installation").fetchone()[0],
        "stream": stream,
        "journal": last[0] if last else 0,
        "first_kept": oldest - 1 if oldest else (last[0] if last else 0),
        "committed": committed[0] if committed else 0,
        "snapshot": header.get("position", 0),
    }


def _copy_database(connection: sqlite3.Connection, target: Path, progress: Progress) -> None:
    def copied(_status: int, left: int, total: int) -> None:
        progress(target.name, total - left, total)

    with closing(sqlite3.connect(target)) as copy:
        connection.backup(copy, pages=1_000, progress=copied)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, its log in it
    _sync(target)


def _history_files(folder: Path, at: dict[str, Any]) -> list[tuple[Path, str]]:
    history = Folder(folder / "history")
    days = [file for day in history.all_days() for file in sorted(day.glob("*.parquet"))]
    kept = [file for file in days if not _is_beyond(file, at)]
    marks = [history.work / "installation", *sorted((history.work / "streams").glob("*.json"))]
    return [(file, str(file.relative_to(folder))) for file in (*kept, *marks) if file.exists()]


def _is_beyond(file: Path, at: dict[str, Any]) -> bool:
    name = flushed(file)
    return name is not None and name.stream == at["stream"] and name.first > at["snapshot"]


def _model_files(settings: Settings) -> list[tuple[Path, str]]:
    """Aliases first: the versions that they name were there before them."""
    root = settings.models.registry
    files = sorted(root.glob("*/*.json")) + sorted(file for file in root.glob("*/v*/*") if file.is_file())
    return [(file, f"models/{file.relative_to(root)}") for file in files]


def _outbox_files(settings: Settings) -> list[tuple[Path, str]]:
    """After the database: a message that is in the file already is known by its id and not written again."""
    channels = {"sms": settings.alerts.sms, "push": settings.alerts.push}
    files = [(one.file, f"outbox/{name}.jsonl") for name, one in channels.items() if one is not None]
    return [(file, name) for file, name in files if file.exists()]


def _places(settings: Settings) -> dict[str, Path]:
    """Where what a backup calls by the first part of its name belongs."""
    folder, alerts = settings.storage.folder, settings.alerts
    names = ("journal.db", "journal.position", "resting.db", "engine.snapshot", "history")
    found = {name: folder / name for name in names}
    found |= {"history.work": folder / "history.work", "foremend.db": _database(settings)}
    found |= {"models": settings.models.registry}
    channels = {"outbox/sms.jsonl": alerts.sms, "outbox/push.jsonl": alerts.push}
    return found | {name: one.file for name, one in channels.items() if one is not None}


def _place(places: dict[str, Path], name: str) -> Path:
    first, _, rest = name.partition("/")
    if name in places:
        return places[name]
    return places[first] / rest if first in places else places["journal.db"].with_name(first) / rest


def _require_room(places: dict[str, Path], settings: Settings, unfinished: Path) -> None:
    """Nothing is there that would be overwritten, but what a restore that was cut short left."""
    for path in places.values():
        if unfinished.exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        elif path.is_file() or (path.is_dir() and any(path.iterdir())):
            raise ConfigError(f"{path} is there already: restore into a storage.folder that is empty")


def _checked(source: Path, progress: Progress) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = orjson.loads((source / "manifest.json").read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise IntegrityError(f"{source} is no finished backup: it has no manifest.json") from error
    for done, (name, described) in enumerate(manifest["files"].items(), start=1):
        if not (source / name).is_file() or _described(source / name) != described:
            raise IntegrityError(f"{source / name} is not as it was backed up: use another backup")
        progress("check", done, len(manifest["files"]))
    return manifest


def _described(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        return {
            "bytes": file.stat().st_size,
            "sha256": hashlib.file_digest(opened, "sha256").hexdigest(),
        }


def _copy_file(opened: BinaryIO, target: Path) -> None:
    with opened:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened.seek(0)
        with target.open("wb") as copy:
            for chunk in _chunks(opened):
                copy.write(chunk)
    _sync(target)


def _chunks(opened: BinaryIO) -> Iterator[bytes]:
    while chunk := opened.read(_CHUNK):
        yield chunk


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(file.parent)


def _database(settings: Settings) -> Path:
    file = database_file(settings)
    if file is None:
        raise ConfigError(
            "alerts.database is PostgreSQL: stop Foremend, copy storage.folder and take a pg_dump, and keep both as one"
        )
    return file


def _summary(manifest: dict[str, Any]) -> dict[str, Any]:
    return {
        "moment": iso(manifest["at"]),
        "installation": manifest["installation"],
        "message": manifest["journal"],
        "files": len(manifest["files"]),
        "bytes": sum(one["bytes"] for one in manifest["files"].values()),
        "not_in_it": "the key that seals contacts, config.yaml, secrets",
    }


def _to_do(manifest: dict[str, Any]) -> str:
    return (
        f"Everything after {iso(manifest['at'])} is unknown here. Before `foremend run`: put the key back, enter the"
        " consents that were withdrawn since, and remove again who was erased since. Messages that waited then may"
        " have left since and leave again, under the same ids"
    )
