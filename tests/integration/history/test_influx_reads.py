"""Reading from InfluxDB, on answers in its documented annotated CSV; and what else is asked of its API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from foremend.cli import app
from foremend.history.influx import InfluxHistory
from foremend.vocabulary.errors import RefusedError, UnavailableError
from foremend.vocabulary.types import MS_PER_DAY, Block, Forgotten

OpenHistory = Callable[..., InfluxHistory]
MakeBlock = Callable[..., Block]

DAY = 1_763_683_200_000  # 2025-11-21

ONE_DAY = """\
#datatype,string,long,dateTime:RFC3339\r
#group,false,false,false\r
#default,_result,,\r
,result,table,_time\r
,,0,2025-11-21T00:00:00Z\r
\r
"""

TWO_TABLES = """\
#datatype,string,long,dateTime:RFC3339,string,string,double,double\r
#group,false,false,false,false,false,false,false\r
#default,_result,,,,,,\r
,result,table,_time,appliance,fw,power,seq\r
,,0,2025-11-21T00:02:00.000000001Z,"odd, name",1.0.0,91.5,1\r
,,0,2025-11-21T00:01:00.250000002Z,rf-260-01,,,2\r
\r
#datatype,string,long,dateTime:RFC3339,string,double,double\r
#group,false,false,false,false,false,false\r
#default,_result,,,,,\r
,result,table,_time,appliance,freezer_temp,seq\r
,,1,2025-11-21T00:00:00.000999999Z,rf-260-02,-18.25,-1\r
\r
"""

COUNTED = """\
#datatype,string,long,long\r
#group,false,false,false\r
#default,_result,,\r
,result,table,_value\r
,,0,1440\r
\r
"""

BROKEN_OFF = """\
#datatype,string,string\r
#group,true,true\r
#default,,\r
,error,reference\r
,query terminated: memory limit exceeded,897\r
"""


def test_readings_come_back_from_annotated_csv(recorded: Any, open_history: OpenHistory) -> None:
    """In order of time, of many appliances, from tables whose columns differ; what is absent is NaN."""
    recorded.answers = {"aggregateWindow": (200, ONE_DAY), "pivot": (200, TWO_TABLES)}

    (day,) = open_history(recorded.url).read("rf-260", 0, 2**62)

    assert [day.appliance_ids[i] for i in day.appliance] == ["rf-260-02", "rf-260-01", "odd, name"]
    assert day.time.tolist() == [DAY, DAY + 60_250, DAY + 120_000]
    assert day.seq.tolist() == [-1, 2, 1]
    np.testing.assert_array_equal(day.signals["power"], [np.nan, np.nan, 91.5])
    np.testing.assert_array_equal(day.signals["freezer_temp"], [-18.25, np.nan, np.nan])
    assert dict(zip(day.appliance_ids, day.firmware, strict=True))["odd, name"] == "1.0.0"


def test_a_query_names_bucket_model_and_span(recorded: Any, open_history: OpenHistory) -> None:
    """The part of the day that was asked for, the end not included; names cannot break out of their quotes."""
    recorded.answers = {"aggregateWindow": (200, ONE_DAY), "pivot": (200, TWO_TABLES)}

    list(open_history(recorded.url).read('rf" ${x}', DAY + 1, DAY + 2 * MS_PER_DAY))

    text = recorded.asked[1][1]["query"]
    assert 'from(bucket: "fridges")' in text
    assert "range(start: 2025-11-21T00:00:00.001Z, stop: 2025-11-22T00:00:00.000Z)" in text
    assert r'r._measurement == "rf\" \${x}"' in text


def test_many_appliances_are_asked_for_in_a_few_questions(recorded: Any, open_history: OpenHistory) -> None:
    """Each name once, quoted, a hundred in a question; what comes of all is one block a day."""
    recorded.answers = {"aggregateWindow": (200, ONE_DAY), "pivot": (200, TWO_TABLES)}
    names = {f'"odd" {number}' for number in range(101)}

    (day,) = open_history(recorded.url).read("rf-260", 0, 2**62, names)

    asked = [body["query"] for _, body in recorded.asked if "pivot" in body["query"]]
    assert [text.count("r.appliance == ") for text in asked] == [100, 1]
    assert all(sum(f'r.appliance == "\\"odd\\" {n}"' in text for text in asked) == 1 for n in range(101))
    assert len(day) == 2 * 3


def test_a_model_without_readings_has_no_blocks(recorded: Any, open_history: OpenHistory) -> None:
    """InfluxDB answers with nothing at all."""
    recorded.answers = {"aggregateWindow": (200, "\r\n")}

    assert list(open_history(recorded.url).read("rf-260", 0, 2**62)) == []


def test_an_error_within_an_answer_is_not_data(recorded: Any, open_history: OpenHistory) -> None:
    """A query that breaks off half-way says so in a table of its own."""
    recorded.answers = {"aggregateWindow": (200, ONE_DAY), "pivot": (200, TWO_TABLES + BROKEN_OFF)}

    with pytest.raises(UnavailableError, match="memory limit exceeded"):
        list(open_history(recorded.url).read("rf-260", 0, 2**62))


def test_a_query_that_is_refused_says_why(recorded: Any, open_history: OpenHistory) -> None:
    """As VictoriaMetrics does, which has no Flux."""
    recorded.answers = {"aggregateWindow": (400, '{"code": "invalid", "message": "no Flux here"}')}

    with pytest.raises(RefusedError, match=r"cannot be read .* no Flux here"):
        list(open_history(recorded.url).read("rf-260", 0, 2**62))


def test_an_appliance_is_deleted_here_and_there(
    recorded: Any, open_history: OpenHistory, readings: MakeBlock
) -> None:
    """By the documented predicate, and out of what waits; the others stay, and how many went is counted."""
    recorded.answers = {"count()": (200, COUNTED), "POST /api/v2/delete": (204, "")}
    history = open_history(recorded.url)
    history.write(readings([DAY], [1.0], appliance="leaves"))
    history.write(readings([DAY], [1.0], appliance="stays"))

    gone = history.forget_appliances("rf-260", ["leaves"])

    (_, question), (_, body) = recorded.asked
    assert 'r._measurement == "rf-260" and (r.appliance == "leaves") and' in question["query"]
    assert body["predicate"] == '_measurement="rf-260" AND appliance="leaves"'
    assert (gone, history.waiting_rows) == (1_440 + 1, 1)


def test_what_was_written_before_a_process_knew_is_deleted_again(
    recorded: Any, open_history: OpenHistory, readings: MakeBlock
) -> None:
    """Once, up to the moment of forgetting; and what waits of before that moment is not written."""
    recorded.answers = {"POST /api/v2/delete": (204, ""), "POST /api/v2/write": (204, "")}
    known: list[Forgotten] = []
    history = open_history(recorded.url, lambda: known)
    history.write(readings([DAY, DAY + 1, DAY + 2], [1.0, 2.0, 3.0], appliance="leaves"))

    known.append(Forgotten("rf-260", "leaves", DAY + 1))
    history.flush(0, 1)
    history.flush(1, 1)

    (_, deleted), (_, written) = recorded.asked
    assert (deleted["start"], deleted["stop"]) == ("1970-01-01T00:00:00.000Z", "2025-11-21T00:00:00.002Z")
    assert [line.split("power=")[1][0] for line in written.splitlines()] == ["3"]


def test_a_missing_bucket_is_made_with_its_retention(recorded: Any, open_history: OpenHistory) -> None:
    """`foremend history create` on a new InfluxDB."""
    made = {"id": "0a", "name": "fridges", "orgID": "0b", "retentionRules": []}
    recorded.answers = {
        "GET /api/v2/buckets": (200, '{"buckets": []}'),
        "GET /api/v2/orgs": (200, '{"orgs": [{"id": "0b", "name": "home"}]}'),
        "POST /api/v2/buckets": (201, json.dumps(made)),
    }

    said = open_history(recorded.url).create()

    assert said == {"bucket": "fridges", "was": "made", "keeps": "30 days"}
    _, body = recorded.asked[-1]
    assert (body["name"], body["retentionRules"]) == (
        "fridges",
        [{"type": "expire", "everySeconds": 2_592_000}],
    )


def test_a_bucket_that_is_there_gets_the_retention_set_now(recorded: Any, open_history: OpenHistory) -> None:
    """Run it again after changing the settings."""
    there = {"id": "0a", "name": "fridges", "orgID": "0b", "retentionRules": []}
    recorded.answers = {
        "GET /api/v2/buckets": (200, json.dumps({"buckets": [there]})),
        "PATCH /api/v2/buckets/0a": (200, json.dumps(there)),
    }

    said = open_history(recorded.url).create()

    assert said["was"] == "there already"
    assert recorded.asked[-1][1]["retentionRules"] == [{"type": "expire", "everySeconds": 2_592_000}]


def test_history_create_is_a_command(recorded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings from the file, the token from the environment, one JSON object out."""
    monkeypatch.setenv("A_TOKEN", "secret")
    config = tmp_path / "config.yaml"
    config.write_text(
        f"storage: {{history: influx, influx: {{url: '{recorded.url}', bucket: fridges, token_env: A_TOKEN}}}}"
    )
    there = {"id": "0a", "name": "fridges", "orgID": "0b", "retentionRules": []}
    recorded.answers = {
        "GET /api/v2/buckets": (200, json.dumps({"buckets": [there]})),
        "PATCH /api/v2/buckets/0a": (200, json.dumps(there)),
    }

    result = CliRunner().invoke(app, ["history", "create", "--config", str(config), "--json"])

    assert json.loads(result.stdout) == {
        "bucket": "fridges",
        "was": "there already",
        "keeps": "for ever",
    }
