"""What really leaves for receivers is what the catalogue of events promises, member by member."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from alerts import queries
from alerts.endpoints import TEST
from alerts.events import EVENTS
from alerts.ticket_steps import STEP
from foremend.vocabulary.types import Finding, FindingKind, Purpose, Severity

Make = Callable[..., Finding]
HOOK = "webhook:platform"
HOUR, DAY = 3_600_000, 86_400_000
ELSEWHERE = {
    "foremend.erasure.completed",
    TEST,
}  # tests/integration/personal/test_erasure.py, test_endpoints.py
STEPS: list[dict[str, Any]] = [
    {"step": "acknowledged"},
    {"step": "assigned", "technician": "kim"},
    {"step": "contacted"},
    {"step": "waiting"},
    {"step": "resumed"},
    {"step": "scheduled", "visit_from": 1, "visit_until": 2},
    {"step": "on_the_way"},
    {"step": "noted", "note": "nobody's matter"},
    {"step": "self_help", "word": "not_solved"},
    {"step": "resolved", "result": "other_fault", "fault": "fan-wear"},
    {"step": "reopened", "reason": "it is warm again"},
]
COHORT = {
    "day": "2026-01-05", "level": "red", "definition": {"appliance_model": "BCD-200", "batch": "b3"}, "at_risk": 90,
    "failed": 12, "expected": 1.5, "ratio": 9.0, "ratio_95": [4.0, 20.0],
    "faults": [{"fault": "refrigerant-leak", "failed": 12, "others": 0}],
    "features": [{"feature": "starts_per_hour", "moved": "up", "failed": 9, "others": 1, "of_others": 40}],
}  # fmt: skip


def take(stage: Any, fault: str, words: dict[str, Any]) -> None:
    [ticket] = [one for one in queries.tickets(stage.alerts.engine).items if one["fault"] == fault]
    stage.alerts.servicing.take(ticket["ticket_id"], STEP.validate_python(words), "desk")


def live_through_everything(stage: Any, finding: Make) -> None:
    """A ticket with every step, promises that break, one that ends, one merged, a cohort, an owner who withdraws."""
    stage.say(Purpose.MONITORING, True)
    stage.say(Purpose.SMS, True)
    stage.clock.now += 701 * DAY
    stage.alerts.endings.round()
    stage.say(Purpose.TICKET, True)
    leak = finding(time=stage.clock.now, episode_start=stage.clock.now)
    other, third = replace(leak, fault="fan-wear"), replace(leak, fault="odd", evidence=(), probability=None)
    stage.alerts.effects.apply([leak, other, third], [], 1)
    worse = replace(leak, kind=FindingKind.UPDATED, severity=Severity.CRITICAL, time=leak.time + 1)
    stage.alerts.effects.apply([worse], [], 2)
    stage.clock.now += 90 * 60_000 + 1
    stage.alerts.promises.round()
    stage.clock.now += HOUR
    stage.alerts.promises.round()
    for words in STEPS:
        stage.clock.now += 60_000
        take(stage, "refrigerant-leak", words)
    [into] = [one for one in queries.tickets(stage.alerts.engine).items if one["fault"] == "refrigerant-leak"]
    take(stage, "fan-wear", {"step": "merged", "into": into["ticket_id"]})
    take(stage, "odd", {"step": "closed"})
    stage.alerts.cohort_alarms.tell([COHORT])
    stage.alerts.dispatcher.run_once()
    stage.clock.now += 1_000
    stage.say(Purpose.TICKET, False)
    stage.alerts.dispatcher.run_once()


@pytest.fixture
def events(open_stage: Callable[..., Any], finding: Make) -> list[dict[str, Any]]:
    """All that the receiver got."""
    stage = open_stage(jurisdiction="CN")
    live_through_everything(stage, finding)
    return [orjson.loads(message.body) for message in stage.sent(HOOK)]


def test_every_event_that_leaves_is_as_the_catalogue_has_it(events: list[dict[str, Any]]) -> None:
    """No member that is not promised, none missing, none of another type; and every type is seen once at least."""
    for one in events:
        read = EVENTS[one["type"]].data.model_validate(one["data"])
        assert read.model_dump(mode="json", exclude_unset=True) == one["data"], one["type"]
    assert {one["type"] for one in events} == set(EVENTS) - ELSEWHERE


def test_a_member_that_nobody_promised_would_be_found(events: list[dict[str, Any]]) -> None:
    """So that the test above can fail."""
    for one in events:
        with pytest.raises(ValidationError, match="extra_forbidden"):
            EVENTS[one["type"]].data.model_validate(one["data"] | {"phone": "+86"})
