"""The dispatcher: when messages leave, how often they are tried, and what stops them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from alerts import queries
from alerts.channels import GoneError, TryLaterError
from alerts.owners import Owner
from foremend.errors import InputError, RefusedError, UnavailableError
from foremend.types import Finding, Purpose, Severity

Make = Callable[..., Finding]
HOOK = "webhook:platform"
NIGHT = 1_767_240_000_000 + 10 * 3_600_000  # 22:00 in Shanghai


@pytest.fixture
def warned(stage: Any, finding: Make) -> Any:
    """The stage with a ticket open and everything consented, nothing sent yet."""
    for purpose in (Purpose.TICKET, Purpose.SMS, Purpose.PUSH):
        stage.say(purpose, True)
    stage.alerts.effects.apply([finding()], [], 1)
    return stage


def state(stage: Any, target: str) -> dict[str, Any]:
    """The outbox row of a target; there is one in these tests."""
    [row] = [row for row in queries.outbox(stage.alerts.engine).items if row["target"] == target]
    return row


def test_each_message_leaves_once(warned: Any) -> None:
    """What was sent is not sent again."""
    assert warned.alerts.dispatcher.run_once() == 3
    assert warned.alerts.dispatcher.run_once() == 0

    assert [len(warned.sent(target)) for target in (HOOK, "sms", "push")] == [1, 1, 1]


def test_the_owner_is_told_in_their_language(warned: Any) -> None:
    """SMS and push go to the owner's address in the appliance's language; only the push has room for advice."""
    warned.alerts.dispatcher.run_once()

    [sms], [push] = warned.sent("sms"), warned.sent("push")
    assert sms.address == "+8613800001234"
    assert "BCD-200" in sms.body
    assert "制冷剂泄漏" in sms.body
    assert len(sms.body) <= 70
    assert push.body.splitlines() == [sms.body, "1. 请保持门关闭", "请勿拆开管路"]


@pytest.mark.parametrize(("purpose", "target"), [(Purpose.SMS, "sms"), (Purpose.TICKET, HOOK)])
def test_a_withdrawal_before_the_send_holds_it_back(warned: Any, purpose: Purpose, target: str) -> None:
    """Consent is asked when a message leaves: withdrawn after the ticket opened, it stops it, with the reason."""
    warned.clock.now += 1_000
    warned.say(purpose, False)

    warned.alerts.dispatcher.run_once()

    [held] = queries.held_back(warned.alerts.engine).items
    assert (held["purpose"], held["reason"]) == (purpose, "withdrawn at 2026-01-01T04:00:01.000Z")
    assert held["fault"] == "refrigerant-leak"
    assert (
        "foremend.ticket.opened" not in [message.event_type for message in warned.sent(HOOK)]
        or target != HOOK
    )
    assert warned.sent("sms") == [] or target != "sms"


def test_no_consent_for_sms_means_no_sms(stage: Any, finding: Make) -> None:
    """The ticket opens, the push leaves, the SMS that nobody agreed to does not."""
    stage.say(Purpose.TICKET, True)
    stage.say(Purpose.PUSH, True)
    stage.alerts.effects.apply([finding()], [], 1)

    stage.alerts.dispatcher.run_once()

    counts = queries.counts(stage.alerts.engine)
    assert (counts.tickets_opened, counts.webhooks_delivered, counts.notifications_sent) == (1, 1, 1)
    assert counts.held_back == {"sms": 1}


def test_failed_sends_are_tried_again_later_with_the_same_id(warned: Any) -> None:
    """Each failure is followed by a longer wait, at most doubled, at least half of that."""
    hook = warned.channels[HOOK]
    hook.errors = [UnavailableError("away")] * 3
    waits = []

    while not hook.sent:
        warned.alerts.dispatcher.run_once()
        row = state(warned, HOOK)
        waits.append(row["due_at"] - warned.clock.now)
        warned.clock.now = max(warned.clock.now, row["due_at"])

    assert [2_500 <= waits[0] <= 5_000, 5_000 <= waits[1] <= 10_000, 10_000 <= waits[2] <= 20_000] == [
        True
    ] * 3
    assert hook.tries == 4
    assert hook.sent[0].id == state(warned, HOOK)["message_id"]


def test_the_time_a_receiver_names_is_kept(warned: Any) -> None:
    """Retry-After replaces the backoff."""
    warned.channels[HOOK].errors = [TryLaterError("busy", 77_000)]

    warned.alerts.dispatcher.run_once()

    assert state(warned, HOOK)["due_at"] == warned.clock.now + 77_000


def test_a_message_that_grows_too_old_is_given_up(warned: Any) -> None:
    """After `give_up_after` it is dead, shown with its last error, and can be sent again by hand."""
    warned.channels[HOOK].errors = [UnavailableError("away")]
    warned.clock.now += 3 * 86_400_000

    warned.alerts.dispatcher.run_once()

    row = state(warned, HOOK)
    assert (row["state"], row["error"]) == ("dead", "given up after 1 attempts: away")
    warned.alerts.queue.replay(row["id"])
    warned.alerts.dispatcher.run_once()
    assert warned.sent(HOOK)[0].id == row["message_id"]


def test_only_dead_messages_can_be_replayed(warned: Any) -> None:
    """A replay of anything else would send it twice."""
    with pytest.raises(InputError, match="no dead message"):
        warned.alerts.queue.replay(state(warned, HOOK)["id"])


def test_410_disables_the_endpoint_until_it_is_enabled(warned: Any, finding: Make) -> None:
    """A receiver that is gone is left alone; its messages are kept as dead."""
    warned.channels[HOOK].errors = [GoneError("answered 410")]
    warned.alerts.dispatcher.run_once()
    warned.alerts.effects.apply([finding(fault="door-gasket-leak")], [], 2)

    warned.alerts.dispatcher.run_once()

    assert warned.channels[HOOK].tries == 1
    assert queries.counts(warned.alerts.engine).messages_dead == 2
    assert [row["target"] for row in queries.disabled_targets(warned.alerts.engine)] == [HOOK]
    warned.alerts.queue.enable(HOOK)
    assert queries.disabled_targets(warned.alerts.engine) == []


def test_a_refusal_for_good_is_not_repeated(warned: Any) -> None:
    """A channel that says never is believed."""
    warned.channels["sms"].errors = [RefusedError("no such number")]

    warned.alerts.dispatcher.run_once()

    assert state(warned, "sms")["state"] == "dead"


def test_messages_of_a_ticket_leave_in_order(warned: Any, finding: Make) -> None:
    """While `opened` waits for its next try, `updated` of the same ticket waits too; other tickets do not."""
    warned.channels[HOOK].errors = [UnavailableError("away")]
    warned.alerts.dispatcher.run_once()
    worse = finding(severity=Severity.CRITICAL, time=finding().time + 1)
    warned.alerts.effects.apply([worse, finding(fault="door-gasket-leak")], [], 2)

    warned.alerts.dispatcher.run_once()
    first = [message.event_type for message in warned.sent(HOOK)]
    warned.clock.now += 60_000
    warned.alerts.dispatcher.run_once()

    assert first == ["foremend.ticket.opened"]
    assert [message.event_type for message in warned.sent(HOOK)][1:] == [
        "foremend.ticket.opened",
        "foremend.ticket.updated",
    ]


def test_nobody_is_woken_at_night(warned: Any) -> None:
    """In quiet hours SMS and push wait for the morning where the owner lives; webhooks do not."""
    warned.clock.now = NIGHT
    warned.alerts.dispatcher.run_once()
    at_night = [len(warned.sent(target)) for target in (HOOK, "sms", "push")]
    warned.clock.now = NIGHT + 10 * 3_600_000

    warned.alerts.dispatcher.run_once()

    assert at_night == [1, 0, 0]
    assert [len(warned.sent(target)) for target in (HOOK, "sms", "push")] == [1, 1, 1]


def test_a_withdrawal_during_the_night_is_respected_in_the_morning(warned: Any) -> None:
    """A message that waited for the morning asks for consent again."""
    warned.clock.now = NIGHT
    warned.alerts.dispatcher.run_once()
    warned.say(Purpose.SMS, False)
    warned.clock.now = NIGHT + 10 * 3_600_000

    warned.alerts.dispatcher.run_once()

    assert warned.sent("sms") == []
    assert queries.counts(warned.alerts.engine).held_back == {"sms": 1}


def test_an_owner_without_an_address_is_no_endless_retry(
    open_stage: Callable[..., Any], finding: Make
) -> None:
    """No number, no SMS: the message is dead with the reason."""
    stage = open_stage()
    stage.alerts.owners.register_owners([Owner("o-1", {"push": "token"})])
    stage.say(Purpose.SMS, True)
    stage.alerts.effects.apply([finding()], [], 1)

    stage.alerts.dispatcher.run_once()

    assert state(stage, "sms")["error"] == "the owner gave no address for sms"


def test_the_lanes_send_in_the_background_when_woken(warned: Any) -> None:
    """Started, the dispatcher sends what is there and what comes, and stops when told to."""
    warned.alerts.dispatcher.start()

    assert warned.alerts.dispatcher.alive()
    assert warned.alerts.dispatcher.wait_until_empty(20)
    assert len(warned.sent(HOOK)) == 1


def test_two_dispatchers_send_each_message_once(open_stage: Callable[..., Any], finding: Make) -> None:
    """Several dispatchers share one outbox: every message leaves once, whoever takes it."""
    first, second = open_stage(quiet_hours=None), open_stage(quiet_hours=None)
    first.say(Purpose.TICKET, True)
    findings = [finding(fault=f"fault-{number}") for number in range(12)]
    first.alerts.effects.apply(findings, [], 1)
    ready = threading.Barrier(2)

    def work(stage: Any) -> None:
        ready.wait()
        stage.alerts.dispatcher.run_once()

    threads = [threading.Thread(target=work, args=(stage,)) for stage in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ids = [message.id for stage in (first, second) for message in stage.sent(HOOK)]
    assert len(ids) == 12
    assert len(set(ids)) == 12


def test_a_message_claimed_by_a_dead_dispatcher_is_sent_by_the_next(
    open_stage: Callable[..., Any], finding: Make
) -> None:
    """Killed between claim and send, a dispatcher loses nothing: after the lease another one sends, same id."""
    first = open_stage()
    first.say(Purpose.TICKET, True)
    first.alerts.effects.apply([finding()], [], 1)
    claimed = first.alerts.queue.claim(HOOK, lease=6_000)
    restarted = open_stage(clock=first.clock)

    early = restarted.alerts.dispatcher.run_once()
    first.clock.now += 6_000
    restarted.alerts.dispatcher.run_once()

    [message] = restarted.sent(HOOK)
    assert early == 2  # SMS and push, which nobody agreed to
    assert message.id == claimed.message_id
