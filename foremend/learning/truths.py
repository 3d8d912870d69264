"""What people know of faults, or a simulation's truth, as what was true of each appliance of a recording."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from foremend.learning.backtest import Truth
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import MS_PER_DAY
from ingest.replay.outcomes import Confirmed, Moment, OutcomeColumns, read_confirmed
from models.settings import ModelsSettings
from simulators.fleet.history import read_truth

_NAMED = 3
Heard = Mapping[str, tuple[int, int]]
"""Appliance -> its first and its last reading, ms UTC."""


def read_known(path: Path, columns: OutcomeColumns) -> list[Confirmed]:
    """A simulation's truth.json, or a CSV. Raises ConfigError or InputError as those that read them do."""
    if path.suffix != ".json":
        return read_confirmed(path, columns)
    return [
        Confirmed(one.appliance, one.fault, _moment(one.failure), _moment(one.repaired), Moment(one.onset))
        for one in read_truth(path)
    ]


@dataclass(frozen=True, slots=True)
class Known:
    """What was true of the appliances of a recording, and what of the outcomes does not fit it."""

    truths: tuple[Truth, ...]
    notes: tuple[str, ...]


def known(
    outcomes: Sequence[Confirmed], heard: Heard, faults: Collection[str], settings: ModelsSettings
) -> Known:
    """What `outcomes` say of the appliances that were `heard`; of whom they say nothing stays well.

    Where no onset is known, telling counts from the longest time that the catalogue gives the fault from its first sign
    to the failure, before the confirmation; of a fault it does not know, for `horizon_days`. A fault confirmed within
    `history.settle_days` after the last reading failed within the recording: what is dead no longer reports. `faults`
    are those that can be named. Raises InputError where no outcome is about any appliance of the recording.
    """
    by_appliance: dict[str, list[Confirmed]] = {}
    for one in outcomes:
        by_appliance.setdefault(one.appliance_id, []).append(one)
    about = [one for one in outcomes if one.appliance_id in heard]
    if outcomes and not about:
        raise InputError(
            f"no outcome is about an appliance of the recording: they are about {_some(outcomes)}, and recorded are "
            f"{', '.join(sorted(heard)[:_NAMED])}: write the ids alike"
        )
    truths = [
        truth
        for appliance, span in heard.items()
        for truth in _truths(appliance, span, by_appliance.get(appliance, ()), settings)
    ]
    strangers = [one for one in outcomes if one.appliance_id not in heard]
    return Known(tuple(truths), tuple(_notes(strangers, about, truths, faults)))


def _truths(
    appliance: str, heard: tuple[int, int], outcomes: Iterable[Confirmed], settings: ModelsSettings
) -> list[Truth]:
    first, last = heard
    settle = round(settings.history.settle_days * MS_PER_DAY)
    spells: list[tuple[str, int, int | None, int | None]] = []
    over_before: dict[str, int] = {}
    for one in sorted(outcomes, key=lambda one: _order(one, first)):
        failure, again = (None if at is None else at.at(first) for at in (one.confirmed, one.repaired))
        onset = max(_onset(one, first, settings.horizon_days), over_before.get(one.fault, -(2**62)))
        over_before[one.fault] = again or failure or onset
        if (failure is None or failure > first) and onset < last:
            spells.append((one.fault, max(onset, first), failure, again))
    failures = [failure for _, _, failure, _ in spells if failure is not None and failure <= last + settle]
    end = max([last, *failures])
    return [Truth(appliance, first, end, *spell) for spell in spells] or [Truth(appliance, first, last)]


def _order(one: Confirmed, first: int) -> int:
    moment = one.confirmed or one.repaired or one.onset
    assert moment is not None
    return moment.at(first)


def _onset(one: Confirmed, first: int, horizon_days: float) -> int:
    if one.onset is not None:
        return one.onset.at(first)
    catalogue = load_catalogue()
    days = catalogue[one.fault].days_to_failure[1] if one.fault in catalogue else horizon_days
    return _order(one, first) - round(days * MS_PER_DAY)


def _notes(
    strangers: Sequence[Confirmed],
    about: Sequence[Confirmed],
    truths: Sequence[Truth],
    faults: Collection[str],
) -> Iterator[str]:
    if strangers:
        yield f"{len(strangers)} outcomes are about appliances that were not recorded: {_some(strangers)}"
    outside = len(about) - sum(truth.fault is not None for truth in truths)
    if outside:
        yield f"{outside} outcomes lie before or after what was recorded of their appliance: they ask nothing"
    for fault in sorted({one.fault for one in about} - set(faults)):
        near = difflib.get_close_matches(fault, faults, n=1)
        meant = f": did you mean {near[0]!r}?" if near else ""
        yield f"nothing can name the fault {fault!r}, which the profile does not have{meant}"


def _some(outcomes: Sequence[Confirmed]) -> str:
    ids = list(dict.fromkeys(one.appliance_id for one in outcomes))
    return ", ".join(ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")


def _moment(time: int | None) -> Moment | None:
    return None if time is None else Moment(time)
