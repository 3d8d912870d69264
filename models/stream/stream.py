"""From released readings to closed hourly and daily windows of features, in event time, for a whole fleet.

    stream = SignalStream(["power", "cabinet_temp"], cycle_signal="power")
    output = stream.update(appliance, time, values)
    output.days.names, output.days.values

The result depends on the readings alone, not on how they were cut into calls, and a snapshot resumes exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import ConfigError, IntegrityError
from foremend.vocabulary.features import OF_GAUGES, Quantity, hour_features, state_features
from foremend.vocabulary.leaving import Leaving
from foremend.vocabulary.ports import Snapshot
from foremend.vocabulary.profiles import States
from foremend.vocabulary.profiles.signals import STARTS
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, MS_PER_SECOND, Rows
from models.stream import pool as stream_pool
from models.stream import state as stream_state
from models.stream.habits import REGULAR_S, REGULAR_SHARE, Told, room_to_tell
from models.stream.harm import Harm, harm_of
from models.stream.pool import NOBODY, Pool
from models.stream.state import DAY, FRESH, INSIDE, LEARNT, Params
from models.stream.states import plan
from models.stream.walk import END_OF_INPUT, MOST_WINDOWS, walk
from models.stream.windows import ClosedWindows, room_for

STANDBY = {"W": 45.0, "A": 0.25, "Hz": 5.0}
"""What a machine may draw while it does nothing, by the unit of the signal that shows its runs."""
NOTHING: Mapping[str, float] = {}
_CHUNK_WINDOWS = 1024


@dataclass(frozen=True, slots=True)
class StreamOutput:
    """The windows that a call closed, by appliance and time, which is a window's end.

    `early` are hours of appliances whose on-level is not known yet, handed out as soon as they are over. What is
    measured in them holds; `on_mean` and `off_mean` assume that what draws more than standby runs, and whatever counts
    cycles or is a counter's rise is NaN. Once the level is known the same hours come again among `hours`, complete.

    The columns are features, NaN where unknown:
    coverage 0..1 (share of the window with readings), compressor_starts (count; from the device's own counter
    where it sends one, else from cycles; in a day only those strictly inside it, from 60 s after midnight),
    duty 0..1, starts_per_hour (1/h), longest_run_s (s, within the window), run_mean_s, run_std_s, pause_mean_s,
    pause_std_s (s, of the runs and pauses that ended in the window and were seen whole), on_power (the learnt
    on-level, in the cycle signal's unit), inrush_peak (mean of the highest value in the first minute of a run,
    same unit); per gauge <name>_mean, _std, _min, _max, _on_mean, _off_mean (its unit) and _coverage (0..1);
    per counter, by its own name, its rise.

    `harm` is what there is to say of machines that do not run or rest as they always did, by `models.stream.habits`.

    Days also have the features of the named states (`states`): <state>_share 0..1 (of the time heard from),
    <state>_visits (count of the stays that ended in the day and were seen whole), <state>_visit_mean_s and
    _visit_least_s (s, their mean length and that of the shortest); while in the state and settled <state>_<gauge> and
    <state>_<a>_less_<b> (mean, its unit), <state>_<gauge>_rate (change between readings within a stay, its unit a
    minute) and _range (highest less lowest value, its unit); settled or not, <state>_<gauge>_peak and _low (mean over
    the stays that ended of the highest and lowest value, its unit).

    >>> minute = np.arange(3 * 60 + 1)  # of three hours
    >>> values = np.column_stack([np.where(minute % 60 < 20, 90.0, 2.0), np.full(len(minute), 4.5)])  # W, degC
    >>> stream = SignalStream(["power", "cabinet_temp"], cycle_signal="power")
    >>> output = stream.update(np.zeros(len(minute), np.int32), 60_000 * minute, values)
    >>> len(output.hours), output.early.column("cabinet_temp_mean"), output.early.column("duty")
    (0, array([4.5, 4.5, 4.5]), array([nan, nan, nan]))
    """

    hours: Rows
    days: Rows
    early: Rows
    harm: Harm


class SignalStream:
    """Turns the readings of one appliance model's fleet into hourly and daily windows of features.

    signals: names of the columns of `values`. cycle_signal: the gauge whose level tells a run from a pause, or None.
    counter_signals: cumulative counts, of which a fall is a reset; all others are gauges. starts: the counter of the
    appliance's own starts, if it has one. states: what to measure in which state. unless_sent: gauge -> what is
    subtracted in a state where an appliance never sent it. max_gap_ms: a value stands at most
    this long without a newer one, later time counts as not seen; more than 0, at most an hour.

    standby: the most such a machine draws while it does nothing, in the cycle signal's unit. Levels far below it are
    not told apart, and a machine that shows a single level runs all the time where that is more. above: the value from
    which on the machine runs, where that need not be learnt (0: learn it). warmup_ms: how long readings wait at least
    until a learnt level is believed; they never wait more than a day. warmup_rows: how many readings of an appliance
    may wait, rounded up to pages of 48; denser ones are thinned.

    Raises ConfigError for another `max_gap_ms`, and where what tells or is measured in a state, or the cycle signal, is
    no gauge.

    >>> minute = np.arange(2 * 24 * 60)  # of two days
    >>> power = np.where(minute % 60 < 20, 90.0, 2.0)  # W: 20 minutes of every hour
    >>> stream = SignalStream(["power"], cycle_signal="power")
    >>> output = stream.update(np.zeros(2_880, np.int32), 60_000 * minute, power[:, None])
    >>> output.days.column("duty").round(2), output.days.column("run_mean_s")  # the second day is still open
    (array([0.33]), array([1200.]))
    >>> len(output.hours), len(stream.flush().hours)
    (47, 1)
    """

    def __init__(
        self,
        signals: Sequence[str],
        cycle_signal: str | None,
        counter_signals: Sequence[str] = (),
        *,
        states: States | None = None,
        unless_sent: Mapping[str, float] = NOTHING,
        starts: str | None = STARTS,
        max_gap_ms: int = 900_000,
        standby: float = 0.0,
        above: float = 0.0,
        warmup_ms: int = 21_600_000,
        warmup_rows: int = 2880,
    ) -> None:
        if not 0 < max_gap_ms <= MS_PER_HOUR:
            raise ConfigError(
                f"max_gap_ms is {max_gap_ms}: a value may stand for more than 0 and at most an hour"
            )
        gauges = [name for name in signals if name not in counter_signals]
        counters = [name for name in signals if name in counter_signals]
        self._columns = np.array([list(signals).index(name) for name in (*gauges, *counters)], np.intp)
        self._signals = (*gauges, *counters)
        self._params = Params(
            max_gap=max_gap_ms,
            warmup=warmup_ms,
            standby=standby,
            above=above,
            cycle=_cycle_gauge(cycle_signal, gauges),
            starts_counter=counters.index(starts) if starts in counters else -1,
            plan=plan(states, gauges, unless_sent),
        )
        quantities = {name: Quantity(counter=name in counters) for name in (*gauges, *counters)}
        hour = hour_features(quantities, starts if starts in counters else None)
        self._hour_names = tuple(one.name for one in hour)
        self._not_early = [k for k, one in enumerate(hour) if one.statistic not in OF_GAUGES]
        of_states = state_features(states.named if states else {}, quantities)
        self.names = (*self._hour_names, *(one.name for one in of_states))
        self._fleet = 0
        planned = self._params.plan
        self._state = stream_state.new_state(
            0, len(gauges), len(counters), len(planned.states), len(planned.measures)
        )
        self._warmup_rows = warmup_rows
        self._pool = self._new_pool()

    def update(
        self, appliance: NDArray[np.int32], time: NDArray[np.int64], values: NDArray[np.float64]
    ) -> StreamOutput:
        """Take readings: `appliance` (n,) fleet rows, `time` (n,) ms UTC, `values` (n, S) with NaN for absent.

        Rows are sorted by appliance and time, and no row is older than its appliance's last one.
        """
        rows = np.ascontiguousarray(appliance, np.int64)
        columns = np.ascontiguousarray(np.asarray(values, np.float64)[:, self._columns])
        self._make_room(int(rows.max(initial=-1)) + 1)
        if self._params.cycle >= 0:
            self._give_buffers(rows)
        return self._walk(rows, np.ascontiguousarray(time, np.int64), columns)

    def regular(self, fleet: int) -> NDArray[np.bool_]:
        """(fleet,) which run and pause by themselves, by `models.stream.habits`."""
        known = self._state.machine[:fleet]
        found = np.zeros(fleet, np.bool_)
        steady, passed = known["steady"], known["passed"]
        found[: len(known)] = (steady >= REGULAR_S) & (steady >= REGULAR_SHARE * passed)
        return found

    def flush(self) -> StreamOutput:
        """End of input: decide what still waits by what is known, close every open window."""
        rows = np.arange(self._fleet)
        nothing = np.full((self._fleet, len(self._signals)), np.nan)
        return self._walk(rows, np.full(self._fleet, END_OF_INPUT), nothing)

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`: of those who leave, with the readings that wait for their on-level."""
        gone = leaving.gone
        slots = np.full(len(gone), FRESH)
        inside = gone < self._fleet
        slots[inside] = self._state.machine["slot"][gone[inside]]
        waiting = [stream_pool.let_go(self._pool, slot) if slot >= 0 else None for slot in slots.tolist()]
        owner, moved = self._pool.buffer["owner"], leaving.moved()
        owner[:] = np.where(owner == NOBODY, NOBODY, moved[owner])
        self._state, state = stream_state.leaves(self._state, leaving)
        self._fleet = int(np.sum(leaving.kept < self._fleet))
        return {"state": state, "waiting": waiting}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered, as `rows` that nothing is known of yet."""
        self._make_room(int(rows.max(initial=-1)) + 1)
        own: tuple[NDArray[Any], ...] = self._state
        for column, known in zip(own, stream_state.thawed(part["state"]), strict=True):
            column[rows] = known
        waits = [(row, w) for row, w in zip(rows.tolist(), part["waiting"], strict=True) if w is not None]
        if waits:
            counts = np.array([len(w["time"]) for _, w in waits])
            slots = self._give_slots(np.array([row for row, _ in waits]))
            self._pool = stream_pool.with_room(self._pool, slots, counts)
            for slot, (_, one) in zip(slots.tolist(), waits, strict=True):
                stream_pool.fill(self._pool, slot, one)

    def at_work(self) -> tuple[NDArray[np.bool_], NDArray[np.int8], NDArray[np.int64], NDArray[np.int64]]:
        """(fleet,) each, from any thread: whether its levels are known; 1 it runs, 0 it rests, -1 unknown; the starts
        of the day of its newest reading in order; the time of that reading, ms UTC, -1 none."""
        machine = self._state.machine
        starts = machine["cycle"][:, DAY, INSIDE].astype(np.int64)
        return machine["slot"] == LEARNT, machine["running"].copy(), starts, machine["last_time"].copy()

    def snapshot(self) -> Snapshot:
        """Everything that `restore` needs, as nested mappings of arrays."""
        return {
            "signals": list(self._signals),
            "names": list(self.names),
            "state": stream_state.frozen(self._state, self._fleet),
            "waiting": stream_pool.frozen(self._pool),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Go on where `snapshot` was taken. Raises IntegrityError if it is of other signals or states."""
        if tuple(snapshot["signals"]) != self._signals:
            raise IntegrityError(
                f"the stream's snapshot has the signals {', '.join(snapshot['signals'])}, the profile has "
                f"{', '.join(self._signals)}: rebuild the state from history"
            )
        other = sorted({*self.names} ^ {*snapshot.get("names", ())})
        if other:
            raise IntegrityError(
                f"the stream's snapshot measures other states than the profile ({', '.join(other)}): rebuild the "
                "state from history"
            )
        self._state = stream_state.thawed(snapshot["state"])
        self._fleet = len(self._state.machine)
        self._pool = stream_pool.thawed(snapshot["waiting"])
        self._state.machine["slot"][self._pool.buffer["owner"]] = np.arange(len(self._pool.buffer))

    def _new_pool(self) -> Pool:
        return stream_pool.new_pool(0, self._warmup_rows, len(self._signals))

    def _make_room(self, fleet: int) -> None:
        """Let the state have rows for appliances 0..fleet-1."""
        if fleet > len(self._state.machine):
            self._state = stream_state.grown(self._state, fleet)
        self._fleet = max(self._fleet, fleet)

    def _give_buffers(self, rows: NDArray[np.int64]) -> None:
        """Give every appliance that is seen for the first time a buffer, and all that wait enough pages."""
        slot = self._state.machine["slot"]
        fresh = np.unique(rows[slot[rows] == FRESH])
        if len(fresh) > 0:
            self._give_slots(fresh)
        machines, readings = np.unique(rows[slot[rows] >= 0], return_counts=True)
        self._pool = stream_pool.with_room(self._pool, slot[machines], readings)

    def _give_slots(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Give each of these appliances a buffer of its own; which ones."""
        missing = len(rows) - int(np.sum(self._pool.buffer["owner"] == NOBODY))
        if missing > 0:
            self._pool = stream_pool.with_buffers(self._pool, missing)
        unused = np.flatnonzero(self._pool.buffer["owner"] == NOBODY)[: len(rows)].astype(np.int32)
        self._pool.buffer["owner"][unused] = rows
        self._state.machine["slot"][rows] = unused
        return unused

    def _walk(
        self, rows: NDArray[np.int64], time: NDArray[np.int64], values: NDArray[np.float64]
    ) -> StreamOutput:
        """Run the kernel over all rows, emptying its outputs whenever they are full."""
        early: list[ClosedWindows] = []
        hours: list[ClosedWindows] = []
        days: list[ClosedWindows] = []
        told: list[Told] = []
        reached = 0
        while reached < len(time) or not hours:
            early.append(room_for(_CHUNK_WINDOWS + MOST_WINDOWS, len(self._hour_names)))
            hours.append(room_for(_CHUNK_WINDOWS + MOST_WINDOWS, len(self._hour_names)))
            days.append(room_for(_CHUNK_WINDOWS + MOST_WINDOWS, len(self.names)))
            told.append(room_to_tell(_CHUNK_WINDOWS + MOST_WINDOWS))
            reached = walk(
                self._state,
                self._pool,
                self._params,
                rows,
                time,
                values,
                reached,
                early[-1],
                hours[-1],
                days[-1],
                told[-1],
            )
        if np.all(self._pool.buffer["owner"] == NOBODY):
            self._pool = self._new_pool()
        soon = _rows(early, self._hour_names, MS_PER_HOUR)
        soon.values[:, self._not_early] = np.nan
        whole = _rows(hours, self._hour_names, MS_PER_HOUR)
        return StreamOutput(whole, _rows(days, self.names, MS_PER_DAY), soon, harm_of(told))


def _cycle_gauge(name: str | None, gauges: Sequence[str]) -> int:
    """Its index among `gauges`, -1 for None."""
    if name is None:
        return -1
    if name not in gauges:
        raise ConfigError(f"the cycle signal {name} is not a gauge: choose from {', '.join(gauges)}")
    return list(gauges).index(name)


def _rows(parts: Sequence[ClosedWindows], names: tuple[str, ...], length: int) -> Rows:
    """What the kernels filled of `parts`; `length` of the windows, ms."""
    used = [(part, slice(0, int(part.filled[0]))) for part in parts]
    return Rows(
        np.concatenate([part.appliance[rows] for part, rows in used]),
        np.concatenate([part.start[rows] for part, rows in used]) + length,
        names,
        np.concatenate([part.features[rows] for part, rows in used]),
    )


def summarise_days(days: Rows) -> dict[str, dict[str, float]]:
    """One appliance's daily windows as {"YYYY-MM-DD": {"compressor_starts", "duty", "longest_run_s"}}.

    Starts are a whole number, duty is 0..1, the longest run is in seconds; days without a known cycle are left out.
    """
    columns = [days.column(name) for name in ("compressor_starts", "duty", "longest_run_s")]
    return {
        datetime.fromtimestamp((end - MS_PER_DAY) / MS_PER_SECOND, UTC).date().isoformat(): {
            "compressor_starts": round(starts),
            "duty": duty,
            "longest_run_s": longest,
        }
        for end, starts, duty, longest in zip(
            days.time.tolist(), *map(np.ndarray.tolist, columns), strict=True
        )
        if np.isfinite(starts)
    }
