"""What technicians found is kept for training, and given out only where owners agree to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alerts import queries
from alerts.outcomes import Found, found_faults, may_be_learnt_from, may_teach
from alerts.owners import OwnedAppliance, Owner
from alerts.policies import load_policies
from alerts.tables import Resolution
from alerts.ticket_steps import Resolved
from foremend.vocabulary.types import Finding, Purpose

Make = Callable[..., Finding]


@pytest.fixture
def ticket(stage: Any, finding: Make) -> str:
    """The id of an open ticket about refrigerant."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding(fault="refrigerant-leak", time=1)], [], 1)
    (only,) = queries.tickets(stage.alerts.engine).items
    return str(only["ticket_id"])


def resolve(stage: Any, ticket: str, result: Resolution, **more: Any) -> None:
    stage.alerts.servicing.take(ticket, Resolved(step="resolved", result=result, **more), "test")


def test_a_confirmed_fault_is_given_to_training_if_the_owner_agrees(stage: Any, ticket: str) -> None:
    """Not before, and not after the owner took it back."""
    engine, clock = stage.alerts.engine, stage.clock
    resolve(stage, ticket, Resolution.CONFIRMED, found_at=5, repaired_at=7)
    never = found_faults(engine, clock)
    stage.say(Purpose.TRAINING, True)
    given = found_faults(engine, clock)
    clock.now += 1
    stage.say(Purpose.TRAINING, False)

    assert never == []
    assert given == [Found("fridge-1", "refrigerant-leak", 5, 7)]
    assert found_faults(engine, clock) == []
    assert may_be_learnt_from(engine, clock, ["fridge-1", "unknown"]) == set()


def test_the_last_word_counts(stage: Any, ticket: str) -> None:
    """Another fault than foreseen, then none at all."""
    engine, clock = stage.alerts.engine, stage.clock
    stage.say(Purpose.TRAINING, True)

    resolve(stage, ticket, Resolution.OTHER_FAULT, fault="defrost-failure")
    found = found_faults(engine, clock)
    resolve(stage, ticket, Resolution.NO_FAULT, reason="it was the neighbour's")

    assert found == [Found("fridge-1", "defrost-failure", clock.now, None)]
    assert found_faults(engine, clock) == []


@pytest.mark.parametrize("result", [Resolution.NO_FAULT, Resolution.DECLINED, Resolution.REMOTE])
def test_what_nobody_found_teaches_no_fault(stage: Any, ticket: str, result: Resolution) -> None:
    """Nothing was there, nobody was let in, or nobody knows what it was."""
    stage.say(Purpose.TRAINING, True)

    resolve(stage, ticket, result)

    assert found_faults(stage.alerts.engine, stage.clock) == []


@pytest.mark.parametrize(
    ("policy", "stranger"), [("household", True), ("US-CA", True), ("EU", False), ("strict", False)]
)
def test_a_table_from_elsewhere_teaches_only_of_whom_it_may(stage: Any, policy: str, stranger: bool) -> None:
    """A registered appliance after its owner's yes alone; one that nobody registered where nobody is asked first."""
    engine, clock, policies = stage.alerts.engine, stage.clock, load_policies((), policy)
    both, free = ["fridge-1", "stranger"], {"stranger"} if stranger else set()
    assert may_teach(engine, policies, clock, both) == free

    stage.say(Purpose.TRAINING, True)
    assert may_teach(engine, policies, clock, both) == free | {"fridge-1"}
    clock.now += 1
    stage.say(Purpose.TRAINING, False)
    assert may_teach(engine, policies, clock, both) == free

    stage.alerts.owners.register_owners([Owner("o-2", {})])
    stage.alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-2", "BCD-200")])
    assert may_teach(engine, policies, clock, both) == free
