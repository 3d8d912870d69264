"""Recordings as programs write them: what the file itself tells needs no word in the mapping."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foremend.vocabulary.errors import ConfigError, InputError
from ingest.replay.files import Mended
from ingest.replay.mapping import ReplayMapping
from ingest.replay.recording import read_file

BASE = {
    "appliance_model": "generic-compressor",
    "appliance_id": {"value": "a-1"},
    "time": {"column": "time"},
    "signals": {"power": {"column": "watts", "unit": "W"}},
}
DAY = int(datetime(2025, 3, 3, tzinfo=UTC).timestamp() * 1000)
BERLIN = {"column": "time", "timezone": "Europe/Berlin"}


def write(folder: Path, content: str | bytes, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path, specs, /, **changes):
    """([(appliance, minutes after the third of March 2025, {signal: value})], dead letters) of a whole file."""
    parts = list(read_file(path, ReplayMapping.model_validate(BASE | changes), specs))
    rows = [
        (
            block.appliance_ids[block.appliance[row]],
            (int(block.time[row]) - DAY) / 60_000,
            {name: float(one[row]) for name, one in block.signals.items() if not np.isnan(one[row])},
        )
        for part in parts
        for block in part.blocks
        for row in range(len(block))
    ]
    return rows, [letter.reason for part in parts for letter in part.dead_letters]


def watts(rows):
    return [said.get("power") for _, _, said in rows]


# --- quotes that are none


def quoted(folder, names, at=2):
    """A table of a minute a row, with `names` in the column `at`."""
    rows = [
        ["time", "watts"],
        *([f"2025-03-03T{n // 60 % 24:02d}:{n % 60:02d}:00Z", "84"] for n in range(len(names))),
    ]
    for row, name in zip(rows, ["name", *names], strict=True):
        row.insert(at, name)
    return write(folder, "\n".join(map(",".join, rows)) + "\n")


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "where"),
    [
        ('"freezer', [50]),
        ('"freezer', [50, 70]),
        ('"freezer', [0, 20, 50, 99]),
        ('"freezer', range(100)),
        ('"', [50, 51]),
        ('12" freezer', [50, 70]),
        ('"freezer" old', [50, 70]),
        ('"freezer, ""old"""', [50, 70]),
        ('"freezer\nin the cellar"', [50, 51, 70]),
        ('"freezer, 2 doors,\n84 W\n2025-03-03"', [50, 99]),
    ],
)
def test_no_row_vanishes_behind_a_quote(tmp_path, signals, at, name, where):
    """One that nothing closes, or that the next one seems to; what is quoted as it should be stays a cell."""
    names = [name if n in where else "freezer" for n in range(100)]

    rows, reasons = read(quoted(tmp_path, names, at), signals)

    assert ([minutes for _, minutes, _ in rows], set(watts(rows)), reasons) == (list(range(100)), {84.0}, [])


def test_an_id_is_read_without_its_stray_quote(tmp_path, signals):
    """So the row is of whom it was."""
    names = ['"a-1' if n in (50, 70) else "a-1" for n in range(100)]

    rows, _ = read(quoted(tmp_path, names), signals, appliance_id={"column": "name"})

    assert [appliance for appliance, _, _ in rows] == ["a-1"] * 100


@pytest.mark.parametrize("name", ['"freezer', '"freezer\nin the cellar"'])
def test_files_of_many_parts_keep_their_rows(tmp_path, signals, name):
    """What opens in one part of the file and closes in another: 58,000 of 60,000 rows were gone, untold."""
    names = [name if n in (50, 32_749, 50_000) else "freezer" for n in range(60_000)]

    rows, reasons = read(quoted(tmp_path, names), signals)

    assert (len(rows), reasons) == (60_000, [])


def test_a_file_cut_off_in_a_quoted_cell_loses_that_row_alone_and_says_so(tmp_path, signals):
    """The rest of a note is no row."""
    file = quoted(tmp_path, ["freezer"] * 99 + ['"freezer\nthat was'])

    rows, reasons = read(file, signals)

    assert (len(rows), reasons) == (100, ["line 102: other than the usual number of fields"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text('"ab ', max_size=6), min_size=3, max_size=30), st.integers(0, 2))
def test_every_line_is_a_row_or_told(tmp_path, signals, names, at):
    """Whatever quotes are in it; no line is lost in a cell of another."""
    rows, reasons = read(quoted(tmp_path, names, at), signals)

    assert len(rows) + len(reasons) == len(names)


# --- numbers


@pytest.mark.parametrize(
    ("delimiter", "cells", "expected"),
    [
        (";", ["84,4", "1.234,5", "1.000", "7"], [84.4, 1234.5, 1000, 7]),
        (";", ["84,400", "0,085"], [84.4, 0.085]),
        ("\t", ["1,234.5", "2,000.0"], [1234.5, 2000]),
        (",", ['"1,234"', '"2,000.5"', "7"], [1234, 2000.5, 7]),
        (",", ['"84,4"', "7"], [84.4, 7]),
        (";", ["1 234,5", "12"], [1234.5, 12]),
        (",", ["1'234.5", "12"], [1234.5, 12]),
        (",", ["-0.4", "-9", "0"], [0, 0, 0]),
    ],
)
def test_numbers_as_people_write_them(tmp_path, signals, delimiter, cells, expected):
    """Decimal commas, thousands and noise below zero."""
    lines = [f"2025-03-03T00:0{at}:00Z{delimiter}{cell}" for at, cell in enumerate(cells)]
    path = write(tmp_path, "\n".join([f"time{delimiter}watts", *lines]))

    rows, letters = read(path, signals)

    assert (watts(rows), letters) == (expected, [])


def test_the_mapping_may_say_what_a_comma_is(tmp_path, signals):
    """Nothing in `4,400` tells."""
    path = write(tmp_path, 'time,watts\n2025-03-03T00:00:00Z,"4,400"\n')

    assert watts(read(path, signals)[0]) == [4400]
    assert watts(read(path, signals, decimal=",")[0]) == [4.4]


@given(values=st.lists(st.floats(0, 5000).map(lambda value: round(value, 3)), min_size=1, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_decimal_comma_changes_no_value(tmp_path, signals, values):
    """Any number, written with either sign."""
    lines = [f"{DAY + at};{value:f}" for at, value in enumerate(values)]
    text = "\n".join(["time;watts", *lines])

    points, _ = read(write(tmp_path, text), signals)
    commas, letters = read(write(tmp_path, text.replace(".", ",")), signals)

    assert letters == []
    assert watts(commas) == watts(points) == values


@pytest.mark.parametrize(
    "word", ["", "?", "-", "NaN", "n/a", "unavailable", "unknown", "null", "#N/A", "kaputt"]
)
def test_words_for_missing_are_gaps(tmp_path, signals, word):
    """The usual ones, and those that the mapping names."""
    path = write(tmp_path, f"time,watts\n2025-03-03T00:00:00Z,{word}\n2025-03-03T00:01:00Z,1\n")

    rows, letters = read(path, signals, missing=["kaputt"])

    assert (watts(rows), letters) == ([1], [])


def test_a_bad_value_costs_itself(tmp_path, signals):
    """The meter beside the broken probe is used, and the probe told of."""
    path = write(tmp_path, "time,watts,case\n2025-03-03T00:00:00Z,84.2,-127\n")
    both = {**BASE["signals"], "module_temp": {"column": "case", "unit": "degC"}}

    rows, letters = read(path, signals, signals=both)

    assert rows == [("a-1", 0, {"power": 84.2})]
    assert letters == ["line 2: module_temp: -127 degC is outside -40..120 degC; the rest is used"]


@pytest.mark.parametrize("sign", ["reversed", "absolute"])
def test_a_clamp_put_on_the_other_way_round(tmp_path, signals, sign):
    """As `sign` of a decoder."""
    path = write(tmp_path, "time,watts\n2025-03-03T00:00:00Z,-84\n")

    rows, _ = read(path, signals, signals={"power": {"column": "watts", "unit": "W", "sign": sign}})

    assert watts(rows) == [84]


# --- times


@pytest.mark.parametrize(
    "cells",
    [
        ["03.03.2025 00:00:00", "03.03.2025 00:01:00"],
        ["3/3/2025 00:00:00", "3/3/2025 00:01:00"],
        ["03/03/2025 00:00", "03/03/2025 00:01"],
        ["2025/03/03 00:00:00", "2025/03/03 00:01:00"],
        ["2025-03-03 00:00", "2025-03-03 00:01"],
        ["20250303000000", "20250303000100"],
        ["1740960000", "1740960060"],
        ["1740960000000", "1740960060000"],
        ["1740960000000000", "1740960060000000"],
        ["1740960000000000000", "1740960060000000000"],
        ["45719.00000000", "45719.00069444"],
        ["2025-03-03T00:00:00.000000001Z", "2025-03-03T00:01:00.000000002Z"],
        ["3/3/2025, 12:00:00 AM", "3/3/2025, 12:01:00 AM"],
        ["03/03/2025 12:00 AM", "03/03/2025 12:01 AM"],
        ["3/3/25, 12:00 a.m.", "3/3/25, 12:01 a.m."],
        ["3/3/2025 12:00AM", "3/3/2025 12:01AM"],
        ["Mar 3, 2025, 12:00:00 AM", "Mar 3, 2025, 12:01:00 AM"],
        ["March 3, 2025 12:00 AM", "March 3, 2025 12:01 AM"],
        ["Mar 3, 2025 @ 00:00:00.000", "Mar 3, 2025 @ 00:01:00.000"],
        ["03.03.2025, 00:00:00", "03.03.2025, 00:01:00"],
        ["03.03.2025 00:00 Uhr", "03.03.2025 00:01 Uhr"],
        ["03. Mar 2025 00:00", "03. Mar 2025 00:01"],
        ["03-Mar-25 00:00", "03-Mar-25 00:01"],
        ["03/03/2025 01:00:00 +01:00", "03/03/2025 01:01:00 +01:00"],
        ["2025/03/03 01:00:00+01", "2025/03/03 01:01:00+01"],
        ["2025-03-03 01:00:00 +0100 CET", "2025-03-03 01:01:00 +0100 CET"],
        ["02/Mar/2025:16:00:00 -0800", "02/Mar/2025:16:01:00 -0800"],
        ["Mon, 03 Mar 2025 00:00:00 GMT", "Mon, 03 Mar 2025 00:01:00 GMT"],
        ["03.03.2025 00:00:00Z", "03.03.2025 00:01:00Z"],
        ["3/3/2025 12:00:00 AM UTC", "3/3/2025 12:01:00 AM UTC"],
        [
            "Mon Mar 03 2025 01:00:00 GMT+0100 (Central European Standard Time)",
            "Mon Mar 03 2025 01:01:00 GMT+0100 (Central European Standard Time)",
        ],
    ],
)
def test_times_are_told_by_the_file(tmp_path, signals, cells):
    """Dates as in Europe, America and Asia, hours of twelve, with what is ahead of UTC, as browsers, servers and people
    write them; seconds to ns since 1970, a spreadsheet's days."""
    cells = [f'"{cell}"' for cell in cells]
    path = write(tmp_path, "\n".join(["time;watts", *(f"{cell};1" for cell in cells)]))

    rows, letters = read(path, signals)

    assert ([time for _, time, _ in rows], letters) == ([0, 1], [])


def test_each_row_may_say_how_far_its_clock_is_ahead(tmp_path, signals):
    """Across the end of summer time, of a clock that is set meanwhile; a row without is of the mapping's zone."""
    said = ["26.10.2025 02:30:00 +0200", "26.10.2025 02:30:00 +01:00", "26.10.2025 03:30:00 GMT+0100"]
    path = write(tmp_path, "\n".join(["time;watts", *(f"{one};1" for one in [*said, "26.10.2025 05:00:00"])]))

    rows, _ = read(path, signals, time=BERLIN)

    assert np.diff([time for _, time, _ in rows]).tolist() == [60, 60, 90]


def test_who_writes_hours_of_twelve_puts_the_month_first(tmp_path, signals):
    """A day's rows could be of the fourth of May as well as of the fifth of April."""
    path = write(tmp_path, "time;watts\n04/05/2025 01:00:00 PM;1\n04/05/2025 02:00:00 PM;1")

    rows, _ = read(path, signals)

    april = (datetime(2025, 4, 5, 13, tzinfo=UTC).timestamp() * 1000 - DAY) / 60_000
    assert [time for _, time, _ in rows] == [april, april + 60]


@pytest.mark.parametrize("pattern", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"])
def test_days_and_months_that_could_be_either_are_those_that_lie_together(tmp_path, signals, pattern):
    """Four days of March, or a day of four months."""
    days = [datetime(2025, 3, 3, tzinfo=UTC) + timedelta(hours=6 * at) for at in range(16)]
    path = write(tmp_path, "\n".join(["time,watts", *(f"{day.strftime(pattern)},1" for day in days)]))

    rows, _ = read(path, signals)

    assert [time for _, time, _ in rows] == [360 * at for at in range(16)]


@pytest.mark.parametrize("unit", ["epoch_s", "epoch_ms", "epoch_us"])
def test_an_epochs_unit_that_cannot_be_is_told_by_its_size(tmp_path, signals, unit):
    """Nobody means the year 55,000,000."""
    path = write(tmp_path, "time,watts\n1740960000000000000,1\n")

    rows, letters = read(path, signals, time={"column": "time", "format": unit})

    assert ([time for _, time, _ in rows], letters) == ([0], [])


def test_date_and_time_in_two_columns(tmp_path, signals):
    """Joined by a blank."""
    path = write(tmp_path, "day;clock;watts\n3.3.2025;00:02:00;1\n")

    rows, _ = read(path, signals, time={"column": ["day", "clock"]})

    assert [time for _, time, _ in rows] == [2]


def autumn(newest_first=False):
    """Minutes from 01:30 to 03:30 Berlin time of the night in which 02:xx comes twice."""
    began = datetime(2024, 10, 26, 23, 30, tzinfo=UTC)
    truth = [began + timedelta(minutes=at) for at in range(180)]
    local = [
        when + timedelta(hours=2 if when < datetime(2024, 10, 27, 1, tzinfo=UTC) else 1) for when in truth
    ]
    rows = [f"{when:%Y-%m-%d %H:%M:%S},{at}" for at, when in enumerate(local)]
    return rows[::-1] if newest_first else rows


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("broken", [False, True])
def test_the_hour_that_comes_twice_is_told_by_the_order_of_rows(tmp_path, signals, newest_first, broken):
    """From old to new or from new to old, and whatever stands between."""
    lines = autumn(newest_first)
    if broken:
        lines[70] = lines[100] = "not a time,1"
    path = write(tmp_path, "\n".join(["time,watts", *lines]))

    rows, letters = read(path, signals, time=BERLIN)

    steps = np.diff([time for _, time, _ in rows])
    assert len(letters) == (2 if broken else 0)
    assert watts(rows) == sorted(watts(rows))
    assert set(steps) == ({1, 2} if broken else {1})


def test_each_appliance_of_a_file_has_its_own_doubled_hour(tmp_path, signals):
    """One after the other in the file."""
    lines = [f"{row},{name}" for name in ("a", "b") for row in autumn()]
    path = write(tmp_path, "\n".join(["time,watts,id", *lines]))

    rows, _ = read(path, signals, time=BERLIN, appliance_id={"column": "id"})

    for name in ("a", "b"):
        assert set(np.diff([time for one, time, _ in rows if one == name])) == {1}


def test_a_recording_is_sorted(tmp_path, signals):
    """Newest first, as portals write it."""
    lines = [f"2025-03-03T{hour:02}:00:00Z,{hour}" for hour in reversed(range(24))]
    path = write(tmp_path, "\n".join(["time,watts", *lines]))

    rows, letters = read(path, signals)

    assert (watts(rows), letters) == (list(range(24)), [])


@given(order=st.permutations(range(30)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_rows_changes_nothing(tmp_path, signals, order):
    """Whatever it is."""
    path = write(tmp_path, "\n".join(["time,watts", *(f"{DAY + 60_000 * at},{at}" for at in order)]))

    rows, _ = read(path, signals)

    assert watts(rows) == list(range(30))


@pytest.mark.parametrize("wrong", ["2036-02-07T06:28:16Z", "1970-01-01T00:00:05Z", "2000-01-01T00:00:00Z"])
@pytest.mark.parametrize("at", [0, 17, 59])
def test_a_clock_that_is_years_off_costs_its_rows(tmp_path, signals, wrong, at):
    """At the start before a time server answers, once in between, or at the end."""
    lines = [f"2025-03-03T00:{minute:02}:00Z,{minute}" for minute in range(60)]
    lines[at] = f"{wrong},{at}"
    path = write(tmp_path, "\n".join(["time,watts", *lines]))

    rows, letters = read(path, signals)

    assert watts(rows) == [minute for minute in range(60) if minute != at]
    assert [letter.split(":")[0] for letter in letters] == [f"line {at + 2}"]
    assert "years off" in letters[0]


def test_a_recording_with_a_long_gap_is_no_clock_that_is_off(tmp_path, signals):
    """A year without a logger is a gap."""
    lines = [f"{year}-03-03T00:{minute:02}:00Z,1" for year in (2023, 2025) for minute in range(30)]
    path = write(tmp_path, "\n".join(["time,watts", *lines]))

    rows, letters = read(path, signals)

    assert (len(rows), letters) == (60, [])


# --- files


@pytest.mark.parametrize(
    "head",
    ["sep=,\n", "Plot Title: 123\nand more\n", "# made by x\n\n", "\ufeff", "sep=,\r\n"],
)
def test_lines_before_the_header_are_passed_over(tmp_path, signals, head):
    """The header is where the mapping's columns are; lines are counted as an editor does."""
    path = write(tmp_path, f'{head}"time","watts"\n2025-03-03T00:00:00Z,1\n2025-03-03T00:01:00Z,x\n')

    rows, letters = read(path, signals)

    assert watts(rows) == [1]
    assert letters == [f"line {head.count(chr(10)) + 3}: power: 'x' is not a finite number"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
@pytest.mark.parametrize("header", [True, False])
def test_the_delimiter_is_told_by_the_file(tmp_path, signals, delimiter, header):
    """With a header or without."""
    lines = [f"{DAY + 60_000 * at}{delimiter}{at}" for at in range(5)]
    head = [f"time{delimiter}watts"] if header else []
    path = write(tmp_path, "\n".join([*head, *lines]), "log.dat")
    places = {} if header else {"time": {"column": 0}, "signals": {"power": {"column": 1, "unit": "W"}}}

    rows, letters = read(path, signals, header=header, **places)

    assert (watts(rows), letters) == ([0, 1, 2, 3, 4], [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "latin-1", "utf-8"])
def test_encodings_of_loggers(tmp_path, signals, encoding):
    """Names of columns too."""
    text = "time\tKühlung\n2025-03-03 00:00:00\t84.4\n"
    path = write(tmp_path, text.encode(encoding), "log.txt")

    rows, letters = read(path, signals, signals={"power": {"column": "Kühlung", "unit": "W"}})

    assert (watts(rows), letters) == ([84.4], [])


def test_a_file_that_ends_in_the_middle_of_a_character_is_one_sentence(tmp_path, signals):
    """UTF-16, cut."""
    path = write(tmp_path, "time,watts\n2025-03-03 00:00:00,1\n".encode("utf-16")[:-1])

    with pytest.raises(InputError, match="cannot be read"):
        read(path, signals)


@pytest.mark.parametrize("names", [["log.csv"], ["__MACOSX/log.csv", "LD2011.txt", "readme.md"]])
def test_a_zip_is_unpacked(tmp_path, signals, names):
    """With one text file in it."""
    with zipfile.ZipFile(tmp_path / "log.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "time,watts\n2025-03-03T00:00:00Z,1\n")

    assert watts(read(tmp_path / "log.zip", signals)[0]) == [1]


@pytest.mark.parametrize(
    ("held", "sentence"),
    [(["a.csv", "b.csv"], "holds a.csv, b.csv: unpack it"), (["x.md"], "holds none"), ([], "none")],
)
def test_a_zip_of_other_things_is_refused(tmp_path, signals, held, sentence):
    """Which of them is meant nobody can tell."""
    with zipfile.ZipFile(tmp_path / "log.zip", "w") as archive:
        for name in held:
            archive.writestr(name, "time,watts\n")

    with pytest.raises(InputError, match=sentence):
        read(tmp_path / "log.zip", signals)


def test_what_is_no_zip_is_refused(tmp_path, signals):
    """One sentence."""
    with pytest.raises(InputError, match=r"log.zip cannot be read"):
        read(write(tmp_path, b"not a zip", "log.zip"), signals)


# --- whose a row is


ROWS = "time,device,what,value\n" + "".join(
    f"2025-03-03T00:0{at}:00Z,{device},{what},{at + 1}\n"
    for at, (device, what) in enumerate(
        [("Gefrier.schrank", "power"), ("Gefrier.schrank", "voltage"), ("Lampe", "power"), ("", "power")]
    )
)
LONG = {"power": {"column": "value", "unit": "W", "where": {"what": "p*"}}}


def test_rows_are_chosen_and_ids_mapped(tmp_path, signals):
    """Volts are no watts; who is not named is left out."""
    path = write(tmp_path, ROWS)

    rows, letters = read(
        path,
        signals,
        signals=LONG,
        appliance_id={"column": "device", "names": {"Gefrier.schrank": "freezer"}},
    )

    assert (rows, letters) == ([("freezer", 0, {"power": 1})], [])


def test_ids_are_cleaned_where_the_mapping_says_so(tmp_path, signals):
    """Else the row is told of, with what to do."""
    path = write(tmp_path, ROWS)

    cleaned, _ = read(path, signals, signals=LONG, appliance_id={"column": "device", "clean": True})
    strict, letters = read(path, signals, signals=LONG, appliance_id={"column": "device"})

    assert [one for one, _, _ in cleaned] == ["Gefrier-schrank", "Lampe"]
    assert [one for one, _, _ in strict] == ["Lampe"]
    assert "give it one under appliance_id.names" in letters[0]


HISTORY = {
    "appliance_id": {"column": "entity_id"},
    "time": {"column": "last_changed"},
    "signals": {name: {"column": "state", "unit": unit} for name, unit in (("power", "W"), ("voltage", "V"))},
}


def history(*rows):
    return "entity_id,state,last_changed\n" + "".join(
        f"sensor.{entity},{state},2025-03-03T{clock}Z\n" for entity, state, clock in rows
    )


def test_home_assistants_history_says_what_each_row_is(tmp_path, signals):
    """The last word of an entity's name is its quantity, the others its device's."""
    path = write(tmp_path, history(("freezer_power", 84, "00:00:00"), ("freezer_voltage", 230, "00:00:30")))

    rows, letters = read(path, signals, **HISTORY)

    assert letters == []
    assert rows == [("freezer", 0, {"power": 84}), ("freezer", 0.5, {"voltage": 230})]


def test_what_was_recorded_stands_until_the_next_or_until_the_device_goes_away(tmp_path, signals):
    """A zero of half an hour is said again; what went away is not."""
    path = write(
        tmp_path,
        history(
            ("freezer_power", 84, "00:00:00"),
            ("freezer_power", 0, "00:01:00"),
            ("freezer_power", 84, "00:31:00"),
            ("freezer_power", "unavailable", "00:31:30"),
            ("freezer_power", 0, "02:00:00"),
        ),
    )

    rows, _ = read(path, signals, **HISTORY)

    assert [(round(time, 2), said["power"]) for _, time, said in rows] == [
        (0, 84),
        (1, 0),
        (2, 0),
        (11, 0),
        (21, 0),
        (31, 0),
        (31, 84),
        (120, 0),
    ]


@pytest.mark.parametrize(("holds_for", "last"), [("1 h", 60), ("30 min", 30), (None, 0)])
def test_a_value_stands_for_so_long_at_most(tmp_path, signals, holds_for, last):
    """`holds_for` says so; without it each value is for itself."""
    path = write(tmp_path, "time,watts\n2025-03-03T00:00:00Z,1\n2025-03-03T06:00:00Z,2\n")

    rows, _ = read(path, signals, holds_for=holds_for)

    assert max(time for _, time, said in rows if said["power"] == 1) == last


def test_influxdbs_tables_may_follow_each_other(tmp_path, signals):
    """Annotations and headers come again before each; `_field` says what a value is."""
    head = "#group,false,false,true\r\n#datatype,string,dateTime:RFC3339,double\r\n#default,_result,,\r\n"
    head += ",_time,_value,_field\r\n"
    path = write(
        tmp_path,
        head
        + ",2025-03-03T00:00:00.345678901Z,84.4,power\r\n\r\n"
        + head
        + ",2025-03-03T00:01:00Z,230,voltage\r\n",
    )
    columns = {"power": {"column": "_value", "unit": "W"}, "voltage": {"column": "_value", "unit": "V"}}

    rows, letters = read(path, signals, time={"column": "_time"}, signals=columns)

    assert letters == []
    assert [said for _, _, said in rows] == [{"power": 84.4}, {"voltage": 230}]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"time": {"column": "time", "format": "%H:%M:%S"}}, "has no date"),
        ({"time": {"column": ["time"]}}, "at least 2"),
        ({"time": {"column": ["day", "clock"]}}, "has no column 'day'"),
        (
            {"signals": {"power": {"column": "watts", "unit": "W", "where": {"what": "x"}}}},
            "has no column 'what'",
        ),
        ({"appliance_id": {"column": "time", "names": {"x": "no id"}}}, "names"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(tmp_path, signals, change, sentence):
    """With the key or the column."""
    path = write(tmp_path, "time,watts\n2025-03-03T00:00:00Z,1\n")

    with pytest.raises((ConfigError, ValueError), match=sentence):
        read(path, signals, **change)


@pytest.mark.parametrize("half", [b"\xe5\x86", b"\xff", b"\xe5"])
def test_a_row_that_is_none_and_ends_within_a_sign_costs_itself_alone(tmp_path, signals, half):
    """In UTF-8; Arrow would have refused the whole file, as it cannot show such a row."""
    lines = [b"time,watts,name", b"2025-03-03T00:00:00Z,80,\xe5\x86\xb0", b"2025-03-03T00:01:00Z," + half]
    lines += [b"2025-03-03T00:02:00Z,82,\xe5\x86\xb0"]

    rows, letters = read(write(tmp_path, b"\n".join(lines) + b"\n"), signals)

    assert [minute for _, minute, _ in rows] == [0, 2]
    assert letters == ["line 3: other than the usual number of fields"]


@given(st.text(alphabet="aé冰\U0001f9ca,\n", min_size=1), st.integers(1, 5))
def test_text_is_the_same_in_whatever_parts_it_is_read(text, size):
    """A sign that two parts share is one still."""
    written, mended = text.encode(), Mended()
    parts = [written[at : at + size] for at in range(0, len(written), size)] + [b""]
    assert b"".join(mended(pa.py_buffer(part)) for part in parts) == written
