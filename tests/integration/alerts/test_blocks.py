"""Messages are claimed, judged and recorded in blocks: what holds of one that leaves alone holds in a block, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select, text, update

from alerts import sending_lane
from alerts.channels import GoneError, Message
from alerts.database import open_database, reading, writing
from alerts.owners import OwnedAppliance, Owner
from alerts.queue import Queue
from alerts.sending_lane import SendingLane
from alerts.tables import ApplianceRow, AuditRow, OutboxRow, OutboxState
from benchmarks.postgres_server import PostgresServer
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import RefusedError, UnavailableError
from foremend.vocabulary.types import Finding, FindingKind, Purpose
from tests.integration.alerts.conftest import DAY, NOON, ListChannel

Make = Callable[..., Finding]
HOOK = "webhook:platform"
MANY = 8


@pytest.fixture
def many(open_stage: Callable[..., Any], finding: Make) -> Any:
    """Eight appliances of eight owners, each with a finding whose messages are due; every lane takes all at once."""
    stage = open_stage(quiet_hours=None)
    each = range(1, MANY + 1)
    stage.alerts.owners.register_owners(Owner(f"o-{one}", {"sms": f"+861380000000{one}"}) for one in each)
    stage.alerts.owners.register_appliances(
        OwnedAppliance(f"fridge-{one}", f"o-{one}", "BCD-200") for one in each
    )
    for one in each:
        for purpose in (Purpose.TICKET, Purpose.SMS):
            stage.say(purpose, True, f"fridge-{one}", f"o-{one}")
    stage.alerts.effects.apply([finding(appliance_id=f"fridge-{one}") for one in each], [], 1)
    for lane in stage.alerts.dispatcher._lanes:
        lane._most = sending_lane.MOST
    return stage


def rows(stage: Any, target: str) -> list[OutboxRow]:
    with reading(stage.alerts.engine) as session:
        query = select(OutboxRow).where(OutboxRow.target == target).order_by(OutboxRow.seq)
        return list(session.scalars(query))


def test_a_block_leaves_in_the_order_in_which_it_was_due(many: Any) -> None:
    """Each once, and each is one attempt."""
    assert many.alerts.dispatcher.run_once() == 3 * MANY  # nobody agreed to push: that is dealt with, too

    for target in (HOOK, "sms"):
        wanted = [row.message_id for row in rows(many, target)]
        assert [message.id for message in many.sent(target)] == wanted
        assert {(row.state, row.attempts, row.leaving_until) for row in rows(many, target)} == {
            (OutboxState.SENT, 1, None)
        }


def test_what_was_not_begun_in_time_is_due_as_before(many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow receiver: the first of each block leaves, the others are let go, which was no attempt, and leave later."""
    monkeypatch.setattr(sending_lane, "_BLOCK_MS", 0)
    [lane] = [one for one in many.alerts.dispatcher._lanes if one.target == HOOK]
    due = [row.due_at for row in rows(many, HOOK)]

    assert lane.step() == 1

    first, *others = rows(many, HOOK)
    assert (first.state, first.attempts) == (OutboxState.SENT, 1)
    assert [(row.state, row.attempts, row.leaving_until) for row in others] == [
        (OutboxState.PENDING, 0, None)
    ] * (MANY - 1)
    assert [row.due_at for row in others] == due[1:]
    assert many.alerts.dispatcher.run_once() == 3 * MANY - 1
    assert len({message.id for message in many.sent(HOOK)}) == len(many.sent(HOOK)) == MANY


def test_a_lane_that_is_to_stop_ends_with_the_message_it_is_at(many: Any) -> None:
    """The others of its block are due as before, for whoever comes next."""
    [lane] = [one for one in many.alerts.dispatcher._lanes if one.target == HOOK]
    lane.halt.set()

    assert lane.step() == 1

    assert [row.state for row in rows(many, HOOK)] == ["sent", *["pending"] * (MANY - 1)]


def test_an_owners_message_is_recorded_before_the_next_one_leaves(many: Any) -> None:
    """A crash sends one again, not a block of them: people have no ids to drop a repeat by."""
    sms, before = many.channels["sms"], []

    def send(message: Message) -> None:
        before.append(sum(row.state is OutboxState.SENT for row in rows(many, "sms")))
        sms.sent.append(message)

    sms.send = send
    many.alerts.dispatcher.run_once()

    assert before == list(range(MANY))


def test_a_receiver_that_is_gone_is_asked_no_second_time(many: Any) -> None:
    """The others of its block are set aside with it."""
    many.channels[HOOK].errors = [GoneError("answered 410")]

    many.alerts.dispatcher.run_once()

    assert many.channels[HOOK].tries == 1
    assert {row.state for row in rows(many, HOOK)} == {OutboxState.DEAD}


class Together(ListChannel):
    """Takes three at a time, and notes how many came together."""

    def __init__(self) -> None:
        super().__init__()
        self.at_once, self.groups = 3, list[int]()

    def send_all(self, messages: Sequence[Message]) -> list[Exception | None]:
        self.groups.append(len(messages))
        return [self._error(one) for one in messages]

    def _error(self, message: Message) -> Exception | None:
        try:
            self.send(message)
        except Exception as error:  # noqa: BLE001 as a channel answers it
            return error
        return None


def together(many: Any) -> tuple[Together, Any]:
    """A channel to the platform that takes three at a time, and its lane."""
    channel, queue = Together(), Queue(many.alerts.engine, many.clock)
    [old] = [one for one in many.alerts.dispatcher._lanes if one.target == HOOK]
    lane = SendingLane(HOOK, channel, queue, old.gate, old.retry, old.rng)
    lane._most = sending_lane.MOST
    return channel, lane


def test_a_channel_that_takes_several_gets_them_together(many: Any) -> None:
    """What is wrong with one is of that one: the others are sent, and each is one attempt."""
    channel, lane = together(many)
    channel.errors = [UnavailableError("busy"), RefusedError("no"), OverflowError("odd")]

    assert lane.step() == MANY

    assert channel.groups == [3, 3, 2]
    assert [row.state for row in rows(many, HOOK)] == ["pending", "dead", "dead", *["sent"] * (MANY - 3)]
    assert {row.attempts for row in rows(many, HOOK)} == {1}


def test_of_one_ticket_nothing_is_under_way_beside_another(many: Any, finding: Make) -> None:
    """What came after on the same ticket waits until its first message is through, however many a channel takes."""
    channel, lane = together(many)
    closed = finding(kind=FindingKind.CLOSED, time=NOON - DAY + 1)
    many.alerts.effects.apply([closed], [], 2)
    ticket = [row.message_id for row in rows(many, HOOK) if row.appliance_id == "fridge-1"]
    assert len(ticket) == 2

    assert lane.step() == MANY
    first = [message.id for message in channel.sent]
    assert lane.step() == 1

    assert ticket[0] in first
    assert ticket[1] not in first
    assert channel.sent[-1].id == ticket[1]


def test_a_receiver_that_is_gone_while_several_are_under_way_is_disabled_once(many: Any) -> None:
    """Each of them says it; what was not begun is set aside with them."""
    channel, lane = together(many)
    channel.errors = [GoneError("answered 410")] * 3

    while lane.step():
        pass

    assert channel.tries == 3
    assert {row.state for row in rows(many, HOOK)} == {OutboxState.DEAD}
    with reading(many.alerts.engine) as session:
        told = session.scalar(select(func.count()).where(AuditRow.action == "target.disabled"))
    assert told == 1


def test_what_is_wrong_with_some_of_a_block_keeps_nothing_from_the_others(many: Any) -> None:
    """A row with words that nobody knows, one that is no JSON, a zone that is none, a no that came meanwhile."""
    with writing(many.alerts.engine) as session:
        session.execute(
            text("UPDATE outbox SET purpose = 'pigeon' WHERE target = 'sms' AND appliance_id = 'fridge-2'")
        )
        session.execute(
            update(OutboxRow)
            .where(OutboxRow.target == "sms", OutboxRow.appliance_id == "fridge-3")
            .values(body="{")
        )
        session.execute(
            update(ApplianceRow).where(ApplianceRow.id == "fridge-4").values(timezone="Mars/Olympus")
        )
    many.clock.now += 1
    many.say(Purpose.SMS, False, "fridge-5", "o-5")

    many.alerts.dispatcher.run_once()

    told = {message.appliance_id for message in many.sent("sms")}
    assert told == {"fridge-1", "fridge-6", "fridge-7", "fridge-8"}
    with reading(many.alerts.engine) as session:
        states = session.execute(text("SELECT state FROM outbox WHERE target = 'sms' ORDER BY seq")).scalars()
        assert list(states) == ["sent", "dead", "dead", "dead", "held_back", "sent", "sent", "sent"]


def test_of_one_owner_a_block_takes_one_and_the_others_leave_with_it(many: Any, finding: Make) -> None:
    """Eight that are due at once of one owner are one message, however many a lane takes."""
    many.alerts.dispatcher.run_once()
    known = [OwnedAppliance(f"cooler-{one}", "o-1", "BCD-200") for one in range(MANY)]
    many.alerts.owners.register_appliances(known)
    for one in known:
        many.say(Purpose.SMS, True, one.appliance_id)
    found = [finding(appliance_id=one.appliance_id) for one in known]
    many.alerts.effects.apply(found, [], 2)

    many.alerts.dispatcher.run_once()

    assert len(many.sent("sms")) == MANY + 1


def plans_of(engine: Engine, look: str) -> list[str]:
    """How PostgreSQL finds what a lane asks for."""
    queue, asked = Queue(engine, SystemClock()), []

    def hear(*said: Any) -> None:
        asked.append(said[2:4])

    event.listen(engine, "before_cursor_execute", hear)
    queue.claim("sms", 1_000) if look == "claim" else queue.next_due("sms")
    event.remove(engine, "before_cursor_execute", hear)
    with engine.connect() as connection:
        return [
            "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
            for statement, parameters in asked
            if "FROM outbox" in statement
        ]


@pytest.mark.parametrize("look", ["claim", "next_due"])
def test_a_table_that_has_just_filled_is_read_row_by_row(postgres_server: PostgresServer, look: str) -> None:
    """PostgreSQL has no statistics of a burst yet. It had joined the waiting rows with themselves: 8 s at 4,000."""
    engine = open_database(postgres_server.new_database())

    plans = plans_of(engine, look)

    assert plans
    for plan in plans:
        assert "ix_outbox_target_state_due_at" in plan
        assert "Join" not in plan
    engine.dispose()


@pytest.mark.parametrize("look", ["claim", "next_due"])
def test_what_comes_before_a_message_is_found_by_its_ordering(
    postgres_server: PostgresServer, look: str
) -> None:
    """Statistics of a quiet hour say that nothing waits: it had looked at all that waits of a burst for each of it."""
    engine = open_database(postgres_server.new_database())
    through = (
        "INSERT INTO outbox (id, message_id, target, event_type, appliance_id, ordering, body, state, attempts, due_at,"
        " created_at, error) SELECT 'ob-' || n, 'm-' || n, 'sms', 'foremend.warning', 'a-' || n, 'ep-' || n, '{}',"
        " 'sent', 1, n, n, '' FROM generate_series(1, 3000) AS n"
    )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (through, "ANALYZE outbox"):
            connection.exec_driver_sql(statement)

    plans = plans_of(engine, look)

    assert plans
    for plan in plans:
        assert "ix_outbox_target_ordering_seq" in plan
    engine.dispose()
