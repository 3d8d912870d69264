"""The consent ledger on the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from alerts import queries
from alerts.consent import ConsentRecord, histories
from alerts.database import reading
from alerts.owners import OwnedAppliance, Owner
from alerts.queries.register import owners
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Finding, FindingKind, Purpose

CHANNELS = (Purpose.SMS, Purpose.PUSH)
WORDS = st.lists(
    st.tuples(st.sampled_from(["fridge-1", "fridge-2"]), st.sampled_from(CHANNELS), st.booleans()),
    max_size=12,
)
Make = Callable[..., Finding]


def changes(stage: Any) -> list[dict[str, Any]]:
    """What receivers will be told about consent."""
    rows = queries.outbox(stage.alerts.engine).items
    told = [row["body"] for row in reversed(rows) if row["event_type"] == "foremend.consent.changed"]
    return [json.loads(body)["data"] for body in told]


def test_each_purpose_is_given_on_its_own(stage: Any) -> None:
    """Agreeing to tickets is not agreeing to SMS."""
    stage.say(Purpose.TICKET, True)

    assert stage.alerts.consent.is_given("fridge-1", Purpose.TICKET)
    assert not stage.alerts.consent.is_given("fridge-1", Purpose.SMS)
    assert stage.alerts.consent.given(Purpose.TICKET) == {"fridge-1"}
    assert stage.alerts.consent.given(Purpose.SMS) == frozenset()


def test_the_ledger_answers_for_the_past(stage: Any) -> None:
    """What held at an earlier time can still be asked after a withdrawal."""
    stage.say(Purpose.SMS, True)
    given_at = stage.clock.now
    stage.clock.now += 10
    stage.say(Purpose.SMS, False)

    assert stage.alerts.consent.is_given("fridge-1", Purpose.SMS, given_at)
    assert stage.alerts.consent.given(Purpose.SMS, given_at) == {"fridge-1"}
    assert not stage.alerts.consent.is_given("fridge-1", Purpose.SMS, given_at - 1)
    assert not stage.alerts.consent.is_given("fridge-1", Purpose.SMS)


def test_the_ledger_is_read_by_appliance(stage: Any) -> None:
    """However many words the ledger has of one purpose, and whether or not the database counted them."""
    engine, asked = stage.alerts.engine, list[Any]()
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL counts its rows by itself, and chooses by that")
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))

    with reading(engine) as session:
        histories(session, ["fridge-1", "fridge-2"], [Purpose.SMS])

    [(statement, values)] = [one for one in asked if "consent_records" in one[0]]
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    assert any("appliance_id=? AND purpose=?" in row[3] for row in plan), plan


@pytest.mark.parametrize("asked_for", [{"after": "o-0"}, {"beginning": "o-"}, {}])
def test_the_register_is_walked_by_an_index_whatever_the_database_sorts_by(
    stage: Any, asked_for: dict[str, str]
) -> None:
    """PostgreSQL's order need not be that of code points; to sort a million owners for a page takes 0.3 s."""
    engine, asked = stage.alerts.engine, list[Any]()
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite's own index of the id is in that order")
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))

    owners(engine, **asked_for)

    [(statement, values)] = [one for one in asked if "FROM owners" in one[0]]
    with engine.begin() as connection:
        for way in ("seqscan", "bitmapscan", "sort"):  # which a few rows are read by, if there is another
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars().all()
    assert any("ix_owners_id_in_order" in line for line in plan), plan
    assert not any("Sort" in line for line in plan), plan


def test_a_paper_form_does_not_undo_a_later_word(stage: Any) -> None:
    """Records count by when the owner spoke, not by when somebody typed them in."""
    stage.say(Purpose.SMS, True)
    [last] = stage.alerts.consent.history("fridge-1")
    earlier = ConsentRecord(
        "fridge-1", "o-1", Purpose.SMS, False, last["at"] - 1, "1", "zh", how="paper form"
    )

    stage.alerts.consent.record([earlier])

    assert stage.alerts.consent.is_given("fridge-1", Purpose.SMS)


def test_nobody_but_the_owner_can_agree(stage: Any) -> None:
    """A record of somebody who does not own the appliance is refused, and so is the whole call."""
    good = ConsentRecord("fridge-1", "o-1", Purpose.SMS, True, stage.clock.now, "1", "zh", "app")

    with pytest.raises(InputError, match="'o-2' is not the registered owner"):
        stage.alerts.consent.record([good, replace(good, subject="o-2")])

    assert stage.alerts.consent.history("fridge-1") == []


def test_consent_from_the_future_is_refused(stage: Any) -> None:
    """A date still to come is an error of whoever recorded it."""
    early = ConsentRecord("fridge-1", "o-1", Purpose.SMS, True, stage.clock.now + 1, "1", "zh", "app")

    with pytest.raises(InputError, match="still to come"):
        stage.alerts.consent.record([early])


def test_consent_does_not_pass_to_the_next_owner(stage: Any) -> None:
    """Sold with the flat, an appliance is silent until its new owner agrees."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.owners.register_owners([Owner("o-2", {})])

    stage.alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-2", "BCD-200")])

    assert not stage.alerts.consent.is_given("fridge-1", Purpose.TICKET)
    assert stage.alerts.consent.given(Purpose.TICKET) == frozenset()


def test_two_owners_in_turn_are_told_of_apart(stage: Any) -> None:
    """What the next owner withdraws is a fact of its own, also where they said as often yes and no."""
    for owner_id in ("o-1", "o-2"):
        stage.alerts.owners.register_owners([Owner(owner_id, {})])
        stage.alerts.owners.register_appliances([OwnedAppliance("fridge-1", owner_id, "BCD-200")])
        for agrees in (True, False):
            stage.clock.now += 1
            stage.say(Purpose.PUSH, agrees, owner_id=owner_id)

    assert len(changes(stage)) == 2


def test_receivers_hear_of_a_changed_mind_only(stage: Any) -> None:
    """A first word and a repeated one change nothing that receivers know; a withdrawal does."""
    stage.say(Purpose.PUSH, True)
    stage.say(Purpose.PUSH, True)
    assert changes(stage) == []

    stage.say(Purpose.PUSH, False)

    [told] = changes(stage)
    assert (told["purpose"], told["given"], told["tickets"]) == ("push", False, [])


def test_withdrawing_stops_an_open_ticket(stage: Any, finding: Make) -> None:
    """The ticket becomes `withdrawn`, one event names it, and nothing else about it leaves."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.say(Purpose.TICKET, False)
    stage.alerts.effects.apply([finding(kind=FindingKind.CLOSED, time=finding().time + 1)], [], 2)

    stage.alerts.dispatcher.run_once()

    [ticket] = queries.tickets(stage.alerts.engine).items
    [told] = changes(stage)
    assert ticket["status"] == "withdrawn"
    assert "nothing more about this ticket is sent" in ticket["note"]
    assert told["tickets"] == [ticket["ticket_id"]]
    assert [message.event_type for message in stage.sent("webhook:platform")] == ["foremend.consent.changed"]


def test_agreeing_again_opens_the_same_ticket_again(stage: Any, finding: Make) -> None:
    """While the episode lasts, its next finding after a new consent brings the withdrawn ticket back."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.say(Purpose.TICKET, False)
    stage.clock.now += 1
    stage.say(Purpose.TICKET, True)

    stage.alerts.effects.apply([finding(kind=FindingKind.UPDATED, time=finding().time + 1)], [], 2)

    [ticket] = queries.tickets(stage.alerts.engine).items
    assert (ticket["status"], ticket["note"]) == ("open", "")


def test_the_record_keeps_what_27560_asks_for(stage: Any) -> None:
    """Who, what, notice, language, how, when, where, how long and how to withdraw are in the record."""
    stage.say(Purpose.SMS, True)

    [record] = stage.alerts.consent.history("fridge-1")
    assert record["subject"] == "o-1"
    assert (record["notice_version"], record["language"], record["how"]) == ("1", "zh", "app")
    assert (record["jurisdiction"], record["retention"]) == ("household", "P2Y")
    assert record["withdrawal_method"] == "in the app, at any time"
    assert record["recorded_at"] == stage.clock.now


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS)
def test_the_ledger_equals_a_set_of_switches(stage: Any, words: list[tuple[str, Purpose, bool]]) -> None:
    """After any sequence of words on two appliances and two purposes, one by one and in bulk, the last one holds."""
    stage.alerts.owners.register_appliances([OwnedAppliance("fridge-2", "o-1", "BCD-200")])
    switches = {
        key: stage.alerts.consent.is_given(*key) for key in product(["fridge-1", "fridge-2"], CHANNELS)
    }
    for appliance_id, purpose, is_given in words:
        stage.say(purpose, is_given, appliance_id)
        switches[appliance_id, purpose] = is_given

    for (appliance_id, purpose), is_given in switches.items():
        assert stage.alerts.consent.is_given(appliance_id, purpose) is is_given
        assert (appliance_id in stage.alerts.consent.given(purpose)) is is_given
