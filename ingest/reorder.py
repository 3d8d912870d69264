"""Puts each appliance's readings in order, drops repeats and says which came too late to be used.

A reading is held until its appliance's own newest event time is more than `lateness_ms` past it; then it is
released in order of (time, seq). What comes in older than that is late: worth storing, not worth using, because
everything around it has already been used. Only the order of arrival counts, never how it was cut into blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.leaving import Leaving, staying, taken
from ingest import _reorder_kernel as kernel

REMEMBERED = 64
"""Repeats that come late are known among this many of the appliance's last readings (256 bytes an appliance).

With 31 bits of each, one late reading in 34 million is taken for a repeat; half as many bytes a checkpoint weigh more.
"""

MAX_HELD = 4096
"""Readings held for one appliance; past that the oldest goes early, so that a mad device cannot fill the memory."""

LONG_AGO = -(2**62)
_KNOWN = (
    "newest",
    "floor",
    "recent",
    "recent_at",
)  # what a snapshot has of each appliance besides its held readings


_LISTS = ("head", "tail", "held")
_FRESH: Mapping[str, NDArray[Any]] = {
    "head": np.full(1, -1, np.int32),
    "tail": np.full(1, -1, np.int32),
    "held": np.zeros(1, np.int32),
    "newest": np.full(1, LONG_AGO, np.int64),
    "floor": np.full(1, LONG_AGO, np.int64),
    "recent": np.zeros((1, REMEMBERED), np.uint32),
    "recent_at": np.zeros(1, np.int32),
}
"""An appliance that was not heard of yet."""


@dataclass(frozen=True, slots=True)
class Released:
    """Readings that are ready, sorted by (appliance, time, seq), and what became of those just pushed.

    Over a whole run: pushed = released + repeats + merged + late.
    """

    appliance: NDArray[np.int32]  # (m,) fleet rows
    time: NDArray[np.int64]  # (m,) ms UTC
    seq: NDArray[np.int64]  # (m,)
    values: NDArray[np.float64]  # (m, n_signals), NaN = absent
    repeats: int  # readings dropped: same appliance, time and seq as one before
    merged: int  # readings without seq that filled the gaps of one of the same time
    late: NDArray[np.bool_]  # (n pushed,) older than the watermark at arrival

    def __len__(self) -> int:
        return len(self.time)


class _State(NamedTuple):
    """Held readings as doubly linked lists in one pool (a list per appliance), and what is known per appliance."""

    next: NDArray[np.int32]
    previous: NDArray[np.int32]
    time: NDArray[np.int64]
    seq: NDArray[np.int64]
    values: NDArray[np.float64]
    free: NDArray[np.int32]  # stack of unused pool slots
    n_free: NDArray[np.int64]  # (1,)
    head: NDArray[np.int32]
    tail: NDArray[np.int32]
    held: NDArray[np.int32]
    newest: NDArray[np.int64]
    floor: NDArray[np.int64]  # nothing older than this is accepted any more
    recent: NDArray[np.uint32]  # (appliances, REMEMBERED) fingerprints of the last readings
    recent_at: NDArray[np.int32]


class Reorder:
    """The held readings of one appliance model's fleet; see the module's docstring for the rules.

    Two readings are repeats when appliance, time and seq are equal. Devices that send one signal a message and no
    seq (-1) may say two things at the same time: such readings are merged, the first value of a signal stays.
    """

    def __init__(self, n_signals: int, lateness_ms: int) -> None:
        self._lateness = lateness_ms
        self._fleet = 0
        self._state = _empty_state(n_signals)
        self._scratch = _Outbox.of(0, n_signals)

    def push(
        self,
        appliance: NDArray[np.int32],
        time: NDArray[np.int64],
        seq: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> Released:
        """Take `n` readings in order of arrival; `values` is (n, n_signals) with NaN for absent.

        The fleet grows with the largest row number seen. Cost: about 0.1 us a reading in blocks of 1,000.
        """
        self._reserve(len(time), int(appliance.max(initial=-1)) + 1)
        late = np.zeros(len(time), np.bool_)
        out = self._outbox(len(time) + self.held)
        released, repeats, merged = kernel.push(
            self._state, self._lateness, MAX_HELD, appliance, time, seq, values, late, out
        )
        return out.released(released, repeats, merged, late)

    def flush(self) -> Released:
        """Release everything held, as at the end of a replay; what comes later for the same times is late."""
        out = self._outbox(self.held)
        released = kernel.flush(self._state, out)
        return out.released(released, 0, 0, np.zeros(0, np.bool_))

    @property
    def held(self) -> int:
        """How many readings wait."""
        return len(self._state.free) - int(self._state.n_free[0])

    def snapshot(self) -> Mapping[str, Any]:
        """The held readings and what is remembered per appliance, as arrays."""
        state, out = self._state, _Outbox.of(self.held, self._state.values.shape[1])
        kernel.copy_held(state, out)
        known = {name: getattr(state, name)[: self._fleet].copy() for name in _KNOWN}
        return {**{f"held_{name}": column for name, column in out._asdict().items()}, **known}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue exactly where `snapshot` was taken."""
        self._state = _empty_state(self._state.values.shape[1])
        out = _Outbox(**{name: snapshot[f"held_{name}"] for name in _Outbox._fields})
        self._fleet = 0
        self._reserve(len(out.time), len(snapshot["newest"]))
        for name in _KNOWN:
            getattr(self._state, name)[: self._fleet] = snapshot[name]
        kernel.hold_all(self._state, out)

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`: what is known of those who leave, with their held readings."""
        self._reserve(0, len(leaving.gone) + len(leaving.kept))
        held = [self._let_go(unit) for unit in leaving.gone.tolist()]
        part = {name: taken(getattr(self._state, name), _FRESH[name], leaving.gone) for name in _KNOWN}
        columns = {name: staying(getattr(self._state, name), leaving) for name in (*_LISTS, *_KNOWN)}
        self._state, self._fleet = self._state._replace(**columns), len(leaving.kept)
        return {"known": part, "held": held}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered, as `rows` that nothing is known of yet."""
        self._reserve(0, int(rows.max(initial=-1)) + 1)
        for name in _KNOWN:
            getattr(self._state, name)[rows] = part["known"][name]
        for row, held in zip(rows.tolist(), part["held"], strict=True):
            if held is not None:
                self._reserve(len(held["time"]), 0)
                unit = np.full(len(held["time"]), row, np.int32)
                kernel.hold_all(self._state, _Outbox(unit, held["time"], held["seq"], held["values"]))

    def _let_go(self, unit: int) -> dict[str, NDArray[Any]] | None:
        """The held readings of one appliance, which hold no room any more."""
        state, slots = self._state, []
        slot = int(state.head[unit])
        while slot >= 0:
            slots.append(slot)
            slot = int(state.next[slot])
        if not slots:
            return None
        free = int(state.n_free[0])
        state.free[free : free + len(slots)] = slots
        state.n_free[0] += len(slots)
        return {name: getattr(state, name)[slots] for name in ("time", "seq", "values")}

    def _outbox(self, size: int) -> _Outbox:
        """Room for `size` rows, kept from push to push: what is released is copied out of it."""
        if len(self._scratch.time) < size:
            self._scratch = _Outbox.of(2 * size, self._state.values.shape[1])
        return self._scratch

    def _reserve(self, readings: int, appliances: int) -> None:
        """Make room for `readings` more held ones and for a fleet of `appliances`."""
        missing = readings - int(self._state.n_free[0])
        if missing > 0:
            self._grow_pool(max(missing, len(self._state.free)))
        self._fleet = max(self._fleet, appliances)
        missing = appliances - len(self._state.head)
        if missing > 0:
            self._grow_fleet(max(missing, len(self._state.head)))

    def _grow_pool(self, more: int) -> None:
        state, size = self._state, len(self._state.free)
        free = np.concatenate([state.free, np.empty(more, np.int32)])
        n_free = int(state.n_free[0])
        free[n_free : n_free + more] = np.arange(size + more - 1, size - 1, -1)
        grown = {
            name: _longer(getattr(state, name), more)
            for name in ("next", "previous", "time", "seq", "values")
        }
        self._state = state._replace(free=free, n_free=np.array([n_free + more]), **grown)

    def _grow_fleet(self, more: int) -> None:
        grown = {
            name: np.concatenate([getattr(self._state, name), np.repeat(fresh, more, axis=0)])
            for name, fresh in _FRESH.items()
        }
        self._state = self._state._replace(**grown)


class _Outbox(NamedTuple):
    """Room for readings that leave, filled from the front."""

    appliance: NDArray[np.int32]
    time: NDArray[np.int64]
    seq: NDArray[np.int64]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, size: int, n_signals: int) -> _Outbox:
        return cls(
            np.empty(size, np.int32),
            np.empty(size, np.int64),
            np.empty(size, np.int64),
            np.empty((size, n_signals)),
        )

    def released(self, count: int, repeats: int, merged: int, late: NDArray[np.bool_]) -> Released:
        """The first `count` rows by appliance; within an appliance they left in order, which a stable sort keeps."""
        order = np.argsort(self.appliance[:count], kind="stable")
        return Released(
            self.appliance[order],
            self.time[order],
            self.seq[order],
            self.values[order],
            repeats,
            merged,
            late,
        )


def _empty_state(n_signals: int) -> _State:
    def per_appliance(dtype: type) -> NDArray[Any]:
        return np.zeros(0, dtype)

    return _State(
        next=np.zeros(0, np.int32),
        previous=np.zeros(0, np.int32),
        time=np.zeros(0, np.int64),
        seq=np.zeros(0, np.int64),
        values=np.zeros((0, n_signals)),
        free=np.zeros(0, np.int32),
        n_free=np.zeros(1, np.int64),
        head=per_appliance(np.int32),
        tail=per_appliance(np.int32),
        held=per_appliance(np.int32),
        newest=per_appliance(np.int64),
        floor=per_appliance(np.int64),
        recent=np.zeros((0, REMEMBERED), np.uint32),
        recent_at=per_appliance(np.int32),
    )


def _longer(column: NDArray[Any], more: int) -> NDArray[Any]:
    return np.concatenate([column, np.zeros((more, *column.shape[1:]), column.dtype)])
