"""`foremend backup`: one moment of a running pipeline, copied as a whole or not at all.

The snapshot's file is opened and a reading transaction begun on database and journal, again until their positions
agree: from then on they show that moment, however long copying takes. History's upkeep rests meanwhile, so its
settled files are those of that moment too; what was flushed beyond the snapshot is left out, as a replay writes it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from alerts.owner_channels import outbox_files
from foremend.config import Settings, load_settings
from foremend.history.parquet_folder import Folder, flushed
from foremend.installation.copies import Progress, copy_file, described, summary
from foremend.installation.moments import DatabaseMoment, SqliteMoment, database_moment
from foremend.runtimes.clock import SystemClock
from foremend.stores.journal import mark_file
from foremend.stores.snapshots import snapshot_header
from foremend.vocabulary.durable import replace_atomically, sync_path
from foremend.vocabulary.errors import ConfigError, IntegrityError, UnavailableError

_TRIES = 100

Handles = tuple[BinaryIO | None, list[DatabaseMoment], dict[str, Any]]
"""The snapshot's file, the databases, and their positions."""


def back_up(config: Path | None, target: Path, progress: Progress) -> dict[str, Any]:
    """Copy everything of an installation but its key and config into the new folder `target`, also while it runs.

    Raises ConfigError where `target` is there or PostgreSQL's programs are not, IntegrityError where there is nothing
    whole, and UnavailableError where the backup cannot be written or the database is away.
    """
    settings = load_settings(config)
    if target.exists():
        raise ConfigError(f"{target} is there already: name a new folder")
    if not (settings.storage.folder / "journal.db").exists():
        raise IntegrityError(f"{settings.storage.folder} has no journal: see `foremend doctor`")
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True, mode=0o700)
    try:
        with Folder(settings.storage.folder / "history").upkeep():
            manifest = _copy(settings, part, progress)
        replace_atomically(part / "manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise UnavailableError(f"the backup {target} cannot be written: {error}") from error
    finally:
        if not (part / "manifest.json").exists():
            shutil.rmtree(part, ignore_errors=True)
    part.rename(target)
    sync_path(target.parent)
    return summary(manifest) | {"backup": str(target)}


def _copy(settings: Settings, part: Path, progress: Progress) -> dict[str, Any]:
    folder = settings.storage.folder
    with ExitStack() as stack:
        snapshot, databases, at = _pinned(settings, stack)
        moment = {"at": SystemClock().now_ms(), **at}
        names = []
        if snapshot is not None:
            copy_file(snapshot, part / "engine.snapshot")
            names.append("engine.snapshot")
        for one in databases:
            one.copy_to(part / one.name, progress)
            names.append(one.name)
    mark = part / mark_file(Path("journal.db"))
    replace_atomically(mark, f"{at['stream']} {at['journal']:019d}\n".encode())
    names.append(mark.name)
    others = [*_history_files(folder, at), *_model_files(settings), *_outbox_files(settings)]
    for done, (file, name) in enumerate(others, start=1):
        copy_file(file.open("rb"), part / name)
        names.append(name)
        progress("history, models, messages", done, len(others))
    stream = part / "history.work" / "streams" / f"{at['stream']}.json"
    if stream.exists():  # it may have gone on while files were copied
        said = orjson.loads(stream.read_bytes())
        replace_atomically(stream, orjson.dumps(said | {"settled": min(said["settled"], at["snapshot"])}))
    return moment | {"files": {name: described(part / name) for name in names}}


def _pinned(settings: Settings, stack: ExitStack) -> Handles:
    """Handles on one moment of the snapshot and the databases."""
    folder = settings.storage.folder
    file, resting = folder / "engine.snapshot", folder / "resting.db"
    for _ in range(_TRIES):
        with ExitStack() as trying:
            snapshot = trying.enter_context(file.open("rb")) if file.exists() else None
            effects = trying.enter_context(closing(database_moment(settings)))
            others = [SqliteMoment(one, one.name) for one in (resting,) if one.exists()]
            journal = SqliteMoment(folder / "journal.db", "journal.db")
            for one in (*others, journal):
                trying.enter_context(closing(one))
            at = _positions(snapshot, effects, journal)
            ordered = at["first_kept"] <= at["snapshot"] <= at["committed"] <= at["journal"]
            # A later snapshot may already have let go of who came back from `resting.db`.
            if ordered and (snapshot is None or file.stat().st_ino == os.fstat(snapshot.fileno()).st_ino):
                stack.push(trying.pop_all())
                return snapshot, [effects, *others, journal], at
    raise IntegrityError(f"the stores in {folder} do not agree: see `foremend doctor`")


def _positions(snapshot: BinaryIO | None, effects: DatabaseMoment, journal: SqliteMoment) -> dict[str, Any]:
    ask = journal.connection.execute
    (stream,) = ask("SELECT id FROM identity").fetchone()
    last = ask("SELECT seq FROM sqlite_sequence WHERE name = 'message'").fetchone()
    oldest = ask("SELECT MIN(position) FROM message").fetchone()[0]
    header = snapshot_header(Path(f"/proc/self/fd/{snapshot.fileno()}")) if snapshot else {}
    return {
        "installation": ask("SELECT id FROM installation").fetchone()[0],
        "stream": stream,
        "journal": last[0] if last else 0,
        "first_kept": oldest - 1 if oldest else (last[0] if last else 0),
        "committed": effects.committed(stream),
        "snapshot": header.get("position", 0),
    }


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
    files = [(file, f"outbox/{name}.jsonl") for name, file in outbox_files(settings.alerts).items()]
    return [(file, name) for file, name in files if file.exists()]
