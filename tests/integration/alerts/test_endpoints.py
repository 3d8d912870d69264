"""Webhook endpoints by hand: keys that overlap, a test event, the log, sending once more, enabling. Real receivers."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from standardwebhooks import Webhook, WebhookVerificationError

from alerts.channels import GoneError, Message
from alerts.database import reading
from alerts.endpoints import Endpoints, Span
from alerts.events import EVENTS
from alerts.settings import AlertsSettings
from alerts.tables import AuditRow, OutboxRow, OutboxState
from alerts.webhook import WebhookChannel
from foremend.vocabulary.errors import ConfigError, InputError, UnavailableError
from foremend.vocabulary.types import Finding, Purpose

HOOK = "webhook:platform"
OLD, NEW, OTHER = ("whsec_" + base64.b64encode(letter * 24).decode() for letter in (b"o", b"n", b"x"))
Make = Callable[..., Finding]


class SystemClock:
    """The real time, which signatures are checked against."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


@dataclass
class Receiver:
    """An HTTP server that keeps what it gets and answers as told."""

    port: int = 0
    answer: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """On a free port."""
    there = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            there.got.append((dict(self.headers), body))
            self.send_response(there.answer)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield there
        server.shutdown()
        thread.join()


def settings(receiver: Receiver, database: str = "sqlite:///unused.db") -> AlertsSettings:
    endpoint = {"name": "platform", "url": f"http://127.0.0.1:{receiver.port}/a/secret/path?token=t"}
    return AlertsSettings(
        database=database, webhooks=[endpoint | {"secret_env": "SECRET", "allow_private": True}]
    )


def verified(key: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        Webhook(key).verify(body, {name.lower(): value for name, value in headers.items()})
    except WebhookVerificationError:
        return False
    return True


@pytest.mark.parametrize(
    ("secret", "known"),
    [(OLD, {OLD}), (f"{NEW}\n{OLD}\n", {NEW, OLD}), (NEW, {NEW})],
    ids=["old", "both", "new"],
)
def test_while_keys_overlap_a_receiver_with_either_takes_every_message(
    receiver: Receiver, secret: str, known: set[str]
) -> None:
    """Old key, both, new key: whoever still has the old one, and who has the new one already, miss nothing."""
    [endpoint] = settings(receiver).webhooks
    channel = WebhookChannel(endpoint, secret, SystemClock())

    channel.send(Message("ev_1", "foremend.ticket.opened", '{"a": "é"}'))
    channel.close()

    [(headers, body)] = receiver.got
    assert {key for key in (OLD, NEW, OTHER) if verified(key, headers, body)} == known


def test_one_bad_key_among_several_is_refused_without_showing_it(receiver: Receiver) -> None:
    """A key that signs nothing would be found out by a receiver that refuses everything."""
    [endpoint] = settings(receiver).webhooks

    with pytest.raises(ConfigError, match="not base64") as refused:
        WebhookChannel(endpoint, f"{NEW} whsec_!!!!", SystemClock())

    assert "!!!!" not in str(refused.value)


@pytest.fixture
def open_desk(open_stage: Callable[..., Any], receiver: Receiver) -> Callable[[], tuple[Any, Endpoints]]:
    """The stage with its endpoint as who runs it sees it; the stage's own sending goes to a list."""

    def make() -> tuple[Any, Endpoints]:
        stage = open_stage(webhooks=settings(receiver).webhooks, sms=None, push=None)
        stage.say(Purpose.TICKET, True)
        return stage, Endpoints(stage.alerts.engine, stage.settings, stage.clock)

    return make


def tell(stage: Any, finding: Make, count: int) -> list[str]:
    """That many tickets are opened, an hour apart by the clock; the `webhook-id` of each."""
    before = ids(stage)
    for number in range(count):
        stage.clock.now += 3_600_000
        stage.alerts.effects.apply([finding(fault=f"fault-{len(before) + number}")], [], number + 1)
    return [one for one in ids(stage) if one not in before]


def ids(stage: Any) -> list[str]:
    with reading(stage.alerts.engine) as session:
        return list(session.scalars(select(OutboxRow.message_id).order_by(OutboxRow.seq)))


def test_a_test_event_is_signed_taken_and_kept_nowhere(
    open_desk: Callable[[], tuple[Any, Endpoints]], receiver: Receiver
) -> None:
    """It goes past the outbox, says what it is, and bears both signatures."""
    stage, _ = open_desk()
    endpoints = Endpoints(stage.alerts.engine, stage.settings, SystemClock())

    taken = endpoints.test("platform", {"SECRET": f"{NEW} {OLD}"})

    [(headers, body)] = receiver.got
    event = orjson.loads(body)
    EVENTS[event["type"]].data.model_validate(event["data"])
    assert (event["type"], event["data"]) == ("foremend.test", {"endpoint": "platform"})
    assert (taken["webhook_id"], taken["signatures"]) == (event["id"], 2)
    assert verified(NEW, headers, body)
    assert verified(OLD, headers, body)
    assert ids(stage) == []


@pytest.mark.parametrize(("answer", "error"), [(500, UnavailableError), (410, GoneError)])
def test_a_test_says_what_was_answered_and_disables_nothing(
    open_desk: Callable[[], tuple[Any, Endpoints]], receiver: Receiver, answer: int, error: type[Exception]
) -> None:
    """A receiver that is not ready yet is not lost by being tried."""
    stage, endpoints = open_desk()
    receiver.answer = answer

    with pytest.raises(error, match=f"answered {answer}"):
        endpoints.test("platform", {"SECRET": OLD})

    assert stage.alerts.queue.disabled_reason(HOOK) is None


def test_the_list_says_how_each_endpoint_is_and_no_secret(
    open_desk: Callable[[], tuple[Any, Endpoints]], finding: Make
) -> None:
    """Where, how many keys, what is waiting, sent and given up; nothing of the path, the query or a key."""
    stage, endpoints = open_desk()
    tell(stage, finding, 2)
    stage.channels[HOOK].errors = [GoneError("answered 410")]
    stage.alerts.dispatcher.run_once()

    [shown] = endpoints.every({"SECRET": f"{NEW} {OLD}"})
    [blind] = endpoints.every({})

    assert (shown["keys"], blind["keys"]) == (2, None)
    assert (shown["messages"]["dead"], shown["messages"]["pending"]) == (2, 0)
    assert (shown["disabled_at"], shown["disabled_reason"]) == (stage.clock.now, "answered 410")
    assert not [word for word in ("secret", "token", NEW, OLD) if word in str(shown["host"]) + str(blind)]


def test_deliveries_are_found_by_time_and_state(
    open_desk: Callable[[], tuple[Any, Endpoints]], finding: Make
) -> None:
    """Newest first, a span with its begin and without its end, and the reason of what was given up."""
    stage, endpoints = open_desk()
    start = stage.clock.now
    told = tell(stage, finding, 3)
    stage.channels[HOOK].errors = [RuntimeError("odd")]
    stage.alerts.dispatcher.run_once()
    hours = Span(start + 3_600_000, start + 3 * 3_600_000)

    every = endpoints.deliveries("platform", "kim")
    [dead] = endpoints.deliveries("platform", "kim", state=OutboxState.DEAD)

    assert [one["message_id"] for one in every] == told[::-1]
    assert [one["message_id"] for one in endpoints.deliveries("platform", "kim", hours)] == told[1::-1]
    assert endpoints.deliveries("platform", "kim", limit=1) == every[:1]
    assert (dead["message_id"], "body" in dead) == (told[0], False)
    assert "RuntimeError" in dead["error"]


def test_given_up_messages_go_out_again_with_their_ids_and_delivered_ones_only_when_asked(
    open_desk: Callable[[], tuple[Any, Endpoints]], finding: Make
) -> None:
    """By span: first what was given up alone, then everything; the ids are those of before."""
    stage, endpoints = open_desk()
    told = tell(stage, finding, 3)
    stage.channels[HOOK].errors = [RuntimeError("odd")]
    stage.alerts.dispatcher.run_once()
    assert [one.id for one in stage.sent(HOOK)] == told[1:]

    assert endpoints.replay_span("platform", Span(), "account:me") == 1
    stage.alerts.dispatcher.run_once()
    assert [one.id for one in stage.sent(HOOK)] == [*told[1:], told[0]]

    assert endpoints.replay_span("platform", Span(), "account:me") == 0
    assert endpoints.replay_span("platform", Span(), "account:me", delivered=True) == 3
    stage.alerts.dispatcher.run_once()
    assert [one.id for one in stage.sent(HOOK)][3:] == told
    with reading(stage.alerts.engine) as session:
        noted = session.scalars(select(AuditRow).where(AuditRow.action == "messages.replayed")).all()
    assert len(noted) == 2


def test_a_replay_by_id_takes_all_or_nothing(
    open_desk: Callable[[], tuple[Any, Endpoints]], finding: Make
) -> None:
    """By the delivery's id or the receiver's; with one that is none, or was delivered, nothing is sent."""
    stage, endpoints = open_desk()
    told = tell(stage, finding, 2)
    stage.channels[HOOK].errors = [RuntimeError("odd")]
    stage.alerts.dispatcher.run_once()
    [dead] = endpoints.deliveries("platform", "kim", state=OutboxState.DEAD)

    with pytest.raises(InputError, match="ev_none"):
        endpoints.replay("platform", [dead["id"], "ev_none"], "account:me")
    with pytest.raises(InputError, match="--delivered"):
        endpoints.replay("platform", [told[1]], "account:me")
    assert stage.alerts.dispatcher.run_once() == 0

    assert endpoints.replay("platform", [dead["id"]], "account:me") == 1
    assert endpoints.replay("platform", [told[1]], "account:me", delivered=True) == 1
    assert stage.alerts.dispatcher.run_once() == 2


def test_a_replay_after_a_withdrawal_tells_nothing(
    open_desk: Callable[[], tuple[Any, Endpoints]], finding: Make
) -> None:
    """Consent is asked when it leaves, not when it was written: of the ticket only that consent changed goes out."""
    stage, endpoints = open_desk()
    tell(stage, finding, 1)
    stage.alerts.dispatcher.run_once()
    stage.clock.now += 1_000
    stage.say(Purpose.TICKET, False)
    stage.alerts.dispatcher.run_once()
    before = len(stage.sent(HOOK))

    endpoints.replay_span("platform", Span(), "account:me", delivered=True)
    stage.alerts.dispatcher.run_once()

    again = [one.event_type for one in stage.sent(HOOK)[before:]]
    assert set(again) <= {"foremend.consent.changed"}
    assert [
        one["state"] for one in endpoints.deliveries("platform", "kim", state=OutboxState.HELD_BACK)
    ] != []


def test_a_replayed_message_has_its_whole_time_to_be_tried(
    open_desk: Callable[[], tuple[Any, Endpoints]], finding: Make
) -> None:
    """It was given up after three days: the next failure does not give it up at once, and its time stays in the log."""
    stage, endpoints = open_desk()
    tell(stage, finding, 1)
    written = stage.clock.now
    stage.clock.now += 4 * 86_400_000
    stage.channels[HOOK].errors = [UnavailableError("away"), UnavailableError("away")]
    stage.alerts.dispatcher.run_once()
    endpoints.replay_span("platform", Span(), "account:me")

    stage.alerts.dispatcher.run_once()

    [row] = endpoints.deliveries("platform", "kim")
    assert (row["state"], row["attempts"], row["created_at"]) == ("pending", 1, written)


def test_an_endpoint_that_was_disabled_works_again(
    open_desk: Callable[[], tuple[Any, Endpoints]], finding: Make
) -> None:
    """It says since when and why it was; a second time there is nothing to enable."""
    stage, endpoints = open_desk()
    tell(stage, finding, 2)
    stage.channels[HOOK].errors = [GoneError("answered 410")]
    stage.alerts.dispatcher.run_once()

    assert endpoints.enable("platform")["reason"] == "answered 410"
    with pytest.raises(InputError, match="not disabled"):
        endpoints.enable("platform")
    endpoints.replay_span("platform", Span(), "account:me")
    stage.alerts.dispatcher.run_once()

    assert len(stage.sent(HOOK)) == 2


def test_messages_to_owners_are_not_sent_again_from_here(open_stage: Any, finding: Make) -> None:
    """An owner who was told is not told a second time because an endpoint's log is replayed."""
    stage = open_stage()
    for purpose in (Purpose.TICKET, Purpose.SMS, Purpose.PUSH):
        stage.say(purpose, True)
    stage.alerts.effects.apply([finding()], [], 1)
    stage.alerts.dispatcher.run_once()
    endpoints = Endpoints(stage.alerts.engine, stage.settings, stage.clock)

    endpoints.replay_span("platform", Span(), "account:me", delivered=True)
    stage.alerts.dispatcher.run_once()

    assert [len(stage.sent(target)) for target in (HOOK, "sms", "push")] == [2, 1, 1]
    with pytest.raises(InputError, match="no webhook 'sms'"):
        endpoints.replay_span("sms", Span(), "account:me", delivered=True)


def test_a_thousand_and_one_go_in_pieces_and_none_twice(
    open_desk: Callable[[], tuple[Any, Endpoints]], finding: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than fit one transaction: each once, in the order they were written."""
    stage, endpoints = open_desk()
    told = tell(stage, finding, 7)
    stage.alerts.dispatcher.run_once()
    monkeypatch.setattr("alerts.endpoints.MOST", 3)

    assert endpoints.replay_span("platform", Span(), "account:me", delivered=True) == 7
    stage.alerts.dispatcher.run_once()

    assert [one.id for one in stage.sent(HOOK)][7:] == told
