"""Where the files of a Parquet history are, whose they are, and who may touch them when.

<root>/appliance_model=<m>/day=<YYYY-MM-DD>/*.parquet   what readers see
<root>.work/                                            locks, streams, and what is being made

The second stands beside the first, and not hidden within it: `**` of DuckDB and polars looks into hidden folders.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from foremend.vocabulary.durable import sync_path, write_synced
from foremend.vocabulary.types import MS_PER_DAY

ROW_GROUP = 25_000
_FLUSHED = re.compile(r"(?P<stream>.*)-(?P<first>\d{15})-(?P<last>\d{15})\.parquet")


@dataclass(frozen=True, slots=True)
class Stream:
    """A journal, or a partition of one: who writes its readings, and up to which position they are settled.

    Settled: a snapshot covers them, so no replay writes them again.
    """

    owner: str
    settled: int


@dataclass(frozen=True, slots=True)
class Flushed:
    """A file as `ParquetHistory.flush` wrote it, for positions first to last of a stream."""

    stream: str
    first: int
    last: int


def flushed_name(stream: str, first: int, last: int) -> str:
    return f"{stream}-{first:015d}-{last:015d}.parquet"


def flushed(file: Path) -> Flushed | None:
    """What the name says; None for a file that no flush wrote."""
    found = _FLUSHED.fullmatch(file.name)
    return None if found is None else Flushed(found["stream"], int(found["first"]), int(found["last"]))


class Folder:
    """One history on disk. Locks are `flock`, between threads, processes and, over NFSv4, machines."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.work = self.root.with_name(f"{self.root.name}.work")

    def day(self, appliance_model: str, day: str) -> Path:
        return self.root / f"appliance_model={appliance_model}" / f"day={day}"

    def models(self) -> list[str]:
        """The appliance models that have a folder."""
        return sorted(
            one.name.removeprefix("appliance_model=") for one in self.root.glob("appliance_model=*")
        )

    def days(self, appliance_model: str) -> list[Path]:
        """The folders of its days, by date."""
        return sorted((self.root / f"appliance_model={appliance_model}").glob("day=*"))

    def all_days(self) -> list[Path]:
        return [day for model in self.models() for day in self.days(model)]

    def remember_models(self) -> None:
        """Keep beside it which appliance models have a folder. Only their days ever go: one that is gone was lost."""
        marks = self.work / "models"
        marks.mkdir(parents=True, exist_ok=True)
        for model in self.models():
            if not (marks / model).exists():
                (marks / model).touch()

    def models_gone(self) -> tuple[str, ...]:
        """The appliance models that had a folder and have none."""
        known = {mark.name for mark in (self.work / "models").glob("*")}
        return tuple(sorted(known.difference(self.models())))

    def forget_models_gone(self) -> None:
        """Somebody knows that they are lost."""
        for model in self.models_gone():
            (self.work / "models" / model).unlink()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Adding files: many may at once, but nobody exchanges a folder meanwhile."""
        with self._locked("writers.lock", fcntl.LOCK_SH):
            yield

    @contextmanager
    def exchanging(self) -> Iterator[None]:
        """Removing or exchanging folders, and changing who owns a stream: nobody adds a file meanwhile."""
        with self._locked("writers.lock", fcntl.LOCK_EX):
            yield

    @contextmanager
    def upkeep(self, wait: bool = True) -> Iterator[bool]:
        """Changing files that are there: one at a time. False where another one is at it and `wait` is not."""
        try:
            with self._locked("upkeep.lock", fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)):
                yield True
        except BlockingIOError:
            yield False

    def stream(self, name: str) -> Stream | None:
        file = self._stream_file(name)
        return Stream(**orjson.loads(file.read_bytes())) if file.exists() else None

    def keep_stream(self, name: str, stream: Stream, owned: bool = False) -> bool:
        """Keep it, durably; whether it was. With `owned` it is not where it belongs to somebody else by now.

        Everything that takes long is done before the look at whose it is: whoever is stopped in between holds up the
        stream's next owner, and between look and exchange there is nothing but a rename.
        """
        file = self._stream_file(name)
        if self.stream(name) == stream:
            return True
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.{stream.owner}")
        write_synced(new, orjson.dumps(asdict(stream)))
        with self.owning(name, stream.owner) as is_owner:
            if owned and not is_owner:
                new.unlink()
                return False
            new.replace(file)
        sync_path(file.parent)
        return True

    @contextmanager
    def owning(self, name: str, owner: str) -> Iterator[bool]:
        """Whether the stream is `owner`'s. Nobody takes it over within: do nothing there that takes long."""
        with self._locked(f"{self._stream_file(name).name}.lock", fcntl.LOCK_EX):
            stream = self.stream(name)
            yield stream is not None and stream.owner == owner

    def is_settled(self, file: Flushed) -> bool:
        """Whether no replay will write these readings again."""
        stream = self.stream(file.stream)
        return stream is not None and file.last <= stream.settled

    def _stream_file(self, name: str) -> Path:
        return self.work / "streams" / f"{quote(name, safe='')}.json"

    @contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        self.work.mkdir(parents=True, exist_ok=True)
        with (self.work / name).open("ab") as file:
            fcntl.flock(file, how)
            yield


def write_durably(table: pa.Table, path: Path) -> None:
    """Write and wait for the disk. The name is durable only after `sync_path` of its folder.

    Raises OSError, and leaves no half of a file that would keep a full disk full.
    """
    try:
        with path.open("wb") as file:
            pq.write_table(table, file, compression="zstd", row_group_size=ROW_GROUP)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


def day_start_ms(day: Path) -> int:
    """The folder day=2026-11-21 -> ms UTC of its midnight."""
    return int(np.datetime64(day.name.removeprefix("day="), "D").astype(np.int64)) * MS_PER_DAY
