"""Rows to learn from and to judge by, of stored history and what technicians confirmed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foremend.engine.follow import follow
from foremend.history.parquet import ParquetHistory
from foremend.learning.training_sets import Split, TrainingSet
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.ports import History
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import MS_PER_DAY, Block, Rows
from models.outcomes import Outcome, held_out, label_rows
from models.settings import ModelsSettings

_EVER = 2**62

DaysRead = Callable[[int, int], None]
"""Hears how many days of history were read, and how many there are (0: not known)."""

Permitted = Callable[[Iterable[str]], set[str]]
"""Of these appliances, those whose owners agree."""


def from_history(
    profile: Profile,
    history: History,
    outcomes: Iterable[Outcome],
    settings: ModelsSettings,
    progress: DaysRead = lambda done, total: None,
    days: int = 0,
    permitted: Permitted = set,
) -> Split:
    """Rows of stored history: learnt from are the first part of the time, judged by are other appliances after it.

    `progress` hears how many of the `days` were read; `permitted` answers which appliances may be used.
    Raises ConfigError when there is too little of either.
    """
    lived = follow(profile, all_of(history, profile.name, progress, days))
    ids = lived.ids
    if not lived.each:
        raise ConfigError(
            f"the history holds no whole day of {profile.name}: name the folder or database that does"
        )
    rows = Rows.joined([day.deviations for day in lived.each])
    appliance, time, features = rows.appliance, rows.time, rows.values
    agreed = permitted(ids)
    if not agreed:
        raise ConfigError(
            f"no owner of a {profile.name} in the history agreed to training: there is nothing to learn from"
        )
    known = np.isfinite(features).any(axis=1) & np.isin(
        appliance, [k for k, one in enumerate(ids) if one in agreed]
    )
    if not known.any():
        raise ConfigError(
            f"the history holds too few days of {profile.name}: the first two weeks teach what is usual"
        )
    first, last = int(time[known].min()), int(time.max())
    cut = int(first + settings.history.learn_share * (last - first))
    number = np.array([zlib.crc32(one.encode()) & 0x7FFFFFFF for one in ids], np.int32)[appliance]
    thinned = known & ((time // MS_PER_DAY + number) % settings.training.every_days == 0)
    reported = list(outcomes)

    def part(rows: NDArray[np.bool_], known_until: int) -> TrainingSet:
        labels = label_rows(
            ids,
            appliance,
            time,
            reported,
            _spans(profile, settings.horizon_days),
            known_until=known_until,
            settle_days=settings.history.settle_days,
        )
        whole = TrainingSet(lived.names, features, labels.days_to_failure, number)
        return whole.take(rows & thinned & labels.usable)

    apart = held_out(number)
    split = Split(part(~apart & (time <= cut), cut), part(apart & (time > cut), last))
    _require_enough(split, profile)
    return split


def stored_in(folder: Path) -> ParquetHistory:
    """The history in `folder`, or in the folder `history` there, where `foremend simulate --out` puts it."""
    return ParquetHistory(folder / "history" if (folder / "history").is_dir() else folder)


def all_of(history: History, appliance_model: str, progress: DaysRead, days: int) -> Iterator[Block]:
    """Everything stored of an appliance model; `progress` hears of each of the `days` once it was lived through."""
    for done, block in enumerate(history.read(appliance_model, 0, _EVER), start=1):
        yield block
        progress(done, days)


def _spans(profile: Profile, horizon_days: float) -> dict[str, tuple[float, float]]:
    """From the first sign to the failure, in days, by the catalogue; a fault it does not know: up to the horizon."""
    catalogue = load_catalogue()
    unknown = (1.0, horizon_days)
    return {
        fault: catalogue[fault].days_to_failure if fault in catalogue else unknown for fault in profile.faults
    }


def _require_enough(split: Split, profile: Profile) -> None:
    if not len(split.learn.features) or split.learn.healthy.all():
        raise ConfigError(
            f"history and outcomes teach no fault of {profile.name}: none was confirmed on an appliance to learn "
            "from before the time to judge begins; collect more history or outcomes"
        )
    if not len(split.judge.features):
        raise ConfigError(
            f"the history leaves nothing of {profile.name} to judge by: it needs about twenty appliances and "
            "six weeks or more"
        )
