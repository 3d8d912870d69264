"""What a Parquet history needs besides writing: days older than its retention go, many small files become few.

One at a time over all processes that share the folder. Killed at any step it loses and doubles nothing; the next one
clears what was left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import reduce
from operator import and_
from pathlib import Path
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from foremend.history import exchange
from foremend.history.compaction import BY_ITSELF, Compacted, Enough, compact, worthwhile
from foremend.history.parquet_folder import Folder, day_start_ms
from foremend.history.parquet_settings import ParquetSettings
from foremend.history.rows import leave_only
from foremend.vocabulary.errors import ForemendError, IntegrityError, UnavailableError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rounds import ByRounds, Rounds
from foremend.vocabulary.types import MS_PER_DAY

EVERY_S = 600.0
AGAIN_S = 30.0  # after a round that failed

DayDone = Callable[[int, int], object]
"""Hears how many days are done, of how many."""


@dataclass
class Report:
    """What one round did. Files, bytes and readings are those of the compacted days; bytes on disk."""

    days_compacted: int = 0
    days_over_retention: int = 0
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    readings: int = 0
    repeats: int = 0
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)

    def add(self, done: Compacted) -> None:
        self.days_compacted += 1
        for name, value in asdict(done).items():
            setattr(self, name, getattr(self, name) + value)

    def to_dict(self) -> dict[str, Any]:
        """For people and programs, with readings a second."""
        return asdict(self) | {"readings_per_second": self.readings / self.seconds if self.seconds else 0.0}


class Upkeep(ByRounds):
    """Rounds of it, by themselves in a thread between `start` and `close`, or one by `round`."""

    def __init__(self, root: Path, settings: ParquetSettings, clock: Clock) -> None:
        self._folder, self._settings, self._clock = Folder(root), settings, clock
        self._rounds = Rounds("upkeep of history", self._by_itself, EVERY_S, AGAIN_S)

    def round(
        self,
        enough: Enough = BY_ITSELF,
        wait: bool = False,
        progress: DayDone = lambda done, total: None,
    ) -> Report | None:
        """Recover from a kill, apply the retention, compact; None where another one is at it and `wait` is not.

        A day that cannot be compacted is named in `failed` and left as it is. Raises UnavailableError when the disk
        refuses.
        """
        try:
            with self._folder.upkeep(wait) as mine:
                return self._round(enough, progress) if mine else None
        except OSError as error:
            raise UnavailableError(f"history in {self._folder.root} cannot be kept up: {error}") from error

    def _round(self, enough: Enough, progress: DayDone) -> Report:
        report, started = Report(), perf_counter()
        exchange.recover(self._folder, exchange.LISTED_S)
        if self._settings.retention is not None:
            report.days_over_retention = expire(self._folder, self._clock.now_ms() - self._settings.retention)
        days = worthwhile(self._folder, enough)
        for done, (day, files) in enumerate(days, start=1):
            try:
                compacted = compact(self._folder, day, files, self._rounds.stopping.is_set)
            except (ForemendError, pa.ArrowException) as error:
                report.failed.append(f"{day.parent.name}/{day.name}: {error}")
            else:
                if compacted is None:
                    break
                report.add(compacted)
            progress(done, len(days))
        report.seconds = perf_counter() - started
        return report

    def _by_itself(self) -> None:
        """A round in which a day failed is tried again as one that failed."""
        report = self.round()
        if report and report.failed:
            raise UnavailableError(report.failed[0])


def expire(folder: Folder, kept_from: int) -> int:
    """Remove the days whose last reading is older than `kept_from`, ms UTC; how many.

    Hold `upkeep`, and `recover` first: what is aside is deleted.
    """
    old = [day for day in folder.all_days() if day_start_ms(day) + MS_PER_DAY <= kept_from]
    for day in old:
        with folder.exchanging():
            exchange.remove(folder, day)
    exchange.clear(folder, exchange.LISTED_S)
    return len(old)


@dataclass(frozen=True, slots=True)
class Term:
    """Readings of `ids`, or of all `others`, are kept from `kept_from` on, ms UTC."""

    kept_from: int
    ids: Iterable[str]
    others: bool = False


def expire_of(folder: Folder, groups: Iterable[Term]) -> int:
    """Of each day remove readings of the groups that keep none so old; from how many days something went.

    Each file is written anew once, of however many groups something goes: twenty policies cost what one does.
    Hold `upkeep`, and `recover` first. Raises IntegrityError, naming the file, at one that is damaged, once the other
    days had their turn.
    """
    stays = [(one.kept_from, _staying(one)) for one in groups]
    touched, damaged = 0, []
    for day in folder.all_days():
        over = [stay for kept_from, stay in stays if day_start_ms(day) + MS_PER_DAY <= kept_from]
        if over:
            try:
                touched += leave_only(folder, day, reduce(and_, over)) > 0
            except IntegrityError as error:
                damaged.append(error)
    if damaged:
        raise damaged[0]
    return touched


def _staying(group: Term) -> pc.Expression:
    listed = pc.field("appliance").isin(pa.array(list(group.ids), pa.string()))
    return listed if group.others else ~listed
