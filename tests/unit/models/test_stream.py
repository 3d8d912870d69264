"""Windows of features depend on the readings alone, and say what was seen and what was not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from foremend.vocabulary.errors import ConfigError, IntegrityError
from foremend.vocabulary.profiles import State, States, While
from foremend.vocabulary.types import Rows
from models.stream.stream import SignalStream, StreamOutput, summarise_days

MIDNIGHT = 1_600_041_600_000
MINUTE = 60_000
HOUR = 60 * MINUTE
SIGNALS = ("compressor_starts", "power", "cabinet_temp", "door_openings", "mode")
COUNTERS = ("compressor_starts", "door_openings")
COOLING = State(
    code=1,
    only_while=While(signal="power", above=20),
    settle=3 * MINUTE,
    mean=("power", "power - cabinet_temp"),
    peak=("cabinet_temp",),
    rate=("cabinet_temp",),
)
RESTING = State(code=0, mean=("cabinet_temp",))
STATES = States(signal="mode", named={"cooling": COOLING, "resting": RESTING})


@dataclass(frozen=True)
class Readings:
    """Readings of a fleet in the order in which they were released."""

    appliance: NDArray[np.int32]
    time: NDArray[np.int64]
    values: NDArray[np.float64]

    def feed(self, stream: SignalStream, rows: slice) -> StreamOutput:
        """Hand `rows` over as one call, sorted as the stream wants it."""
        order = np.lexsort((self.time[rows], self.appliance[rows]))
        return stream.update(self.appliance[rows][order], self.time[rows][order], self.values[rows][order])


def fleet(seed: int, appliances: int = 3, hours: int = 40) -> Readings:
    """Machines with own levels and pauses, jittered clocks, absences, absent signals and a reboot each."""
    rng = np.random.default_rng(seed)
    parts = [_machine(rng, number, hours) for number in range(appliances)]
    time = np.concatenate([part.time for part in parts])
    order = np.argsort(time, kind="stable")
    appliance = np.concatenate([part.appliance for part in parts])
    values = np.concatenate([part.values for part in parts])
    return Readings(appliance[order], time[order], values[order])


def _machine(rng: np.random.Generator, number: int, hours: int) -> Readings:
    time = MIDNIGHT + 5 * HOUR + np.cumsum(rng.integers(30_000, 90_000, hours * 60))
    away = rng.integers(0, hours * 60, 2)
    time += sum((np.arange(len(time)) >= gone) * int(rng.integers(0, 10 * HOUR)) for gone in away)
    running = (time // MINUTE + 7 * number) % (30 + 10 * number) < 12
    power = np.where(running, 60.0 * (number + 1), 3.0) + rng.normal(0, 1, len(time))
    count = np.cumsum(np.diff(running.astype(int), prepend=0) > 0).astype(float)
    reboot = int(rng.integers(1, len(time)))
    count[reboot:] -= count[reboot]
    temperature = 4 + rng.normal(0, 1, len(time))
    mode = (time // MINUTE + 11 * number) // 47 % 3
    values = np.column_stack([count, power, temperature, np.arange(len(time)) // 100, mode])
    values[rng.random(values.shape) < 0.05] = math.nan
    return Readings(np.full(len(time), number, np.int32), time, values)


def new_stream() -> SignalStream:
    return SignalStream(SIGNALS, "power", COUNTERS, states=STATES, standby=45.0)


def joined(parts: Sequence[Rows]) -> tuple[NDArray[Any], ...]:
    """All windows by appliance and time."""
    every = Rows.joined(parts)
    rows = every.take(np.lexsort((every.time, every.appliance)))
    return rows.appliance, rows.time, rows.values


def assert_same(left: Sequence[StreamOutput], right: Sequence[StreamOutput]) -> None:
    for kind in ("hours", "days"):
        for one, other in zip(
            joined([getattr(output, kind) for output in left]),
            joined([getattr(output, kind) for output in right]),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


def run(readings: Readings) -> list[StreamOutput]:
    stream = new_stream()
    return [readings.feed(stream, slice(None)), stream.flush()]


def single(power: Sequence[float], step_ms: int = MINUTE, start: int = MIDNIGHT) -> StreamOutput:
    """One machine with a cabinet temperature only, everything at once: what flush closes is put behind."""
    stream = SignalStream(["cabinet_temp"], None)
    values = np.array(power, float)
    time = start + step_ms * np.arange(len(values))
    first = stream.update(np.zeros(len(values), np.int32), time, values[:, None])
    return _both(first, stream.flush())


def _both(first: StreamOutput, rest: StreamOutput) -> StreamOutput:
    pairs = ([getattr(first, kind), getattr(rest, kind)] for kind in ("hours", "days", "early"))
    return StreamOutput(*(Rows.joined(pair) for pair in pairs), harm=first.harm)


def counted(values: Sequence[float], minutes: Sequence[int]) -> StreamOutput:
    """A device's own counter of starts, read at `minutes` after midnight."""
    stream = SignalStream(["compressor_starts"], None, ["compressor_starts"])
    time = MIDNIGHT + MINUTE * np.array(minutes)
    first = stream.update(np.zeros(len(time), np.int32), time, np.array(values, float)[:, None])
    return _both(first, stream.flush())


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 50),
    cuts=st.lists(st.integers(0, 7200), max_size=12),
    saved=st.integers(0, 12),
)
def test_however_readings_are_cut_and_wherever_state_is_saved_the_windows_are_the_same(
    seed: int, cuts: list[int], saved: int
) -> None:
    """One call, many calls, and a restart from a snapshot between two of them give identical numbers."""
    readings = fleet(seed)
    edges = [0, *sorted(cuts), len(readings.time)]
    stream = new_stream()
    outputs = []

    for number, (first, last) in enumerate(pairwise(edges)):
        if number == saved:
            frozen = stream.snapshot()
            stream = new_stream()
            stream.restore(frozen)
        outputs.append(readings.feed(stream, slice(first, last)))

    assert_same([*outputs, stream.flush()], run(readings))


def test_a_reading_at_a_time_gives_the_same_windows() -> None:
    """The smallest blocks of all."""
    readings = fleet(1, appliances=1, hours=30)
    stream = new_stream()

    outputs = [readings.feed(stream, slice(row, row + 1)) for row in range(len(readings.time))]

    assert_same([*outputs, stream.flush()], run(readings))


def test_a_snapshot_does_not_change_when_the_stream_goes_on() -> None:
    """What was frozen stays frozen: two streams restored from it agree."""
    readings = fleet(2)
    stream = new_stream()
    readings.feed(stream, slice(0, 1000))
    frozen = stream.snapshot()
    rest = slice(1000, None)
    went_on = [readings.feed(stream, rest), stream.flush()]
    restored = new_stream()

    restored.restore(frozen)

    assert_same([readings.feed(restored, rest), restored.flush()], went_on)


def test_a_snapshot_of_other_signals_is_refused() -> None:
    """The error names both lists."""
    frozen = SignalStream(["power"], "power", standby=45.0).snapshot()

    with pytest.raises(IntegrityError, match="cabinet_temp"):
        SignalStream(["power", "cabinet_temp"], "power", standby=45.0).restore(frozen)


@pytest.mark.parametrize("gap", [0, HOUR + 1])
def test_a_gap_of_no_length_or_over_an_hour_is_refused(gap: int) -> None:
    """A value may stand for at most an hour."""
    with pytest.raises(ConfigError, match="max_gap_ms"):
        SignalStream(["power"], "power", standby=45.0, max_gap_ms=gap)


def test_nothing_in_gives_nothing_out() -> None:
    """An empty call and an empty end are no windows, but with the right columns."""
    stream = new_stream()

    output = stream.update(np.empty(0, np.int32), np.empty(0, np.int64), np.empty((0, 5)))

    assert len(output.hours) == len(stream.flush().days) == 0
    assert output.days.values.shape == (0, len(output.days.names))


def test_appliances_may_join_at_any_time() -> None:
    """A fleet row never seen before extends the state; those in between stay unseen."""
    stream = SignalStream(["cabinet_temp"], None)
    time = np.array([MIDNIGHT, MIDNIGHT + MINUTE])
    stream.update(np.zeros(2, np.int32), time, np.ones((2, 1)))

    stream.update(np.full(2, 500, np.int32), time, np.full((2, 1), 7.0))

    days = stream.flush().days
    assert days.appliance.tolist() == [0, 500]
    assert days.column("cabinet_temp_mean").tolist() == [1, 7]


def test_means_weigh_by_the_time_a_value_stood() -> None:
    """Ten minutes of 2 and fifty minutes of 8 are a mean of 7, however often each was read."""
    stream = SignalStream(["cabinet_temp"], None)
    minutes = np.array([0, 1, 2, 3, 10, 24, 38, 52, 60])
    values = np.array([2, 2, 2, 2, 8, 8, 8, 8, 8.0])

    hours = stream.update(np.zeros(9, np.int32), MIDNIGHT + MINUTE * minutes, values[:, None]).hours

    assert hours.time.tolist() == [MIDNIGHT + HOUR]
    assert hours.column("cabinet_temp_mean")[0] == pytest.approx(7)
    assert hours.column("cabinet_temp_std")[0] == pytest.approx(math.sqrt(5), rel=1e-5)
    assert hours.column("cabinet_temp_min").tolist() == [2]
    assert hours.column("cabinet_temp_max").tolist() == [8]


@pytest.mark.parametrize("name", ["current", "door_openings"])
def test_a_cycle_signal_that_is_no_gauge_is_refused(name: str) -> None:
    """It is not there, or it only ever rises."""
    with pytest.raises(ConfigError, match=f"the cycle signal {name} is not a gauge: choose from power"):
        SignalStream(["power", "door_openings"], name, ["door_openings"])


def test_a_value_does_not_stand_longer_than_the_longest_gap() -> None:
    """Of a silence of two hours, 15 minutes count as seen."""
    output = single([5.0, 6.0], step_ms=2 * HOUR)

    assert output.hours.time.tolist() == [MIDNIGHT + HOUR, MIDNIGHT + 3 * HOUR]
    assert output.hours.column("coverage")[0] == pytest.approx(0.25)
    assert output.hours.column("cabinet_temp_mean").tolist() == [5, 6]


def test_values_held_over_the_hour_belong_to_both_hours() -> None:
    """A reading at ten to the hour stands until ten past it."""
    output = single([5.0, 9.0], step_ms=14 * MINUTE, start=MIDNIGHT + 50 * MINUTE)

    assert output.hours.column("cabinet_temp_coverage") == pytest.approx([10 / 60, 18 / 60])
    assert output.hours.column("cabinet_temp_mean") == pytest.approx([5, (4 * 5 + 14 * 9) / 18])


def test_a_signal_that_is_absent_from_a_reading_keeps_its_value_and_bothers_no_other() -> None:
    """NaN is no reading of that signal."""
    stream = SignalStream(["cabinet_temp", "ambient_temp"], None)
    values = np.array([[4.0, 20.0], [math.nan, 21.0], [math.nan, 22.0]])
    time = MIDNIGHT + 10 * MINUTE * np.arange(3)
    stream.update(np.zeros(3, np.int32), time, values)

    days = stream.flush().days

    assert days.column("cabinet_temp_coverage")[0] == pytest.approx(15 / 1440)
    assert days.column("ambient_temp_coverage")[0] == pytest.approx(30 / 1440)
    assert days.column("ambient_temp_mean")[0] == pytest.approx(21)


def test_the_day_is_the_sum_of_its_hours() -> None:
    """Means, spread and extremes of a day are those of all its values, far from zero as well."""
    values = 230 + np.random.default_rng(0).normal(0, 0.5, 1440)

    days = single(values.tolist()).days

    assert days.column("cabinet_temp_mean")[0] == pytest.approx(values.mean(), abs=1e-4)
    assert days.column("cabinet_temp_std")[0] == pytest.approx(values.std(), rel=1e-3)
    assert days.column("cabinet_temp_max")[0] == pytest.approx(values.max(), abs=1e-4)
    assert days.column("coverage")[0] == pytest.approx(1, abs=1e-4)


def test_temperatures_are_told_apart_by_running_and_pausing() -> None:
    """A coil at -20 while running and +2 while pausing shows both."""
    stream = SignalStream(["power", "evaporator_temp"], "power", standby=45.0)
    minute = np.arange(1440)
    running = minute % 60 >= 40
    values = np.column_stack([np.where(running, 90.0, 3.0), np.where(running, -20.0, 2.0)])
    stream.update(np.zeros(1440, np.int32), MIDNIGHT + MINUTE * minute, values)

    days = stream.flush().days

    assert days.column("evaporator_temp_on_mean").tolist() == [-20]
    assert days.column("evaporator_temp_off_mean").tolist() == [2]


def test_the_devices_own_counter_is_believed_before_its_cycles() -> None:
    """Where a device counts its starts itself, the day's starts are what that counter rose by."""
    stream = SignalStream(["power", "compressor_starts"], "power", ["compressor_starts"], standby=45.0)
    minute = np.arange(1440)
    values = np.column_stack([np.where(minute % 60 >= 40, 90.0, 3.0), 1000 + minute // 20])
    stream.update(np.zeros(1440, np.int32), MIDNIGHT + MINUTE * minute, values)

    days = stream.flush().days

    assert days.column("compressor_starts").tolist() == [71]
    assert days.column("duty")[0] == pytest.approx(1 / 3, abs=0.01)


def test_a_counter_that_falls_was_reset() -> None:
    """1842, 1845, then a reboot: 2 means two starts since."""
    output = counted([1842, 1845, 2, 4], [10, 20, 30, 40])

    assert output.days.column("compressor_starts").tolist() == [3 + 2 + 2]


def test_a_reboot_during_an_absence_counts_what_came_after_it() -> None:
    """Hours of silence, then a smaller count on the same day: that count."""
    output = counted([1842, 1845, 6], [10, 20, 600])

    assert output.days.column("compressor_starts").tolist() == [3 + 6]


def test_what_a_counter_rose_by_during_days_of_absence_is_shared_among_the_days() -> None:
    """48 starts in two days without readings are 12 in the half day in which the device came back."""
    output = counted([100, 100, 148, 148], [0, 720, 720 + 2880, 730 + 2880])

    assert output.days.column("compressor_starts") == pytest.approx([0, 12])


def test_the_first_value_of_a_counter_is_no_start() -> None:
    """Nobody knows when the first 1842 happened."""
    output = counted([1842, 1842], [10, 20])

    assert output.days.column("compressor_starts").tolist() == [0]


def test_other_counters_are_reported_by_their_rise() -> None:
    """Door openings of the day, under the counter's own name."""
    stream = SignalStream(["door_openings"], None, ["door_openings"])
    values = np.array([[5.0], [7.0], [12.0]])
    stream.update(np.zeros(3, np.int32), MIDNIGHT + MINUTE * np.arange(3), values)

    assert stream.flush().days.column("door_openings").tolist() == [7]


def test_a_summary_names_days_and_whole_starts() -> None:
    """The replay report's shape."""
    stream = SignalStream(["power"], "power", standby=45.0)
    minute = np.arange(1440)
    power = np.where(minute % 60 >= 40, 90.0, 3.0)
    stream.update(np.zeros(1440, np.int32), MIDNIGHT + MINUTE * minute, power[:, None])

    summary = summarise_days(stream.flush().days)

    assert list(summary) == ["2020-09-14"]
    assert summary["2020-09-14"]["compressor_starts"] == 24
    assert isinstance(summary["2020-09-14"]["compressor_starts"], int)
    assert summary["2020-09-14"]["duty"] == pytest.approx(1 / 3, abs=0.01)


def test_a_dense_stream_waits_thinned_and_counts_the_same() -> None:
    """A buffer that is much too small for the warm-up drops readings by time, not runs."""
    second = np.arange(86_400)
    power = np.where(second % 3600 >= 2400, 90.0, 3.0)
    stream = SignalStream(["power"], "power", standby=45.0, warmup_rows=720)
    stream.update(np.zeros(86_400, np.int32), MIDNIGHT + 1000 * second, power[:, None])

    assert stream.flush().days.column("compressor_starts").tolist() == [24]


def test_the_state_of_an_appliance_stays_small() -> None:
    """About 1.3 kilobytes an appliance at eight signals, a tenth of it habits, once its buffer was given back."""
    stream = SignalStream([f"s{number}" for number in range(8)], "s0", ["s7"])
    appliance = np.arange(100, dtype=np.int32)
    minutes = np.arange(30 * 60)
    power = np.where(minutes % 60 >= 40, 90.0, 3.0)
    stream.update(
        np.repeat(appliance, len(minutes)),
        np.tile(MIDNIGHT + MINUTE * minutes, 100),
        np.tile(power, 100)[:, None] * np.ones(8),
    )

    frozen = stream.snapshot()

    state = frozen["state"]
    arrays = [array for name, array in state.items() if name != "machine"] + [*state["machine"].values()]
    assert sum(array.nbytes for array in arrays) / 100 < 1320
    assert frozen["waiting"]["time"].size == 0


@pytest.mark.parametrize(
    ("values", "rise"),
    [
        ([1842, 1845, 0, 1846], 4),  # one fall that was none
        ([1842, 1845, 0, 0, 1846], 4),  # said again by a device that repeats what it knows
        ([1842, 1845, 1700, 1846, 1850], 8),  # within a tenth: a correction
        ([1842, 1845, 1e9, 1846, 1847], 5),  # one peak
        ([1842, 4_294_967_295, 1843, 1844], 2),  # a peak that single precision would not give back
        ([1842, 1841, 1841, 1843], 1),  # a total that was rounded down
        ([1842, 1845, 2, 4, 9], 3 + 9),  # a real reset
        ([1842, 1845, 0, 0, 3], 3 + 3),
    ],
)
def test_one_single_wrong_value_of_a_counter_is_no_reset(values: list[float], rise: float) -> None:
    """What the wrong value was credited with is taken back by the one that follows."""
    output = counted(values, [10 + 10 * place for place in range(len(values))])

    assert output.days.column("compressor_starts").tolist() == [rise]


@given(st.lists(st.integers(0, 5), min_size=2, max_size=12), st.data())
def test_a_wrong_value_anywhere_costs_nothing(rises: list[int], data: st.DataObject) -> None:
    """A running total with one value replaced rises as it did without."""
    totals = (1_000 + np.cumsum(rises)).astype(float).tolist()
    place = data.draw(st.integers(1, len(totals) - 1))
    wrong = [*totals[:place], data.draw(st.sampled_from([0.0, 3.0, 1e6])), *totals[place:]]
    minutes = [700 + 2 * at for at in range(len(wrong))]

    output = counted(wrong, minutes)

    assert output.days.column("compressor_starts").tolist() == [totals[-1] - totals[0]]


def test_a_snapshot_from_before_counters_knew_an_earlier_value_is_restored() -> None:
    """Whoever upgrades keeps what was counted."""
    old, new = (SignalStream(["compressor_starts"], None, ["compressor_starts"]) for _ in range(2))
    old.update(np.zeros(2, np.int32), MIDNIGHT + MINUTE * np.arange(2), np.array([[5.0], [7.0]]))
    snapshot = old.snapshot()
    state = {name: column for name, column in snapshot["state"].items() if name != "prior"}
    state["counter"] = state["counter"][..., :2]

    new.restore({**snapshot, "state": state})
    new.update(np.zeros(1, np.int32), MIDNIGHT + 2 * MINUTE + np.zeros(1, np.int64), np.array([[8.0]]))

    assert new.flush().days.column("compressor_starts").tolist() == [3]
