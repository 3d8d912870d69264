"""The fleet as a list: searched, narrowed, sorted, walked through and exported, of one process and of many."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import event, text

from alerts.database import upsert, writing
from alerts.queries import Traits
from alerts.shared_status import Seen, Wanted, in_order
from alerts.tables import ApplianceRow, FirmwareRow, NameplateRow, OwnerRow, SeenRow
from foremend.runtimes.status import ApplianceStatus, PipelineStatus
from foremend.service.app import create_app
from foremend.service.fleet_walk import SORTS, FleetFilter
from foremend.service.pipeline import OwnPipeline
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.types import MS_PER_DAY
from tests.conftest import StillPipeline
from tests.episodes import add_open_episodes

NOW = 1_767_240_000_000
STATUS = PipelineStatus("running", True, 10, 100, 1, 2, 3, NOW, 50, 40, NOW - 1000)
HOSTILE = '=HYPERLINK("http://evil","<img src=x onerror=alert(1)>")'
SEEN: dict[str, tuple[str, int, bool, int | None]] = {
    "B-1": ("rf-260", 5, False, 0),
    "a-1": ("rf-260", 40, False, 0),
    "a-2": ("rf-260", 3, True, 0),
    "a-3": ("ac-35i", 7, False, 4),
    "a-4": ("ac-35i", 8, False, None),
    "a-5": ("ac-35i", 8, False, -1),
    "a-6": ("rf-260", 1, False, 0),
    "a-7": ("rf-260", 1, True, 0),
    "a-8": ("rf-260", 9, False, 3),
    "a-9": ("rf-260", 2, False, 0),
    HOSTILE: ("rf-260", 6, False, 0),
    "冰箱": ("rf-260", 4, False, 0),
}
"""Appliance model, days since it was heard of, silent, days missing."""
FOUND = [
    ("a-1", "door-gasket-leak", "info", None),
    ("a-6", "condenser-fouling", "warning", 30.0),
    ("a-6", "refrigerant-leak", "critical", 9.0),
    ("a-7", "silent", "info", None),
    ("a-8", "not-cooling", "critical", 2.0),
    ("B-1", "not-cooling", "warning", None),
    ("gone", "not-cooling", "critical", 1.0),
]
PLATES = {
    "a-1": ("b-1", "east", ["1.0"]),
    "a-2": ("b-1", "east", ["1.0", "2.0"]),
    "a-3": ("b-2", "east", ["2.0"]),
    "a-6": ("b-1", "west", ["2.0", "1.0"]),
    "a-9": ("b-1", "east", []),
    "gone": ("b-1", "east", ["1.0"]),
    "new": ("b-2", "west", ["2.0"]),
    "冰箱": ("b-1", "", ["2.0"]),
    HOSTILE: (HOSTILE, HOSTILE, [HOSTILE]),
}
"""Batch, region, and firmware, the newest last."""
URGENT_FIRST = [
    ("a-8", "critical"), ("a-6", "critical"), ("B-1", "warning"), ("a-1", "info"), ("a-2", "silent"), ("a-7", "silent"),
    ("a-3", "learning"), ("a-4", "not_judged"), ("a-5", "not_judged"), (HOSTILE, "ok"), ("a-9", "ok"), ("冰箱", "ok"),
]  # fmt: skip


@pytest.fixture(params=["workers", "one process"])
def model(request: pytest.FixtureRequest, tables: Database, clock: Any) -> ReadModel:
    """A small fleet of every state; two registered appliances were never heard of, and the owner of one forbids it."""
    with writing(tables) as session:
        session.add_all([OwnerRow(id=one, created_at=1) for one in ("o-1", "o-2")])
        session.flush()
        for one, owner, area in (
            ("a-9", "o-1", "north"),
            ("冰箱", "o-2", None),
            ("new", "o-1", "north"),
            ("no", "o-2", None),
        ):
            session.add(
                ApplianceRow(
                    id=one, owner_id=owner, appliance_model="rf-260", language="zh", timezone="Asia/Shanghai",
                    service_area=area,
                )
            )  # fmt: skip
        add_open_episodes(session, FOUND, NOW)
        upsert(
            session,
            NameplateRow,
            [
                {
                    "appliance_id": one,
                    "category": "c",
                    "appliance_model": "rf-260",
                    "batch": batch,
                    "region": region,
                    "installed_at": 1,
                    "at": 1,
                }
                for one, (batch, region, _) in PLATES.items()
            ],
        )
        upsert(
            session,
            FirmwareRow,
            [
                {"appliance_id": one, "since": since, "version": version, "at": 1}
                for one, (_, _, versions) in PLATES.items()
                for since, version in enumerate(versions)
            ],
        )
        upsert(session, SeenRow, [
            {"appliance_id": one, "appliance_model": model, "category": "c", "last_seen": NOW - ago * MS_PER_DAY,
             "silent": silent, "days_missing": days}
            for one, (model, ago, silent, days) in SEEN.items()
        ])  # fmt: skip
    own = [
        ApplianceStatus(one, model, "c", NOW - ago * MS_PER_DAY, silent, days_missing=days)
        for one, (model, ago, silent, days) in SEEN.items()
    ]
    shared = SharedPipeline(tables, (), clock, 90_000)
    pipeline = shared if request.param == "workers" else OwnPipeline(StillPipeline(STATUS, own))
    return ReadModel(tables, pipeline, {}, {}, {}, unwatched=lambda ids: {"no"} & set(ids))


@pytest.fixture
def client(model: ReadModel) -> Iterator[httpx.Client]:
    with (
        Server(create_app(model), "127.0.0.1", 0) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield client


def ids(client: httpx.Client, asked: str = "") -> list[str]:
    answer = client.get(f"/api/v1/appliances?{asked}")
    assert answer.status_code == 200, answer.text
    return [one["appliance_id"] for one in answer.json()["items"]]


def test_the_most_urgent_come_first_and_in_a_state_what_fails_first(client: httpx.Client) -> None:
    """Each with its state, its faults in that order, and when the first is expected to fail."""
    items = client.get("/api/v1/appliances").json()["items"]

    assert [(one["appliance_id"], one["state"]) for one in items] == URGENT_FIRST
    second = next(one for one in items if one["appliance_id"] == "a-6")
    assert (second["faults"], second["fails_at"]) == (
        ["refrigerant-leak", "condenser-fouling"],
        "2026-01-10T04:00:00.000Z",
    )
    assert next(one for one in items if one["appliance_id"] == "a-9")["service_area"] == "north"
    assert {one["owner_reference"] for one in items} == {None}


@pytest.mark.parametrize("limit", [1, 3, 5])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_are_one_list(model: ReadModel, sort: Any, limit: int) -> None:
    """In every order, each appliance once, however long the pages are."""
    whole = [one.appliance_id for block in model.fleet_list.blocks(FleetFilter(), sort) for one in block]

    walked, cursor = [], None
    while True:
        part = model.fleet_list.part(FleetFilter(), sort, limit, cursor)
        walked += [one.appliance_id for one in part.items]
        cursor = part.next_cursor
        if cursor is None:
            break

    assert sorted(walked) == sorted(SEEN)
    assert walked == whole


def test_each_order_is_the_one_that_was_asked_for(client: httpx.Client) -> None:
    """What fails first; heard of longest ago; heard of last."""
    assert ids(client, "sort=days_left&limit=3") == ["a-8", "a-6", HOSTILE]
    assert ids(client, "sort=last_seen&limit=3") == ["a-1", "a-8", "a-4"]
    assert ids(client, "sort=-last_seen&limit=3") == ["a-6", "a-7", "a-9"]


def test_it_is_narrowed_by_state_model_and_fault(client: httpx.Client) -> None:
    """Alone and together; a fault is one of its open episodes, not the first of them alone."""
    for state in ("critical", "warning", "info", "silent", "learning", "not_judged", "ok"):
        assert ids(client, f"state={state}") == [one for one, its in URGENT_FIRST if its == state]
    assert ids(client, "appliance_model=ac-35i&sort=-last_seen") == ["a-3", "a-4", "a-5"]
    assert ids(client, "fault=condenser-fouling") == ["a-6"]
    assert ids(client, "fault=not-cooling&state=warning") == ["B-1"]
    assert ids(client, "state=learning&appliance_model=rf-260") == []


TRAITS = {
    Traits(batch="b-1"): {"a-1", "a-2", "a-6", "a-9", "冰箱"},
    Traits(region="east"): {"a-1", "a-2", "a-3", "a-9"},
    Traits(firmware="2.0"): {"a-2", "a-3", "冰箱"},
    Traits(firmware="1.0"): {"a-1", "a-6"},
    Traits(service_area="north"): {"a-9"},
    Traits(batch="b-1", firmware="2.0"): {"a-2", "冰箱"},
    Traits("north", "east", "b-1"): {"a-9"},
    Traits("north", firmware="2.0"): set(),
    Traits(batch=HOSTILE, region=HOSTILE, firmware=HOSTILE): {HOSTILE},
    Traits(batch="B-1"): set(),
    Traits(region=""): {"冰箱"},
}


@pytest.mark.parametrize("sort", SORTS)
def test_it_is_narrowed_by_what_the_registers_say(model: ReadModel, sort: Any) -> None:
    """In every order, however long the pages are; of firmware the newest counts; words as they are written."""
    order = [one.appliance_id for block in model.fleet_list.blocks(FleetFilter(), sort) for one in block]
    for traits, fitting in TRAITS.items():
        wanted = FleetFilter(traits=traits)
        walked, cursor = [], None
        while True:
            part = model.fleet_list.part(wanted, sort, 1, cursor)
            walked += [one.appliance_id for one in part.items]
            cursor = part.next_cursor
            if cursor is None:
                break

        assert walked == [one for one in order if one in fitting], traits
        assert walked == [
            one.appliance_id for block in model.fleet_list.blocks(wanted, sort) for one in block
        ]


def test_what_the_registers_say_goes_with_every_other_filter(model: ReadModel) -> None:
    """State, model, fault, search, whose they are, and what was never heard of."""

    def found(**wanted: Any) -> list[str]:
        part = model.fleet_list.part(FleetFilter(**wanted), "urgency", 50, None)
        return [one.appliance_id for one in part.items]

    of_batch = Traits(batch="b-1")
    assert found(traits=of_batch, state="silent") == ["a-2"]
    assert found(traits=of_batch, state="ok") == ["a-9", "冰箱"]
    assert found(traits=of_batch, fault="condenser-fouling") == ["a-6"]
    assert found(traits=Traits(region="east"), appliance_model="ac-35i") == ["a-3"]
    assert found(traits=of_batch, search="a-") == ["a-6", "a-1", "a-2", "a-9"]
    assert found(traits=of_batch, search="o-", owners=True) == ["a-9", "冰箱"]
    assert found(traits=Traits(region="east"), search="o-", owners=True) == ["a-9"]
    assert found(traits=of_batch, appliances=frozenset({"a-9", "a-1", "a-3"})) == ["a-1", "a-9"]
    assert found(traits=Traits(batch="b-2"), state="never_heard") == ["new"]
    assert found(traits=of_batch, state="never_heard") == []


def test_rows_say_what_is_known_of_each(model: ReadModel) -> None:
    """Batch and region for who may read nameplates; the newest firmware for all."""
    for may, region, batch in ((True, "west", "b-1"), (False, None, None)):
        (one,) = model.fleet_list.part(FleetFilter(search="a-6", nameplates=may), "urgency", 5, None).items
        assert (one.firmware, one.region, one.batch) == ("1.0", region, batch)
    (none,) = model.fleet_list.part(FleetFilter(search="a-4", nameplates=True), "urgency", 5, None).items
    assert (none.firmware, none.region, none.batch) == ("", None, None)


def test_a_search_takes_how_an_id_begins_as_it_is_written(client: httpx.Client) -> None:
    """In every order, in any language; nobody's owner without the right."""
    assert ids(client, "search=a-&state=silent") == ["a-2", "a-7"]
    assert ids(client, "search=A-") == []
    assert ids(client, "search=冰") == ["冰箱"]
    assert ids(client, "search=a-&sort=last_seen&limit=2") == ["a-1", "a-8"]
    assert ids(client, "search=o-1") == []


@pytest.mark.parametrize("sort", SORTS)
def test_whoever_may_know_owners_finds_their_appliances(model: ReadModel, sort: Any) -> None:
    """By how the reference begins, beside those whose id does; with the reference in the row."""
    found = model.fleet_list.part(FleetFilter(search="o-1", owners=True), sort, 10, None).items
    new = model.fleet_list.part(
        FleetFilter(state="never_heard", search="o-1", owners=True), sort, 10, None
    ).items

    assert [(one.appliance_id, one.owner_reference) for one in found] == [("a-9", "o-1")]
    assert [(one.appliance_id, one.owner_reference) for one in new] == [("new", "o-1")]


def test_those_never_heard_of_are_a_list_of_their_own(client: httpx.Client) -> None:
    """Without a time; not whose owner forbids it, nor in the list of all."""
    (new,) = client.get("/api/v1/appliances?state=never_heard").json()["items"]

    assert (new["appliance_id"], new["state"], new["last_seen"]) == ("new", "never_heard", None)
    assert ids(client, "state=never_heard&appliance_model=ac-35i") == []


def test_the_same_list_is_a_file_for_a_spreadsheet(client: httpx.Client) -> None:
    """All rows in the order, UTF-8 with its mark; nothing in it is a formula."""
    answer = client.get("/api/v1/appliances.csv?sort=urgency")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="appliances.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["appliance_id"].lstrip("'") for row in rows] == [one for one, _ in URGENT_FIRST]
    assert f"'{HOSTILE}" in [row["appliance_id"] for row in rows]
    assert rows[1]["faults"] == "refrigerant-leak condenser-fouling"
    assert (rows[6]["days_missing"], rows[7]["days_missing"]) == ("4", "")
    only = client.get("/api/v1/appliances.csv?state=never_heard").content.decode("utf-8-sig")
    assert [row["appliance_id"] for row in csv.DictReader(io.StringIO(only))] == ["new"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("cursor=bogus", 400), ("cursor=WyJ1cmdlbmN5IiwwLHRydWUsImEiXQ", 400), ("state=well", 422), ("sort=id", 422),
        ("firmware=%00", 422), (f"batch={'a' * 201}", 422),
        ("search=%00", 422), (f"search={'a' * 101}", 422), ("searched=a", 422), ("limit=0", 422),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(client: httpx.Client, asked: str, status: int) -> None:
    """No empty list stands for a filter that there is not."""
    assert client.get(f"/api/v1/appliances?{asked}").status_code == status


def test_a_cursor_holds_for_its_order_alone(client: httpx.Client) -> None:
    cursor = client.get("/api/v1/appliances?limit=1").json()["next_cursor"]

    refused = client.get(f"/api/v1/appliances?sort=last_seen&cursor={cursor}")

    assert refused.status_code == 400
    assert "sorted by urgency, not by last_seen" in refused.json()["detail"]


def explained(tables: Database, wanted: Wanted, limit: int) -> tuple[list[Seen], str]:
    """The first so many by id, and how the database looked for them."""
    with tables.begin() as connection:
        connection.execute(text("ANALYZE"))
    asked: list[tuple[str, Any]] = []
    event.listen(tables, "before_cursor_execute", lambda c, u, said, given, *_: asked.append((said, given)))
    found = in_order(tables, wanted, "appliance_id", None, limit)
    explain = "EXPLAIN QUERY PLAN " if tables.dialect.name == "sqlite" else "EXPLAIN "
    (query, given) = asked[-1]
    with tables.connect() as connection:
        return found, " ".join(map(str, connection.exec_driver_sql(explain + query, given).all()))


@pytest.mark.parametrize(
    ("standing", "index"), [("learning", "ix_seen_learning"), ("not_judged", "ix_seen_not_judged")]
)
def test_the_few_of_a_large_fleet_are_found_by_an_index(tables: Database, standing: Any, index: str) -> None:
    """One in a thousand, on both databases."""
    with writing(tables) as session:
        upsert(session, SeenRow, [
            {"appliance_id": f"a{n:05d}", "appliance_model": "rf-260", "category": "c", "last_seen": NOW,
             "silent": False, "days_missing": {0: 4, 1: -1}.get(n % 1000, 0)}
            for n in range(20_000)
        ])  # fmt: skip

    found, plan = explained(tables, Wanted(standing=standing), 100)

    assert len(found) == 20
    assert index in plan


def told(table: type, appliance_id: str, trait: str) -> dict[str, Any]:
    """What of a row is its own."""
    if table is ApplianceRow:
        return {"id": appliance_id, "service_area": trait}
    its = {
        SeenRow: {"silent": False},
        NameplateRow: {"batch": trait, "region": trait},
        FirmwareRow: {"version": trait},
    }
    return {"appliance_id": appliance_id} | its[table]


@pytest.mark.parametrize(
    ("traits", "index"),
    [
        (Traits(service_area="t1"), "ix_appliances_service_area"),
        (Traits(region="t1"), "ix_nameplates_region"),
        (Traits(batch="t1"), "ix_nameplates_batch"),
        (Traits(firmware="t1"), "ix_firmware_version"),
    ],
    ids=str,
)
def test_a_page_of_those_that_fit_is_read_in_order_from_an_index(
    tables: Database, traits: Traits, index: str
) -> None:
    """One in fifty of a large fleet, on both databases: nothing is sorted."""
    ids = [f"a{n:05d}" for n in range(20_000)]
    with writing(tables) as session:
        session.add(OwnerRow(id="o-1", created_at=1))
        session.flush()
        for table, row in (
            (SeenRow, {"appliance_model": "rf-260", "category": "c", "last_seen": NOW, "days_missing": 0}),
            (NameplateRow, {"appliance_model": "rf-260", "category": "c", "installed_at": 1, "at": 1}),
            (FirmwareRow, {"since": 1, "at": 1}),
            (
                ApplianceRow,
                {"owner_id": "o-1", "appliance_model": "rf-260", "language": "zh", "timezone": "UTC"},
            ),
        ):
            upsert(session, table, [row | told(table, one, f"t{n % 50}") for n, one in enumerate(ids)])

    found, plan = explained(tables, Wanted(traits=traits), 20)

    assert [one.appliance_id for one in found] == ids[1:1000:50]
    assert index in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
