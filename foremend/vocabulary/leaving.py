"""State with a row an appliance, of which some leave and come back. Imports nothing of ours.

Whatever keeps such state (`ports.PerAppliance`) has two verbs. `leave` answers what it knows of some rows and closes
the gaps behind them; `join` takes that back, as other rows. What is answered is a part: nested mappings whose leaves
are arrays with a row an appliance, or lists with an entry an appliance, for what differs in length (None for nothing).
An array may be shorter than the fleet, or longer: rows that it lacks are as new.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Record = TypeVar("Record", bound=tuple[Any, ...])


class Leaving(NamedTuple):
    """Who leaves a fleet of n, and who stays; both are ascending rows, together all of them."""

    gone: NDArray[np.intp]
    kept: NDArray[np.intp]

    @classmethod
    def of(cls, gone: NDArray[np.intp], fleet: int) -> Leaving:
        """`gone` may be in any order."""
        stays = np.ones(fleet, np.bool_)
        stays[gone] = False
        return cls(np.flatnonzero(~stays), np.flatnonzero(stays))

    def moved(self) -> NDArray[np.int64]:
        """(n,) the row of each after it; -1 for those who left."""
        rows = np.full(len(self.gone) + len(self.kept), -1, np.int64)
        rows[self.kept] = np.arange(len(self.kept))
        return rows


def taken(column: NDArray[Any], fresh: NDArray[Any], rows: NDArray[np.intp]) -> NDArray[Any]:
    """`rows` of `column`; the single row of `fresh` for those behind its end."""
    part = np.repeat(fresh, len(rows), axis=0)
    inside = rows < len(column)
    part[inside] = column[rows[inside]]
    return part


def staying(column: NDArray[Any], leaving: Leaving) -> NDArray[Any]:
    """`column` without those who left."""
    return column[leaving.kept[leaving.kept < len(column)]]


def joined(
    column: NDArray[Any], fresh: NDArray[Any], rows: NDArray[np.intp], part: NDArray[Any]
) -> NDArray[Any]:
    """`column` with `part` as `rows`; it grows by half where it is too short, with rows like the one of `fresh`."""
    missing = int(rows.max(initial=-1)) + 1 - len(column)
    if missing > 0:
        more = np.repeat(fresh, max(missing, len(column) // 2), axis=0)
        column = np.concatenate([column, more])
    column[rows] = part
    return column


def record_leaves(record: Record, fresh: Record, leaving: Leaving) -> tuple[Record, dict[str, NDArray[Any]]]:
    """A named tuple of columns without those who left, and their part; `fresh` has a single row."""
    names = record._fields  # type: ignore[attr-defined]
    part = {n: taken(c, f, leaving.gone) for n, c, f in zip(names, record, fresh, strict=True)}
    return type(record)(*(staying(column, leaving) for column in record)), part


def record_joins(record: Record, fresh: Record, part: Any, rows: NDArray[np.intp]) -> Record:
    """The named tuple of columns with `part`, as `record_leaves` answered it, as `rows`."""
    names = record._fields  # type: ignore[attr-defined]
    return type(record)(*(joined(c, f, rows, part[n]) for n, c, f in zip(names, record, fresh, strict=True)))
