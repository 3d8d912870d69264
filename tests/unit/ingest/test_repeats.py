"""What QoS 1 delivers twice is used once."""

from ingest.repeats import REMEMBERED, RecentMessages, digest_of

TOPIC = "dt/appliance/rf-260/a/telemetry"


def test_a_message_delivered_again_is_used_once(make_ingest, message, reading):
    """The same bytes on the same topic: counted as repeated, and nothing else."""
    ingest = make_ingest()

    first = ingest.decode([message(reading())])
    again = ingest.decode([message(reading())])

    assert (first.readings, first.repeated) == (1, 0)
    assert (again.readings, again.repeated, len(again.dead_letters)) == (0, 1, 0)


def test_a_repeat_is_known_after_a_restart(make_ingest, message, reading):
    """A pipeline killed before it acknowledged gets the message again, and knows it."""
    before, after = make_ingest(), make_ingest()
    before.decode([message(reading())])

    after.restore(before.snapshot())

    assert after.decode([message(reading())]).repeated == 1


def test_a_dead_letter_can_be_sent_again_byte_for_byte(make_ingest, message):
    """What could not be used is not remembered: after a fix the same bytes are welcome."""
    ingest = make_ingest()

    answers = [ingest.decode([message(b'{"ts": "soon"}')]) for _ in range(2)]

    assert [(len(answer.dead_letters), answer.repeated) for answer in answers] == [(1, 0), (1, 0)]


def test_equal_payloads_of_two_appliances_are_two_messages():
    """The topic is part of what makes a message."""
    assert digest_of(TOPIC, b"[]") == digest_of(TOPIC, b"[]")
    assert digest_of(TOPIC, b"[]") != digest_of(TOPIC.replace("/a/", "/b/"), b"[]")


def test_memory_is_bounded():
    """The oldest messages are forgotten."""
    recent = RecentMessages()
    for number in range(REMEMBERED + 1):
        recent.remember(digest_of(TOPIC, str(number).encode()))

    assert len(recent.snapshot()["digests"]) == 8 * REMEMBERED
    assert digest_of(TOPIC, b"0") not in recent
