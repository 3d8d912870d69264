"""Which receivers hear that an owner changed their mind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from alerts import queries
from alerts.settings import WebhookEndpoint
from foremend.vocabulary.types import Finding, Purpose

DAY = 86_400_000
Make = Callable[..., Finding]


def endpoint(**said: Any) -> dict[str, Any]:
    return {"name": "desk", "url": "https://desk.example/hook", "secret_env": "SECRET"} | said


def told(stage: Any) -> list[tuple[str, str]]:
    """The types of what waits for or went to the endpoint about consent, with its purpose, oldest first."""
    rows = [row for row in queries.outbox(stage.alerts.engine).items if row["target"] == "webhook:desk"]
    return [
        (row["event_type"], purpose.value)
        for row in reversed(rows)
        for purpose in Purpose
        if f'"purpose":"{purpose.value}"' in row["body"].replace('": "', '":"')
    ]


def change_minds(stage: Any) -> None:
    for purpose in (Purpose.TICKET, Purpose.MONITORING, Purpose.SMS, Purpose.TRAINING):
        stage.say(purpose, True)
        stage.clock.now += 1
        stage.say(purpose, False)


def test_a_service_platform_hears_of_what_its_tickets_stand_on_and_of_nothing_else(
    open_stage: Callable[..., Any],
) -> None:
    """Whether somebody wants text messages or helps to learn is no matter of who mends appliances."""
    stage = open_stage(webhooks=[endpoint()])

    change_minds(stage)

    assert told(stage) == [
        ("foremend.consent.changed", "ticket"),
        ("foremend.consent.changed", "monitoring"),
    ]


def test_a_receiver_hears_of_the_purposes_that_it_may_know(open_stage: Callable[..., Any]) -> None:
    """An app that keeps text messages' consent is told of that one, and of no ticket."""
    stage = open_stage(webhooks=[endpoint(events=["foremend.consent."], consents=["sms"])])

    change_minds(stage)

    assert told(stage) == [("foremend.consent.changed", "sms")]


def test_an_end_that_is_near_is_told_to_those_who_may_know(open_stage: Callable[..., Any]) -> None:
    """Asking anew is as much a word about the owner as the answer is."""
    stage = open_stage(webhooks=[endpoint(consents=["push"])])
    for purpose in (Purpose.SMS, Purpose.PUSH, Purpose.TICKET):
        stage.say(purpose, True)
    stage.clock.now += 2 * 365 * DAY - DAY

    stage.alerts.endings.round()

    assert sorted(told(stage)) == [
        ("foremend.consent.ending", "push"),
        ("foremend.consent.ending", "ticket"),
    ]


def test_withdrawn_tickets_are_told_to_whoever_takes_tickets_whatever_else_it_takes(
    open_stage: Callable[..., Any], finding: Make
) -> None:
    """No setting can keep a platform working on a ticket that its owner withdrew, but for one that takes none of it."""
    stage = open_stage(webhooks=[endpoint(events=["foremend.ticket.opened", "foremend.consent.changed"])])
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.clock.now += 1

    stage.say(Purpose.TICKET, False)

    assert told(stage) == [("foremend.consent.changed", "ticket")]


def test_an_endpoint_for_consent_that_may_know_of_none_is_refused() -> None:
    """It would wait for ever for what never comes."""
    with pytest.raises(ValidationError, match="may know of no purpose"):
        WebhookEndpoint(**endpoint(events=["foremend.consent."]))
