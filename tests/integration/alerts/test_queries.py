"""Read models for the console and the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from sqlalchemy import event

from alerts import queries
from alerts.tables import DeadLetterRow
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import DeadLetter, Finding, Purpose

Make = Callable[..., Finding]


@pytest.fixture
def busy(stage: Any, finding: Make) -> Any:
    """Three tickets, two dead letters, what follows from them sent or held back."""
    stage.say(Purpose.TICKET, True)
    findings = [finding(fault=f"fault-{number}", time=number) for number in range(3)]
    letters = [DeadLetter("t", b"\x00" * 500, "not JSON", number) for number in range(2)]
    stage.alerts.effects.apply(findings, letters, 1)
    stage.alerts.dispatcher.run_once()
    return stage


def test_the_counts_are_what_happened(busy: Any) -> None:
    """Three webhooks left; six warnings were held back, since nobody agreed to SMS or push."""
    assert queries.counts(busy.alerts.engine) == queries.Counts(
        findings=3,
        tickets_opened=3,
        tickets_open=3,
        webhooks_delivered=3,
        notifications_sent=0,
        held_back={"sms": 3, "push": 3},
        dead_letters=2,
        messages_waiting=0,
        messages_dead=0,
    )


def test_lists_come_in_pages_newest_first(busy: Any) -> None:
    """A page holds its part, and the total of all."""
    first = queries.tickets(busy.alerts.engine, limit=2)
    second = queries.tickets(busy.alerts.engine, limit=2, offset=2)

    assert [ticket["fault"] for ticket in first.items + second.items] == ["fault-2", "fault-1", "fault-0"]
    assert first.total == second.total == 3


def test_every_list_is_json(busy: Any) -> None:
    """What the API hands out needs no further conversion."""
    lists = (queries.tickets, queries.findings, queries.held_back, queries.outbox, queries.dead_letters)

    for name in lists:
        page = name(busy.alerts.engine)
        assert orjson.loads(orjson.dumps(page.items)) == page.items
        assert len(page.items) == page.total


def test_one_ticket_can_be_looked_up(busy: Any) -> None:
    """By its id; an unknown one is None."""
    [ticket, *_] = queries.tickets(busy.alerts.engine).items

    assert queries.ticket(busy.alerts.engine, ticket["ticket_id"]) == ticket
    assert queries.ticket(busy.alerts.engine, "tk_unknown") is None


def test_lists_of_one_appliance_hold_nothing_of_others(busy: Any, finding: Make) -> None:
    """Findings and tickets can be asked for by appliance."""
    busy.alerts.effects.apply([finding(appliance_id="other-1")], [], 2)

    assert queries.findings(busy.alerts.engine, appliance_id="other-1").total == 1
    assert queries.tickets(busy.alerts.engine, appliance_id="other-1").total == 0


def test_the_outbox_can_be_asked_by_state(busy: Any) -> None:
    """And says which states there are."""
    assert queries.outbox(busy.alerts.engine, state="held_back").total == 6
    with pytest.raises(InputError, match="pending, sent, held_back, superseded, dead"):
        queries.outbox(busy.alerts.engine, state="lost")


def test_the_list_of_dead_letters_leaves_the_payloads_in_the_database(busy: Any) -> None:
    """Of a topic as of a payload the beginning comes; the whole of one letter is asked for by its id."""
    big = DeadLetter("t" * 60_000, b"x" * 60_000, "not JSON", 9)
    busy.alerts.effects.apply([], [big], 2)
    fetched: list[int] = []

    @event.listens_for(DeadLetterRow, "load")
    def _loaded(*_: Any) -> None:
        fetched.append(1)

    [newest, *_] = queries.dead_letters(busy.alerts.engine).items
    event.remove(DeadLetterRow, "load", _loaded)

    assert fetched == []
    assert (newest["bytes"], newest["preview"], newest["topic"]) == (60_000, "x" * 200, "t" * 200)
    assert queries.dead_letter(busy.alerts.engine, newest["id"]) == big


def test_a_dead_letter_in_a_list_is_a_preview(busy: Any) -> None:
    """Ten megabytes of nonsense do not reach the page."""
    [letter, _] = queries.dead_letters(busy.alerts.engine).items

    assert (letter["bytes"], len(letter["preview"])) == (500, 200)
