"""The dispatcher: when messages leave, how often they are tried, and what stops them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Executable, text, update

from alerts import queries
from alerts.channels import GoneError, TryLaterError
from alerts.database import reading, writing
from alerts.owners import OwnedAppliance, Owner
from alerts.tables import ApplianceRow, ContactRow, OutboxRow
from foremend.vocabulary.errors import InputError, RefusedError, UnavailableError
from foremend.vocabulary.types import Finding, Purpose, Severity

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
    assert sms.body.startswith("【Foremend】您的电器fridge-1：制冷剂正在泄漏，约23天后可能故障。")
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


@pytest.mark.parametrize(
    ("named", "kept"), [(999_999_000, 4 * 3_600_000), (10**12, 4 * 3_600_000), (0, 5_000)]
)
def test_a_named_time_is_kept_within_bounds(warned: Any, named: int, kept: int) -> None:
    """Longer than the longest delay, the message is tried again at that; 0 makes no storm of tries."""
    warned.channels[HOOK].errors = [TryLaterError("busy", named)]

    warned.alerts.dispatcher.run_once()

    assert (state(warned, HOOK)["state"], state(warned, HOOK)["due_at"]) == (
        "pending",
        warned.clock.now + kept,
    )


def broken() -> Exception:
    """What nobody foresaw, with something personal in its words."""
    return OverflowError("+8613800001234")


def test_a_lane_survives_any_exception(warned: Any, finding: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Two messages that raise are set aside with a reason, the third leaves; one traceback a kind, nothing personal."""
    warned.channels[HOOK].errors = [broken(), broken()]
    warned.alerts.effects.apply([finding(fault=f"fault-{number}") for number in range(2)], [], 2)

    warned.alerts.dispatcher.start()
    assert warned.alerts.dispatcher.wait_until_empty(20)

    rows = [row for row in queries.outbox(warned.alerts.engine).items if row["target"] == HOOK]
    assert sorted(row["state"] for row in rows) == ["dead", "dead", "sent"]
    reasons = {row["error"] for row in rows if row["state"] == "dead"}
    assert all(
        reason.startswith("internal error, kept for a developer (OverflowError in") for reason in reasons
    )
    tracebacks = [record for record in caplog.records if "OverflowError" in record.getMessage()]
    assert len(tracebacks) == 1
    assert "send" in tracebacks[0].getMessage()
    assert "+8613800001234" not in caplog.text + str(reasons)
    assert warned.alerts.dispatcher.alive()
    assert [one.set_aside for one in warned.alerts.dispatcher.states()] == [2, 0, 0, 0]


def test_what_was_set_aside_can_be_replayed(warned: Any) -> None:
    """Once mended, by hand, with the same id."""
    warned.channels[HOOK].errors = [broken()]
    warned.alerts.dispatcher.run_once()
    row = state(warned, HOOK)

    warned.alerts.queue.replay(row["id"])
    warned.alerts.dispatcher.run_once()

    assert (row["state"], [one.id for one in warned.sent(HOOK)]) == ("dead", [row["message_id"]])


OTHER_KEY = Fernet.generate_key()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (update(ContactRow).values(sealed=Fernet(OTHER_KEY).encrypt(b"+86")), "a contact cannot be unsealed"),
        (update(ContactRow).values(sealed=b"\xff\x00"), "a contact cannot be unsealed"),
        (update(ApplianceRow).values(timezone="Mars/Olympus"), "'Mars/Olympus' is not a time zone"),
        (update(ApplianceRow).values(timezone="../../etc"), "is not a time zone"),
        (update(OutboxRow).values(body="{"), "JSONDecodeError"),
        (update(OutboxRow).values(body="[]"), "TypeError"),
        (update(OutboxRow).values(body="{}"), "KeyError"),
        (text("UPDATE outbox SET purpose = 'pigeon' WHERE target = 'sms'"), "the row cannot be read"),
    ],
)
def test_one_owner_ends_sms_for_nobody_else(
    warned: Any, finding: Make, change: Executable, reason: str
) -> None:
    """A contact of another key, a zone that is none, a damaged row: it is set aside and the next owner is told."""
    with writing(warned.alerts.engine) as session:
        session.execute(change)
    warned.alerts.owners.register_owners([Owner("o-2", {"sms": "+8613900005678"})])
    warned.alerts.owners.register_appliances([OwnedAppliance("fridge-2", "o-2", "BCD-200", "en", "UTC")])
    warned.say(Purpose.SMS, True, "fridge-2", "o-2")
    warned.clock.now = NIGHT - 2 * 3_600_000  # afternoon in UTC
    warned.alerts.effects.apply([finding(appliance_id="fridge-2")], [], 2)

    warned.alerts.dispatcher.run_once()

    with reading(warned.alerts.engine) as session:
        error, dead = session.execute(
            text("SELECT error, state FROM outbox WHERE target = 'sms' ORDER BY seq")
        ).first()
    assert dead == "dead"
    assert reason in error
    assert [message.address for message in warned.sent("sms")] == ["+8613900005678"]


def test_words_of_a_receiver_fit_every_database(warned: Any) -> None:
    """NUL, lone surrogates and 100,000 letters are no reason that a database refuses."""
    warned.channels[HOOK].errors = [UnavailableError("a\x00b\ud800c" + "x" * 100_000)]

    warned.alerts.dispatcher.run_once()

    assert state(warned, HOOK)["error"] == "a␀b�c" + "x" * 495


def test_a_lane_outlives_trouble_with_its_queue(open_stage: Callable[..., Any], finding: Make) -> None:
    """Its table renamed away and back: the lane says so meanwhile, and then sends."""
    stage = open_stage()
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    [lane] = [one for one in stage.alerts.dispatcher._lanes if one.target == HOOK]
    rename(stage, "outbox", "outbox_away")

    lane.go()
    [troubled] = [one.trouble for one in stage.alerts.dispatcher.states() if one.target == HOOK]
    rename(stage, "outbox_away", "outbox")
    lane.go()

    assert troubled
    assert lane.trouble is None
    assert len(stage.sent(HOOK)) == 1


def rename(stage: Any, old: str, new: str) -> None:
    with writing(stage.alerts.engine) as session:
        session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


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
    """No number, no SMS: that is no failure of the lane, and held back with the reason."""
    stage = open_stage()
    stage.alerts.owners.register_owners([Owner("o-1", {"push": "token"})])
    stage.say(Purpose.SMS, True)
    stage.alerts.effects.apply([finding()], [], 1)

    stage.alerts.dispatcher.run_once()

    assert state(stage, "sms")["error"] == "no address for sms was given"
    assert state(stage, "sms")["state"] == "held_back"
    found = queries.held_back_since(stage.alerts.engine, 0)
    assert [(one.cause, one.number) for one in found if one.purpose is Purpose.SMS] == [("no_address", 1)]


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
