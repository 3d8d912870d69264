"""Recordings become the same blocks that live messages give; bad rows are dead letters with their line."""

from __future__ import annotations

import gzip
import json
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from foremend.vocabulary.errors import ConfigError, InputError
from ingest.messages import to_messages
from ingest.replay.mapping import ReplayMapping
from ingest.replay.recording import load_mapping, read_file

MAPPINGS = Path(__file__).parents[3] / "examples" / "mappings"
BASE = {
    "appliance_model": "generic-compressor",
    "appliance_id": {"value": "a-1"},
    "time": {"column": "time"},
    "signals": {"power": {"column": "watts", "unit": "W"}},
}


def mapping(**changes):
    """A mapping of a CSV file with the columns time and watts."""
    return ReplayMapping.model_validate(BASE | changes)


def ms(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def write(folder: Path, text: str | bytes, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path, a_mapping, signals):
    """(blocks, dead letters, ignored) of a whole file."""
    parts = list(read_file(path, a_mapping, signals))
    blocks = [block for part in parts for block in part.blocks]
    return blocks, [letter for part in parts for letter in part.dead_letters], sum(p.ignored for p in parts)


def test_tracebase_files_are_read_whole(shared_data, signals):
    """Every line is a reading; the id is in the file's name, verbatim, so that other tables about it still fit."""
    path = shared_data / "tracebase" / "dev_D331DA_2011.12.17.csv.gz"

    blocks, letters, ignored = read(path, load_mapping(MAPPINGS / "tracebase.yaml"), signals)

    with gzip.open(path) as lines:
        assert sum(map(len, blocks)) == sum(1 for _ in lines)
    assert (letters, ignored) == ([], 0)
    assert {block.appliance_ids for block in blocks} == {("dev_D331DA",)}
    assert blocks[0].time[0] == ms("2011-12-17T00:00:00")
    assert blocks[0].signals["power"][:5].tolist() == [17, 15, 15, 17, 15]
    assert np.isnan(blocks[0].signals["voltage"]).all()


def test_repeated_timestamps_stay_apart(tmp_path, signals):
    """Each row has its own number, and the same again when the file is read again."""
    path = write(tmp_path, "time,watts\n2024-01-01T00:00:00Z,1\n2024-01-01T00:00:00Z,2\n")

    (first,), _, _ = read(path, mapping(), signals)
    (again,), _, _ = read(path, mapping(), signals)

    assert len(set(first.seq.tolist())) == 2
    assert again.seq.tolist() == first.seq.tolist()


def test_bad_rows_are_dead_letters_and_the_others_go_on(tmp_path, signals):
    """The reason names the line as an editor counts it, the field and what is wrong."""
    lines = [
        "time,watts",
        "2024-01-01T00:00:00Z,1",
        "not a time,2",
        "2024-01-01T00:00:02Z,three",
        "2024-01-01T00:00:03Z",
        "",
        "2024-01-01T00:00:04Z,99999",
        "2024-01-01T00:00:05Z,inf",
        "2024-01-01T00:00:06Z,6",
        "2024-01-01T00:00:07Z,7,7",
        "2024-01-01T00:00:08Z,8",
    ]
    path = write(tmp_path, "\n".join(lines).encode() + b"\n\xff\xfe,9\n")

    blocks, letters, ignored = read(path, mapping(), signals)

    assert blocks[0].signals["power"].tolist() == [1, 6, 8]
    assert blocks[0].seq.tolist() == [2, 9, 11]
    assert [letter.reason for letter in letters] == [
        "line 3: time: 'not a time' does not fit the format iso",
        "line 4: power: 'three' is not a finite number",
        "line 5: other than the usual number of fields",
        "line 7: power: 99999 W is outside 0..5000 W",
        "line 8: power: 'inf' is not a finite number",
        "line 10: other than the usual number of fields",
        "line 12: time: '��' does not fit the format iso",
    ]
    assert json.loads(letters[1].payload) == {"time": "2024-01-01T00:00:02Z", "watts": "three"}
    assert letters[2].payload == b"2024-01-01T00:00:03Z"
    assert letters[0].topic == "replay/log.csv"
    assert ignored == 1


def test_lines_are_right_across_blocks(tmp_path, signals):
    """A file larger than what is read at once, with broken lines in between."""
    rows = ["time,watts"]
    for number in range(100_000):
        rows.append(f"{1_700_000_000_000 + number * 1000},1")
        if number % 10_000 == 5_000:
            rows.append("broken")
    rows[50_001] = "x,1"
    path = write(tmp_path, "\n".join(rows))

    blocks, letters, _ = read(path, mapping(time={"column": "time", "format": "epoch_ms"}), signals)

    assert len(blocks) > 1
    assert sum(map(len, blocks)) == 99_999
    broken = [number + 1 for number, row in enumerate(rows) if row == "broken"]
    lines = sorted(int(letter.reason.split(":")[0].removeprefix("line ")) for letter in letters)
    assert lines == sorted([*broken, 50_002])


@pytest.mark.parametrize(
    ("time", "cell", "expected"),
    [
        ({"format": "%d/%m/%Y %H:%M:%S"}, "17/12/2011 00:00:02", "2011-12-17T00:00:02"),
        (
            {"format": "%d/%m/%Y %H:%M:%S", "timezone": "Europe/Berlin"},
            "17/12/2011 00:00:02",
            "2011-12-16T23:00:02",
        ),
        ({"format": "epoch_s"}, "1324080002.5", "2011-12-17T00:00:02.500"),
        ({"format": "epoch_ms"}, "1324080002500", "2011-12-17T00:00:02.500"),
        ({}, "2011-12-17 00:00:02", "2011-12-17T00:00:02"),
        ({"timezone": "Asia/Shanghai"}, "2011-12-17 08:00:02", "2011-12-17T00:00:02"),
        ({}, "2011-12-17T01:00:02.250+01:00", "2011-12-17T00:00:02.250"),
    ],
)
def test_times_as_recorded(tmp_path, signals, time, cell, expected):
    """strptime formats, epochs and ISO; a zone is for times that carry none."""
    path = write(tmp_path, f"time,watts\n{cell},1\n")

    (block,), letters, _ = read(path, mapping(time={"column": "time"} | time), signals)

    assert (block.time.tolist(), letters) == ([ms(expected)], [])


def test_iso_times_may_be_mixed(tmp_path, signals):
    """With and without a zone, in one file, beside one that is no time."""
    path = write(tmp_path, "time,watts\n2024-01-01T01:00:00+01:00,1\n2024-01-01 00:00:01,2\nx,3\n")

    (block,), letters, _ = read(path, mapping(), signals)

    assert block.time.tolist() == [ms("2024-01-01T00:00:00"), ms("2024-01-01T00:00:01")]
    assert len(letters) == 1


def test_parquet_with_ids_in_a_column(tmp_path, signals):
    """Typed columns, several appliances in one file, units converted, the recorder's own numbers."""
    path = tmp_path / "export.parquet"
    when = datetime(2024, 1, 1, tzinfo=UTC)
    table = pa.table(
        {
            "recorded_at": pa.array([when, when, when, None], pa.timestamp("us", "UTC")),
            "device": ["hp-1", "hp-2", "not an id", "hp-1"],
            "counter": [5, 6, 7, 8],
            "active_power": [0.5, None, 1.0, 1.0],
            "phase_current": pa.array([2500, 1000, 1, 1], pa.int32()),
        }
    )
    pq.write_table(table, path)

    (block,), letters, _ = read(path, load_mapping(MAPPINGS / "heat-pump-loggers.yaml"), signals)

    assert block.appliance_ids == ("hp-1", "hp-2")
    assert block.seq.tolist() == [5, 6]
    assert block.signals["power"][0] == 500
    assert math.isnan(block.signals["power"][1])
    assert block.signals["current"].tolist() == [2.5, 1.0]
    assert [letter.reason.split(":")[:2] for letter in letters] == [
        ["line 3", " appliance id"],
        ["line 4", " time"],
    ]


def test_messages_of_a_replay_decode_to_the_same_block(tmp_path, signals, make_ingest):
    """Through a broker or not, the pipeline sees the same readings; what was decoded together is in order of time."""
    rows = "".join(f"2024-01-01T00:{minute:02}:00Z,{minute}\n" for minute in range(60)) * 3
    (block,), _, _ = read(write(tmp_path, "time,watts\n" + rows), mapping(), signals)

    messages = list(to_messages(block))
    decoded = make_ingest().decode(messages)

    assert [message.topic for message in messages] == ["dt/appliance/generic-compressor/a-1/telemetry"] * 3
    assert decoded.dead_letters == []
    (again,) = decoded.blocks
    block = block.take(np.argsort(block.time, kind="stable"))
    np.testing.assert_array_equal(again.time, block.time)
    np.testing.assert_array_equal(again.seq, block.seq)
    np.testing.assert_array_equal(again.signals["power"], block.signals["power"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"time": {"column": "when"}}, r"has no column 'when': it has time, watts"),
        ({"time": {"column": 7}}, r"has no column 7"),
        ({"appliance_model": "toaster"}, "appliance_model 'toaster' has no profile"),
        ({"signals": {"speed": {"column": "watts", "unit": "rpm"}}}, "generic-compressor has no 'speed'"),
        (
            {"signals": {"power": {"column": "watts", "unit": "V"}}},
            r"signals.power: 'V' \(voltage\) cannot become",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(tmp_path, signals, change, expected):
    """One sentence that names the key and what there is."""
    path = write(tmp_path, "time,watts\n2024-01-01T00:00:00Z,1\n")

    with pytest.raises(ConfigError, match=expected):
        list(read_file(path, mapping(**change), signals))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("log.csv", b"", "cannot be read: Empty CSV file"),
        ("log.csv.gz", b"not gzip", "cannot be read"),
        ("log.parquet", b"not parquet", "cannot be read"),
        ("log.xlsx", b"", "only .csv, .csv.gz, .txt, .tsv and .parquet"),
        ("missing.csv", None, "does not exist"),
        ("gone.parquet", None, "does not exist"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, signals, name, content, expected):
    """The sentence names the file."""
    path = tmp_path / name if content is None else write(tmp_path, content, name)

    with pytest.raises(InputError, match=expected):
        list(read_file(path, mapping(), signals))


def test_a_file_name_that_does_not_fit_the_pattern_is_refused(tmp_path, signals):
    """An id is never guessed."""
    path = write(tmp_path, "time,watts\n")

    with pytest.raises(InputError, match="the name does not fit"):
        list(read_file(path, mapping(appliance_id={"file_name": "(?P<appliance_id>dev_.+)_"}), signals))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time: {column: 0}", "Field required"),
        ("delimeter: ';'", "did you mean 'delimiter'"),
        ("appliance_id: {file_name: '('}", "is not a regular expression"),
        ("appliance_id: {file_name: 'dev'}", r"lacks the group"),
        ("appliance_id: {value: a, column: 1}", "exactly one of"),
        ("appliance_id: {value: 'a b'}", "no appliance id"),
        ("time: {column: 0, format: julian}", "neither iso"),
        ("time: {column: 0, format: '%H:%M:%S.%f'}", "fractions of a second"),
        ("time: {column: 0, timezone: Mars/Base}", "not a time zone"),
        (
            json.dumps(BASE | {"header": False}),
            "give its place",
        ),
    ],
)
def test_a_wrong_mapping_file_is_refused(tmp_path, text, expected):
    """Each mistake has its sentence, with the path of the key."""
    path = write(tmp_path, text, "map.yaml")

    with pytest.raises(ConfigError, match=expected):
        load_mapping(path)
