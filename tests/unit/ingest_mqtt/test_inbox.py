"""ingest.mqtt_inbox: what waits between the connection and the pipeline."""

import logging

import pytest

from foremend.errors import RefusedError
from ingest.mqtt_inbox import Inbox
from ingest.mqtt_scan import Publish


def qos0(number: int) -> Publish:
    return Publish(b"t", b"%d" % number, 0, False)


def qos1(number: int) -> Publish:
    return Publish(b"t", b"%d" % number, number, False)


def test_qos_0_beyond_its_bound_is_dropped_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """QoS 0 has no window at the broker, so memory is bounded here; QoS 1 is never dropped."""
    inbox = Inbox(most_waiting_qos0=2)

    with caplog.at_level(logging.WARNING):
        inbox.arrived([qos0(0), qos0(0), qos0(0), qos1(4)])
        inbox.arrived([qos0(0)])

    assert len(inbox.take(0)) == 3
    assert inbox.dropped_qos0 == 2
    assert len(caplog.records) == 1


def test_taking_makes_room_for_qos_0_again() -> None:
    """The bound is on what waits, not on what ever came."""
    inbox = Inbox(most_waiting_qos0=1)
    inbox.arrived([qos0(1)])
    inbox.take(0)

    inbox.arrived([qos0(2)])

    assert [message.payload for message, _ in inbox.take(0)] == [b"2"]


def test_messages_that_wait_when_the_connection_breaks_are_still_given_out() -> None:
    """The broker may have lost its session: a repeat is better than a loss."""
    inbox = Inbox(most_waiting_qos0=1)
    inbox.arrived([qos1(1)])
    sent: list[int] = []

    inbox.lost()
    tokens = [token for _, token in inbox.take(0)]
    inbox.acknowledge(tokens, sent.extend)

    assert len(tokens) == 1
    assert sent == []


def test_a_failure_is_raised_after_everything_was_taken() -> None:
    """What the broker had sent before it refused us is not lost."""
    inbox = Inbox(most_waiting_qos0=1)
    inbox.arrived([qos1(1)])
    inbox.failed(RefusedError("no"))

    assert len(inbox.take(0)) == 1
    with pytest.raises(RefusedError):
        inbox.take(0)


def test_a_topic_that_is_not_utf8_is_still_delivered() -> None:
    """Nothing that the broker let through is lost: the decoder will dead-letter it."""
    inbox = Inbox(most_waiting_qos0=1)

    inbox.arrived([Publish(b"\xff/t", b"", 1, False)])

    assert inbox.take(0)[0][0].topic == "\ufffd/t"
