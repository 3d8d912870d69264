"""Recordings that nobody wrote a mapping for: what is seen of the file, what is assumed, and what comes of it."""

from __future__ import annotations

import gzip
import zipfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.jobs.inspect import inspect_recording
from foremend.vocabulary.errors import ForemendError, InputError
from foremend.vocabulary.profiles import load_profiles
from ingest.inspection.inspection import inspect
from ingest.replay.mapping import ReplayMapping
from ingest.replay.recording import read_file
from ingest.replay.together import read_together

MODEL = "generic-compressor"
SPECS = {name: profile.signals for name, profile in load_profiles().items()}
BEGAN = datetime(2025, 3, 3, tzinfo=UTC)
WATTS = [84.4, 85.1, 0.6, 0.5] * 10
TIMES = [BEGAN + timedelta(minutes=at) for at in range(len(WATTS))]


def seen(path: Path, **how):
    """What is seen of a file, and [(appliance, ms, values)] that its mapping gives."""
    inspected = inspect(path, MODEL, **how)
    rows = []
    for part in read_file(path, inspected.mapping, SPECS):
        assert part.dead_letters == []
        for block in part.blocks:
            for row in range(len(block)):
                values = {
                    name: round(float(one[row]), 3)
                    for name, one in block.signals.items()
                    if one[row] == one[row]
                }
                rows.append((block.appliance_ids[block.appliance[row]], int(block.time[row]), values))
    return inspected, rows


def assert_as_it_was(path: Path, appliance="log", **how):
    """All of it, at its times, in W."""
    inspected, rows = seen(path, **how)
    assert [ms for _, ms, _ in rows] == [round(time.timestamp() * 1_000) for time in TIMES]
    assert [values["power"] for _, _, values in rows] == WATTS
    assert {name for name, _, _ in rows} == {appliance}
    return inspected


def table(head: str, row: str, end: str = "\n") -> str:
    """A line for each reading, as `row` writes it of `t` (its time) and `w` (watts)."""
    lines = [
        row.format(t=time, w=watts, e=int(time.timestamp()), at=at)
        for at, (time, watts) in enumerate(zip(TIMES, WATTS, strict=True))
    ]
    return end.join([*([head] if head else []), *lines, ""])


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("time,power", "{t:%Y-%m-%dT%H:%M:%SZ},{w}"),
        ("Date,Time,Leistung (W)", "{t:%d.%m.%Y},{t:%H:%M:%S},{w}"),
        ("timestamp;Wirkleistung [W];Spannung [V]", "{t:%Y-%m-%d %H:%M:%S};{w};230.1"),
        ("ts|watts", "{e}|{w}"),
        ("ts,watts", "{e}000,{w}"),
        ("ts,watts", "{e}000000000,{w}"),
        ("", "{e} {w}"),
        ("", "{t:%Y-%m-%d %H:%M:%S};{w}"),
        ("Time\tPower", "{t:%m/%d/%Y %I:%M:%S %p}\t{w}"),
        ("sep=;\nTime;Puissance", "{t:%Y-%m-%dT%H:%M:%S};{w}"),
        ('Plot Title: freezer\n"#","Date Time","Power"', "{at},{t:%Y-%m-%d %H:%M:%S},{w}"),
        ('"Time","Power"', '"{t:%Y-%m-%d %H:%M:%S}","{w} W"'),
        ("temperature,time,功率", "4.5,{t:%Y-%m-%d %H:%M:%S},{w}"),
        ("Date,Power", '"{t:%a %d %b %Y %H:%M:%S}",{w}'),
        ("Date,Power", "{t:%d-%b-%Y %H:%M:%S},{w}"),
        ("Time,Power (W)", '"{t:%A, %B %d, %Y %I:%M:%S %p}",{w}'),
        ("Time;Power (W)", "{t:%a %b %d %H:%M:%S %Y};{w}"),
        ("time,power", "{t:%Y-%m-%d %H:%M:%S} UTC,{w}"),
        ("time,power", "{t:%Y-%m-%d %H:%M:%S}+00,{w}"),
        ("time;power", "{t:%Y-%m-%d %H:%M:%S},000;{w}"),
        ("time;power", "{t:%d.%m.%Y %H:%M:%S}.000;{w}"),
        ("Datum;Uhrzeit;Leistung in Watt", "{t:%d.%m.%y};{t:%H:%M};{w}"),
        ("Timestamp,Watts", "{t:%d/%m/%y %H:%M},{w}"),
        ("日期,电力(W)", "{t:%Y年%m月%d日 %H:%M:%S},{w}"),
        ("日期,电力(W)", "{t:%Y年%m月%d日 %H时%M分},{w}"),
        ("time,power", '="{t:%Y-%m-%d %H:%M:%S}",="{w}"'),
        ("Record,Time,Value 1", "{at},{t:%Y-%m-%d %H:%M:%S},{w}"),
        (",time,power,", "{at},{t:%Y-%m-%d %H:%M:%S},{w},"),
        ("time;power;", "{t:%Y-%m-%d %H:%M:%S};{w}"),
        ("", "{at} {t:%Y-%m-%dT%H:%M:%S} {w}"),
        ("# time,power", "{e}.000,{w}"),
        ("% of a logger\ntime,power", "{e},+{w} W"),
        ("time,ch1_W_avg,ch2_W_avg", "{t:%Y-%m-%dT%H:%M:%S}+0000,{w},3"),
        ("id;ts;val;ack", "shelly.0.plug.Relay0.Power;{e}000;{w};true"),
    ],
)
def test_tables_as_loggers_write_them(head, row, tmp_path):
    """Delimiter, header, lines before it, time and unit are found without a word."""
    file = tmp_path / "log.csv"
    file.write_text(table(head, row), encoding="utf-8")

    assert_as_it_was(file)


@pytest.mark.parametrize("sign", ["\u00a0", "\u202f", "\u2009", " ", "\u2019", "'"])
def test_thousands_are_parted_as_they_are_typeset(tmp_path, sign):
    """By blanks and apostrophes that no keyboard has."""
    rows = [
        f"{time:%Y-%m-%d %H:%M:%S};{watts * 1_000:,.0f}\n" for time, watts in zip(TIMES, WATTS, strict=True)
    ]
    (tmp_path / "log.csv").write_text(
        "time;power (mW)\n" + "".join(rows).replace(",", sign), encoding="utf-8"
    )

    assert_as_it_was(tmp_path / "log.csv")


def test_a_fraction_of_a_second_is_kept_whatever_the_date(tmp_path):
    """Also where the date is no ISO one."""
    (tmp_path / "log.csv").write_text(table("time;power", "{t:%d.%m.%Y %H:%M:%S}.25;{w}"))

    _, rows = seen(tmp_path / "log.csv")

    assert [ms for _, ms, _ in rows] == [round(time.timestamp() * 1_000) + 250 for time in TIMES]


def test_each_cell_is_in_the_unit_that_it_says(tmp_path):
    """Grafana scales what it formats; a temperature among watts stays wrong."""
    file = tmp_path / "grafana.csv"
    cells = ["950 W", "1.2 kW", "84.4 W", "450 mW", "21 °C", "84.4"]
    rows = [f"{time:%Y-%m-%d %H:%M:%S},{cell}\n" for time, cell in zip(TIMES, cells, strict=False)]
    file.write_text("Time,freezer power\n" + "".join(rows), encoding="utf-8")
    mapping = inspect(file, MODEL).mapping

    parts = list(read_file(file, mapping, SPECS))

    assert [
        one for part in parts for block in part.blocks for one in block.signals["power"]
    ] == pytest.approx([950, 1200, 84.4, 0.45, 84.4])
    assert len([letter for part in parts for letter in part.dead_letters]) == 1


def test_decimal_commas_and_a_zone_that_is_told(tmp_path):
    """As a meter's portal in Berlin writes it; that the zone is not in the file is said where nobody told it."""
    local = [time + timedelta(hours=1) for time in TIMES]
    rows = [
        f"{time:%d.%m.%Y %H:%M:%S};{watts:.1f}".replace(".", ",", 0)
        for time, watts in zip(local, WATTS, strict=True)
    ]
    rows = [row.rpartition(";")[0] + ";" + row.rpartition(";")[2].replace(".", ",") for row in rows]
    file = tmp_path / "log.csv"
    file.write_text("Zeit;Leistung (W)\n" + "\n".join(rows) + "\n")

    told = assert_as_it_was(file, timezone="Europe/Berlin")
    untold, _ = seen(file)

    assert told.seen["numbers"] == "with decimal commas"
    assert not any("UTC" in one for one in told.assumed)
    assert any("taken for UTC" in one for one in untold.assumed)


@pytest.mark.parametrize("kind", ["utf-16", "gz", "zip", "parquet", "newest first"])
def test_files_however_they_are_packed(kind, tmp_path):
    """And in whatever order."""
    text = table("time,power", "{t:%Y-%m-%dT%H:%M:%SZ},{w}")
    file = tmp_path / {"gz": "log.csv.gz", "zip": "log.zip", "parquet": "log.parquet"}.get(kind, "log.csv")
    match kind:
        case "utf-16":
            file.write_bytes(text.encode("utf-16"))
        case "gz":
            file.write_bytes(gzip.compress(text.encode()))
        case "zip":
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("export.csv", text)
        case "parquet":
            times = pa.array([time.replace(tzinfo=None) for time in TIMES], pa.timestamp("us"))
            pq.write_table(pa.table({"time": times, "power": WATTS}), file)
        case _:
            head, *rows = text.splitlines()
            file.write_text("\n".join([head, *reversed(rows), ""]))

    assert_as_it_was(file)


def test_home_assistants_history_of_several_plugs(tmp_path):
    """Each entity is of a device, and what its name says; the last one in the file is found, too."""
    rows = [
        f"sensor.{name}_{what},{value},{time:%Y-%m-%dT%H:%M:%S.000Z}"
        for name, what, value in (
            ("freezer", "power", 84.4),
            ("freezer", "voltage", 230),
            ("kitchen_fridge", "power", 61),
        )
        for time in TIMES * (30 if name == "freezer" else 1)
    ]
    file = tmp_path / "history.csv"
    file.write_text("entity_id,state,last_changed\n" + "\n".join(rows) + "\n")

    _, found = seen(file)

    assert {(name, *values) for name, _, values in found} == {
        ("freezer", "power"),
        ("freezer", "voltage"),
        ("kitchen-fridge", "power"),
    }
    assert {values.get("power") for name, _, values in found if name == "kitchen-fridge"} == {61.0}


def test_home_assistants_statistics(tmp_path):
    """Hourly means stand for their hour; kWh are no power."""
    rows = [
        f"{name}\t{unit}\t{(BEGAN + timedelta(hours=at)):%d.%m.%Y %H:%M}\t1\t90\t{value}"
        for name, unit, value in (("sensor.freezer_power", "W", 42.5), ("sensor.freezer_energy", "kWh", 12))
        for at in range(48)
    ]
    file = tmp_path / "statistics.tsv"
    file.write_text("statistic_id\tunit\tstart\tmin\tmax\tmean\n" + "\n".join(rows) + "\n")

    inspected, found = seen(file)

    assert {(name, tuple(values.items())) for name, _, values in found} == {("freezer", (("power", 42.5),))}
    assert inspected.written["holds_for"] == "90 min"


INFLUX = """#group,false,false,true,true,false,false,true,true,true\r
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string\r
#default,_result,,,,,,,,\r
,result,table,_start,_stop,_time,_value,_field,_measurement,{id}\r
"""


@pytest.mark.parametrize(
    ("measurement", "field_", "id_", "name", "appliance"),
    [
        ("plugs", "apower", "device", "freezer", "freezer"),
        ("W", "value", "entity_id", "freezer_power", "freezer"),
    ],
)
def test_influx_annotated_csv(measurement, field_, id_, name, appliance, tmp_path):
    """By a field of any name, or by the measurement, as Home Assistant writes there."""
    rows = [
        f",,0,2025-03-03T00:00:00Z,2025-03-05T00:00:00Z,{time:%Y-%m-%dT%H:%M:%SZ},{watts},{field_},{measurement},{name}\r"
        for time, watts in zip(TIMES, WATTS, strict=True)
    ]
    rows += [
        f",,1,2025-03-03T00:00:00Z,2025-03-05T00:00:00Z,{TIMES[0]:%Y-%m-%dT%H:%M:%SZ},21.5,temperature,°C,{name}\r"
    ]
    file = tmp_path / "log.csv"
    file.write_text(INFLUX.format(id=id_) + "\n".join(rows) + "\n", encoding="utf-8", newline="")

    assert_as_it_was(file, appliance)


def test_a_long_table_with_a_series_for_each_appliance(tmp_path):
    """Grafana's old form: the appliance and what it says are in one word."""
    rows = [
        f"{name} power;{time:%Y-%m-%dT%H:%M:%SZ};{watts}"
        for name in ("fridge", "freezer")
        for time, watts in zip(TIMES, WATTS, strict=True)
    ]
    file = tmp_path / "grafana.csv"
    file.write_text("Series;Time;Value\n" + "\n".join(rows) + "\n")

    _, found = seen(file)

    assert {name for name, _, _ in found} == {"fridge", "freezer"}
    assert len(found) == 2 * len(WATTS)


def test_a_column_of_names_makes_ids(tmp_path):
    """Cleaned, as an id has no blanks."""
    file = tmp_path / "log.csv"
    file.write_text(table("device,time,power", "cellar freezer,{t:%Y-%m-%dT%H:%M:%SZ},{w}"))

    assert_as_it_was(file, "cellar-freezer")


@pytest.mark.parametrize("wild", [65_535, 1e30, -40_000])
def test_one_wild_cell_is_no_unit(tmp_path, wild):
    """What a logger writes for a value that it missed makes no milliwatts of all the others."""
    lines = [f"{int(BEGAN.timestamp()) + 60 * at},{84.4 if at % 60 < 20 else 0.5}" for at in range(500)]
    lines[250] = f"{lines[250].split(',')[0]},{wild}"
    (tmp_path / "log.csv").write_text("time,power\n" + "\n".join(lines) + "\n")

    inspected = inspect(tmp_path / "log.csv", MODEL)

    assert inspected.written["signals"] == {"power": {"column": "power", "unit": "W"}}


@pytest.mark.parametrize("wild", [65_535, 999, 1e30, -40_000, 50])
@pytest.mark.parametrize("at", [1, 30, 400])
def test_one_wild_cell_among_kilowatts_makes_no_watts_of_them(tmp_path, wild, at):
    """No machine runs for one row alone; the cell itself is refused, with its reason."""
    lines = [f"{int(BEGAN.timestamp()) + 60 * n},{0.0844 if n % 60 < 20 else 0.0005}" for n in range(500)]
    lines[at] = f"{lines[at].split(',')[0]},{wild}"
    (tmp_path / "log.csv").write_text("time,power\n" + "\n".join(lines) + "\n")

    found = inspect_recording([tmp_path / "log.csv"], None, None, None)

    assert found.inspected.written["signals"] == {"power": {"column": "power", "unit": "kW"}}
    assert any("but in 1 of 499 cells" in one for one in found.inspected.assumed)
    assert (found.trial.used + found.trial.refused, found.trial.highest["power"]) == (500, 84.4)


@pytest.mark.parametrize("runs", [range(497, 500), range(3), (200, 201), range(100, 500, 40)])
def test_a_machine_that_hardly_ran_in_the_first_rows_is_in_watts_still(tmp_path, runs):
    """What it draws at rest is no kilowatt."""
    lines = [f"{int(BEGAN.timestamp()) + 60 * n},{84.4 if n in runs else 1.2}" for n in range(500)]
    (tmp_path / "log.csv").write_text("time,power\n" + "\n".join(lines) + "\n")

    assert inspect(tmp_path / "log.csv", MODEL).written["signals"]["power"]["unit"] == "W"


@pytest.mark.parametrize(
    ("name", "scale", "unit"),
    [("Global_active_power", 0.001, "kW"), ("power", 1_000, "mW"), ("Power (kW)", 0.001, "kW")],
)
def test_the_unit_is_told_by_the_name_or_by_what_the_values_can_be(name, scale, unit, tmp_path):
    """No compressor runs on 0.08 W."""
    file = tmp_path / "log.csv"
    rows = [
        f"{time:%Y-%m-%dT%H:%M:%SZ},{round(watts * scale, 6)}"
        for time, watts in zip(TIMES, WATTS, strict=True)
    ]
    file.write_text(f"time,{name}\n" + "\n".join(rows) + "\n")

    inspected = assert_as_it_was(file)

    assert inspected.written["signals"]["power"]["unit"] == unit
    assert any(unit in one for one in inspected.assumed) == ("kW" not in name)


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("time,fridge power,freezer power", "{w},61"),
        ("time,Power Fridge (W),Power Freezer (kW)", "{w},0.061"),
        ("time,fridge_power_kw,freezer_power_w", "{w}e-3,61"),
        ("time,Fridge,Freezer", "{w} W,61 W"),
        ("time,Fridge,Freezer,Room", "{w} W,0.061 kW,21.5"),
        ("time,冰箱功率（W）,冷柜功率（W）", "{w},61"),
    ],
)
def test_appliances_side_by_side_are_each_one(tmp_path, head, row):
    """As Grafana joins its series: a column each, whose name says whose it is, and it or its cells what they are in."""
    file = tmp_path / "log.csv"
    file.write_text(table(head, "{t:%Y-%m-%dT%H:%M:%SZ}," + row), "utf-8")

    found = inspect_recording([file], None, None, None)

    both = [WATTS, [61.0] * len(WATTS)]
    read = [power for _, power in sorted(watched(file, found.inspected.mapping).items())]
    assert sorted(read, key=both.index) == both
    assert found.trial.used == 2 * len(WATTS)
    assert found.inspected.seen["appliance"] == ", ".join(found.trial.appliances)
    assert not any("not used" in one or "kW" in one for one in found.inspected.assumed)


def watched(file: Path, mapping: ReplayMapping) -> dict[str, list[float]]:
    """The power of each appliance, as a replay has it."""
    found: dict[str, list[float]] = {}
    for part in read_together([file], mapping, SPECS):
        for block in part.blocks:
            for at in range(len(block)):
                of = found.setdefault(block.appliance_ids[block.appliance[at]], [])
                of.append(round(float(block.signals["power"][at]), 3))
    return found


def test_what_names_nobody_is_of_all(tmp_path):
    """The voltage of the mains; but a sum of power that each has of its own is of nobody, and that is said."""
    file = tmp_path / "log.csv"
    file.write_text(
        table("time,voltage,power,fridge power,freezer power", "{t:%Y-%m-%dT%H:%M:%SZ},230,99,{w},61")
    )

    inspected = inspect(file, MODEL)

    assert {name: one["column"] for name, one in inspected.written["signals"].items()} == {
        "power": "fridge power",
        "voltage": "voltage",
    }
    assert inspected.written["beside"]["freezer"]["voltage"]["column"] == "voltage"
    assert any("not used, as they name nobody: 'power'" in one for one in inspected.assumed)


def test_the_line_is_no_appliance(tmp_path):
    """Several are those of whom the same is measured; what is of the line beside one of them is of that one."""
    file = tmp_path / "log.csv"
    file.write_text(
        table("time,Fridge power,Line voltage,Fridge current", "{t:%Y-%m-%dT%H:%M:%SZ},{w},230,0.4")
    )

    inspected = assert_as_it_was(file)

    assert list(inspected.written["signals"]) == ["power", "current", "voltage"]
    assert "beside" not in inspected.written


@pytest.mark.parametrize("watts", [0.5, 8])
def test_what_rests_beside_a_machine_is_in_its_unit(tmp_path, watts):
    """Alone it would look like kilowatts; whoever writes no unit writes all in one."""
    file = tmp_path / "log.csv"
    file.write_text(table("time,Freezer power,Router power", "{t:%Y-%m-%dT%H:%M:%SZ},{w}," + str(watts)))

    found = inspect_recording([file], None, None, None)

    assert watched(file, found.inspected.mapping)["Router"] == [watts] * len(WATTS)
    assert not any("kW" in one for one in found.inspected.assumed)


def test_of_several_what_the_model_does_not_have_is_left_out(tmp_path):
    """Whose voltage alone is there is none of them."""
    head = "time,Fridge power,Freezer power,Freezer voltage,Cellar voltage"
    file = tmp_path / "log.csv"
    file.write_text(table(head, "{t:%Y-%m-%dT%H:%M:%SZ},{w},61,230,231"))

    found = inspect_recording([file], "rf-260", None, None)

    assert found.trial.appliances == ["Fridge", "Freezer"]
    assert any("voltage is left out" in one for one in found.inspected.assumed)
    assert any("'Cellar voltage'" in one for one in found.inspected.assumed)


@pytest.mark.parametrize(
    "others", [("power_l1", "power_l2"), ("power max", "power min"), ("fridge power l1", "fridge power l2")]
)
def test_columns_of_one_meter_are_one_appliance(tmp_path, others):
    """Phases and statistics: the first is taken, and the others are named."""
    file = tmp_path / "log.csv"
    file.write_text(table("time," + ",".join(others), "{t:%Y-%m-%dT%H:%M:%SZ},{w},61"))

    inspected = assert_as_it_was(file)

    assert any(f"not used: {others[1]}" in one for one in inspected.assumed)


def test_apparent_power_in_watts_is_none(tmp_path):
    """The name says more than the unit that cells carry."""
    file = tmp_path / "log.csv"
    file.write_text(table("time,Fridge,Apparent", "{t:%Y-%m-%dT%H:%M:%SZ},{w} W,99 W"))

    assert "beside" not in assert_as_it_was(file).written


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no rows"),
        ("a,b\nx,y\nz,w\n", "no column is a time"),
        (
            "time,energy Wh,Temp\n2025-03-03T00:00:00Z,1,20\n2025-03-03T00:01:00Z,2,21\n",
            "no column is power",
        ),
        ("time,colour\n2025-03-03T00:00:00Z,red\n2025-03-03T00:01:00Z,blue\n", "no column is power"),
    ],
)
def test_a_file_of_which_nothing_can_be_made_is_a_sentence(text, sentence, tmp_path):
    """With what is in it."""
    file = tmp_path / "log.csv"
    file.write_text(text)

    with pytest.raises(InputError, match=sentence):
        inspect(file, MODEL)


def test_what_the_model_does_not_have_is_left_out_and_said(tmp_path):
    """An appliance model of one's own may have no voltage."""
    file = tmp_path / "log.csv"
    file.write_text(table("time,power,voltage", "{t:%Y-%m-%dT%H:%M:%SZ},{w},230"))

    found = inspect_recording([file], "rf-260", None, None)

    assert list(found.inspected.written["signals"]) == ["power"]
    assert any("voltage is left out" in one for one in found.inspected.assumed)
    assert found.trial.used == len(WATTS)


def test_a_folder_of_files_has_an_appliance_each(tmp_path):
    """By their names."""
    for name in ("fridge-1", "fridge-2"):
        (tmp_path / f"{name}.csv").write_text(table("time,power", "{t:%Y-%m-%dT%H:%M:%SZ},{w}"))

    found = inspect_recording([tmp_path], None, None, None)

    mapping = found.inspected.mapping
    assert [mapping.appliance_id.of_file(tmp_path / f"fridge-{at}.csv") for at in (1, 2)] == [
        "fridge-1",
        "fridge-2",
    ]


@given(
    st.text(max_size=400)
    | st.lists(st.text("0123456789.,;:- \t\nabTZ", max_size=30), max_size=20).map("\n".join)
)
def test_no_text_ends_with_more_than_a_sentence(tmp_path_factory, text):
    """Whatever somebody calls .csv."""
    file = tmp_path_factory.mktemp("any") / "any.csv"
    file.write_text(text, encoding="utf-8", errors="ignore")

    with suppress(ForemendError):
        assert inspect_recording([file], None, None, None).trial.used >= 0


@pytest.mark.parametrize(
    ("day", "told"), [("04/05/2025", True), ("05/05/2025", False), ("24/05/2025", False)]
)
def test_days_and_months_that_could_be_either_are_told(tmp_path, day, told):
    """With the format that would mean the other; a day that is above twelve, or both, is only one."""
    file = tmp_path / "log.csv"
    rows = [f"{day} {n // 60:02}:{n % 60:02}:00,{84 if n % 60 < 20 else 1}" for n in range(1_440)]
    file.write_text("time,power (W)\n" + "\n".join(rows) + "\n")

    assumed = inspect_recording([file], None, "UTC", None).inspected.assumed

    assert any('"%m/%d/%Y %H:%M:%S"' in one and "could be either" in one for one in assumed) == told


@pytest.mark.parametrize("zone", ["Z", " +0100 CET", " GMT+0100 (Central European Standard Time)"])
def test_a_zone_below_a_row_of_units_is_seen(tmp_path, zone):
    file = tmp_path / "log.csv"
    rows = [f"2025-03-03 {n // 60:02}:{n % 60:02}:00{zone},{84 if n % 60 < 20 else 1}" for n in range(1_440)]
    file.write_text("time,power\nUTC,W\n" + "\n".join(rows) + "\n")

    inspected = inspect_recording([file], None, None, None).inspected

    assert not any("taken for UTC" in one for one in inspected.assumed)
    assert "timezone" not in inspected.written["time"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_that_ends_within_a_sign_is_one_sentence(tmp_path, encoding):
    """As a full disk, or a download that broke off, leaves it."""
    file = tmp_path / "log.csv"
    file.write_bytes("time,watts\n2025-03-03 00:00:00,1\n".encode(encoding)[:-1])

    with pytest.raises(InputError, match=r"log\.csv cannot be read"):
        inspect_recording([file], None, None, None)
