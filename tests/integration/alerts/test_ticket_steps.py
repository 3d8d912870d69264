"""What people do about a ticket: where each step may begin, what it leaves, and what it must not do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from alerts import audit, queries
from alerts.owners import OwnedAppliance, Owner
from alerts.tables import TicketStatus
from alerts.ticket_steps import FROM, STEP, NoTicketError, NotNowError, StaleError, UsedKeyError, answers
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Finding, FindingKind, Purpose, Severity
from tests.integration.alerts.conftest import DAY, NOON

Make = Callable[..., Finding]
WORDS: dict[str, dict[str, Any]] = {
    "acknowledged": {}, "assigned": {"technician": "kim"}, "contacted": {}, "on_the_way": {}, "waiting": {},
    "scheduled": {"visit_from": NOON, "visit_until": NOON + 1}, "resumed": {}, "resolved": {"result": "confirmed"},
    "closed": {}, "reopened": {"reason": "it drips again"}, "merged": {"into": "tk_other"}, "noted": {"note": "x"},
    "self_help": {"word": "could_not"}, "answered": {"inquiry": "paper-in-the-door", "answer": "no"},
}  # fmt: skip
WAY_TO = {
    "open": [], "acknowledged": ["acknowledged"], "scheduled": ["scheduled"], "on_the_way": ["on_the_way"],
    "resolved": ["resolved"], "closed": ["closed"],
}  # fmt: skip


@pytest.fixture
def ticket(stage: Any, finding: Make) -> str:
    """The id of an open ticket about refrigerant."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    return str(only(stage)["ticket_id"])


def only(stage: Any) -> dict[str, Any]:
    (one,) = queries.tickets(stage.alerts.engine).items
    return one


def take(stage: Any, ticket_id: str, step: str, by: str = "desk", **more: Any) -> dict[str, Any]:
    """Takes `step` with the words that it needs, or `more`."""
    options = {name: more.pop(name) for name in ("version", "key", "mine") if name in more}
    said = STEP.validate_python({"step": step, **WORDS[step], **more})
    result: dict[str, Any] = stage.alerts.servicing.take(ticket_id, said, by, **options)
    return result


def told(stage: Any) -> list[str]:
    """The events about tickets, the oldest first, without what they all begin with."""
    rows = reversed(queries.outbox(stage.alerts.engine, 1000).items)
    return [one["event_type"][16:] for one in rows if one["event_type"].startswith("foremend.ticket.")]


def test_a_ticket_is_brought_to_its_end_step_by_step(stage: Any, ticket: str) -> None:
    """Each step is kept with who and when, is told, and counts the version up."""
    steps = ["acknowledged", "assigned", "contacted", "scheduled", "on_the_way", "resolved", "closed"]
    for number, step in enumerate(steps):
        stage.clock.now += 1_000
        take(stage, ticket, step, by=f"who-{number}")

    after = only(stage)
    history = stage.alerts.servicing.history(ticket)
    assert (after["status"], after["resolution"], after["found_fault"]) == (
        "closed",
        "confirmed",
        "refrigerant-leak",
    )
    assert [(one["step"], one["by"]) for one in history] == [
        (step, f"who-{n}") for n, step in enumerate(steps)
    ]
    assert [one["version"] for one in history] == list(range(2, 9))
    assert history[0]["at"] == "2026-01-01T04:00:01.000Z"
    assert told(stage) == ["opened", *steps]
    assert audit.verify(stage.alerts.engine).intact


@pytest.mark.parametrize("status", WAY_TO)
def test_no_step_is_possible_from_where_it_does_not_begin(stage: Any, ticket: str, status: str) -> None:
    """Every step from every state: refused with the states, or possible; a refusal leaves nothing."""
    for step in WAY_TO[status]:
        take(stage, ticket, step)
    before, events = only(stage), told(stage)
    refused = [step for step in FROM if TicketStatus(status) not in FROM[step]]

    for step in refused:
        with pytest.raises(NotNowError, match=f"the ticket is {status}"):
            take(stage, ticket, step)

    assert (only(stage), told(stage)) == (before, events)
    assert before["status"] == status
    assert "noted" not in refused


def test_a_version_that_is_not_the_last_changes_nothing(stage: Any, ticket: str) -> None:
    """Whoever read it before somebody else changed it has to read it again."""
    read = only(stage)["version"]
    take(stage, ticket, "acknowledged", version=read)

    with pytest.raises(StaleError, match="at version 2, not 1"):
        take(stage, ticket, "closed", version=read)

    assert only(stage)["status"] == "acknowledged"


def test_of_many_who_read_the_same_version_one_comes_through(stage: Any, ticket: str) -> None:
    """Ten at the same moment: one step, one event, nine refusals."""
    version, refused, ready = only(stage)["version"], [], threading.Barrier(10)

    def close(number: int) -> None:
        ready.wait()
        try:
            take(stage, ticket, "closed", by=f"who-{number}", version=version)
        except (StaleError, NotNowError) as error:
            refused.append(error)

    threads = [threading.Thread(target=close, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 9
    assert told(stage) == ["opened", "closed"]


def test_the_same_key_twice_is_one_step(stage: Any, ticket: str) -> None:
    """Even where the version has moved on; with other words it is refused; another's same key is another."""
    first = take(stage, ticket, "noted", key="k-1", version=1)
    again = take(stage, ticket, "noted", key="k-1", version=1)

    with pytest.raises(UsedKeyError):
        take(stage, ticket, "noted", key="k-1", note="something else")
    take(stage, ticket, "noted", by="another", key="k-1")

    assert again == first
    assert len(stage.alerts.servicing.history(ticket)) == 2


def test_an_outcome_is_not_contradicted_without_a_reason(stage: Any, ticket: str) -> None:
    """Said again it changes nothing; said otherwise it is refused until somebody says why."""
    take(stage, ticket, "resolved", result="no_fault_found")
    version = only(stage)["version"]
    take(stage, ticket, "resolved", result="no_fault_found")
    same = only(stage)["version"]

    with pytest.raises(NotNowError, match=r"resolved as no_fault_found at .* takes a reason"):
        take(stage, ticket, "resolved", result="confirmed")
    take(stage, ticket, "resolved", result="confirmed", reason="the second visit found oil")

    after = only(stage)
    assert same == version
    assert (after["resolution"], after["found_fault"], after["status"]) == (
        "confirmed",
        "refrigerant-leak",
        "resolved",
    )
    assert stage.alerts.servicing.history(ticket)[-1]["details"]["reason"] == "the second visit found oil"


@pytest.mark.parametrize(
    "words",
    [
        {"step": "resolved", "result": "other_fault"},
        {"step": "resolved", "result": "no_fault_found", "fault": "compressor"},
        {"step": "resolved", "result": "mended"},
        {"step": "resolved", "result": "confirmed", "found_at": 9, "repaired_at": 8},
        {"step": "resolved", "result": "confirmed", "found_at": "2026-01-01T00:00:00"},
        {"step": "scheduled", "visit_from": 5, "visit_until": 5},
        {"step": "reopened"},
        {"step": "acknowledged", "technician": "kim"},
        {"step": "exploded"},
        {},
    ],
)
def test_words_that_are_no_step_are_refused(words: dict[str, Any]) -> None:
    """A fault that is missing or too much, a time without a zone, a visit that takes no time, a field of another."""
    with pytest.raises(ValidationError):
        STEP.validate_python(words)


def test_what_is_not_yet_cannot_have_been_found(stage: Any, ticket: str) -> None:
    """Neither found nor repaired in the future; nor repaired before it was found, which is now."""
    for words in (
        {"found_at": stage.clock.now + 1},
        {"repaired_at": stage.clock.now + 1},
        {"repaired_at": 5},
    ):
        with pytest.raises(InputError):
            take(stage, ticket, "resolved", **words)

    assert only(stage)["status"] == "open"


def test_a_false_ticket_tells_nothing_more_until_its_episode_ends(
    stage: Any, finding: Make, ticket: str
) -> None:
    """Days of further findings of the same: no update, no message, and it is closed once at the end."""
    take(stage, ticket, "resolved", result="no_fault_found")
    days = [
        finding(kind=FindingKind.UPDATED, time=NOON + day * DAY, days_to_failure=20.0 - day)
        for day in range(9)
    ]
    stage.alerts.effects.apply(days, [], 2)
    meanwhile = only(stage)["status"]
    stage.alerts.effects.apply([finding(kind=FindingKind.CLOSED, time=NOON + 9 * DAY)], [], 3)

    assert meanwhile == "resolved"
    assert told(stage) == ["opened", "resolved", "closed"]
    assert (only(stage)["status"], only(stage)["resolution"]) == ("closed", "no_fault_found")


def test_what_becomes_more_severe_than_it_was_judged_at_is_open_again(
    stage: Any, finding: Make, ticket: str
) -> None:
    """Nothing was found while it was a warning; now it is critical."""
    take(stage, ticket, "resolved", result="no_fault_found")
    worse = finding(kind=FindingKind.UPDATED, severity=Severity.CRITICAL, time=NOON + DAY)

    stage.alerts.effects.apply([worse], [], 2)

    assert (only(stage)["status"], only(stage)["resolution"]) == ("open", None)
    assert stage.alerts.servicing.history(ticket)[-1]["details"] == {"reason": "it became more severe"}
    assert told(stage) == ["opened", "resolved", "reopened"]


def ended_and_back(stage: Any, finding: Make, after: int) -> None:
    """The episode ends, and another of the same fault begins `after` ms later."""
    stage.alerts.effects.apply([finding(kind=FindingKind.CLOSED, time=NOON)], [], 2)
    stage.clock.now += after
    stage.alerts.effects.apply([finding(time=NOON + after, episode_start=NOON + after)], [], 3)


def test_a_fault_that_comes_back_soon_opens_its_ticket_again(stage: Any, finding: Make, ticket: str) -> None:
    """Its outcome of then stays a label; the next one is of the new episode and contradicts nothing."""
    stage.say(Purpose.TRAINING, True)
    take(stage, ticket, "resolved", result="confirmed")
    ended_and_back(stage, finding, 13 * DAY)
    again = only(stage)
    take(stage, ticket, "resolved", result="other_fault", fault="defrost-failure")

    from alerts.outcomes import found_faults

    assert (again["ticket_id"], again["status"], again["resolution"]) == (ticket, "open", None)
    assert told(stage) == ["opened", "resolved", "closed", "reopened", "resolved"]
    found = [one.fault for one in found_faults(stage.alerts.engine, stage.clock)]
    assert sorted(found) == ["defrost-failure", "refrigerant-leak"]


def answered(stage: Any, ticket_id: str) -> dict[str, str]:
    history = stage.alerts.servicing.history(ticket_id)
    return dict(answers((one["step"], one["details"]) for one in history))


def test_an_answer_is_kept_with_who_and_when_and_a_later_word_corrects_it(stage: Any, ticket: str) -> None:
    """Receivers hear of none, the audit log of all; the same word once more is no step."""
    for by, answer in (("kim", "yes"), ("kim", "yes"), ("lee", "no")):
        stage.clock.now += 1_000
        take(stage, ticket, "answered", by=by, answer=answer)

    history = stage.alerts.servicing.history(ticket)
    assert [(one["by"], one["details"]["answer"], one["version"]) for one in history] == [
        ("kim", "yes", 2), ("lee", "no", 3),
    ]  # fmt: skip
    assert answered(stage, ticket) == {"paper-in-the-door": "no"}
    assert told(stage) == ["opened"]
    assert audit.verify(stage.alerts.engine).intact


def test_an_answer_holds_until_the_ticket_is_opened_again(stage: Any, ticket: str) -> None:
    """What an owner heard weeks ago says nothing about now."""
    take(stage, ticket, "answered")
    take(stage, ticket, "closed")
    take(stage, ticket, "reopened")

    assert answered(stage, ticket) == {}


def test_an_answer_to_what_is_never_asked_of_such_an_appliance_is_refused(stage: Any, ticket: str) -> None:
    """With what was meant, and nothing is kept; nor without the owner's yes, as it takes a word with them."""
    with pytest.raises(NotNowError, match="about a washing-machine: this ticket is about a refrigerator"):
        take(stage, ticket, "answered", inquiry="drum-bounces")
    with pytest.raises(ValidationError, match="did you mean 'paper-in-the-door'"):
        take(stage, ticket, "answered", inquiry="paper-in-the-doors")
    with pytest.raises(ValidationError, match="answer"):
        take(stage, ticket, "answered", answer="perhaps")
    stage.say(Purpose.TICKET, False)
    with pytest.raises(NotNowError):
        take(stage, ticket, "answered")

    assert answered(stage, ticket) == {}


def test_what_a_ticket_may_be_is_of_its_newest_prediction_and_leaves_in_no_event(
    stage: Any, finding: Make
) -> None:
    """A finding without one, as after a restart of a rule, takes nothing away."""
    stage.say(Purpose.TICKET, True)
    first = finding(candidates={"refrigerant-leak": 0.8, "door-gasket-leak": 0.1})
    later = finding(kind=FindingKind.UPDATED, time=NOON, candidates={"refrigerant-leak": 0.6})
    stage.alerts.effects.apply([first], [], 1)
    key = only(stage)["ticket_id"]
    kept = [queries.candidates(stage.alerts.engine, key)]
    for number, one in enumerate((later, finding(kind=FindingKind.UPDATED, time=NOON + 1)), 2):
        stage.alerts.effects.apply([one], [], number)
        kept.append(queries.candidates(stage.alerts.engine, key))

    assert kept == [first.candidates, later.candidates, later.candidates]
    assert queries.candidates(stage.alerts.engine, "tk_none") == {}
    assert "candidates" not in only(stage)
    rows = queries.outbox(stage.alerts.engine, 1000).items
    assert rows
    assert not any("candidates" in json.dumps(one) for one in rows)


def test_a_fault_that_comes_back_late_is_another_ticket(stage: Any, finding: Make, ticket: str) -> None:
    """After the fourteen days of `ticket_reopen_within`."""
    ended_and_back(stage, finding, 15 * DAY)

    assert queries.tickets(stage.alerts.engine).total == 2


def test_the_next_owner_never_gets_the_former_ones_ticket(stage: Any, finding: Make, ticket: str) -> None:
    """The appliance was sold in between: what was done for the former owner is not reopened for the next."""
    take(stage, ticket, "noted", note="gate code is with the neighbour")
    stage.clock.now += 1
    stage.alerts.owners.register_owners([Owner("o-2", {})])
    stage.alerts.effects.apply([finding(kind=FindingKind.CLOSED, time=NOON)], [], 2)
    stage.alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-2", "BCD-200")])
    stage.clock.now += 1
    stage.say(Purpose.TICKET, True, owner_id="o-2")
    stage.alerts.effects.apply([finding(time=NOON + DAY, episode_start=NOON + DAY)], [], 3)

    found = queries.tickets(stage.alerts.engine).items
    assert [one["status"] for one in found] == ["open", "closed"] or len(found) == 2
    assert found[0]["ticket_id"] != ticket


def test_one_cause_is_one_ticket(stage: Any, finding: Make, ticket: str) -> None:
    """Merged, the other tells nothing more; not into itself, a stranger's, or one that ended."""
    stage.alerts.effects.apply([finding(fault="not-cooling"), finding(appliance_id="x-9")], [], 2)
    other = next(one for one in queries.tickets(stage.alerts.engine).items if one["ticket_id"] != ticket)

    for wrong in (ticket, "tk_none"):
        with pytest.raises(NotNowError, match="no other ticket of the same appliance"):
            take(stage, ticket, "merged", into=wrong)
    merged = take(stage, other["ticket_id"], "merged", into=ticket)
    worse = finding(
        fault="not-cooling", kind=FindingKind.UPDATED, severity=Severity.CRITICAL, time=NOON + DAY
    )
    stage.alerts.effects.apply([worse], [], 3)

    assert (merged["status"], merged["merged_into"]) == ("merged", ticket)
    assert told(stage) == ["opened", "opened", "merged"]
    with pytest.raises(NotNowError, match="is merged"):
        take(stage, ticket, "merged", into=other["ticket_id"])


def test_without_the_owners_yes_nobody_goes_there(stage: Any, finding: Make, ticket: str) -> None:
    """The consent is asked at each step: what was closed is not opened again, what is withdrawn not scheduled."""
    take(stage, ticket, "closed")
    stage.clock.now += 1
    stage.say(Purpose.TICKET, False)

    with pytest.raises(NotNowError, match="consent for tickets is missing"):
        take(stage, ticket, "reopened")

    assert only(stage)["status"] == "closed"


def test_a_withdrawn_ticket_can_only_be_noted(stage: Any, ticket: str) -> None:
    """From any state of work: acknowledged and scheduled tickets are withdrawn like open ones."""
    take(stage, ticket, "scheduled")
    stage.clock.now += 1
    stage.say(Purpose.TICKET, False)

    for step in set(WORDS) - {"noted"}:
        with pytest.raises(NotNowError, match="withdrawn"):
            take(stage, ticket, step)
    assert take(stage, ticket, "noted")["status"] == "withdrawn"


def test_waiting_for_the_owner_begins_and_ends_once(stage: Any, ticket: str) -> None:
    """Twice is refused, and so is an end of what did not begin; whatever goes on ends it."""
    with pytest.raises(NotNowError, match="does not wait"):
        take(stage, ticket, "resumed")
    take(stage, ticket, "waiting")
    with pytest.raises(NotNowError, match="already"):
        take(stage, ticket, "waiting")

    assert take(stage, ticket, "scheduled")["waiting_since"] is None


def test_a_ticket_that_is_not_mine_is_not_there(stage: Any, ticket: str) -> None:
    """Asked in the transaction that would change it; and one that there is not looks the same."""
    for ticket_id, mine in ((ticket, lambda row: False), ("tk_none", lambda row: True)):
        with pytest.raises(NoTicketError, match="there is no ticket"):
            take(stage, ticket_id, "closed", mine=mine)

    assert only(stage)["status"] == "open"


def test_no_note_and_no_name_leaves_in_an_event(stage: Any, ticket: str) -> None:
    """Notes are for people here; receivers learn what was done, not who wrote what."""
    take(stage, ticket, "assigned", technician="kim-secret", note="note-secret")
    take(stage, ticket, "resolved", by="who-secret", note="note-secret")

    bodies = [one["body"] for one in queries.outbox(stage.alerts.engine, 100).items]
    assert len(bodies) > 3
    assert "secret" not in "".join(bodies)


def test_receivers_hear_only_of_estimates_that_moved(stage: Any, finding: Make, ticket: str) -> None:
    """A month of daily findings that come true day by day: four events, one a week; a jump is told at once."""
    start = finding().time

    def day(number: int, days: float) -> Finding:
        return finding(kind=FindingKind.UPDATED, time=start + number * DAY, days_to_failure=days)

    stage.alerts.effects.apply([day(n, 40.0 - n) for n in range(1, 31)], [], 2)
    quiet = told(stage).count("updated")
    stage.alerts.effects.apply([day(31, 2.0)], [], 3)

    assert quiet == 4 + 1  # the first differs by days from what opened it
    assert told(stage).count("updated") == quiet + 1
    last = json.loads(queries.outbox(stage.alerts.engine, 1).items[0]["body"])
    assert "told" not in last["data"]
