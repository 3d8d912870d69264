"""The state of a signal stream: columns with one row per appliance (1.2 KB at eight signals).

What has a fixed shape is one record array, `StreamState.machine`; a column of it is `state.machine["since"]`. A record
rather than thirty arrays, because a compiled function takes one pointer then: it compiles in seconds, and one
appliance's fields share cache lines. What depends on the number of signals are plain arrays beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.leaving import Leaving, staying, taken
from models.stream.on_level import BINS
from models.stream.states import Plan

HOUR, DAY = 0, 1
"""Index of the hourly and the daily accumulators."""

# Per gauge: weight (s), the value that sums are relative to, sums of weighted differences and of their squares,
# extremes, then weight and sum while on and while off. Relative sums keep float32 exact enough.
W, REF, S1, S2, LOW, HIGH, ON_W, ON_S, OFF_W, OFF_S = range(10)
GAUGE_FIELDS = 10

# Per window: seconds with any reading, seconds running and pausing, all starts and those strictly inside the
# window, the longest run, then count, sum and sum of squares over whole runs and pauses, and the sum of peaks.
SPAN, ON, OFF, STARTS, INSIDE, LONGEST, RUNS, RUN_S, RUN_SS, PAUSES, PAUSE_S, PAUSE_SS, PEAKS = range(13)
CYCLE_FIELDS = 13

INCREMENT, KNOWN, EARLIER = 0, 1, 2
"""Per counter: what it rose by, by how many pairs of readings that is known, and the rise before the last one."""
COUNTER_FIELDS = 3

# Per state and day: seconds in it, stays that ended and were seen whole, their seconds, and those of the shortest.
STAY, WHOLE, WHOLE_S, SHORTEST = range(4)
STAY_FIELDS = 4

# Per measure of a state and day: weight (s, or stays of a peak or low), the value that sums are relative to, the sum,
# and the highest or lowest value of the stay under way (NaN none yet).
WEIGHT, BASE, SUM, TOP = range(4)
MEASURE_FIELDS = 4

ELSEWHERE, UNSEEN = -1, -2
"""Values of `state`: in none of the named states; not known."""

IDLE, RUNNING = 0, 1
"""Index of the two levels."""

FRESH, LEARNT = -1, -2
"""Values of `slot`: nothing seen yet; the on-level is known and the warm-up buffer was given back."""

NEVER = -1
UNKNOWN = -1

Machine = Any
"""One record of `StreamState.machine`, as the kernels see it."""

MACHINE = np.dtype(
    [
        ("last_time", np.int64),  # ms of the newest reading, NEVER
        ("spacing", np.int64),  # ms between the two newest readings
        ("learnt", np.int64),  # ms of the last cycle value that the histogram knows, NEVER
        ("learnt_value", np.float64),
        ("learnt_before", np.float64),  # the value before that
        ("next_fit", np.int64),  # ms when the levels are looked at again
        ("level", np.float64, (2,)),  # idle and on-level in the cycle signal's unit, NaN unknown
        ("since", np.int64),  # ms when this run or pause began
        ("doubt", np.int64),  # ms of evidence that `running` changed
        ("doubt_since", np.int64),  # ms when that evidence began
        ("doubt_count", np.int32),  # readings in it
        ("peak", np.float32),  # highest value in it
        ("slot", np.int32),  # the warm-up buffer in use, FRESH or LEARNT
        ("raw", np.int8),  # hysteresis of the last value: 1 on, 0 off, UNKNOWN
        ("running", np.int8),  # the same, once it held long enough
        ("whole", np.int8),  # 1 if the beginning of this run or pause was seen
        ("state", np.int8),  # the named state it is in, ELSEWHERE or UNSEEN
        ("stay_whole", np.int8),  # 1 if the beginning of this stay was seen
        ("entered", np.int64),  # ms when this stay began
        ("histogram", np.float32, (BINS,)),  # s spent at each level, with forgetting
        ("cycle", np.float32, (2, CYCLE_FIELDS)),
        ("first", np.int64),  # from here on: see habits.py. ms of the first cycle value, NEVER
        ("turned", np.int64),  # ms when the run or pause under way began, later by what nobody saw of it
        ("same_since", np.int64),  # ms since when the value did not move
        ("looked", np.int64),  # ms when harm was last written of, NEVER
        ("harmed", np.int64),  # ms when there last was some, NEVER
        ("gap", np.float32, (2,)),  # ms, the longest two between cycle values
        ("ran", np.float32, (3,)),  # s, the longest three runs
        ("paused", np.float32, (3,)),  # s, the longest three pauses
        ("stood", np.float32, (3,)),  # s, the longest three that the value of a run stood still
        ("busiest", np.float32, (3,)),  # the most starts in a bout, of three
        ("steady", np.float32),  # s spent in a thermostat's runs and pauses
        ("passed", np.float32),  # s spent in all that were seen whole
        ("starts", np.int32),  # in this bout
        ("side", np.int8),  # 1 runs, 0 rests, UNKNOWN
        ("seen_whole", np.int8),  # 1 if nothing of this run or pause was out of sight
        ("paused_once", np.int8),  # 1 if it was seen to start or to stop
        ("harm", np.int8),  # bits of what was last told
    ],
    align=True,
)


class Params(NamedTuple):
    """What the kernels need to know; times in ms. An index of -1 means that there is no such signal."""

    max_gap: int
    warmup: int
    standby: float
    above: float
    cycle: int
    starts_counter: int
    plan: Plan


class StreamState(NamedTuple):
    """n appliances with s signals, of which the first g are gauges and the last c counters; k states, m measures."""

    machine: NDArray[Any]  # (n,) MACHINE
    value: NDArray[np.float64]  # (n, s) the last value of each signal, NaN none
    seen: NDArray[np.int64]  # (n, s) ms when it was read
    gauge: NDArray[np.float32]  # (n, 2, g, GAUGE_FIELDS)
    counter: NDArray[np.float32]  # (n, 2, c, COUNTER_FIELDS)
    prior: NDArray[np.float64]  # (n, c) the last other value of each counter, NaN none
    stay: NDArray[np.float32]  # (n, k, STAY_FIELDS)
    measure: NDArray[np.float32]  # (n, m, MEASURE_FIELDS)


def new_state(rows: int, gauges: int, counters: int, states: int = 0, measures: int = 0) -> StreamState:
    """`rows` appliances of which nothing was seen."""
    machine = np.zeros(rows, MACHINE)
    for name, nothing in (("last_time", NEVER), ("learnt", NEVER), ("level", np.nan), ("slot", FRESH)):
        machine[name] = nothing
    machine["first"] = machine["looked"] = machine["harmed"] = NEVER
    machine["raw"] = machine["running"] = machine["side"] = UNKNOWN
    machine["state"] = UNSEEN
    measure = np.zeros((rows, measures, MEASURE_FIELDS), np.float32)
    measure[..., TOP] = np.nan
    return StreamState(
        machine,
        np.full((rows, gauges + counters), np.nan),
        np.zeros((rows, gauges + counters), np.int64),
        np.zeros((rows, 2, gauges, GAUGE_FIELDS), np.float32),
        np.zeros((rows, 2, counters, COUNTER_FIELDS), np.float32),
        np.full((rows, counters), np.nan),
        np.zeros((rows, states, STAY_FIELDS), np.float32),
        measure,
    )


def grown(state: StreamState, rows: int) -> StreamState:
    """The same with room for at least `rows` appliances."""
    have, gauges, counters = len(state.machine), state.gauge.shape[2], state.counter.shape[2]
    more = new_state(max(rows - have, have), gauges, counters, state.stay.shape[1], state.measure.shape[1])
    return StreamState(
        **{name: np.concatenate([c, getattr(more, name)]) for name, c in state._asdict().items()}
    )


def leaves(state: StreamState, leaving: Leaving) -> tuple[StreamState, dict[str, Any]]:
    """The state without those who leave, and theirs, laid out as `frozen` does."""
    gauges, counters = state.gauge.shape[2], state.counter.shape[2]
    fresh = new_state(1, gauges, counters, state.stay.shape[1], state.measure.shape[1])
    kept, gone = {}, {}
    for name, column in state._asdict().items():
        kept[name], gone[name] = staying(column, leaving), taken(column, getattr(fresh, name), leaving.gone)
    return StreamState(**kept), frozen(StreamState(**gone), len(leaving.gone))


def frozen(state: StreamState, fleet: int) -> dict[str, Any]:
    """The first `fleet` appliances as arrays of plain numbers; `machine` is a dict of its fields."""
    saved: dict[str, Any] = {name: c[:fleet].copy() for name, c in state._asdict().items()}
    saved["machine"] = {name: saved["machine"][name].copy() for name in MACHINE.names or ()}
    return saved


def thawed(saved: Mapping[str, Any]) -> StreamState:
    """The state that `frozen` described; what an earlier version did not keep of a machine or a counter is as new."""
    machine = new_state(len(saved["value"]), 0, 0).machine
    for name in MACHINE.names or ():
        if name in saved["machine"]:
            machine[name] = saved["machine"][name]
    counter = saved["counter"]
    missing = COUNTER_FIELDS - counter.shape[-1]
    whole = {
        "counter": np.pad(counter, [(0, 0)] * 3 + [(0, missing)]),
        "prior": saved.get("prior", np.full((len(counter), counter.shape[2]), np.nan)),
    }
    return StreamState(machine, *({**saved, **whole}[name].copy() for name in StreamState._fields[1:]))
