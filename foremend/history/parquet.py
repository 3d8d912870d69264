"""History as Parquet: <root>/appliance_model=<m>/day=<YYYY-MM-DD>/<stream>-<first>-<last>.parquet.

A flushed file's name is the stream and the span of its positions that it covers. After a crash the pipeline replays
from its snapshot and `forget_after` first removes what was written beyond it, so a reading is stored once. Small
files become few by `foremend.history.upkeep`.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from foremend.history.exchange import recover
from foremend.history.parquet_folder import (
    Folder,
    Stream,
    day_start_ms,
    flushed,
    flushed_name,
    write_durably,
)
from foremend.history.rows import leave_only
from foremend.history.tables import (
    damage_named,
    from_table,
    rows_of,
    without_forgotten,
)
from foremend.history.waiting import Waiting
from foremend.vocabulary.durable import sync_path
from foremend.vocabulary.errors import RefusedError, UnavailableError
from foremend.vocabulary.types import MS_PER_DAY, Block, Forgotten

log = logging.getLogger(__name__)

_LOOKS = 100


class ParquetHistory:
    """Collects blocks in memory and writes them on `flush`, one file per appliance model and day."""

    def __init__(
        self, root: Path, journal: str = "", forgotten: Callable[[], Sequence[Forgotten]] = tuple
    ) -> None:
        """`journal` is the stream whose positions `flush` and `forget_after` speak of; `forgotten` is asked by each
        `flush`. Several writers may share `root`, each with a stream of its own.
        """
        self._folder, self._stream, self._forgotten = Folder(root), journal, forgotten
        self._me, self._owns = secrets.token_hex(8), False
        self._waiting, self.waiting_rows = Waiting(), 0

    def write(self, block: Block) -> None:
        if len(block):
            self._waiting.add(block)
            self.waiting_rows += len(block)

    def flush(self, after: int, up_to: int) -> None:
        """Write what waits; it came from journal positions in (after, up_to]. Whatever is up to `after` is settled.

        Raises UnavailableError when the disk refuses: nothing of it is stored then. Raises RefusedError when another
        process has taken the stream over.
        """
        try:
            with self._folder.writing():
                self._settle(after)
                # Asked here: who forgets an appliance waits for us to end before he looks at the files.
                self._store(flushed_name(self._stream, after + 1, up_to), self._forgotten())
        except OSError as error:
            raise UnavailableError(f"history cannot be written: {error}") from error
        self._waiting.clear()
        self.waiting_rows = 0
        pa.default_memory_pool().release_unused()  # else the next messages are decoded beside what is free

    def forget_after(self, position: int, still_ours: Callable[[], object] = lambda: None) -> None:
        """Own the stream from now on; forget what waits and files beyond `position`: a replay writes them again.

        An earlier owner that is in the midst of a flush is not waited for, as it may stand still: what it has not put
        in place by now is removed or refused. Nor is a later one robbed by whoever stood still before it came here:
        what `still_ours` raises, once the stream is owned, is raised before anything goes.

        Raises UnavailableError when the disk refuses: call again. Raises RefusedError when another process has taken
        the stream over since it was ours.
        """
        self._waiting.clear()
        self.waiting_rows = 0
        try:
            self._own(position)
            still_ours()
            with self._folder.writing():
                for day in self._folder.all_days():
                    self._forget_in(day, position)
                self._folder.remember_models()
        except OSError as error:
            raise UnavailableError(f"history cannot be made ready: {error}") from error

    def forget_appliances(
        self, appliance_model: str, appliances: Collection[str], until: int | None = None
    ) -> int:
        """Remove every reading of these, those that wait too; how many. Each file is looked into once, others stay.

        With `until`, ms UTC, only what is stamped then or earlier.

        Raises IntegrityError, naming the file, at one that is damaged: call again when it is set aside.
        """
        others = ~pc.field("appliance").isin(list(appliances))
        if until is not None:
            others |= pc.field("time") > until
        gone = self._waiting.keep(appliance_model, others)
        self.waiting_rows -= gone
        with self._folder.upkeep():
            with self._folder.exchanging():
                """A flush that did not know of it yet has ended."""
            recover(self._folder)
            for day in self._folder.days(appliance_model):
                gone += leave_only(self._folder, day, others)
        return gone

    def appliance_models(self) -> list[str]:
        """Those of which readings were ever stored, by name."""
        return self._folder.models()

    def read(
        self, appliance_model: str, start: int, end: int, appliances: Collection[str] | None = None
    ) -> Iterator[Block]:
        """Blocks of one day each with start <= time < end (ms UTC), sorted by time; of these `appliances`, or all.

        Raises IntegrityError, naming the file, where one is damaged.
        """
        for day in self._folder.days(appliance_model):
            first = day_start_ms(day)
            if start < first + MS_PER_DAY and first < end:
                chosen = _read(day, lambda files: rows_of(files, start, end, appliances))
                if chosen is not None and chosen.num_rows:
                    yield from_table(appliance_model, chosen.sort_by([("time", "ascending")]))

    def _own(self, position: int) -> None:
        before = self._folder.stream(self._stream)
        if not self._owns and before is not None and before.settled > position:
            log.warning(
                "history is ahead of the snapshot, which is older than %s: what was compacted since is stored"
                " twice after this replay; restore both from one backup",
                self._folder.root,
            )
        self._settle(position)

    def _settle(self, position: int) -> None:
        """A snapshot covers what is up to `position`; that a stream has one writer is checked on the way."""
        if not self._folder.keep_stream(self._stream, Stream(self._me, position), owned=self._owns):
            raise self._taken_over()
        self._owns = True

    def _require_mine(self) -> None:
        stream = self._folder.stream(self._stream)
        if stream is None or stream.owner != self._me:
            raise self._taken_over()

    def _taken_over(self) -> RefusedError:
        return RefusedError(
            f"history stream {self._stream!r} in {self._folder.root} was taken over by another process:"
            " only one may write it"
        )

    def _store(self, name: str, forgotten: Sequence[Forgotten]) -> None:
        """All that waits, first under hidden names: a disk that is full leaves nothing to be read.

        Whoever takes the stream over removes hidden files and those beyond its position, in this order. So what was
        hidden before it did cannot be put in place after it, and what is hidden later is refused here.
        """
        written: list[Path] = []
        try:
            for model, day, waiting in self._waiting.by_day():
                table = without_forgotten(waiting, model, forgotten)
                if len(table):
                    folder = self._folder.day(model, day)
                    folder.mkdir(parents=True, exist_ok=True)
                    written.append(folder / f".{name}.new")
                    write_durably(table, written[-1])
            self._require_mine()
        except (OSError, RefusedError):
            for file in written:
                file.unlink(missing_ok=True)
            raise
        for file in written:
            file.rename(file.with_name(name))
        self._folder.remember_models()
        for folder in {parent for file in written for parent in (file.parent, file.parent.parent)}:
            sync_path(folder)

    def _forget_in(self, day: Path, position: int) -> None:
        for half_written in day.glob(".*.new"):
            name = flushed(half_written.with_name(half_written.name[1:].removesuffix(".new")))
            if name and name.stream == self._stream:
                self._remove(half_written)  # put in place meanwhile: it goes below
        for file in day.glob("*.parquet"):
            if (name := flushed(file)) and name.stream == self._stream and name.first > position:
                self._remove(file)

    def _remove(self, file: Path) -> None:
        with self._folder.owning(self._stream, self._me) as is_mine:
            if not is_mine:
                raise self._taken_over()
            file.unlink(missing_ok=True)


def _read(day: Path, chosen: Callable[[Sequence[Path]], pa.Table | None]) -> pa.Table | None:
    """What is chosen of a day's files, None where it has none."""
    for _ in range(_LOOKS):
        files = sorted(day.glob("*.parquet"))
        try:
            with damage_named(files):
                return chosen(files) if files else None
        except FileNotFoundError:
            continue  # compacted after we listed it: the others have their readings
    raise UnavailableError(f"{day} changes faster than it can be read")
