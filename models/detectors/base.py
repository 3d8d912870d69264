"""What the detectors share: the columns they learnt, snapshots that are checked, state that grows with the fleet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from foremend.vocabulary.compiling import compiled
from foremend.vocabulary.errors import ConfigError, InputError, IntegrityError
from foremend.vocabulary.leaving import Leaving, record_joins, record_leaves
from foremend.vocabulary.ports import Detector, Snapshot
from foremend.vocabulary.types import Score

Floats = NDArray[np.float64]
Record = TypeVar("Record", bound=tuple[Any, ...])


class Starting(Detector, Protocol):
    """A detector that can learn what is usual for one appliance from that appliance's own first rows.

    >>> from models.detectors import ControlCharts
    >>> charts: Starting = ControlCharts()
    >>> charts.learn(["power"], np.empty((0, 1)))  # nothing is known of its siblings
    >>> charts.begin(0, np.random.default_rng(1).normal(120.0, 5.0, (400, 1)))
    >>> charts.score(np.int32([0]), np.int64([0]), np.array([[180.0]])).value.round(2)
    array([1.])
    """

    def begin(self, unit: int, features: Floats) -> None:
        """Take (n, d) normal rows of fleet row `unit`, in time order, as what is usual for it."""
        ...


class Columns:
    """What every detector inherits: it knows its columns, refuses rows of other ones and builds its scores.

    >>> class TooWarm(Columns):
    ...     name, names = "too-warm", ("cabinet_temp",)
    ...
    ...     def score(self, appliance, time, features):
    ...         return self._pack(appliance, time, 1.0 * (self._rows(features)[:, 0] > 8.0))
    >>> TooWarm().score(np.int32([0, 1]), np.int64([0, 0]), np.array([[4.1], [9.3]])).value
    array([0., 1.])
    """

    name: str
    names: tuple[str, ...] | None = None

    @property
    def layout(self) -> str:
        """Whose state this is: only a detector of the same layout may take it back."""
        return self.name

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`. Here: of a detector that keeps nothing of single appliances."""
        return {}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered."""

    def _take_names(self, names: Sequence[str], features: Floats) -> Floats:
        """The rows to learn from; raises InputError where they do not have one column per name."""
        self.names = tuple(names)
        return self._rows(features)

    def _rows(self, features: Floats) -> Floats:
        if self.names is None:
            raise ConfigError(
                f"{self.name} knows no columns yet: call learn first, with no rows if there are none"
            )
        if features.ndim != 2 or features.shape[1] != len(self.names):
            raise InputError(
                f"{self.name} learnt {len(self.names)} columns {self.names}, but was given {features.shape}"
            )
        return np.ascontiguousarray(features, dtype=np.float64)

    def _pack(
        self,
        appliance: NDArray[np.int32],
        time: NDArray[np.int64],
        value: Floats,
        usual: Floats | None = None,
    ) -> Score:
        return Score(self.name, appliance, time, value, usual)

    def _identity(self) -> dict[str, Any]:
        return {
            "detector": self.layout,
            "names": list(self.names or ()),
            "learnt": int(self.names is not None),
        }

    def _check_identity(self, snapshot: Snapshot) -> None:
        """Raises IntegrityError where the snapshot is another detector's."""
        if snapshot["detector"] != self.layout:
            raise IntegrityError(f"a snapshot of {snapshot['detector']!r} cannot restore {self.layout!r}")
        self.names = tuple(snapshot["names"]) if snapshot["learnt"] else None


class Records(Columns, Generic[Record]):
    """What a detector inherits that keeps a row of state for each appliance: they leave and join, and it is stored.

    `_state` has one row per appliance, `_fresh` the single row of one of which nothing is known yet.

    >>> from models.detectors import ControlCharts
    >>> charts, again = ControlCharts(), ControlCharts()
    >>> charts.learn(["power"], np.random.default_rng(1).normal(120.0, 5.0, (400, 1)))
    >>> again.restore(charts.snapshot())
    >>> again.names
    ('power',)
    """

    _fresh: Record
    _state: Record

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`."""
        self._state, part = record_leaves(self._state, self._fresh, leaving)
        return _flat(part)

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered."""
        self._state = record_joins(self._state, self._fresh, self._of_today(part), rows)

    def snapshot(self) -> Snapshot:
        """What is known of every appliance, as arrays."""
        return {**self._identity(), "fresh": packed(self._fresh), "state": packed(self._state)}

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where `snapshot` was taken; raises IntegrityError for another detector's."""
        self._check_identity(snapshot)
        kind = type(self._fresh)
        self._fresh = unpacked(kind, self._of_today(snapshot["fresh"]))
        self._state = unpacked(kind, self._of_today(snapshot["state"]))

    def _of_today(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """State as it was stored, maybe by an earlier version, as it is kept today. Here: as it was."""
        return state


def grown(state: Record, fresh: Record, rows: int) -> Record:
    """`state` with at least `rows` rows; new ones are copies of the single row of `fresh`.

    Both are named tuples of arrays whose first axis is the fleet; it grows by half, so that growing is rare.
    """
    have = len(state[0])
    if rows <= have:
        return state
    extra = max(rows, have + have // 2) - have
    columns = [
        np.concatenate([old, np.repeat(new, extra, axis=0)]) for old, new in zip(state, fresh, strict=True)
    ]
    return type(state)(*columns)


def put(state: Record, unit: int, fresh: Record) -> None:
    """Write the single row of `fresh` as row `unit` of `state`."""
    for old, new in zip(state, fresh, strict=True):
        old[unit] = new[0]


def no_rows(fresh: Record) -> Record:
    """The state of a fleet that nothing was heard of."""
    return type(fresh)(*(column[:0] for column in fresh))


def fleet_size(appliance: NDArray[np.int32]) -> int:
    """Rows of state that these fleet indices need."""
    return int(appliance.max(initial=-1)) + 1


def packed(state: tuple[Any, ...]) -> dict[str, NDArray[Any]]:
    """A named tuple of arrays as a mapping of copies; of a column of records, its fields."""
    return _flat(dict(zip(state._fields, state, strict=True)))  # type: ignore[attr-defined]


def _flat(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    flat: dict[str, NDArray[Any]] = {}
    for name, column in columns.items():
        flat |= plain(column) if column.dtype.names else {name: column.copy()}
    return flat


def unpacked(kind: type[Record], snapshot: Snapshot) -> Record:
    """The inverse of `packed`, where no column is of records."""
    return kind(*(np.array(snapshot[field]) for field in kind._fields))  # type: ignore[attr-defined]


def plain(records: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The fields of records as arrays of numbers, copied."""
    return {name: records[name].copy() for name in records.dtype.names or ()}


def recorded(fields: Mapping[str, Any], like: np.dtype[Any]) -> NDArray[Any]:
    """The inverse of `plain`: records of layout `like`, one for each along the first axes that all fields share."""
    names = like.names or ()
    shared = fields[names[0]].ndim - like[names[0]].ndim
    records = np.empty(fields[names[0]].shape[:shared], like)
    for name in names:
        records[name] = fields[name]
    return records


def evidence_to_score(deviate: Floats, looks: Floats) -> Floats:
    """The largest absolute normal deviate of `looks` looks at one row -> score 0..1.

    Two-sided and corrected after Bonferroni, which holds whatever the dependence between the looks. No look: 0.
    """
    p_value: Floats = 2.0 * ndtr(-np.abs(deviate)) * looks
    return np.where(looks > 0, 1.0 - np.minimum(p_value, 1.0), 0.0)


@compiled(error_model="numpy")
def student_to_normal(t: float, freedom: float) -> float:
    """The normal deviate as unlikely as `t` with `freedom` degrees of freedom (Wallace, 1959)."""
    size = np.sqrt(freedom * np.log1p(t * t / freedom)) * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
    return size if t >= 0.0 else -size
