"""A page over several workers: what the service reads is what the workers wrote, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import event, text, update

from alerts.database import upsert, writing
from alerts.tables import NEVER, ApplianceRow, FindingRow, OpenEpisodeRow, OwnerRow, ProcessRow, SeenRow
from foremend.engine.engine import Engine
from foremend.runtimes.kafka.status_writer import StatusWriter
from foremend.runtimes.status import ApplianceStatus, PipelineStatus
from foremend.service.app import create_app
from foremend.service.metrics import render
from foremend.service.pipeline import OwnPipeline
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.service.unheard import Unheard
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Block
from tests.conftest import StillPipeline

NOW = 1_767_240_000_000
STATUS = PipelineStatus("running", True, 10, 100, 1, 2, 3, NOW, 50, 40, NOW - 1000)


@pytest.fixture
def pipeline(tables: Database, clock: Any) -> SharedPipeline:
    return SharedPipeline(tables, ("foremend-0", "foremend-1"), clock, 90_000)


@pytest.fixture
def client(tables: Database, pipeline: SharedPipeline) -> Iterator[httpx.Client]:
    """The page over six appliances of two models, one of them with an open episode."""
    seen = [
        {
            "appliance_id": f"{model}-{n}", "appliance_model": model, "category": "c", "last_seen": NOW + n,
            "days_missing": 0,
        }
        for model in ("ac-35i", "rf-260")
        for n in range(3)
    ]  # fmt: skip
    with writing(tables) as session:
        upsert(session, SeenRow, seen)
        session.add_all(_opened(_finding("rf-260-1")))
    app = create_app(ReadModel(tables, pipeline, load_profiles(), {}, {}))
    with Server(app, "127.0.0.1", 0) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def _finding(appliance_id: str) -> FindingRow:
    return FindingRow(
        id="f1", episode_id="e1", kind="opened", appliance_id=appliance_id, appliance_model="rf-260",
        fault="not-cooling", rule="r", severity="warning", time=NOW, episode_start=NOW, score=1.0, evidence=[], at=NOW,
    )  # fmt: skip


def _opened(row: FindingRow) -> tuple[FindingRow, OpenEpisodeRow]:
    """Both rows that a finding writes which opens an episode."""
    return row, OpenEpisodeRow(
        id=row.episode_id, finding_id=row.id, appliance_id=row.appliance_id, appliance_model=row.appliance_model,
        fault=row.fault, severity=row.severity, fails_at=NEVER, at=row.at,
    )  # fmt: skip


def listed(client: httpx.Client, query: str) -> tuple[list[str], int]:
    answer = client.get(f"/api/fleet?{query}").raise_for_status().json()
    return [one["appliance_id"] for one in answer["items"]], answer["total"]


def test_before_any_worker_spoke_it_is_starting(pipeline: SharedPipeline) -> None:
    """Nothing is known, and that is not a fault."""
    assert pipeline.status().state == "starting"


def test_counts_are_of_all_streams_together(tables: Database, clock: Any, pipeline: SharedPipeline) -> None:
    """Sums, the newest event time, the oldest start."""
    StatusWriter(tables, "foremend-0", clock).record({}, STATUS)
    StatusWriter(tables, "foremend-1", clock).record({}, replace(STATUS, event_time=NOW + 5, started_at=NOW))

    status = pipeline.status()

    assert status == PipelineStatus("running", True, 20, 200, 2, 4, 6, NOW + 5, 100, 80, NOW - 1000)


def test_another_installations_streams_do_not_count(
    tables: Database, clock: Any, pipeline: SharedPipeline
) -> None:
    """A prefix that was used before leaves its rows behind."""
    StatusWriter(tables, "old-0", clock).record({}, STATUS)

    assert pipeline.status().readings == 0


def test_a_worker_of_a_newer_version_is_understood(tables: Database, pipeline: SharedPipeline) -> None:
    """While an installation is upgraded, what it says beyond what we know is passed over."""
    said = asdict(STATUS) | {"newer": 1}
    with writing(tables) as session:
        upsert(session, ProcessRow, [{"stream": "foremend-0", "status": said, "at": NOW}])

    assert pipeline.status().readings == 100


def test_a_stream_that_says_nothing_stalls_the_pipeline(
    tables: Database, clock: Any, pipeline: SharedPipeline
) -> None:
    """The counts stay; how long it is silent is told by stream."""
    writers = [StatusWriter(tables, name, clock) for name in ("foremend-0", "foremend-1")]
    for writer in writers:
        writer.record({}, STATUS)
    clock.now += 90_001
    writers[0].record({}, STATUS)

    status = pipeline.status()

    assert (status.state, status.connected, status.readings) == ("stalled", True, 200)
    assert pipeline.heard_ago_ms() == {"foremend-0": 0, "foremend-1": 90_001}


def test_the_fleet_comes_from_the_database(client: httpx.Client) -> None:
    """First who has an open episode, then the others by id; counted as a whole."""
    fleet = client.get("/api/fleet").json()

    ids = [one["appliance_id"] for one in fleet["items"]]
    assert ids == ["rf-260-1", "ac-35i-0", "ac-35i-1", "ac-35i-2", "rf-260-0", "rf-260-2"]
    assert (fleet["by_state"]["warning"], fleet["by_state"]["ok"]) == (1, 5)
    assert fleet["by_model"] == {"ac-35i": 3, "rf-260": 3}


def test_the_fleet_can_be_asked_in_parts(client: httpx.Client) -> None:
    """By model, by state, page by page, over the border between who has an episode and who has none."""
    asked = {
        "limit=2&offset=0": (["rf-260-1", "ac-35i-0"], 6),
        "limit=2&offset=4": (["rf-260-0", "rf-260-2"], 6),
        "appliance_model=rf-260": (["rf-260-1", "rf-260-0", "rf-260-2"], 3),
        "appliance_model=rf-260&state=ok&limit=1&offset=1": (["rf-260-2"], 2),
        "state=warning": (["rf-260-1"], 1),
        "appliance_model=none": ([], 0),
        "limit=5&offset=6": ([], 6),
    }

    assert {query: listed(client, query) for query in asked} == asked


def test_an_appliance_that_a_worker_saw_has_its_page(client: httpx.Client) -> None:
    """And one that nobody saw has none."""
    assert client.get("/api/appliances/rf-260-1").json()["appliance"]["state"] == "warning"
    assert client.get("/api/appliances/rf-260-9").status_code == 404


def test_what_workers_write_next_is_on_the_page(
    tables: Database,
    clock: Any,
    client: httpx.Client,
    make_engine: Callable[[], Engine],
    reading: Callable[..., Block],
) -> None:
    """A worker's checkpoint is all it takes."""
    engine = make_engine()
    engine.process(reading("newcomer"))

    StatusWriter(tables, "foremend-0", clock).record({"rf-260/0": engine}, STATUS)

    assert client.get("/api/appliances/newcomer").json()["appliance"]["appliance_model"] == "rf-260"
    assert client.get("/api/summary").json()["pipeline"]["readings"] == 100


def together(name: str, model: str, days_ago: int, appliances: float, hours: float) -> FindingRow:
    """What the engine of one record key tells of its appliances."""
    row = _finding(name)
    row.id = row.episode_id = f"of {name}"
    row.fault, row.rule, row.severity = "silent-together", "silent-together", "info"
    row.appliance_model, row.time, row.episode_start = model, NOW, NOW - days_ago * MS_PER_DAY
    row.evidence = [
        {"feature": "appliances", "value": appliances, "usual": None, "siblings": None, "unit": ""},
        {"feature": "silent_for", "value": hours, "usual": None, "siblings": None, "unit": "h"},
    ]
    return row


def test_a_whole_outage_is_one_line_however_many_engines_tell_of_it(
    tables: Database, client: httpx.Client
) -> None:
    """The earliest start, all appliances and the longest silence; each finding stays in the list of findings."""
    with writing(tables) as session:
        session.add_all(_opened(together("*rf-260/0", "rf-260", 1, 40.0, 73.0)))
        session.add_all(_opened(together("*rf-260/1", "rf-260", 2, 30.0, 80.0)))
        session.add_all(_opened(together("*ac-35i/0", "ac-35i", 1, 20.0, 72.5)))

    episodes = client.get("/api/episodes").json()

    (line,) = [one for one in episodes if one["fault"] == "silent-together"]
    assert (line["appliance_id"], line["appliance_model"], line["id"]) == ("*", "*", "of *rf-260/1")
    assert line["episode_start"].startswith("2025-12-30")
    assert [(one["feature"], one["value"], one["unit"]) for one in line["evidence"]] == [
        ("appliances", 90.0, ""),
        ("silent_for", 80.0, "h"),
    ]
    assert client.get("/api/summary").json()["counts"]["episodes_open"] == 2
    assert client.get("/api/findings").json()["total"] == 4


def test_who_says_nothing_is_never_well_whether_it_was_told_or_not(
    tables: Database, client: httpx.Client
) -> None:
    """Counted in the headline's numbers, listed before the others, and silent on its own page."""
    with writing(tables) as session:
        session.execute(update(SeenRow).where(SeenRow.appliance_model == "ac-35i").values(silent=True))
        session.execute(update(SeenRow).where(SeenRow.appliance_id == "rf-260-1").values(silent=True))

    summary = client.get("/api/summary").json()

    assert (summary["appliances"], summary["by_state"]["silent"], summary["by_state"]["ok"]) == (6, 3, 2)
    assert summary["by_state"]["warning"] == 1  # silent, too, and that is not its only news
    assert listed(client, "state=silent") == (["ac-35i-0", "ac-35i-1", "ac-35i-2"], 3)
    assert listed(client, "state=ok") == (["rf-260-0", "rf-260-2"], 2)
    assert listed(client, "limit=3&offset=2") == (["ac-35i-1", "ac-35i-2", "rf-260-0"], 6)
    assert client.get("/api/appliances/ac-35i-1").json()["appliance"]["state"] == "silent"


def test_the_silent_of_a_large_fleet_are_found_by_an_index(
    tables: Database, pipeline: SharedPipeline
) -> None:
    """The page asks for them with every look, and the fleet may be millions."""
    seen = [
        {"appliance_id": f"a{n}", "appliance_model": "rf-260", "category": "c", "last_seen": NOW, "silent": n < 5}
        for n in range(20_000)
    ]  # fmt: skip
    with writing(tables) as session:
        upsert(session, SeenRow, seen)
    asked: list[str] = []
    event.listen(tables, "before_cursor_execute", lambda c, u, statement, *_: asked.append(statement))
    with tables.begin() as connection:
        connection.execute(text("ANALYZE"))

    found = pipeline.some_and_silent({"a3", "a17000", "unknown"})

    assert sorted(one.appliance_id for one in found) == ["a0", "a1", "a17000", "a2", "a3", "a4"]
    (query,) = [one for one in asked if "silent" in one.partition("WHERE")[2]]
    explain = "EXPLAIN QUERY PLAN " if tables.dialect.name == "sqlite" else "EXPLAIN "
    with tables.connect() as connection:
        plan = " ".join(map(str, connection.execute(text(explain + query)).all()))
    assert "ix_seen_silent" in plan


def test_what_is_learning_or_not_judged_is_never_called_well(
    tables: Database, pipeline: SharedPipeline, client: httpx.Client
) -> None:
    """In the counts, in lists by state, and on its own page; the longest that is missing is told."""
    with writing(tables) as session:
        for name, days in (("rf-260-0", 4), ("rf-260-1", 9), ("rf-260-2", -1), ("ac-35i-0", None)):
            session.execute(update(SeenRow).where(SeenRow.appliance_id == name).values(days_missing=days))

    summary = client.get("/api/summary").json()

    told = {state: count for state, count in summary["by_state"].items() if count}
    assert told == {"warning": 1, "learning": 1, "not_judged": 2, "ok": 2}
    assert summary["days_missing"] == 9
    assert listed(client, "state=learning") == (["rf-260-0"], 1)
    assert listed(client, "state=not_judged&limit=1&offset=1") == (["rf-260-2"], 2)
    assert listed(client, "state=ok") == (["ac-35i-1", "ac-35i-2"], 2)
    assert client.get("/api/appliances/rf-260-0").json()["appliance"]["days_missing"] == 4


@pytest.mark.parametrize("shared", [True, False])
def test_registered_and_never_heard_of_is_counted_unless_its_owner_forbids_it(
    tables: Database, pipeline: SharedPipeline, shared: bool
) -> None:
    """In no state, and not among all; the ids go by code points on both databases."""
    with writing(tables) as session:
        session.add(OwnerRow(id="o-1", created_at=1))
        session.flush()
        upsert(session, ApplianceRow, [
            {"id": one, "owner_id": "o-1", "appliance_model": "rf-260", "language": "zh", "timezone": "Asia/Shanghai"}
            for one in ("heard", "B-new", "a-new", "forbidden", "冰箱")
        ])  # fmt: skip
        heard = {"appliance_id": "heard", "appliance_model": "rf-260", "category": "c", "last_seen": NOW}
        upsert(session, SeenRow, [heard])
    own = OwnPipeline(StillPipeline(STATUS, [ApplianceStatus("heard", "rf-260", "c", NOW)]))
    asked = pipeline if shared else own
    model = ReadModel(tables, asked, {}, {}, {}, unwatched=lambda ids: {"forbidden"} & set(ids))

    assert model.summary().never_heard == 3
    assert model.summary().appliances == 1
    assert [one.appliance_id for one in Unheard(tables, asked, lambda ids: ()).each("a")] == [
        "a-new",
        "forbidden",
        "冰箱",
    ]
    assert "foremend_appliances_never_heard 3" in render(model.health().families())


def test_a_worker_tells_for_how_long_an_appliance_is_not_judged(
    tables: Database, clock: Any, pipeline: SharedPipeline, make_engine: Callable[[], Engine],
    reading: Callable[..., Block],
) -> None:  # fmt: skip
    """A newcomer has all its days before it; it is alone, which takes longer."""
    engine = make_engine()
    engine.process(reading("newcomer"))

    StatusWriter(tables, "foremend-0", clock).record({"rf-260/0": engine}, STATUS)

    assert pipeline.some({"newcomer"})[0].days_missing == 45
