"""Recordings as loggers, recorders and spreadsheets write them: read as they are, with the mapping that came along."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from foremend.jobs.inspect import inspect_recording
from foremend.vocabulary.errors import ConfigError


def starts_and_duty(said, appliance="freezer"):
    """Day -> (starts, share of the day it ran) of an appliance."""
    return {
        day: (round(one["compressor_starts"]), round(one["duty"], 2))
        for day, one in said["appliances"][appliance]["days"].items()
    }


def assert_well(said, days, used):
    """All was used, and each whole day shows the freezer as it was: 31 or 32 starts, a third of the time."""
    assert said["readings"] == {"used": used, "repeats": 0, "merged": 0, "late": 0}
    assert said["dead_letters"] == 0
    shown = starts_and_duty(said)
    assert list(shown) == days
    for starts, duty in shown.values():
        assert starts in (31, 32)
        assert duty == pytest.approx(0.33, abs=0.015)


TWO_DAYS = ["2025-03-03", "2025-03-04"]
THREE_DAYS = [*TWO_DAYS, "2025-03-05"]


@pytest.mark.parametrize(
    ("number", "file"),
    [
        (3, "query.csv"),  # InfluxDB 2's annotated CSV, with a table of volts that are no watts
        (5, "freezer-data.csv"),  # sep=, before the header
        (8, "export.csv"),  # ns since 1970
        (19, "logger.txt"),  # UTF-16, tabs
        (20, "sheet.csv"),  # days since 1899-12-30, thousands with a comma
        (21, "export.zip"),
    ],
)
def test_recordings_as_programs_write_them(replay, number, file):
    """2,880 readings of two days, without a word in the mapping of how they are written."""
    assert_well(replay(number, file), TWO_DAYS, used=2880)


def test_02_home_assistants_history_is_of_two_appliances(replay):
    """Volts are not taken for watts, and a plug that is away has no value."""
    said = replay(2, "history.csv")

    assert list(said["appliances"]) == ["freezer", "fridge"]
    for name in said["appliances"]:
        shown = starts_and_duty(said, name)
        assert list(shown) == TWO_DAYS
        assert {starts for starts, _ in shown.values()} <= {30, 31, 32}
        assert [duty for _, duty in shown.values()] == pytest.approx([0.33, 0.33], abs=0.02)
    assert (said["dead_letters"], said["readings"]["late"]) == (0, 0)


def test_04_decimal_commas_in_berlin_time(replay):
    """Days of UTC, an hour of the first of them on the day before."""
    said = replay(4, "export.csv")

    assert (said["readings"]["used"], said["readings"]["late"], said["dead_letters"]) == (2880, 0, 0)
    shown = starts_and_duty(said)
    assert list(shown) == ["2025-03-02", *TWO_DAYS]
    assert shown["2025-03-03"] == (32, 0.33)


def test_06_the_hour_that_comes_twice_is_told_by_the_order_of_rows(replay, case, tmp_path):
    """The second 02:xx is an hour after the first: all is as if the logger had written UTC, a row a minute.

    31 starts a day, not 32: that in the first minute of a day is no day's, whoever wrote it.
    """
    began = datetime(2024, 10, 26, tzinfo=UTC)
    watts = [row.split(",")[1] for row in (case(6) / "log.csv").read_text().splitlines()[1:]]
    in_utc = tmp_path / "utc.csv"
    rows = [f"{(began + timedelta(minutes=at)).isoformat()},{one}\n" for at, one in enumerate(watts)]
    in_utc.write_text("time,power\n" + "".join(rows))
    mapping = tmp_path / "utc.yaml"
    mapping.write_text(
        "appliance_model: generic-compressor\nappliance_id: { value: freezer }\n"
        "time: { column: time }\nsignals: { power: { column: power, unit: W } }\n"
    )

    said, truth = replay(6, "log.csv"), replay(6, in_utc, mapping)

    assert said["readings"] == {"used": 4320, "repeats": 0, "merged": 0, "late": 0}
    assert said["appliances"] == truth["appliances"]
    assert starts_and_duty(said)["2024-10-27"] == (31, 0.33)


def test_07_a_time_without_a_date_is_refused(replay):
    """Every reading on the first of January 1900 helps nobody."""
    with pytest.raises(ConfigError, match=r"has no date: .* column: \[Date, Time\]"):
        replay(7, "household.txt")


def test_07_date_and_time_in_two_columns(replay, tmp_path):
    """Joined; `?` is no value."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "appliance_model: generic-compressor\n"
        "appliance_id: { value: freezer }\n"
        "time: { column: [Date, Time] }\n"
        "signals: { power: { column: Global_active_power, unit: kW }, voltage: { column: Voltage, unit: V } }\n"
    )

    said = replay(7, "household.txt", mapping)

    assert_well(said, TWO_DAYS, used=2861)


def test_09_one_row_of_another_year_costs_itself(replay):
    """What follows it is not late; the row is told of."""
    said = replay(9, "log.csv")

    assert said["readings"] == {"used": 4320, "repeats": 0, "merged": 0, "late": 0}
    assert said["dead_letter_reasons"] == [
        "line 1002: time: 2036-02-07 06:28:16 is of a clock that is years off: see the rows around it"
    ]
    assert {starts for starts, _ in starts_and_duty(said).values()} <= {31, 32}


def test_10_just_below_zero_is_rest(replay):
    """A metering chip's offset is no fault of the row, and a well freezer stops."""
    assert_well(replay(10, "log.csv"), THREE_DAYS, used=4320)


def test_11_what_was_recorded_only_when_it_changed_stands_until_the_next(replay):
    """One 0.0 at its stop, and nothing for the half hour of rest."""
    said = replay(11, "history.csv")

    shown = starts_and_duty(said)
    assert list(shown) == THREE_DAYS
    assert {starts for starts, _ in shown.values()} <= {31, 32}
    assert [duty for _, duty in shown.values()] == pytest.approx([1 / 3] * 3, abs=0.01)


def test_21_channel_files_of_data_sets(replay):
    """Epoch and watts, a blank between: 3,000 readings of five hours."""
    said = replay(21, "channel_12.dat", Path("dat.yaml"))

    assert said["readings"] == {"used": 3000, "repeats": 0, "merged": 0, "late": 0}
    assert said["dead_letters"] == 0


@pytest.mark.parametrize(
    ("number", "file", "days", "used"),
    [
        (3, "query.csv", TWO_DAYS, 5760),
        (5, "freezer-data.csv", TWO_DAYS, 2880),
        (7, "household.txt", TWO_DAYS, 2861),
        (8, "export.csv", TWO_DAYS, 2880),
        (10, "log.csv", THREE_DAYS, 4320),
        (19, "logger.txt", TWO_DAYS, 2880),
        (20, "sheet.csv", TWO_DAYS, 2880),
        (21, "export.zip", TWO_DAYS, 2880),
    ],
)
def test_recordings_without_any_mapping(case, replay, number, file, days, used):
    """What is made of the file says the same freezer."""
    found = inspect_recording([case(number) / file], None, None, None)

    said = replay(number, file, found.inspected.mapping)

    (appliance,) = said["appliances"]
    assert (list(starts_and_duty(said, appliance)), said["dead_letters"]) == (days, 0)
    assert said["readings"]["used"] + said["readings"]["merged"] == used
    for starts, duty in starts_and_duty(said, appliance).values():
        assert starts in (31, 32)
        assert duty == pytest.approx(0.33, abs=0.015)


@pytest.mark.parametrize(("number", "appliances"), [(2, ["freezer", "fridge"]), (11, ["freezer"])])
def test_home_assistants_history_without_any_mapping(case, replay, number, appliances):
    """Each plug by its name."""
    found = inspect_recording([case(number) / "history.csv"], None, None, None)

    said = replay(number, "history.csv", found.inspected.mapping)

    assert (list(said["appliances"]), said["dead_letters"]) == (appliances, 0)


def test_21_channel_files_without_any_mapping(case):
    """Epoch and watts, no header: nothing says what they are, so that is said."""
    found = inspect_recording([case(21) / "channel_12.dat"], None, None, None)

    assert (found.trial.used, found.trial.refused) == (3000, 0)
    assert any("taken for power" in one for one in found.inspected.assumed)
