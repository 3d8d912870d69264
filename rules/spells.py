"""Where appliances stand with a condition, and its levels: what the rules' kernel works on, without the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.leaving import Leaving, staying

NEVER = -(2**62)  # far enough in the past, and differences with real times still fit int64
OPENS, CHANGES, ESCALATES, RELEASES = 1, 2, 3, 4


class Spells(NamedTuple):
    """Where each appliance stands with one condition; times are event time, ms UTC.

    Nearly all have nothing going on: their condition does not hold, and no episode is kept open by it. Of these
    nothing else matters for what comes, so they have no place in the arrays (m,) of those that have.
    """

    place: NDArray[np.int32]  # (fleet,) where in the others an appliance is; -1 where nothing is going on
    whose: NDArray[np.int32]  # (m,) its fleet row; -1 where the place is free
    free: NDArray[np.int32]  # (m,) the free places, of which the first `left` count
    left: NDArray[np.int64]  # (1,)
    last: NDArray[np.int64]  # (m,) newest window with a known value
    since: NDArray[np.int64]  # (m,) first window of the unbroken run that held; NEVER where it does not hold
    untold: NDArray[np.int64]  # (m,) ms of it in which there was nothing to see
    calm: NDArray[np.int64]  # (m,) first window of the unbroken run that was clear; NEVER where it is not
    held: NDArray[np.bool_]  # (m,) the condition keeps an episode open
    severe: NDArray[np.bool_]  # (m,) it has escalated
    spoken: NDArray[np.int64]  # (m,) when it was last reported
    level: NDArray[np.float64]  # (m,) the value then


_NOTHING: dict[str, tuple[Any, Any]] = {
    "last": (NEVER, np.int64),
    "since": (NEVER, np.int64),
    "untold": (0, np.int64),
    "calm": (NEVER, np.int64),
    "held": (False, np.bool_),
    "severe": (False, np.bool_),
    "spoken": (NEVER, np.int64),
    "level": (np.nan, np.float64),
}
"""What is said of an appliance with nothing going on, where something has to be."""

Told = Mapping[str, NDArray[Any]]
"""The arrays that `_NOTHING` names, a row an appliance."""


class Limits(NamedTuple):
    """A condition turned so that high values are bad. Levels in its own unit, times in ms."""

    opens_at: float  # holds strictly above this
    clears_at: float  # clear at or below this
    sustained_for: int
    clear_after: int
    max_gap: int  # a longer silence breaks runs: nobody knows what happened meanwhile
    change: float  # a difference worth reporting
    every: int  # and how rarely
    refresh: int  # an estimate this old is told anew, changed or not


class Events(NamedTuple):
    """What happened: at which row of the windows, what, and since when the condition held."""

    row: NDArray[np.int64]
    code: NDArray[np.int8]
    since: NDArray[np.int64]


def no_spells(fleet: int) -> Spells:
    """Spells of appliances with nothing going on."""
    none = np.empty(0, np.int32)
    columns = {name: np.empty(0, dtype) for name, (_, dtype) in _NOTHING.items()}
    return Spells(np.full(fleet, -1, np.int32), none, none.copy(), np.zeros(1, np.int64), **columns)


def with_room(spells: Spells, fleet: int, begin: int) -> Spells:
    """`spells` for at least `fleet` appliances, of which `begin` more may have something going on."""
    place = spells.place
    if len(place) < fleet:  # with room to spare, so that a growing fleet is cheap
        spells = spells._replace(place=_longer(place, 2 * fleet, -1))
    missing = begin - int(spells.left[0])
    if missing <= 0:
        return spells
    before = len(spells.whose)
    after = before + max(missing, before // 2)
    columns = {
        name: _longer(getattr(spells, name), after, nothing) for name, (nothing, _) in _NOTHING.items()
    }
    free = _longer(spells.free, after, -1)
    free[spells.left[0] : spells.left[0] + after - before] = np.arange(before, after)
    return spells._replace(
        whose=_longer(spells.whose, after, -1), free=free, left=spells.left + (after - before), **columns
    )


def going(spells: Spells) -> NDArray[np.int32]:
    """The places of those with something going on, by fleet row."""
    places = np.flatnonzero(spells.whose >= 0).astype(np.int32)
    return places[np.argsort(spells.whose[places])]


def told(spells: Spells, rows: NDArray[np.intp]) -> dict[str, NDArray[Any]]:
    """Where appliances `rows` (n,) stand, each array (n,); one behind the end of the fleet is as new."""
    inside = rows < len(spells.place)
    place = np.full(len(rows), -1, np.int32)
    place[inside] = spells.place[rows[inside]]
    there = place >= 0
    said = {name: np.full(len(rows), nothing, dtype) for name, (nothing, dtype) in _NOTHING.items()}
    for name, column in said.items():
        column[there] = getattr(spells, name)[place[there]]
    return said


def taking(spells: Spells, rows: NDArray[np.intp], said: Told) -> Spells:
    """`spells` with appliances `rows` (n,), which have nothing going on there, as `told` said."""
    begun = np.flatnonzero((said["since"] != NEVER) | said["held"])
    spells = with_room(spells, int(rows.max(initial=-1)) + 1, len(begun))
    left = int(spells.left[0]) - len(begun)
    places, spells.left[0] = spells.free[left : left + len(begun)], left
    spells.place[rows[begun]], spells.whose[places] = places, rows[begun]
    for name in _NOTHING:
        getattr(spells, name)[places] = said[name][begun]
    return spells


def without(spells: Spells, leaving: Leaving) -> Spells:
    """`spells` of those who stay, without room to spare."""
    kept = no_spells(len(staying(spells.place, leaving)))
    places = going(spells)
    after = leaving.moved()[spells.whose[places]]
    stays = after >= 0
    return taking(kept, after[stays], {name: getattr(spells, name)[places[stays]] for name in _NOTHING})


def packed(spells: Spells, fleet: int) -> dict[str, NDArray[Any]]:
    """Those of `fleet` with something going on: `appliance`, their fleet rows, and the arrays of `told`."""
    rows = spells.whose[going(spells)]
    rows = rows[rows < fleet]
    return {"appliance": rows, **told(spells, rows.astype(np.intp))}


def unpacked(said: Told, fleet: int) -> Spells:
    """What `packed` answered; an earlier version had a row of each appliance, and no `appliance`."""
    rows = np.asarray(said.get("appliance", np.arange(len(said["last"]))), np.intp)
    return taking(no_spells(fleet), rows, {name: np.asarray(said[name]) for name in _NOTHING})


def _longer(column: NDArray[Any], length: int, fill: Any) -> NDArray[Any]:
    more = np.full(length - len(column), fill, column.dtype)
    return np.concatenate([column, more])
