"""What every store of history does, whichever it is.

Parquet runs here. InfluxDB runs where a real one is named, since nothing less answers Flux: INFLUX_URL, INFLUX_ORG
and INFLUX_TOKEN, for a token that may make and remove a bucket. What of it needs no Flux is tested on a real server
in tests/integration/history.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from influxdb_client import InfluxDBClient

from foremend.history.influx import InfluxHistory
from foremend.history.influx_settings import InfluxSettings
from foremend.history.parquet import ParquetHistory
from foremend.vocabulary.ports import History
from foremend.vocabulary.types import MS_PER_DAY, Block, Forgotten

DAY = 20_000 * MS_PER_DAY
MODEL = "rf-260"

Row = tuple[str, int, int, float, str]


@pytest.fixture
def forgotten() -> list[Forgotten]:
    """What the store is told that was forgotten; nothing yet."""
    return []


@pytest.fixture(params=["parquet", "influx"])
def history(request: pytest.FixtureRequest, tmp_path: Path, forgotten: list[Forgotten]) -> Iterator[History]:
    """An empty store."""
    if request.param == "parquet":
        yield ParquetHistory(tmp_path / "history", "journal", lambda: forgotten)
        return
    if "INFLUX_URL" not in os.environ:
        pytest.skip("no InfluxDB 2 here: name one by INFLUX_URL, INFLUX_ORG and INFLUX_TOKEN")
    settings = InfluxSettings(
        url=os.environ["INFLUX_URL"],
        org=os.environ["INFLUX_ORG"],
        bucket=f"foremend-test-{uuid.uuid4()}",
        token_env="INFLUX_TOKEN",
    )
    store = InfluxHistory(settings, lambda: forgotten)
    store.create()
    yield store
    store.close()
    with InfluxDBClient(settings.url, settings.token(), org=settings.org) as client:
        buckets = client.buckets_api()
        buckets.delete_bucket(buckets.find_bucket_by_name(settings.bucket))


def block(appliance: str, times: list[int], first_seq: int = 0) -> Block:
    """One appliance; its power is its `seq`, and its door never speaks."""
    seq = np.arange(first_seq, first_seq + len(times), dtype=np.int64)
    return Block(
        MODEL,
        (appliance,),
        np.zeros(len(times), np.int32),
        np.array(times, np.int64),
        seq,
        {"power": seq.astype(np.float64), "door_openings": np.full(len(times), np.nan)},
        ("1.0.0",),
    )


def rows(blocks: Iterable[Block]) -> list[Row]:
    """Everything in `blocks` as (appliance, time, seq, power, firmware), in order."""
    return sorted(
        (
            one.appliance_ids[one.appliance[i]],
            int(one.time[i]),
            int(one.seq[i]),
            float(one.signals["power"][i]),
            one.firmware[one.appliance[i]],
        )
        for one in blocks
        for i in range(len(one))
    )


def row(appliance: str, time: int, seq: int) -> Row:
    return (appliance, time, seq, float(seq), "1.0.0")


def test_what_was_written_is_read(history: History) -> None:
    """Every number with its appliance, time, seq and firmware."""
    history.write(block("a", [DAY, DAY + 1]))
    history.flush(0, 1)

    assert rows(history.read(MODEL, DAY, DAY + 10)) == [row("a", DAY, 0), row("a", DAY + 1, 1)]


def test_a_range_has_its_start_and_not_its_end(history: History) -> None:
    """Two ranges that touch share no reading."""
    history.write(block("a", [DAY, DAY + 1, DAY + 2]))
    history.flush(0, 1)

    assert rows(history.read(MODEL, DAY + 1, DAY + 2)) == [row("a", DAY + 1, 1)]


def test_a_range_of_days_comes_day_by_day_in_order(history: History) -> None:
    """Whatever the order they were written in, and without the days that have nothing."""
    history.write(block("a", [DAY + 3 * MS_PER_DAY, DAY + 5, DAY]))
    history.flush(0, 1)

    days = [one.time.tolist() for one in history.read(MODEL, 0, 2**62)]

    assert days == [[DAY, DAY + 5], [DAY + 3 * MS_PER_DAY]]


def test_many_appliances_keep_their_own_readings(history: History) -> None:
    """At the same times, in one block of the answer."""
    ids = [f"fridge-{i:03d}" for i in range(200)]
    for appliance in ids:
        history.write(block(appliance, [DAY, DAY + 1]))
    history.flush(0, 1)

    assert rows(history.read(MODEL, DAY, DAY + MS_PER_DAY)) == [
        row(appliance, DAY + i, i) for appliance in ids for i in (0, 1)
    ]


def test_some_of_many_appliances_are_read_together(history: History) -> None:
    """Those that were asked for and nobody else, of one flush or another, also where nothing is known of one."""
    ids = [f"fridge-{i:03d}" for i in range(150)]
    for flush in range(2):
        for appliance in ids:
            history.write(block(appliance, [DAY + flush], first_seq=flush))
        history.flush(flush, flush + 1)

    found = rows(history.read(MODEL, DAY, DAY + MS_PER_DAY, {*ids[1::2], "never-heard-of"}))

    assert found == [row(appliance, DAY + i, i) for appliance in ids[1::2] for i in (0, 1)]
    assert list(history.read(MODEL, DAY, DAY + MS_PER_DAY, ())) == []


def test_another_appliance_model_is_another_history(history: History) -> None:
    """Reading one never gives the other."""
    history.write(block("a", [DAY]))
    history.flush(0, 1)

    assert rows(history.read("rf-520", 0, 2**62)) == []


def test_two_readings_of_one_millisecond_both_stay(history: History) -> None:
    """They differ by `seq`."""
    history.write(block("a", [DAY, DAY], first_seq=7))
    history.flush(0, 1)

    assert rows(history.read(MODEL, DAY, DAY + 1)) == [row("a", DAY, 7), row("a", DAY, 8)]


def test_a_replay_stores_nothing_twice(history: History) -> None:
    """After a crash the pipeline writes again what came after its snapshot, cut into other blocks."""
    history.write(block("a", [DAY]))
    history.flush(0, 1)
    history.write(block("a", [DAY + 1, DAY + 2], first_seq=1))
    history.flush(1, 3)

    history.forget_after(1)
    history.write(block("a", [DAY + 1], first_seq=1))
    history.write(block("a", [DAY + 2, DAY + 3], first_seq=2))
    history.flush(1, 4)

    assert rows(history.read(MODEL, 0, 2**62)) == [row("a", DAY + i, i) for i in range(4)]


def test_an_owners_appliance_can_be_forgotten(history: History) -> None:
    """What is stored and what waits, and it is counted; everybody else's stays."""
    history.write(block("leaves", [DAY, DAY + MS_PER_DAY]))
    history.write(block("stays", [DAY]))
    history.flush(0, 1)
    history.write(block("leaves", [DAY + 5], first_seq=5))
    history.write(block("stays", [DAY + 5], first_seq=5))

    gone = history.forget_appliances(MODEL, ["leaves"])
    history.flush(1, 2)

    assert gone == 3
    assert rows(history.read(MODEL, 0, 2**62)) == [row("stays", DAY, 0), row("stays", DAY + 5, 5)]


def test_what_was_forgotten_does_not_come_back(history: History, forgotten: list[Forgotten]) -> None:
    """Somebody else forgot it while it waited here, and a replay brings it again; what is measured later is stored."""
    history.write(block("leaves", [DAY]))
    history.flush(0, 1)
    history.write(block("leaves", [DAY + 5, DAY + 50], first_seq=5))
    forgotten.append(Forgotten(MODEL, "leaves", DAY + 10))

    history.flush(1, 2)
    history.forget_after(1)
    history.write(block("leaves", [DAY + 5, DAY + 50], first_seq=5))
    history.flush(1, 2)

    assert [time for _, time, *_ in rows(history.read(MODEL, DAY + 1, 2**62))] == [DAY + 50]


def test_a_signal_that_came_later_is_read_too(history: History) -> None:
    """Before its time it is unknown."""
    history.write(block("a", [DAY]))
    history.flush(0, 1)
    later = block("a", [DAY + 1], first_seq=1)
    history.write(replace(later, signals={"vibration": np.array([2.5])}))
    history.flush(1, 2)

    (day,) = history.read(MODEL, DAY, DAY + 10)

    np.testing.assert_array_equal(day.signals["power"], [0.0, np.nan])
    np.testing.assert_array_equal(day.signals["vibration"], [np.nan, 2.5])


def test_what_waits_is_counted(history: History) -> None:
    """The pipeline bounds its memory by it."""
    history.write(block("a", [DAY, DAY + 1]))
    before = history.waiting_rows
    history.flush(0, 1)

    assert (before, history.waiting_rows) == (2, 0)
