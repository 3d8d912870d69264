"""Consent ends: with its retention, with a change of owner; owners are asked again before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import select, text, update

from alerts import queries
from alerts.consent import ConsentRecord
from alerts.database import reading, writing
from alerts.owners import OwnedAppliance, Owner
from alerts.queue import Queue
from alerts.tables import ConsentRow, ReminderRow
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Finding, FindingKind, Purpose, Severity

DAY = 86_400_000
Make = Callable[..., Finding]


def say(stage: Any, purpose: Purpose, retention: str | None = None, *, at: int | None = None) -> None:
    record = ConsentRecord(
        "fridge-1", "o-1", purpose, True, stage.clock.now if at is None else at, "1", "zh", "app"
    )
    stage.alerts.consent.record([replace(record, retention=retention)])


def events(stage: Any, kind: str) -> list[dict[str, Any]]:
    return [
        orjson.loads(one.body)["data"] for one in stage.sent("webhook:platform") if one.event_type == kind
    ]


def owned_by(stage: Any, owner_id: str) -> None:
    stage.alerts.owners.register_owners([Owner(owner_id, {"sms": "+8613800001234"})])
    stage.alerts.owners.register_appliances([OwnedAppliance("fridge-1", owner_id, "BCD-200")])


def test_a_yes_of_five_years_ago_for_one_day_sends_no_sms(stage: Any, finding: Make) -> None:
    """Its time is over; the message is held back with the day on which it ended."""
    say(stage, Purpose.SMS, "P1D", at=stage.clock.now - 5 * 365 * DAY)

    stage.alerts.effects.apply([finding()], [], 1)
    stage.alerts.dispatcher.run_once()

    assert stage.sent("sms") == []
    held = {row["purpose"]: row["reason"] for row in queries.held_back(stage.alerts.engine).items}
    assert held["sms"].startswith("ended at 20")


@pytest.mark.parametrize(
    ("later", "holds"),
    [(0, True), (59 * DAY, True), (60 * DAY - 1, True), (60 * DAY, False), (900 * DAY, False)],
)
def test_a_yes_holds_until_its_very_end(stage: Any, later: int, holds: bool) -> None:
    """One moment, for the ledger and for the list of all that agreed."""
    say(stage, Purpose.SMS, "P60D")
    at = stage.clock.now + later

    assert stage.alerts.consent.is_given("fridge-1", Purpose.SMS, at) is holds
    assert ("fridge-1" in stage.alerts.consent.given(Purpose.SMS, at)) is holds


def test_no_yes_outlives_what_its_policy_allows(stage: Any) -> None:
    """A record that promises fifty years ends with the policy's two."""
    say(stage, Purpose.SMS, "P50Y")

    assert stage.alerts.consent.is_given("fridge-1", Purpose.SMS, stage.clock.now + 729 * DAY)
    assert not stage.alerts.consent.is_given("fridge-1", Purpose.SMS, stage.clock.now + 732 * DAY)


@pytest.mark.parametrize("retention", ["two years", "P1H", "730", "P", " P1Y"])
def test_a_retention_that_is_no_duration_is_refused(stage: Any, retention: str) -> None:
    """Nothing would ever end by it."""
    with pytest.raises(InputError, match="ISO 8601"):
        say(stage, Purpose.SMS, retention)

    assert stage.alerts.consent.history("fridge-1") == []


def test_the_owner_is_asked_again_before_the_end_and_once(stage: Any) -> None:
    """The platform and the agreed channels hear of it thirty days before, however often it is looked at."""
    say(stage, Purpose.SMS)
    stage.alerts.endings.round()
    stage.clock.now += 701 * DAY

    rounds = [stage.alerts.endings.round().asked_again for _ in range(3)]
    stage.alerts.dispatcher.run_once()

    assert rounds == [1, 0, 0]
    [told] = events(stage, "foremend.consent.ending")
    assert (told["purpose"], told["ends_at"][:10]) == ("sms", "2028-01-01")
    [asked] = stage.sent("sms")
    assert "2028-01-01" in asked.body
    assert asked.blanks.kind == "ending"
    assert (asked.blanks.words["purpose"], asked.blanks.words["day"]) == ("短信", "2028-01-01")


def test_what_was_told_once_takes_no_room_for_ever_and_is_told_once_all_the_same(stage: Any) -> None:
    """That it was told is kept for as long as a round looks at it: 400 days after the end, and no longer."""
    say(stage, Purpose.SMS)
    rounds = []
    for days in (701, 30, 0, 399):
        stage.clock.now += days * DAY
        done = stage.alerts.endings.round()
        rounds.append((done.asked_again, done.ended))
    with reading(stage.alerts.engine) as session:
        assert len(session.scalars(select(ReminderRow.id)).all()) == 1

    for _ in range(2):
        stage.clock.now += 2 * DAY
        done = stage.alerts.endings.round()
        rounds.append((done.asked_again, done.ended))

    assert rounds == [(1, 0), (0, 1), (0, 0), (0, 0), (0, 0), (0, 0)]
    with reading(stage.alerts.engine) as session:
        assert session.scalars(select(ReminderRow.id)).all() == []


def test_who_confirms_is_not_asked_before_the_next_end(stage: Any) -> None:
    """The new yes has an end of its own, and the old one's passes without a word."""
    say(stage, Purpose.SMS)
    stage.clock.now += 710 * DAY
    say(stage, Purpose.SMS)

    stage.clock.now += 30 * DAY
    done = stage.alerts.endings.round()

    assert (done.asked_again, done.ended) == (0, 0)
    assert stage.alerts.consent.is_given("fridge-1", Purpose.SMS)


def test_with_the_end_of_its_consent_a_ticket_is_withdrawn_and_the_platform_told(
    stage: Any, finding: Make
) -> None:
    """As with a withdrawal, and once."""
    say(stage, Purpose.TICKET, "P3D")
    stage.alerts.effects.apply([finding()], [], 1)
    stage.alerts.dispatcher.run_once()
    stage.clock.now += 3 * DAY

    rounds = [stage.alerts.endings.round().ended for _ in range(2)]
    stage.alerts.dispatcher.run_once()

    assert rounds == [1, 0]
    [ticket] = queries.tickets(stage.alerts.engine).items
    [told] = events(stage, "foremend.consent.changed")
    assert ticket["status"] == "withdrawn"
    assert (told["reason"], told["given"], told["tickets"]) == ("ended", False, [ticket["ticket_id"]])


def test_with_a_new_owner_tickets_are_withdrawn_and_the_platform_told(stage: Any, finding: Make) -> None:
    """Nobody works for the former owner at the next one's door."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.alerts.dispatcher.run_once()

    owned_by(stage, "o-2")
    stage.alerts.dispatcher.run_once()

    [ticket] = queries.tickets(stage.alerts.engine).items
    [told] = events(stage, "foremend.consent.changed")
    assert ticket["status"] == "withdrawn"
    assert (told["reason"], told["tickets"]) == ("change of owner", [ticket["ticket_id"]])


def test_a_message_for_the_former_owner_never_reaches_the_next(stage: Any, finding: Make) -> None:
    """Not even when the next one agrees before it would leave, or when somebody replays it."""
    stage.say(Purpose.SMS, True)
    stage.say(Purpose.PUSH, True)
    stage.alerts.effects.apply([finding()], [], 1)
    queue = Queue(stage.alerts.engine, stage.clock)
    push = queue.claim("push", 0)
    assert push is not None
    queue.dead(push, "the provider was away")

    owned_by(stage, "o-2")
    stage.clock.now += 1
    stage.say(Purpose.SMS, True, owner_id="o-2")
    stage.say(Purpose.PUSH, True, owner_id="o-2")
    stage.alerts.dispatcher.run_once()

    assert stage.sent("sms") == stage.sent("push") == []
    with pytest.raises(InputError, match="no dead message"):
        queue.replay(push.id)


def test_an_owner_who_gets_an_appliance_back_starts_from_nothing_too(stage: Any) -> None:
    """What was said before it was sold does not come to life again."""
    stage.say(Purpose.SMS, True)
    owned_by(stage, "o-2")
    stage.clock.now += 1
    owned_by(stage, "o-1")

    assert not stage.alerts.consent.is_given("fridge-1", Purpose.SMS)
    assert stage.alerts.consent.given(Purpose.SMS) == frozenset()


def test_a_word_of_before_the_sale_that_comes_late_is_overruled_by_it(stage: Any) -> None:
    """An app that was offline hands on what its owner said while it was still theirs: that ended with the sale."""
    before = stage.clock.now
    stage.say(Purpose.SMS, True)
    stage.clock.now += 2
    owned_by(stage, "o-2")
    stage.clock.now += 1
    owned_by(stage, "o-1")

    say(stage, Purpose.SMS, at=before + 1)

    assert not stage.alerts.consent.is_given("fridge-1", Purpose.SMS)


def test_registering_the_same_owner_again_ends_nothing(stage: Any) -> None:
    """A new language or zone is no new owner."""
    stage.say(Purpose.SMS, True)
    stage.alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-1", "BCD-200", "en", "UTC")])

    assert stage.alerts.consent.is_given("fridge-1", Purpose.SMS)
    assert events(stage, "foremend.consent.changed") == []


def test_withdrawing_monitoring_withdraws_tickets_too(stage: Any, finding: Make) -> None:
    """Without watching a ticket has nothing to stand on."""
    stage.say(Purpose.MONITORING, True)
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding(severity=Severity.CRITICAL)], [], 1)
    stage.clock.now += 1
    stage.say(Purpose.MONITORING, False)

    stage.alerts.effects.apply([finding(kind=FindingKind.CLOSED, time=finding().time + 1)], [], 2)
    [ticket] = queries.tickets(stage.alerts.engine).items
    assert ticket["status"] == "withdrawn"


def test_receivers_hear_that_a_yes_whose_time_is_over_is_none(stage: Any) -> None:
    """A later word that ended already takes the place of one that held: it is told as what it means, a no."""
    say(stage, Purpose.TICKET, at=stage.clock.now - 20 * DAY)
    say(stage, Purpose.TICKET, "P1D", at=stage.clock.now - 10 * DAY)
    stage.alerts.dispatcher.run_once()

    assert not stage.alerts.consent.is_given("fridge-1", Purpose.TICKET)
    [told] = events(stage, "foremend.consent.changed")
    assert told["given"] is False


def test_where_no_yes_is_asked_for_none_ends(stage: Any, finding: Make) -> None:
    """A household is watched until it says no: a yes to that of an earlier Foremend, with a time, ends no ticket."""
    stage.say(Purpose.MONITORING, True)
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    watched = ConsentRow.purpose == Purpose.MONITORING
    with writing(stage.alerts.engine) as session:
        session.execute(update(ConsentRow).where(watched).values(ends_at=stage.clock.now + DAY))
    stage.clock.now += 2 * DAY

    assert stage.alerts.endings.round().ended == 0
    [ticket] = queries.tickets(stage.alerts.engine).items
    assert ticket["status"] == "open"


def test_a_word_on_what_nobody_here_knows_holds_up_no_end(stage: Any) -> None:
    """Another Foremend, or a hand in the database, wrote it; the ends of the others are told."""
    say(stage, Purpose.SMS, "P3D")
    say(stage, Purpose.PUSH, "P3D")
    with writing(stage.alerts.engine) as session:
        session.execute(text("UPDATE consent_records SET purpose = 'fax' WHERE purpose = 'push'"))
    stage.clock.now += 3 * DAY

    assert stage.alerts.endings.round().ended == 1
