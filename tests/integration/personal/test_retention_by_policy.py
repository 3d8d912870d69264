"""How long what is kept says the policy of each owner's jurisdiction, in every table, file and store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.dataset as ds
import pytest
from sqlalchemy import select, update

from alerts.audit import verify
from alerts.database import reading, writing
from alerts.owners import OwnedAppliance, Owner
from alerts.personal.places import TABLES, Link, TablePlace
from alerts.personal.retention import BY_OTHERS, Retention
from alerts.personal.terms import jurisdictions, times
from alerts.personal.too_old import RULES
from alerts.policies import Kept
from alerts.tables import ApplianceRow, AuditRow, ConsentRow, OutboxRow
from foremend.config import Settings
from foremend.engine.resting import Resting
from foremend.history.parquet import ParquetHistory
from foremend.installation.retaining import forget_resting, open_retention
from foremend.stores.resting import RestingStore
from foremend.vocabulary.periods import parse_period
from foremend.vocabulary.types import Block, Purpose
from tests.integration.personal.test_retention import DAY, left, put

HOUSES = {
    "own": ("o-own", None),
    "strict": ("o-strict", "strict"),
    "uk": ("o-uk", "UK"),
    "odd": ("o-odd", "XX"),
}
"""Whose appliance is under which policy: none named is the installation's, one that nobody knows the strictest."""
STRANGER = "stranger"
POLICY = {"own": "CN", "strict": "strict", "uk": "UK", "odd": "strict", STRANGER: "CN"}


@pytest.fixture
def houses(open_stage: Callable[..., Any]) -> Any:
    """An installation in China, with an owner under each policy."""
    stage = open_stage(jurisdiction="CN")
    owners = stage.alerts.owners
    owners.register_owners([Owner(owner, {}) for owner, _ in HOUSES.values()])
    owners.register_appliances(OwnedAppliance(one, owner, "rf-260") for one, (owner, _) in HOUSES.items())
    with writing(stage.alerts.engine) as session:
        for one, (_, jurisdiction) in HOUSES.items():
            session.execute(
                update(ApplianceRow).where(ApplianceRow.id == one).values(jurisdiction=jurisdiction)
            )
    return stage


def keeper(stage: Any) -> Retention:
    return Retention(stage.alerts.engine, stage.alerts.policies, stage.clock)


def before(stage: Any, whose: str, kept: Kept) -> int:
    """ms UTC: the first moment that the policy still keeps."""
    period = stage.alerts.policies.named(POLICY[whose]).retention[kept]
    return parse_period(period).before(stage.clock.now)


OF_APPLIANCES = [
    place for place in TABLES if place.link is Link.APPLIANCE and place.table not in {*BY_OTHERS, *RULES}
]
ONE_EACH = ("seen", "forgotten", "wellbeing_signs")
"""Tables with one row an appliance."""


@pytest.mark.parametrize("place", OF_APPLIANCES, ids=lambda place: place.name)
def test_rows_about_an_appliance_go_by_its_own_policy_to_the_millisecond(
    houses: Any, place: TablePlace
) -> None:
    """Of each household, and of what nobody registered, one row too old and one just young enough."""
    number = 1_000
    for whose in POLICY:
        for when in (before(houses, whose, place.kept) - 1, before(houses, whose, place.kept)):
            put(houses, place, number, when, **{place.column: whose})
            number += 1
            if place.name in ONE_EACH:  # the older one, then the younger one
                keeper(houses).run()
                number_left = len(left(houses, place.table, place.column))
                with writing(houses.alerts.engine) as session:
                    session.query(place.table).delete()
                assert number_left == (when == before(houses, whose, place.kept))

    runs = {run.place: run.removed for run in keeper(houses).run()}

    if place.name not in ONE_EACH:
        assert runs[place.name] == len(POLICY)
        with reading(houses.alerts.engine) as session:
            rows = session.execute(
                select(getattr(place.table, place.column), getattr(place.table, place.age))
            )
            assert dict(map(tuple, rows)) == {one: before(houses, one, place.kept) for one in POLICY}


def test_an_owner_of_two_policies_keeps_what_is_the_owners_for_the_longer(houses: Any) -> None:
    """Words of one who moved one of two appliances to the United Kingdom."""
    houses.alerts.owners.register_appliances(
        [OwnedAppliance("second", "o-strict", "rf-260", jurisdiction="UK")]
    )
    place = next(one for one in TABLES if one.table is ConsentRow)
    strict, uk = (before(houses, whose, Kept.CONSENT) for whose in ("strict", "uk"))
    for number, (owner, when) in enumerate(
        [("o-strict", strict - 1), ("o-odd", strict - 1), ("o-strict", uk - 1)]
    ):
        put(houses, place, 1_000 + number, when, subject=owner, appliance_id="gone", purpose=Purpose.SMS)

    keeper(houses).run()

    with reading(houses.alerts.engine) as session:
        assert session.execute(select(ConsentRow.subject, ConsentRow.recorded_at)).all() == [
            ("o-strict", strict - 1)
        ]


def test_what_only_names_somebody_goes_when_it_is_too_old_for_anybody(houses: Any) -> None:
    """A dead letter says of nobody whose it is; the audit log is one chain and is kept for the longest."""
    letters = next(one for one in TABLES if one.link is Link.TEXT)
    strict = before(houses, "strict", Kept.DEAD_LETTERS)
    for number, when in enumerate((strict - 1, strict)):
        put(houses, letters, number, when)
    with writing(houses.alerts.engine) as session:
        session.execute(update(AuditRow).values(at=before(houses, "own", Kept.AUDIT) - 1))
        entries = session.query(AuditRow).count()

    runs = {run.place: run.removed for run in keeper(houses).run()}

    assert runs["dead_letters"] == 1
    assert left(houses, letters.table, "received") == [strict]
    assert runs["audit"] == 0
    assert len(left(houses, AuditRow, "seq")) >= entries > 0


def test_words_and_findings_that_went_by_their_policies_leave_a_log_that_verifies(houses: Any) -> None:
    """Each time is announced; what stays is as it was written."""
    for whose in ("strict", "uk"):
        for given in (True, False, True):
            houses.clock.now += 1
            houses.alerts.consents.say(whose, [Purpose.SMS], given, owner_id=f"o-{whose}", how="app")
    houses.clock.now += 400 * DAY

    keeper(houses).run()

    with reading(houses.alerts.engine) as session:
        kept = session.execute(select(ConsentRow.subject).order_by(ConsentRow.seq)).scalars().all()
    assert (kept.count("o-strict"), kept.count("o-uk")) == (1, 3)
    assert verify(houses.alerts.engine).intact


def stored(folder: Path) -> set[tuple[str, str]]:
    """Appliance and day of every stored reading."""
    table = ds.dataset(folder, partitioning="hive").to_table(["appliance", "day"]).to_pylist()
    return {(row["appliance"], str(row["day"])) for row in table}


def day_of(ms: int) -> str:
    return str(np.datetime64(ms, "ms").astype("datetime64[D]"))


def test_stored_readings_go_by_their_owners_policies_day_by_day(houses: Any, tmp_path: Path) -> None:
    """A year at the installation's, 90 days of the strict, each day a file in which all of them are."""
    settings = Settings.model_validate({"storage": {"folder": tmp_path / "var"}})
    folder = tmp_path / "var" / "history"
    history = ParquetHistory(folder, "j")
    ages = (10, 80, 100, 300, 400)
    for position, age in enumerate(ages, start=1):
        when = houses.clock.now - age * DAY
        each = np.arange(len(POLICY))
        at, power = np.full(len(POLICY), when), np.full(len(POLICY), 100.0)
        history.write(Block("rf-260", tuple(POLICY), each.astype(np.int32), at, each, {"power": power}))
        history.flush(position - 1, position)

    opened = open_retention(settings, houses.alerts, houses.clock)
    first, second = ({run.place: run.removed for run in opened.run()} for _ in range(2))

    longest = {one: 366 if POLICY[one] in ("CN", "UK") else 91 for one in POLICY}
    assert stored(folder) == {
        (one, day_of(houses.clock.now - age * DAY)) for one in POLICY for age in ages if age < longest[one]
    }
    assert (first["history"], second["history"]) == (3, 0)


def test_lines_of_messages_go_with_their_rows(houses: Any, tmp_path: Path) -> None:
    """A line does not say whose it is: it stays as long as its row does, and at most for the longest."""
    file = tmp_path / "sms.jsonl"
    place = next(one for one in TABLES if one.table is OutboxRow)
    times_ = {one: before(houses, one, Kept.MESSAGES) for one in POLICY}
    lines = []
    for number, (one, when) in enumerate(times_.items()):
        for at in (when - 1, when):
            name = f"{one}-{at}"
            put(
                houses,
                place,
                100 + 2 * number + (at == when),
                at,
                appliance_id=one,
                message_id=name,
                target="sms",
            )
            lines.append({"id": name, "at": at})
    file.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    settings = Settings.model_validate(
        {"storage": {"folder": tmp_path / "var"}, "alerts": {"sms": {"file": file}, "push": None}}
    )
    opened = open_retention(settings, houses.alerts, houses.clock)

    opened.run()

    assert {orjson.loads(line)["id"] for line in file.read_bytes().splitlines()} == {
        f"{one}-{when}" for one, when in times_.items()
    }


def test_what_was_learnt_of_silent_appliances_goes_by_their_policies(houses: Any, tmp_path: Path) -> None:
    """Too old for one, just young enough for the other."""
    store = RestingStore(tmp_path / "resting.db")
    rows = [
        Resting("rf-260", one, before(houses, one, Kept.READINGS) - too_old, False, "{}", b"state")
        for one, too_old in [("own", 0), ("strict", 1), ("uk", 1), ("odd", 0), (STRANGER, 1)]
    ]
    store.put(rows, 1)
    opened = keeper(houses)
    named = times(
        houses.alerts.engine,
        jurisdictions(houses.alerts.engine),
        lambda one: opened.before(Kept.READINGS, one),
    )

    gone = forget_resting(store, named)

    left_over = {one for one in POLICY if store.find("rf-260", [one])}
    store.close()
    assert (gone, left_over) == (3, {"own", "odd"})


def test_what_is_kept_for_whom_is_shown_with_what_a_setting_keeps_for_too_long(
    houses: Any, tmp_path: Path
) -> None:
    """Per place, the jurisdictions that have another time; a topic that is kept longer than one of them allows."""
    settings = Settings.model_validate(
        {"storage": {"folder": tmp_path / "var"}, "kafka": {"retention": "100 d"}}
    )
    opened = open_retention(settings, houses.alerts, houses.clock, kafka=True)

    shown = {one["place"]: one for one in opened.show()}

    assert (shown["tickets"]["kept"], shown["tickets"]["kept_under"]) == (
        "P3Y", {"UK": "P6Y", "XX": "P1Y", "strict": "P1Y"},
    )  # fmt: skip
    assert shown["Kafka: blocks, dead letters"]["kept"] == "P100D"
    assert "longer than a policy here allows: at most 90 d" in shown["Kafka: blocks, dead letters"]["note"]
