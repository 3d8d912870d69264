"""`foremend restore`: a backup brought back to where config.yaml says things are; nothing is overwritten."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, inspect

from alerts.database import connecting, open_database
from alerts.installation import belong, belonging
from alerts.owner_channels import outbox_files
from alerts.wording import iso
from foremend.config import Settings, load_settings
from foremend.installation.copies import Progress, copy_file, described, summary
from foremend.installation.lock import FolderLock
from foremend.installation.moments import POSTGRES_NAME, SQLITE_NAME
from foremend.installation.postgres_tools import bring_back
from foremend.installation.private import database_file
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.durable import replace_atomically
from foremend.vocabulary.errors import ConfigError, IntegrityError


def restore(config: Path | None, source: Path, progress: Progress) -> dict[str, Any]:
    """Bring a backup back to where `config` says things are; overwrites nothing.

    Raises ConfigError where something is there already, or the database is of another kind than the backup's,
    IntegrityError where the backup is not whole, and UnavailableError while PostgreSQL is away.
    """
    settings = load_settings(config)
    manifest = _checked(source, progress)
    places = _places(settings)
    with closing(FolderLock(settings.storage.folder)):
        unfinished = settings.storage.folder / "restoring"
        _require_same_kind(manifest, settings)
        _require_room(places, unfinished)
        database_is_there = _require_empty_database(settings, manifest, unfinished)
        replace_atomically(unfinished, str(source.resolve()).encode())
        _copy_back(source, manifest, places, progress)
        if POSTGRES_NAME in manifest["files"]:
            bring_back(settings.alerts.database, source / POSTGRES_NAME, over=database_is_there)
        _note(settings, manifest)
        unfinished.unlink()
    return summary(manifest) | {"folder": str(settings.storage.folder), "to_do": _to_do(manifest)}


def _copy_back(source: Path, manifest: dict[str, Any], places: dict[str, Path], progress: Progress) -> None:
    names = [name for name in manifest["files"] if name != POSTGRES_NAME]
    for done, name in enumerate(names, start=1):
        copy_file((source / name).open("rb"), _place(places, name))
        progress("restore", done, len(names))
    if "history.work/installation" in names:  # it may be empty, and files alone are backed up
        places["history"].mkdir(mode=0o700, exist_ok=True)


def _note(settings: Settings, manifest: dict[str, Any]) -> None:
    """What was done stands in the audit log."""
    with _closing(open_database(settings.alerts.database)) as engine:
        known = belonging(engine)
        if known is not None:
            belong(engine, known, SystemClock(), ("stores.restored", f"of {iso(manifest['at'])}, restored"))


def _require_same_kind(manifest: dict[str, Any], settings: Settings) -> None:
    ours = POSTGRES_NAME if database_file(settings) is None else SQLITE_NAME
    if ours not in manifest["files"]:
        kinds = {SQLITE_NAME: "a SQLite file", POSTGRES_NAME: "PostgreSQL"}
        theirs = next(kind for name, kind in kinds.items() if name != ours)
        raise ConfigError(
            f"the backup's database was {theirs} and alerts.database is {kinds[ours]}: name {theirs} there to restore"
        )


def _require_empty_database(settings: Settings, manifest: dict[str, Any], unfinished: Path) -> bool:
    """Whether PostgreSQL has tables already, of a restore of the same installation that was cut short."""
    if database_file(settings) is not None:
        return False
    with _closing(connecting(settings.alerts.database)) as engine:
        if not inspect(engine).get_table_names():
            return False
        known = belonging(engine) if unfinished.exists() else None
    if known is None or known.installation != manifest["installation"]:
        raise ConfigError(
            "alerts.database has tables already: restore into a PostgreSQL database that is empty"
        )
    return True


@contextmanager
def _closing(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()


def _places(settings: Settings) -> dict[str, Path]:
    """Where what a backup calls by the first part of its name belongs."""
    folder, alerts = settings.storage.folder, settings.alerts
    names = ("journal.db", "journal.position", "resting.db", "engine.snapshot", "history")
    found = {name: folder / name for name in names}
    found |= {"history.work": folder / "history.work", "models": settings.models.registry}
    database = database_file(settings)
    found |= {SQLITE_NAME: database} if database is not None else {}
    return found | {f"outbox/{name}.jsonl": file for name, file in outbox_files(alerts).items()}


def _place(places: dict[str, Path], name: str) -> Path:
    first, _, rest = name.partition("/")
    if name in places:
        return places[name]
    return places[first] / rest if first in places else places["journal.db"].with_name(first) / rest


def _require_room(places: dict[str, Path], unfinished: Path) -> None:
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
    for done, (name, wanted) in enumerate(manifest["files"].items(), start=1):
        if not (source / name).is_file() or described(source / name) != wanted:
            raise IntegrityError(f"{source / name} is not as it was backed up: use another backup")
        progress("check", done, len(manifest["files"]))
    return manifest


def _to_do(manifest: dict[str, Any]) -> str:
    return (
        f"Everything after {iso(manifest['at'])} is unknown here. Before `foremend run`: put the key back, enter the"
        " consents that were withdrawn since, and remove again who was erased since. Messages that waited then may"
        " have left since and leave again, under the same ids"
    )
