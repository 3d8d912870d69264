"""Effects: what findings lead to, in one transaction with their position."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from alerts import audit, queries
from alerts.database import reading
from alerts.tables import AuditRow, OutboxRow
from foremend.vocabulary.types import DeadLetter, Finding, FindingKind, Purpose, Severity

Make = Callable[..., Finding]
LETTER = DeadLetter("dt/appliance/x/y/telemetry", b"\xff{", "not JSON", 1_000)


def bodies(stage: Any, kind: str) -> list[dict[str, Any]]:
    """The CloudEvents of one type in the outbox, oldest first."""
    with reading(stage.alerts.engine) as session:
        rows = session.scalars(select(OutboxRow).order_by(OutboxRow.seq))
        return [json.loads(row.body) for row in rows if row.event_type == kind]


def everything(stage: Any) -> list[tuple[object, ...]]:
    """What a replay must not change."""
    engine = stage.alerts.engine
    with reading(engine) as session:
        rows = session.execute(select(OutboxRow.id, OutboxRow.state).order_by(OutboxRow.seq)).all()
        hashes = session.scalars(select(AuditRow.hash).order_by(AuditRow.seq)).all()
    tickets = queries.tickets(engine).items
    return [*rows, *map(str, tickets), *hashes, queries.counts(engine)]


def test_a_finding_opens_a_ticket_when_the_owner_agreed(stage: Any, finding: Make) -> None:
    """With consent for tickets, a finding opens one with fault, evidence, parts, trade and steps in both languages."""
    stage.say(Purpose.TICKET, True)

    stage.alerts.effects.apply([finding()], [], 7)

    [ticket] = queries.tickets(stage.alerts.engine).items
    assert ticket["status"] == "open"
    assert ticket["title"] == {"en": "refrigerant leak", "zh": "制冷剂泄漏"}
    assert ticket["evidence"]["en"] == ["starts per hour 6.12; own usual 2.4; siblings 2.3"]
    assert ticket["evidence"]["zh"] == ["每小时启动次数 6.12；自身常值 2.4；同类 2.3"]
    assert (ticket["days_low"], ticket["days_to_failure"], ticket["days_high"]) == (15.0, 23.4, 40.0)
    assert ticket["parts"] == ["joint", "refrigerant"]
    assert ticket["skill"] == "refrigeration"
    assert ticket["self_help"]["zh"] == ["请保持门关闭"]


def test_the_receivers_are_told_in_a_cloudevent(stage: Any, finding: Make) -> None:
    """An opened ticket leaves one CloudEvents 1.0 event in the outbox, dated in event time."""
    stage.say(Purpose.TICKET, True)

    stage.alerts.effects.apply([finding()], [], 7)

    [event] = bodies(stage, "foremend.ticket.opened")
    assert event["specversion"] == "1.0"
    assert event["time"] == "2025-12-31T04:00:00.000Z"
    assert event["subject"] == event["data"]["ticket_id"]
    assert event["data"]["appliance_model"] == "BCD-200"


def test_without_consent_there_is_no_ticket_and_a_reason(stage: Any, finding: Make) -> None:
    """Where nobody agreed to tickets none opens, no event is written, and the reason is on record."""
    stage.alerts.effects.apply([finding()], [], 7)

    [held] = queries.held_back(stage.alerts.engine).items
    assert queries.tickets(stage.alerts.engine).items == []
    assert bodies(stage, "foremend.ticket.opened") == []
    assert (held["purpose"], held["reason"], held["fault"]) == ("ticket", "never given", "refrigerant-leak")


def test_a_withdrawn_consent_holds_the_ticket_back_with_its_time(stage: Any, finding: Make) -> None:
    """After a withdrawal the reason tells when it was."""
    stage.say(Purpose.TICKET, True)
    stage.clock.now += 1_000
    stage.say(Purpose.TICKET, False)

    stage.alerts.effects.apply([finding()], [], 7)

    [held] = queries.held_back(stage.alerts.engine).items
    assert held["reason"] == "withdrawn at 2026-01-01T04:00:01.000Z"


def test_applying_the_same_findings_again_changes_nothing(stage: Any, finding: Make) -> None:
    """A replay after a crash leaves no second ticket, event, message, dead letter or audit entry."""
    stage.say(Purpose.TICKET, True)
    findings = [
        finding(),
        finding(kind=FindingKind.UPDATED, severity=Severity.CRITICAL),
        finding(fault="other"),
    ]
    stage.alerts.effects.apply(findings, [LETTER], 7)
    before = everything(stage)

    stage.alerts.effects.apply(findings, [LETTER], 7)

    assert everything(stage) == before


def test_the_position_only_goes_forward(stage: Any) -> None:
    """Effects of an older block, replayed, do not take the position back."""
    stage.alerts.effects.apply([], [], 9)

    stage.alerts.effects.apply([], [], 4)

    assert stage.alerts.effects.position() == 9


def test_a_failure_leaves_nothing_of_the_block(stage: Any, finding: Make) -> None:
    """Findings, dead letters and position commit together or not at all."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([], [], 3)

    with pytest.raises(StatementError):
        stage.alerts.effects.apply([finding()], [LETTER], object())

    assert stage.alerts.effects.position() == 3
    assert queries.counts(stage.alerts.engine).findings == 0
    assert queries.counts(stage.alerts.engine).dead_letters == 0


def test_equal_dead_letters_of_a_block_are_each_kept(stage: Any) -> None:
    """Two messages with the same bytes in the same millisecond are two dead letters, with their bytes."""
    stage.alerts.effects.apply([], [LETTER, LETTER], 1)

    page = queries.dead_letters(stage.alerts.engine)
    assert page.total == 2
    assert queries.dead_letter(stage.alerts.engine, page.items[0]["id"]) == LETTER


def test_an_episode_has_one_ticket_however_often_it_is_found(stage: Any, finding: Make) -> None:
    """Further findings of an episode update its ticket; receivers hear of it once a day at most, if it moved."""
    stage.say(Purpose.TICKET, True)
    hours = [
        finding(kind=FindingKind.UPDATED, time=finding().time + hour * 3_600_000, days_to_failure=90.0 - hour)
        for hour in range(1, 49)
    ]

    stage.alerts.effects.apply([finding(), *hours], [], 7)

    assert queries.tickets(stage.alerts.engine).total == 1
    assert len(bodies(stage, "foremend.ticket.updated")) == 2


def test_a_more_severe_finding_is_told_at_once(stage: Any, finding: Make) -> None:
    """When the severity changes the receivers hear of it without waiting; the owner, who is told when it comes to
    another stage, does not read once more that it may fail."""
    stage.say(Purpose.TICKET, True)
    worse = finding(kind=FindingKind.UPDATED, severity=Severity.CRITICAL, time=finding().time + 1)

    stage.alerts.effects.apply([finding(), worse], [], 7)

    [event] = bodies(stage, "foremend.ticket.updated")
    assert event["data"]["severity"] == "critical"
    assert len(bodies(stage, "foremend.warning")) == 2  # SMS and push


def test_the_owner_is_told_once_for_each_stage_of_an_episode(stage: Any, finding: Make) -> None:
    """That it may fail, that it is so, and that each hour costs: whatever is found in between."""
    seen = {"probability": None, "days_to_failure": None, "kind": FindingKind.UPDATED}
    steps = [
        finding(),
        finding(kind=FindingKind.UPDATED, days_to_failure=9.0, time=finding().time + 1),
        finding(**seen, time=finding().time + 2),
        finding(**seen, time=finding().time + 3),
        finding(**seen, severity=Severity.CRITICAL, time=finding().time + 4),
        finding(**seen, severity=Severity.CRITICAL, time=finding().time + 5),
    ]

    for position, step in enumerate(steps):
        stage.alerts.effects.apply([step], [], position)

    stages = [body["said"]["stage"] for body in bodies(stage, "foremend.warning")]
    assert sorted(stages) == ["harm", "harm", "now", "now", "soon", "soon"]  # SMS and push


def test_the_end_of_an_episode_closes_its_ticket(stage: Any, finding: Make) -> None:
    """A closed episode closes the ticket, tells the receivers, and stops a warning that did not leave yet."""
    stage.say(Purpose.TICKET, True)
    stage.say(Purpose.SMS, True)
    closed = finding(kind=FindingKind.CLOSED, time=finding().time + 5)

    stage.alerts.effects.apply([finding(), closed], [], 7)
    stage.alerts.dispatcher.run_once()

    [ticket] = queries.tickets(stage.alerts.engine).items
    assert (ticket["status"], ticket["closed_at"]) == ("closed", "2025-12-31T04:00:00.005Z")
    assert [message.event_type for message in stage.sent("webhook:platform")] == [
        "foremend.ticket.opened",
        "foremend.ticket.closed",
    ]
    assert stage.sent("sms") == []


def test_findings_that_are_only_for_information_lead_to_no_act(stage: Any, finding: Make) -> None:
    """Below `act_from` a finding is kept and shown; no ticket, no warning, nothing held back."""
    stage.say(Purpose.TICKET, True)

    stage.alerts.effects.apply([finding(severity=Severity.INFO)], [], 7)

    counts = queries.counts(stage.alerts.engine)
    assert (counts.findings, counts.tickets_opened, counts.held_back) == (1, 0, {})
    assert counts.messages_waiting == 0


def test_an_owner_who_agrees_during_the_episode_gets_the_ticket(stage: Any, finding: Make) -> None:
    """Consent is asked at each act: the next finding after the owner agreed opens the ticket."""
    stage.alerts.effects.apply([finding()], [], 7)
    stage.say(Purpose.TICKET, True)

    stage.alerts.effects.apply([finding(kind=FindingKind.UPDATED, time=finding().time + 1)], [], 8)

    [ticket] = queries.tickets(stage.alerts.engine).items
    assert ticket["status"] == "open"


def test_the_audit_log_holds_what_was_done(stage: Any, finding: Make) -> None:
    """Consent, ticket and held-back acts are in the chain, and the chain verifies."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding(), finding(appliance_id="unknown-1")], [], 7)

    with reading(stage.alerts.engine) as session:
        actions = session.scalars(select(AuditRow.action).order_by(AuditRow.seq)).all()
    told = [
        "appliance.registered",
        "consent.recorded",
        "finding.kept",
        "finding.kept",
        "ticket.opened",
        "held_back",
    ]
    assert actions == told
    assert audit.verify(stage.alerts.engine).intact


def test_several_workers_commit_at_once(open_stage: Callable[..., Any], finding: Make) -> None:
    """Workers with streams of their own write at the same moment; nothing is lost and the audit chain holds."""
    stages = [open_stage() for _ in range(3)]
    stages[0].say(Purpose.TICKET, True)
    ready = threading.Barrier(3)

    def work(number: int) -> None:
        ready.wait()
        for step in range(10):
            stages[number].alerts.effects.apply([finding(fault=f"fault-{number}-{step}")], [], step)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert queries.counts(stages[0].alerts.engine).tickets_opened == 30
    assert audit.verify(stages[0].alerts.engine).entries == 62
    assert audit.verify(stages[0].alerts.engine).intact


@pytest.mark.parametrize("cuts", ["01234", "0 1 2 3 4", "012 123 04", "0 0 01 012 0123 01234"])
def test_cuts_and_replays_lead_to_the_same_messages(stage: Any, finding: Make, cuts: str) -> None:
    """However an episode's findings are cut into blocks, and whatever is replayed, the same messages are there."""
    hour = 3_600_000
    steps = [(0, "opened", "warning"), (1, "updated", "warning"), (2, "updated", "critical")]
    steps += [(30, "updated", "critical"), (40, "closed", "critical")]
    findings = [
        finding(
            time=after * hour,
            kind=FindingKind(kind),
            severity=Severity(severity),
            days_to_failure=60.0 - after,
        )
        for after, kind, severity in steps
    ]
    stage.say(Purpose.TICKET, True)

    for position, block in enumerate(cuts.split(), 1):
        stage.alerts.effects.apply([findings[int(number)] for number in block], [], position)

    rows = queries.outbox(stage.alerts.engine).items
    told = [json.loads(row["body"]) for row in reversed(rows) if row["target"] == "webhook:platform"]
    assert [(event["type"], event["time"]) for event in told] == [
        ("foremend.ticket.opened", "1970-01-01T00:00:00.000Z"),
        ("foremend.ticket.updated", "1970-01-01T02:00:00.000Z"),
        ("foremend.ticket.updated", "1970-01-02T06:00:00.000Z"),
        ("foremend.ticket.closed", "1970-01-02T16:00:00.000Z"),
    ]
    assert sorted(row["target"] for row in rows if row["state"] == "superseded") == ["push", "sms"]
