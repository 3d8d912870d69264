"""What is measured in the states that a profile names, and what a gap, a reboot or a night does to it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from foremend.vocabulary.errors import ConfigError, IntegrityError
from foremend.vocabulary.profiles import Profile, Signal, State, States, Title, While
from foremend.vocabulary.profiles.states import Runs
from foremend.vocabulary.types import Rows
from models.stream.stream import SignalStream

MIDNIGHT = 1_600_041_600_000
MINUTE = 60_000
HOUR = 60 * MINUTE
IDLE, FILL, SPIN = 0, 1, 6


def states_of(**named: State) -> States:
    return States(signal="phase", named=named)


def profile_of(**named: State) -> Profile:
    gauge = Signal(unit="W", min=0, max=9)
    return Profile(
        name="made-up",
        category="toaster",
        title=Title(en="Toaster", zh="烤面包机"),
        signals=dict.fromkeys(("phase", "level", "speed", "power"), gauge),
        states=states_of(**named),
    )


def days(
    states: States,
    rows: Sequence[tuple[float, float, float]],
    step_ms: int = MINUTE,
    times: Sequence[int] | None = None,
) -> Rows:
    """Daily windows of one machine with the gauges phase, level and speed, read every minute from one o'clock."""
    stream = SignalStream(["phase", "level", "speed"], None, states=states)
    time = MIDNIGHT + HOUR + (step_ms * np.arange(len(rows)) if times is None else np.array(times))
    first = stream.update(np.zeros(len(rows), np.int32), time, np.array(rows, float)).days
    return Rows.joined([first, stream.flush().days])


def fill(mean: tuple[str, ...] = (), peak: tuple[str, ...] = (), rate: tuple[str, ...] = ()) -> States:
    return states_of(filling=State(code=FILL, mean=mean, peak=peak, rate=rate))


def test_a_stay_is_counted_with_its_length() -> None:
    """Three minutes and five minutes of filling are two visits of four minutes."""
    phases = [IDLE, *[FILL] * 3, IDLE, *[FILL] * 5, IDLE, IDLE]

    found = days(fill(), [(phase, 0, 0) for phase in phases])

    assert found.column("filling_visits").tolist() == [2]
    assert found.column("filling_visit_mean_s").tolist() == [240]
    assert found.column("filling_visit_least_s").tolist() == [180]
    assert found.column("filling_share")[0] == pytest.approx(8 / 12)


def test_a_stay_whose_beginning_was_not_seen_has_no_length() -> None:
    """The first thing ever seen was a filling under way."""
    found = days(fill(), [(FILL, 0, 0), (FILL, 0, 0), (IDLE, 0, 0)])

    assert found.column("filling_visits").tolist() == [0]
    assert math.isnan(found.column("filling_visit_mean_s")[0])


def test_a_stay_with_a_gap_in_it_has_no_length() -> None:
    """After half an hour without a reading nobody knows what happened in between."""
    times = [0, MINUTE, 2 * MINUTE, 32 * MINUTE, 33 * MINUTE]

    found = days(fill(), [(phase, 0, 0) for phase in (IDLE, FILL, FILL, FILL, IDLE)], times=times)

    assert found.column("filling_visits").tolist() == [0]


def test_a_stay_over_midnight_belongs_to_the_day_it_ended_in() -> None:
    """Time is shared between the days, the visit is not."""
    from_22 = 21 * HOUR + MINUTE * np.arange(180)
    phases = np.where((from_22 >= 21 * HOUR + 60 * MINUTE) & (from_22 < 24 * HOUR - MINUTE), FILL, IDLE)

    found = days(fill(), [(phase, 0, 0) for phase in phases], times=from_22.tolist())

    assert found.column("filling_visits").tolist() == [0, 1]
    assert found.column("filling_visit_mean_s")[1] == 119 * 60


def test_means_are_taken_while_in_the_state_alone() -> None:
    """What the level is at rest does not matter."""
    rows = [(IDLE, 99, 0), (FILL, 10, 2), (FILL, 20, 2), (IDLE, 99, 0)]

    found = days(fill(mean=("level", "level - speed")), rows)

    assert found.column("filling_level").tolist() == [15]
    assert found.column("filling_level_less_speed").tolist() == [13]


def test_the_beginning_of_a_stay_is_left_out_until_it_settles() -> None:
    """Start transients say little: two of five minutes are not measured."""
    states = states_of(filling=State(code=FILL, settle=2 * MINUTE, mean=("level",)))
    rows = [(IDLE, 0, 0), *[(FILL, level, 0) for level in (900, 500, 10, 10, 10)], (IDLE, 0, 0)]

    found = days(states, rows)

    assert found.column("filling_level").tolist() == [10]
    assert found.column("filling_visit_mean_s").tolist() == [300]


def test_a_state_may_ask_that_something_runs() -> None:
    """Cooling counts while the compressor turns, not while it rests."""
    states = states_of(cooling=State(code=FILL, only_while=While(signal="speed", above=5), mean=("level",)))
    rows = [(FILL, 1, 0), (FILL, 7, 30), (FILL, 7, 30), (FILL, 1, 0), (IDLE, 1, 30)]

    found = days(states, rows)

    assert found.column("cooling_level").tolist() == [7]
    assert found.column("cooling_visits").tolist() == [1]


def test_a_rate_is_the_change_a_minute_between_readings_of_one_stay() -> None:
    """From 0 to 60 in two minutes, twice; what happens between the stays is no part of it."""
    rows = [
        (FILL, 0, 0),
        (FILL, 30, 0),
        (FILL, 60, 0),
        (IDLE, 60, 0),
        (FILL, 0, 0),
        (FILL, 30, 0),
        (FILL, 60, 0),
    ]

    found = days(fill(rate=("level",)), rows)

    assert found.column("filling_level_rate").tolist() == [30]


def test_a_peak_is_the_mean_over_stays_of_the_highest_value() -> None:
    """One spin at 10 at most and one at 20 are 15."""
    states = states_of(spinning=State(code=SPIN, peak=("level",)))
    rows = [(SPIN, 4, 0), (SPIN, 10, 0), (IDLE, 99, 0), (SPIN, 20, 0), (SPIN, 3, 0), (IDLE, 99, 0)]

    found = days(states, rows)

    assert found.column("spinning_level_peak").tolist() == [15]


def test_a_state_that_was_not_visited_has_no_measures() -> None:
    """No visits are a fact; a level while filling is none."""
    found = days(fill(mean=("level",), rate=("level",), peak=("level",)), [(IDLE, 5, 0)] * 3)

    assert found.column("filling_visits").tolist() == [0]
    assert np.isnan([found.column(f"filling_level{kind}")[0] for kind in ("", "_rate", "_peak")]).all()


def test_without_a_reading_of_the_state_nothing_is_said_of_it() -> None:
    """A machine that never tells its phase was not idle all day."""
    found = days(fill(), [(math.nan, 5, 0)] * 3)

    assert math.isnan(found.column("filling_visits")[0])


def test_a_gauge_that_is_missing_from_a_reading_bothers_no_other() -> None:
    """Its last value stands; a rate goes on at the next value."""
    rows = [(FILL, 0, 0), (FILL, math.nan, 0), (FILL, 60, 0)]

    found = days(fill(rate=("level",)), rows)

    assert found.column("filling_level_rate").tolist() == [30]


def test_states_of_what_is_no_gauge_are_refused() -> None:
    """A counter has no mean; the sentence names it."""
    with pytest.raises(ConfigError, match="starts"):
        SignalStream(
            ["phase", "starts"], None, ["starts"], states=states_of(on=State(code=1, mean=("starts",)))
        )


def test_a_snapshot_of_other_states_is_refused() -> None:
    """The sentence names what differs."""
    frozen = SignalStream(["phase"], None).snapshot()

    with pytest.raises(IntegrityError, match="filling_visits"):
        SignalStream(["phase"], None, states=fill()).restore(frozen)


def test_states_that_are_alike_name_each_others_measures() -> None:
    """What cooling makes colder than the air, heating makes warmer, and its lowest is the other's highest."""
    difference = "level - speed"
    cooling = State(code=1, mean=("power", difference), low=(difference,))
    heating = State(
        code=2, mean=("power", difference), peak=(difference,), like="cooling", turned=(difference,)
    )

    found = profile_of(cooling=cooling, heating=heating).counterparts

    assert found["heating_power"] == ("cooling_power", 1.0)
    assert found["heating_visits"] == ("cooling_visits", 1.0)
    assert found["heating_level_less_speed"] == ("cooling_level_less_speed", -1.0)
    assert found["heating_level_less_speed_peak"] == ("cooling_level_less_speed_low", -1.0)


def test_what_is_measured_in_one_of_two_states_has_no_counterpart() -> None:
    """Heating's power is not measured while cooling."""
    cooling, heating = State(code=1), State(code=2, mean=("power",), like="cooling")

    assert "heating_power" not in profile_of(cooling=cooling, heating=heating).counterparts


def test_a_range_is_between_the_highest_and_the_lowest_value_of_the_day() -> None:
    """What comes with one stay and goes with the next is wide; what stays is narrow."""
    states = states_of(spinning=State(code=SPIN, range=("level - speed",)))
    rows = [(SPIN, 4, 1), (SPIN, 5, 1), (IDLE, 99, 0), (SPIN, 20, 1), (SPIN, 19, 1), (IDLE, 99, 0)]

    found = days(states, rows)

    assert found.column("spinning_level_less_speed_range").tolist() == [16]


def test_a_range_begins_anew_every_day() -> None:
    """Yesterday's highest value is none of today's."""
    times = [20 * HOUR, 20 * HOUR + MINUTE, 25 * HOUR, 25 * HOUR + MINUTE]
    states = states_of(spinning=State(code=SPIN, range=("level",)))

    found = days(states, [(SPIN, 100, 0), (SPIN, 90, 0), (SPIN, 7, 0), (SPIN, 5, 0)], times=times)

    assert found.column("spinning_level_range")[1] == 2


def test_what_trips_before_it_settles_has_extremes_but_no_mean() -> None:
    """A compressor that stops within a minute shows how cold its coil got, and nothing steady."""
    measured = State(code=FILL, settle=5 * MINUTE, at_least=20 * MINUTE, mean=("level",), low=("level",))
    rows = [(IDLE, 20, 0), (FILL, 8, 0), (FILL, -4, 0), (IDLE, 20, 0)]

    found = days(states_of(cooling=measured), rows)

    assert math.isnan(found.column("cooling_level")[0])
    assert found.column("cooling_level_low").tolist() == [-4]


def unsent(states: States, unless_sent: dict[str, float] | None = None) -> Rows:
    """Two days of a machine that runs 20 minutes of each hour, 80 W and then 2 W, and never sends its phase."""
    minute = np.arange(2 * 24 * 60)
    runs = minute % 60 < 20
    stream = SignalStream(
        ["phase", "level", "speed", "power"], "power", states=states, unless_sent=unless_sent or {}
    )
    unknown = np.full(len(minute), np.nan)
    values = np.column_stack([unknown, np.where(runs, 5.0, 7.0), unknown, np.where(runs, 80.0, 2.0)])
    first = stream.update(np.zeros(len(minute), np.int32), MIDNIGHT + MINUTE * minute, values).days
    return Rows.joined([first, stream.flush().days])


RUNS = Runs(running=FILL, resting=IDLE)


def test_runs_stand_for_a_state_signal_that_is_never_sent() -> None:
    """Where the profile says so, what is measured while filling is measured while the machine runs."""
    filling, idle = State(code=FILL, mean=("level", "power")), State(code=IDLE, mean=("level",))
    named = {"filling": filling, "idle": idle}

    found = unsent(States(signal="phase", unless_sent=RUNS, named=named))

    assert found.column("filling_share") == pytest.approx([1 / 3, 1 / 3], abs=0.01)
    assert found.column("filling_level") == pytest.approx([5.0, 5.0])
    assert found.column("filling_power") == pytest.approx([80.0, 80.0])
    assert found.column("idle_level") == pytest.approx([7.0, 7.0])


def test_without_a_word_of_the_profile_a_missing_state_signal_says_nothing() -> None:
    """Nobody knows what a washing machine does while it draws power."""
    found = unsent(States(signal="phase", named={"filling": State(code=FILL, mean=("level",))}))

    assert np.isnan(found.column("filling_share")).all()
    assert np.isnan(found.column("filling_level")).all()


def test_a_gate_that_is_never_sent_is_open_during_runs() -> None:
    """An inverter that does not tell its speed runs while it draws power."""
    filling = State(code=FILL, mean=("level",), only_while=While(signal="speed", above=10))
    idle = State(code=IDLE, mean=("level",), only_while=While(signal="speed", above=10))

    found = unsent(States(signal="phase", unless_sent=RUNS, named={"filling": filling, "idle": idle}))

    assert found.column("filling_level") == pytest.approx([5.0, 5.0])
    assert np.isnan(found.column("idle_level")).all()


def test_what_is_never_sent_is_subtracted_as_the_profile_says() -> None:
    """A refrigerator without a set point is compared with the usual one; without a value there is no difference."""
    states = States(
        signal="phase",
        unless_sent=RUNS,
        named={"filling": State(code=FILL, mean=("level - speed",), rate=("level",))},
    )

    assert unsent(states, {"speed": 4.0}).column("filling_level_less_speed") == pytest.approx([1.0, 1.0])
    assert np.isnan(unsent(states).column("filling_level_less_speed")).all()
    assert unsent(states).column("filling_level_rate") == pytest.approx([0.0, 0.0], abs=1e-6)
