"""Rows to learn from, and days to judge by, of stored history and what technicians confirmed.

Every outcome is learnt from. Few are confirmed, so none is held back: how well they teach is asked of models that
learnt from the other appliances (`foremend.learning.crossed`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foremend.engine.follow import follow
from foremend.engine.lane import deviations
from foremend.history.parquet import ParquetHistory
from foremend.learning.backtest import Truth
from foremend.learning.training_sets import TrainingSet
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.features import Kind
from foremend.vocabulary.ports import History
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import MS_PER_DAY, Block, Rows
from models.outcomes import UNSURE_DAYS, Labels, Outcome, drawn_in, label_rows
from models.settings import ModelsSettings

_EVER = 2**62
_FEWEST_WELL = 30  # rows, before they alone say what is usual
_FEWEST_APPLIANCES = 4
_LONGEST_DAYS = 180  # before a confirmation: what was there earlier was another thing

DaysRead = Callable[[int, int], None]
"""Hears how many days of history were read, and how many there are (0: not known)."""

Permitted = Callable[[Iterable[str]], set[str]]
"""Of these appliances, those whose owners agree."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a history teaches: rows to learn from, every day to judge by, and what was true."""

    faults: tuple[str, ...]  # of the profile, as the columns of `rows`
    rows: TrainingSet  # those that teach, of known health or fault
    ids: tuple[str, ...]  # names the appliances of `days`
    days: Rows  # every day on which something was known, in the order of time
    news: NDArray[np.bool_]  # of `days`
    numbers: NDArray[np.int32]  # of `ids`, as in `rows`
    truths: tuple[Truth, ...]  # of each appliance, as far as anybody knows
    unseen: tuple[str, ...]  # signals of the profile that no appliance ever reported
    left_out: int = 0  # appliances of the history that may not be learnt from


def from_history(
    profile: Profile,
    history: History,
    outcomes: Iterable[Outcome],
    settings: ModelsSettings,
    progress: DaysRead = lambda done, total: None,
    days: int = 0,
    permitted: Permitted = set,
) -> Past:
    """What stored history teaches with what was confirmed in it.

    `progress` hears how many of the `days` were read; `permitted` answers which appliances may be used.
    Raises ConfigError when there is too little of either.
    """
    seen: set[str] = set()
    lived = follow(profile, _noted(all_of(history, profile.name, progress, days), seen))
    if not lived.each:
        raise ConfigError(
            f"the history holds no whole day of {profile.name}: name the folder or database that does"
        )
    every, news = (
        Rows.joined([day.deviations for day in lived.each]),
        np.concatenate([day.news for day in lived.each]),
    )
    agreed = permitted(lived.ids)
    if not agreed:
        raise ConfigError(
            f"no owner of a {profile.name} in the history agreed to training: there is nothing to learn from"
            f" ({len(lived.ids)} left out; `foremend consent grant` keeps a yes)"
        )
    mine = np.isin(every.appliance, [k for k, one in enumerate(lived.ids) if one in agreed])
    known = np.flatnonzero(np.isfinite(every.values).any(axis=1) & mine)
    if not len(known):
        raise ConfigError(
            f"the history holds too few days of {profile.name}: the first two weeks teach what is usual"
        )
    known = known[np.argsort(every.time[known], kind="stable")]
    every = every.take(known)
    last = int(every.time.max())
    reported = [one for one in outcomes if one.appliance_id in agreed and one.confirmed_at <= last]
    labels = _labels(profile, lived.ids, every, reported, settings)
    numbers = np.array([zlib.crc32(one.encode()) & 0x7FFFFFFF for one in lived.ids], np.int32)
    number = numbers[every.appliance]
    ill = np.isfinite(labels.days_to_failure).any(axis=1)
    kept = labels.usable & (ill | ((every.time // MS_PER_DAY + number) % settings.training.every_days == 0))
    rows = TrainingSet(lived.names, every.values, labels.days_to_failure, number).take(kept)
    _require_enough(rows, profile)
    truths = _truths(lived.ids, every, labels, reported)
    unseen = tuple(name for name in profile.signals if name not in seen)
    left_out = len(set(lived.ids) - agreed)
    return Past(profile.faults, rows, tuple(lived.ids), every, news[known], numbers, truths, unseen, left_out)


def _labels(
    profile: Profile, ids: Sequence[str], every: Rows, reported: Sequence[Outcome], settings: ModelsSettings
) -> Labels:
    """As of the last day, by what each appliance's own course shows."""
    confirmed = [k for k, one in enumerate(ids) if any(one == outcome.appliance_id for outcome in reported)]
    well = ~np.isin(every.appliance, confirmed)
    shapes = np.array([one.kind is Kind.SHAPE for one in deviations(profile)])
    away = drawn_in(every.values, well if well.sum() >= _FEWEST_WELL else np.ones_like(well)) * ~shapes
    return label_rows(
        ids,
        every.appliance,
        every.time,
        away,
        reported,
        profile.faults,
        known_until=int(every.time.max()),
        settle_days=settings.history.settle_days,
    )


def _truths(
    ids: Sequence[str], every: Rows, labels: Labels, reported: Sequence[Outcome]
) -> tuple[Truth, ...]:
    """What was true of each appliance: a fault from when its course shows it, less the days of doubt."""
    found = []
    for row in np.unique(every.appliance).tolist():
        mine = every.appliance == row
        begin, end = int(every.time[mine].min()), int(every.time.max())
        faults = [
            Truth(
                ids[row],
                begin,
                end,
                one.fault,
                _since(every, labels, mine, one),
                one.confirmed_at,
                one.repaired_at,
            )
            for one in reported
            if one.appliance_id == ids[row] and begin < one.confirmed_at <= end
        ]
        found += faults or [Truth(ids[row], begin, end)]
    return tuple(found)


def _since(every: Rows, labels: Labels, mine: NDArray[np.bool_], outcome: Outcome) -> int:
    """ms UTC: nobody can say that it was well from here on."""
    shown = mine & np.isfinite(labels.days_to_failure).any(axis=1) & (every.time <= outcome.confirmed_at)
    first = int(every.time[shown].min()) - UNSURE_DAYS * MS_PER_DAY if shown.any() else 0
    return max(int(first), outcome.confirmed_at - _LONGEST_DAYS * MS_PER_DAY)


def _noted(blocks: Iterable[Block], seen: set[str]) -> Iterator[Block]:
    """The blocks; `seen` gets the names of signals in which anything is known."""
    for block in blocks:
        seen.update(name for name, column in block.signals.items() if np.isfinite(column).any())
        yield block


def stored_in(folder: Path) -> ParquetHistory:
    """The history in `folder`, or in the folder `history` there, where `foremend simulate --out` puts it."""
    return ParquetHistory(folder / "history" if (folder / "history").is_dir() else folder)


def all_of(history: History, appliance_model: str, progress: DaysRead, days: int) -> Iterator[Block]:
    """Everything stored of an appliance model; `progress` hears of each of the `days` once it was lived through."""
    for done, block in enumerate(history.read(appliance_model, 0, _EVER), start=1):
        yield block
        progress(done, days)


def _require_enough(rows: TrainingSet, profile: Profile) -> None:
    if rows.healthy.all():
        raise ConfigError(
            f"history and outcomes teach no fault of {profile.name}: none was confirmed on an appliance whose days "
            "show it; collect more history or outcomes"
        )
    if rows.appliances < _FEWEST_APPLIANCES or not rows.healthy.any():
        raise ConfigError(
            f"the history leaves nothing of {profile.name} to judge by: it needs {_FEWEST_APPLIANCES} appliances or "
            "more, and days on which they were well"
        )
