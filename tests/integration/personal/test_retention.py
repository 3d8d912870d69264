"""What is older than the policy keeps it goes, and nothing that is younger does."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum as Words
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import JSON, Boolean, Enum, Float, Integer, LargeBinary, insert, select

from alerts.audit import verify
from alerts.change import change
from alerts.database import reading, writing
from alerts.owners import OwnedAppliance, Owner
from alerts.personal.places import TABLES, TablePlace
from alerts.personal.retention import BY_OTHERS, EVERY, Retention
from alerts.personal.terms import Times
from alerts.policies import Kept
from alerts.policies.loading import load_policies
from alerts.tables import (
    AuditRow,
    ConsentRow,
    ContactRow,
    FindingRow,
    OutboxRow,
    OutboxState,
    OutcomeRow,
    Resolution,
    RetentionRow,
    TicketRow,
    TicketStatus,
    TicketStepRow,
    WellbeingContactRow,
    WellbeingRow,
)
from foremend.config import Settings
from foremend.installation.retaining import Retaining, open_retention
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import Finding, Purpose

DAY = 86_400_000
BY_AGE = [
    place
    for place in TABLES
    if place.table
    not in {
        *BY_OTHERS,
        AuditRow,
        ConsentRow,
        ContactRow,
        OutcomeRow,
        TicketStepRow,
        WellbeingContactRow,
        WellbeingRow,
    }
]


def retention(stage: Any) -> Retention:
    return Retention(stage.alerts.engine, load_policies(default="strict"), stage.clock)


def put(stage: Any, place: TablePlace, number: int, when: int, **values: Any) -> None:
    """A row that is through, with every time in it at `when`."""
    row = {}
    for column in place.table.__table__.columns:
        kind = column.type
        if isinstance(kind, Enum):
            words: type[Words] = kind.enum_class  # type: ignore[assignment]
            row[column.name] = list(words)[-1]
        elif isinstance(kind, JSON):
            row[column.name] = {}
        elif isinstance(kind, LargeBinary):
            row[column.name] = b"?"
        elif isinstance(kind, Float):
            row[column.name] = 0.5
        elif isinstance(kind, Boolean):
            row[column.name] = False
        elif isinstance(getattr(kind, "impl", kind), Integer):
            row[column.name] = number if column.primary_key else when
        else:
            row[column.name] = f"{place.name}-{number}"[:40]
    with writing(stage.alerts.engine) as session:
        session.execute(insert(place.table), [row | values])


def left(stage: Any, table: Any, column: str) -> list[Any]:
    with reading(stage.alerts.engine) as session:
        return sorted(session.scalars(select(getattr(table, column))))


@pytest.mark.parametrize("place", BY_AGE, ids=lambda place: place.name)
def test_what_is_older_goes_to_the_millisecond(stage: Any, place: TablePlace) -> None:
    """One row a millisecond too old, one just young enough, one of today."""
    keeper = retention(stage)
    before = keeper.before(place.kept)
    age = {"access_tokens": "expires_at"}.get(place.name, place.age)
    times = [before - 1, before, stage.clock.now]
    for number, when in enumerate(times):
        put(stage, place, 1_000 + number, when)

    runs = {run.place: run.removed for run in keeper.run()}

    assert left(stage, place.table, age) == times[1:]
    assert runs[place.name] == 1


def test_a_ticket_that_is_open_stays_with_what_was_found_however_old_it_is(
    stage: Any, finding: Callable[..., Finding]
) -> None:
    """Closed, it goes a year later, and what the technician found goes with it."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.clock.now += 800 * DAY
    retention(stage).run()
    assert left(stage, TicketRow, "status") == [TicketStatus.OPEN]
    assert len(left(stage, FindingRow, "id")) == 1

    with writing(stage.alerts.engine) as session:
        ticket = session.scalars(select(TicketRow)).one()
        ticket.status, ticket.closed_at = TicketStatus.CLOSED, stage.clock.now
        ticket.changed_at = stage.clock.now
        session.add(
            OutcomeRow(
                ticket_id=ticket.id,
                episode_id=ticket.episode_id,
                result=Resolution.NO_FAULT,
                fault=None,
                found_at=1,
                recorded_at=stage.clock.now,
            )
        )
    stage.clock.now += 365 * DAY
    retention(stage).run()
    assert len(left(stage, TicketRow, "id")) == 1
    stage.clock.now += 2 * DAY
    for _ in range(2):
        retention(stage).run()

    assert left(stage, TicketRow, "id") == []
    assert left(stage, FindingRow, "id") == []
    assert left(stage, OutcomeRow, "ticket_id") == []


def test_a_message_that_waits_is_never_too_old(stage: Any, finding: Callable[..., Finding]) -> None:
    """It goes once it is through."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.clock.now += 400 * DAY

    retention(stage).run()

    assert OutboxState.PENDING in left(stage, OutboxRow, "state")


def test_a_last_word_stays_for_as_long_as_the_appliance_is_the_owners(stage: Any) -> None:
    """What it took the place of goes; a no keeps the yes that it took back; the words of an earlier owner go."""
    for purpose, words in ((Purpose.SMS, (True, False, True)), (Purpose.TICKET, (True, False))):
        for given in words:
            stage.clock.now += 1
            stage.say(purpose, given)
    stage.clock.now += 400 * DAY
    before = stage.alerts.consent.decision("fridge-1", Purpose.TICKET)

    retention(stage).run()

    kept = [(row["purpose"], row["given"]) for row in stage.alerts.consent.history("fridge-1")]
    assert kept == [("sms", True), ("ticket", True), ("ticket", False)]
    assert stage.alerts.consent.decision("fridge-1", Purpose.TICKET) == before

    stage.alerts.owners.register_owners([Owner("o-2", {})])
    stage.alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-2", "BCD-200")])
    stage.clock.now += 400 * DAY  # that it ended with the sale is kept as long
    retention(stage).run()
    assert [row for row in stage.alerts.consent.history("fridge-1") if row["subject"] == "o-1"] == []


def test_addresses_go_when_nobody_may_use_them_any_more(stage: Any) -> None:
    """A month after the last yes was taken back; not while one holds, however old it is."""
    stage.say(Purpose.SMS, True)
    stage.clock.now += 300 * DAY
    retention(stage).run()
    assert len(left(stage, ContactRow, "channel")) == 2

    stage.say(Purpose.SMS, False)
    stage.clock.now += 20 * DAY
    retention(stage).run()
    assert len(left(stage, ContactRow, "channel")) == 2
    stage.clock.now += 20 * DAY
    retention(stage).run()

    assert left(stage, ContactRow, "channel") == []


def test_the_audit_log_is_kept_longest_and_verifies_when_it_is_shorter(stage: Any) -> None:
    """More entries than one batch; the newest always stays."""
    with change(stage.alerts.engine, stage.clock) as work:
        for number in range(12_000):
            work.note("something.done", str(number))
    stage.clock.now += 3 * 366 * DAY
    stage.say(Purpose.SMS, True)

    removed = {run.place: run.removed for run in retention(stage).run()}["audit"]

    report = verify(stage.alerts.engine)
    assert removed == 12_001  # and that the appliance was registered
    assert report.intact
    assert (report.entries, report.removed) == (1, 12_001)


def test_it_is_done_once_a_day_by_the_clock_and_says_so(stage: Any, tmp_path: Path) -> None:
    """Files of messages and days of readings, too; the last run of each place is shown."""
    file = tmp_path / "sms.jsonl"
    old, young = stage.clock.now - 11 * 366 * DAY, stage.clock.now
    file.write_bytes(b"".join(orjson.dumps({"id": f"m-{at}", "at": at}) + b"\n" for at in (old, young)))
    for day in ("day=2014-01-01", "day=2025-12-31"):
        (tmp_path / "var" / "history" / "appliance_model=rf-260" / day).mkdir(parents=True)
    settings = Settings.model_validate(
        {"storage": {"folder": tmp_path / "var"}, "alerts": {"sms": {"file": file}, "push": None}}
    )
    forgot: list[int] = []
    keeper = open_retention(
        settings, stage.alerts, stage.clock, lambda times: forgot.append(times.otherwise) or 3
    )
    daily = Retaining(keeper)

    first, again = daily.round(), daily.round()
    stage.clock.now += EVERY
    tomorrow = keeper.due()

    shown = {one["place"]: one for one in keeper.show()}
    assert first == {"outbox/*.jsonl": 1, "history": 1, "resting.db": 3}
    assert again == {}
    assert tomorrow
    assert forgot == [keeper.before(Kept.READINGS) - EVERY]
    assert [orjson.loads(line)["at"] for line in file.read_bytes().splitlines()] == [young]
    assert [day.name for day in (tmp_path / "var" / "history").rglob("day=*")] == ["day=2025-12-31"]
    assert (shown["history"]["kept"], shown["history"]["removed"]) == ("P10Y", 1)
    assert shown["findings"]["last_run"] == "2026-01-01T04:00:00.000Z"
    assert {one["place"] for one in keeper.show()} >= {place.name for place in TABLES}
    assert len(left(stage, RetentionRow, "place")) == len(TABLES) - len(BY_OTHERS) + 3


def test_a_line_of_messages_that_nobody_wrote_kindly_ends_no_thread(stage: Any, tmp_path: Path) -> None:
    """Without a time, or with one in words: it stays, and what is old goes all the same."""
    file = tmp_path / "sms.jsonl"
    odd = [{"id": "m-2"}, *({"id": "m-3", "at": at} for at in ("yesterday", None, [1], {}))]
    lines = [orjson.dumps(one) for one in ({"id": "m-1", "at": 1}, *odd)]
    file.write_bytes(b"\n".join([*lines, b'{"id": "m-4", "at']))
    settings = Settings.model_validate(
        {"storage": {"folder": tmp_path / "var"}, "alerts": {"sms": {"file": file}, "push": None}}
    )

    gone = Retaining(open_retention(settings, stage.alerts, stage.clock)).round()

    assert gone == {"outbox/*.jsonl": 1}
    assert file.read_bytes() == b"\n".join([*lines[1:], b'{"id": "m-4", "at'])


def test_a_compaction_that_was_killed_loses_nothing_to_retention(stage: Any, tmp_path: Path) -> None:
    """Between the two renames of a file system that cannot exchange folders: the day is aside, and comes back."""
    history, work = tmp_path / "var" / "history", tmp_path / "var" / "history.work"
    day = Path("appliance_model=rf-260", "day=2025-12-31")
    for where in ("next", "last"):
        (work / where / day).mkdir(parents=True)
        (work / where / day / f"{where}.parquet").write_bytes(b"readings")
    (history / day.parent).mkdir(parents=True)
    settings = Settings.model_validate({"storage": {"folder": tmp_path / "var"}})

    Retaining(open_retention(settings, stage.alerts, stage.clock)).round()

    assert [file.name for file in (history / day).iterdir()] == ["last.parquet"]


def test_a_place_of_another_process_keeps_nobody_busy(stage: Any) -> None:
    """A pipeline that is gone for good had `resting.db`; the service, which has not, is through for the day."""
    places = {"resting.db": (Kept.READINGS, lambda times: 0)}
    gone = Retention(stage.alerts.engine, load_policies(default="strict"), stage.clock, places)
    gone.run()
    stage.clock.now += EVERY
    service = retention(stage)
    was_due = service.due()

    service.run()

    assert (was_due, service.due(), gone.due()) == (True, False, True)


def test_a_place_that_cannot_be_cleared_holds_up_no_other(stage: Any) -> None:
    """What went from the others is counted; the one is tried again at the next look, and then it is done."""
    away = [UnavailableError("the disk is away")]

    def clear(times: Times) -> int:
        if away:
            raise away.pop()
        return 2

    places = {"outbox/*.jsonl": (Kept.MESSAGES, clear), "history": (Kept.READINGS, lambda times: 3)}
    keeper = Retention(stage.alerts.engine, load_policies(default="strict"), stage.clock, places)

    with pytest.raises(UnavailableError, match="the disk is away"):
        keeper.run()
    removed = {one["place"]: one["removed"] for one in keeper.show()}
    again = keeper.due()
    keeper.run()

    assert (removed["history"], removed["outbox/*.jsonl"], removed["findings"]) == (3, None, 0)
    assert (again, keeper.due()) == (True, False)
