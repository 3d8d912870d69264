"""What was promised to an owner: warned of before it is broken, told when it is, standing while they are waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from alerts import queries
from alerts.owners import OwnedAppliance
from alerts.policies.policy import ServicePromise
from alerts.priority import priority
from alerts.ticket_steps import STEP
from foremend.vocabulary.types import Finding, FindingKind, Purpose, Severity

Make = Callable[..., Finding]
HOUR = 3_600_000
CN = {"jurisdiction": "CN"}  # two hours, two days, seven days


@pytest.fixture
def served(open_stage: Callable[..., Any], finding: Make) -> Any:
    """A ticket under the rules of CN, opened now."""
    stage = open_stage(**CN)
    stage.say(Purpose.MONITORING, True)
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    return stage


def only(stage: Any) -> dict[str, Any]:
    (one,) = queries.tickets(stage.alerts.engine).items
    return one


def take(stage: Any, step: str, **more: Any) -> dict[str, Any]:
    words = {"scheduled": {"visit_from": 1, "visit_until": 2}, "resolved": {"result": "confirmed"}}.get(
        step, {}
    )
    said = STEP.validate_python({"step": step, **words, **more})
    result: dict[str, Any] = stage.alerts.servicing.take(only(stage)["ticket_id"], said, "desk")
    return result


def told(stage: Any) -> list[str]:
    rows = reversed(queries.outbox(stage.alerts.engine, 1000).items)
    return [one["event_type"][16:] for one in rows if "due" in one["event_type"]]


def after(stage: Any, hours: float) -> int:
    """`hours` later somebody looks at the clocks; how many were told of."""
    stage.clock.now += round(hours * HOUR)
    count: int = stage.alerts.promises.round()
    return count


def test_each_clock_warns_at_three_quarters_and_tells_when_it_is_broken_once(served: Any) -> None:
    """To the millisecond, and never again; a broken promise makes the ticket more urgent."""
    before = only(served)["priority"]
    early = after(served, 1.5 - 1 / HOUR)
    warned, again = after(served, 1 / HOUR), after(served, 0.25)
    broken, again_broken = after(served, 0.25), after(served, 0.1)

    ticket = only(served)
    assert (early, warned, again, broken, again_broken) == (0, 1, 0, 1, 0)
    assert told(served) == ["due_soon", "overdue"]
    assert ticket["clocks"]["first_contact"]["broken"]
    assert not ticket["clocks"]["visit"]["broken"]
    assert ticket["priority"] == before - 1


def test_what_was_asleep_tells_each_broken_promise_once(served: Any) -> None:
    """A service that stood for ten days says what is broken, and warns of nothing that is over."""
    assert after(served, 240) == 3
    assert told(served) == ["overdue"] * 3
    assert after(served, 240) == 0


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        (["contacted"], ["visit", "fix"]),
        (["scheduled"], ["visit", "fix"]),
        (["on_the_way"], ["fix"]),
        (["acknowledged"], ["first_contact", "visit", "fix"]),
        (["resolved"], []),
        (["closed"], []),
    ],
)
def test_a_step_keeps_its_promises_and_no_other(served: Any, steps: list[str], left: list[str]) -> None:
    """What is kept is told of no more; all that is left is broken later."""
    for step in steps:
        take(served, step)
    after(served, 1000)

    clocks = only(served)["clocks"]
    assert [name for name, one in clocks.items() if one["met_at"] is None] == left
    assert [name for name, one in clocks.items() if one["broken"]] == left
    assert told(served) == ["overdue"] * len(left)


def test_clocks_stand_while_the_owner_is_waited_for(served: Any) -> None:
    """For a hundred hours nothing is told; then each has as much left as before."""
    served.clock.now += HOUR
    due = only(served)["promise"]["first_contact"]
    take(served, "waiting")
    waiting = after(served, 100)
    take(served, "resumed")

    assert waiting == 0
    assert (due, only(served)["promise"]["first_contact"]) == (
        "2026-01-01T06:00:00.000Z",
        "2026-01-05T10:00:00.000Z",
    )
    assert after(served, 0.5) == 1
    assert after(served, 0.5) == 1
    assert told(served) == ["due_soon", "overdue"]


def test_a_promise_that_was_kept_late_is_broken(served: Any) -> None:
    """Though nobody had looked in between."""
    served.clock.now += 3 * HOUR
    take(served, "contacted")

    assert only(served)["clocks"]["first_contact"]["broken"]
    assert after(served, 0) == 0


@pytest.mark.parametrize("end", ["episode", "withdrawal", "merged"])
def test_what_is_over_tells_nothing(served: Any, finding: Make, end: str) -> None:
    """The episode ended, the owner took the consent back, or another ticket has the same cause."""
    if end == "episode":
        served.alerts.effects.apply([finding(kind=FindingKind.CLOSED, time=served.clock.now)], [], 2)
    elif end == "withdrawal":
        served.clock.now += 1
        served.say(Purpose.TICKET, False)
    else:
        served.alerts.effects.apply([finding(fault="not-cooling")], [], 2)
        first, second = (one["ticket_id"] for one in queries.tickets(served.alerts.engine).items)
        for one, step in ((first, {"step": "merged", "into": second}), (second, {"step": "closed"})):
            served.alerts.servicing.take(one, STEP.validate_python(step), "desk")

    assert after(served, 1000) == 0


def test_two_services_tell_each_clock_once(open_stage: Callable[..., Any], finding: Make) -> None:
    """At the same moment, on the same database: fifty tickets, three promises each."""
    stages = [open_stage(**CN) for _ in range(2)]
    stages[0].say(Purpose.MONITORING, True)
    stages[0].say(Purpose.TICKET, True)
    stages[0].alerts.effects.apply([finding(fault=f"fault-{n}") for n in range(50)], [], 1)
    ready, counts = threading.Barrier(2), []

    def look(stage: Any) -> None:
        stage.clock.now += 1000 * HOUR
        ready.wait()
        counts.append(stage.alerts.promises.round())

    threads = [threading.Thread(target=look, args=(stage,)) for stage in stages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while stages[0].alerts.promises.round() or stages[1].alerts.promises.round():
        pass

    assert sum(told(stages[0]).count(what) for what in ("overdue", "due_soon")) == 150


def test_a_tier_goes_before_an_area_and_both_before_what_holds_for_all() -> None:
    """What one leaves out the next says; a name that nobody knows changes nothing."""
    said = ServicePromise.model_validate(
        {
            "first_contact": "2 h", "visit": "48 h", "areas": {"island": {"visit": "96 h", "fix": "20 d"}},
            "tiers": {"gold": {"visit": "8 h", "urgent": True}},
        }
    )  # fmt: skip

    found = said.to("island", "gold")
    assert (found.first_contact, found.visit, found.fix, found.urgent) == (
        2 * HOUR,
        8 * HOUR,
        480 * HOUR,
        True,
    )
    assert said.to("island", None).visit == 96 * HOUR
    assert said.to("mainland", "silver") == said.to(None, None)


def test_a_ticket_says_whose_it_is_by_reference_and_where_without_an_address(
    open_stage: Callable[..., Any], finding: Make
) -> None:
    """The owner's id and a service area, also in what leaves; no number."""
    stage = open_stage(**CN)
    stage.alerts.owners.register_appliances(
        [OwnedAppliance("fridge-1", "o-1", "BCD-200", service_area="pudong-2", tier="gold")]
    )
    stage.say(Purpose.MONITORING, True)
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)

    ticket = only(stage)
    [event] = [
        one["body"]
        for one in queries.outbox(stage.alerts.engine).items
        if one["target"] == "webhook:platform"
    ]
    assert (ticket["owner_reference"], ticket["service_area"]) == ("o-1", "pudong-2")
    assert "pudong-2" in event
    assert "13800001234" not in event


@pytest.mark.parametrize(
    ("severity", "days", "stakes", "urgent", "found"),
    [
        ("warning", 30, [], False, 3),
        ("warning", 30, ["food"], False, 3),
        ("warning", 7, ["food"], False, 1),
        ("warning", 7, [], False, 2),
        ("warning", 30, ["safety"], False, 2),
        ("warning", 30, [], True, 2),
        ("warning", None, ["food"], False, 3),
        ("critical", None, ["food"], False, 1),
        ("critical", None, [], False, 2),
        ("critical", 1, ["safety", "food", "water"], True, 1),
        ("info", None, [], False, 4),
    ],
)
def test_priority_is_by_severity_days_stakes_and_tier(
    severity: str, days: float | None, stakes: list[str], urgent: bool, found: int
) -> None:
    """From 1 to 4, and never beyond."""
    assert priority(Severity(severity), days, stakes, urgent) == found
