"""Files that tell of people and their households are for the account that runs Foremend alone: 0600, folders 0700."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url

from alerts.owner_channels import outbox_files
from foremend.config import Settings
from foremend.plan.places import require_own
from foremend.vocabulary.errors import ConfigError

log = logging.getLogger(__name__)

_OTHERS = 0o077
_OURS = (
    "journal.db*",
    "journal.position",
    "engine.snapshot*",
    "resting.db*",
    "foremend.lock",
    "mqtt.session",
    "installation.new*",
    "restoring*",
)
_TREES = ("history", "history.work", "faust", "outbox", "set-aside")


def close_to_others(settings: Settings) -> int:
    """Take from others what they may do with stored files and folders; says so once. How many those were.

    Only what Foremend itself keeps is touched. Raises ConfigError for what cannot be closed, or must not be: a folder
    that everybody shares, such as /tmp.
    """
    folder = settings.storage.folder
    require_own(folder)
    wide = [path for path in stored(settings) if _is_wide(path)]
    for path in wide:
        _close(path)
    if wide:
        log.warning(
            "%d files and folders in %s could be read by others of this machine: closed now",
            len(wide),
            folder,
        )
    return len(wide)


def database_file(settings: Settings) -> Path | None:
    """The effects database where it is a file."""
    url = make_url(settings.alerts.database)
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" and url.database else None


def stored(settings: Settings) -> Iterator[Path]:
    """Every file and folder with something personal in it that is there now, folders before what is in them."""
    folder, database = settings.storage.folder, database_file(settings)
    if folder.is_dir():
        yield folder
        yield from (file for pattern in _OURS for file in folder.glob(pattern))
        for name in _TREES:
            if (folder / name).is_dir():
                yield folder / name
                yield from (folder / name).rglob("*")
        if settings.models.registry.resolve().is_relative_to(folder.resolve()):  # else others may train there
            yield from settings.models.registry.rglob("*")
    if database is not None:
        beside = (database.with_name(database.name + end) for end in ("", "-wal", "-shm"))
        yield from (file for file in beside if file.is_file())
    yield from (file for file in outbox_files(settings.alerts).values() if file.is_file())


def _is_wide(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False  # compacted meanwhile, by another process
    return not stat.S_ISLNK(mode) and bool(mode & _OTHERS)


def _close(path: Path) -> None:
    try:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)
    except FileNotFoundError:
        return
    except PermissionError as error:
        raise ConfigError(
            f"{path} can be read by others and belongs to another account: give it to the one that runs Foremend"
            " (chown), or name another storage.folder"
        ) from error
