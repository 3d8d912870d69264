"""Which tickets led to a visit, and the weeks to come by what is kept here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from alerts import queries
from alerts.consent import ConsentRecord
from alerts.nameplates import Nameplate
from alerts.owners import OwnedAppliance
from alerts.tables import Resolution
from alerts.ticket_steps import Reopened, Resolved
from alerts.visits import TicketVisit, ticket_visits
from foremend.jobs.forecasts import forecast_own
from foremend.vocabulary.types import Finding, Purpose

DAY = 86_400_000
EPOCH = date(1970, 1, 1)


def opened(stage: Any, finding: Finding) -> str:
    stage.alerts.effects.apply([finding], [], finding.time)
    (ticket,) = queries.tickets(stage.alerts.engine, appliance_id=finding.appliance_id).items
    return str(ticket["ticket_id"])


def ends(stage: Any, ticket: str, result: Resolution, fault: str | None = None) -> None:
    stage.alerts.servicing.take(ticket, Resolved(step="resolved", result=result, fault=fault), "test")


@pytest.mark.parametrize(
    ("result", "fault", "came", "what"),
    [
        (Resolution.CONFIRMED, None, True, "refrigerant-leak"),
        (Resolution.OTHER_FAULT, "door-gasket-leak", True, "door-gasket-leak"),
        (Resolution.NO_FAULT, None, True, "refrigerant-leak"),
        (Resolution.REMOTE, None, False, "refrigerant-leak"),
        (Resolution.DECLINED, None, False, "refrigerant-leak"),
    ],
)
def test_an_outcome_says_whether_somebody_came(
    stage: Any, finding: Callable[..., Finding], result: Resolution, fault: str | None, came: bool, what: str
) -> None:
    """What was solved from afar or declined ends without a visit."""
    stage.say(Purpose.TICKET, True)
    start = stage.clock.now
    ticket = opened(stage, finding())
    assert ticket_visits(stage.alerts.engine) == [
        TicketVisit("fridge-1", "refrigerant-leak", start, None, None)
    ]

    stage.clock.now = start + 3 * DAY
    ends(stage, ticket, result, fault)

    end = start + 3 * DAY
    assert ticket_visits(stage.alerts.engine) == [
        TicketVisit("fridge-1", what, start, end if came else None, None if came else end)
    ]


def test_a_ticket_that_was_opened_again_may_bring_another_visit(
    stage: Any, finding: Callable[..., Finding]
) -> None:
    """Foreseen since the first one was through."""
    stage.say(Purpose.TICKET, True)
    start = stage.clock.now
    ticket = opened(stage, finding())
    stage.clock.now = start + 3 * DAY
    ends(stage, ticket, Resolution.CONFIRMED)
    stage.alerts.servicing.take(ticket, Reopened(step="reopened", reason="it leaks again"), "test")

    first, second = ticket_visits(stage.alerts.engine)

    assert (first.foreseen, first.visited) == (start, start + 3 * DAY)
    assert (second.foreseen, second.visited, second.closed) == (start + 3 * DAY, None, None)


def test_the_weeks_to_come_are_told_by_areas_from_nameplates_and_tickets(
    stage: Any, finding: Callable[..., Finding]
) -> None:
    """Of appliances whose owners agree to tickets; open tickets are counted."""
    start = stage.clock.now
    ids = [f"rf-{number}" for number in range(120)]
    stage.alerts.owners.register_appliances([OwnedAppliance(one, "o-1", "BCD-200") for one in ids])
    stage.alerts.nameplates.put(
        [
            Nameplate(one, "refrigerator", "BCD-200", "b", ("north", "south")[n % 2], start - 900 * DAY)
            for n, one in enumerate(ids)
        ],
        "test",
    )
    stage.alerts.consent.record(
        ConsentRecord(one, "o-1", Purpose.TICKET, True, start, "1", "zh", "app") for one in ids[:110]
    )
    for number in range(100):
        stage.clock.now = start + number * 3 * DAY
        ticket = opened(
            stage,
            finding(appliance_id=ids[number], episode_start=stage.clock.now, time=stage.clock.now),
        )
        if number < 97:
            stage.clock.now += DAY
            ends(stage, ticket, Resolution.CONFIRMED)
    today = EPOCH + timedelta(days=stage.clock.now // DAY + 1)

    found = forecast_own(stage.alerts, stage.clock, today=today, weeks=4, out=None)

    assert (found["appliances"], found["appliances_without_consent"]) == (110, 10)
    assert (found["visits"], found["open_tickets"]) == (97, 3)
    names = {(one["by"], one["name"]) for one in found["weeks"]}
    assert names >= {("area", "north"), ("area", "south"), ("area", "all")}
    assert any(by == "part" for by, _ in names)
    whole = sum(one["visits"] for one in found["weeks"] if one["name"] == "all")
    assert whole == pytest.approx(4 * 7 / 3, rel=0.5)
