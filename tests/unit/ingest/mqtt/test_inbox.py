"""ingest.mqtt.inbox: what waits between the connection and the pipeline."""

import logging

import pytest

from foremend.vocabulary.errors import RefusedError
from ingest.mqtt.inbox import MESSAGE_BYTES, SETTLED_S, TAKE_BYTES, Inbox
from ingest.mqtt.scan import Publish


def qos0(number: int) -> Publish:
    return Publish(b"t", b"%d" % number, 0, False)


def qos1(number: int) -> Publish:
    return Publish(b"t", b"%d" % number, number, False)


def test_qos_0_beyond_its_bound_is_dropped_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """QoS 0 has no window at the broker, so memory is bounded here; QoS 1 is never dropped."""
    inbox = Inbox(most_waiting_qos0=2, most_bytes=10**6)

    with caplog.at_level(logging.WARNING):
        inbox.arrived([qos0(0), qos0(0), qos0(0), qos1(4)])
        inbox.arrived([qos0(0)])

    assert len(inbox.take(0)) == 3
    assert inbox.dropped_qos0 == 2
    assert len(caplog.records) == 1


def test_taking_makes_room_for_qos_0_again() -> None:
    """The bound is on what waits, not on what ever came."""
    inbox = Inbox(most_waiting_qos0=1, most_bytes=10**6)
    inbox.arrived([qos0(1)])
    inbox.take(0)

    inbox.arrived([qos0(2)])

    assert [message.payload for message, _ in inbox.take(0)] == [b"2"]


def test_messages_that_wait_when_the_connection_breaks_are_still_given_out() -> None:
    """The broker may have lost its session: a repeat is better than a loss."""
    inbox = Inbox(most_waiting_qos0=1, most_bytes=10**6)
    inbox.arrived([qos1(1)])
    sent: list[int] = []

    inbox.lost()
    tokens = [token for _, token in inbox.take(0)]
    inbox.acknowledge(tokens, sent.extend)

    assert len(tokens) == 1
    assert sent == []


def test_a_failure_is_raised_after_everything_was_taken() -> None:
    """What the broker had sent before it refused us is not lost."""
    inbox = Inbox(most_waiting_qos0=1, most_bytes=10**6)
    inbox.arrived([qos1(1)])
    inbox.failed(RefusedError("no"))

    assert len(inbox.take(0)) == 1
    with pytest.raises(RefusedError):
        inbox.take(0)


def test_a_topic_that_is_not_utf8_is_still_delivered() -> None:
    """Nothing that the broker let through is lost: the decoder will dead-letter it."""
    inbox = Inbox(most_waiting_qos0=1, most_bytes=10**6)

    inbox.arrived([Publish(b"\xff/t", b"", 1, False)])

    assert inbox.take(0)[0][0].topic == "\ufffd/t"


def large(number: int, mid: int) -> Publish:
    return Publish(b"t", bytes([number]) * 1024 * 1024, mid, False)


def test_a_take_is_bounded_by_its_weight_and_the_next_goes_on_behind_it() -> None:
    """What is worked on at once is bounded too; a message is never cut, and none is left out."""
    inbox = Inbox(most_waiting_qos0=1, most_bytes=10**6)
    for number in range(5):
        inbox.arrived([large(number, number + 1)])

    takes = [[message.payload[0] for message, _ in inbox.take(0)] for _ in range(4)]

    assert TAKE_BYTES == 2 * 1024 * 1024
    assert takes == [[0, 1], [2, 3], [4], []]


def test_it_is_full_by_weight_until_that_is_taken() -> None:
    """A large payload counts with its bytes, a small one with what its objects weigh."""
    inbox = Inbox(most_waiting_qos0=1, most_bytes=3 * MESSAGE_BYTES)

    inbox.arrived([qos1(1), qos1(2)])
    two_small = inbox.full()
    inbox.arrived([large(1, 3)])
    one_large = inbox.full()
    inbox.take(0)

    assert (two_small, one_large, inbox.full()) == (False, True, False)
    assert inbox.waiting_bytes == 0


def test_qos_0_is_bounded_by_its_bytes_as_well_and_never_stops_the_reading() -> None:
    """Its sender cannot be held back, so what is too much is dropped; QoS 1 has its own room."""
    inbox = Inbox(most_waiting_qos0=100, most_bytes=2 * 1024 * 1024)

    inbox.arrived([large(number, 0) for number in range(4)])

    assert not inbox.full()
    assert len(inbox.take(0)) == 2
    assert inbox.dropped_qos0 == 2


def test_what_comes_before_a_subscription_has_settled_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept values come in the same bytes as SUBACK, before it, or some seconds after; then again at each connection."""
    clock = [100.0]
    monkeypatch.setattr("ingest.mqtt.inbox.time.monotonic", lambda: clock[0])
    inbox = Inbox(most_waiting_qos0=9, most_bytes=10**6)

    inbox.arrived([qos1(1)])
    inbox.online()
    inbox.arrived([qos1(2)])
    clock[0] += SETTLED_S
    inbox.arrived([qos1(3)])
    inbox.lost()
    inbox.arrived([qos1(4)])

    assert [message.just_subscribed for message, _ in inbox.take(0)] == [True, True, False, True]
