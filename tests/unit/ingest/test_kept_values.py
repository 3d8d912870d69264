"""Values that a broker kept and sends to whoever subscribes, and does not say that it kept them (Moquette 0.17)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary.types import RawMessage
from ingest.decode import Ingest
from ingest.last_words import SLOTS, LastWords

TOPIC = "zigbee2mqtt/plug-1"
ZIGBEE = {
    "decoder": "zigbee2mqtt",
    "appliance_model": "generic-compressor",
    "signals": {"power": {"path": "power", "unit": "W"}},
}
TASMOTA = {
    "decoder": "tasmota",
    "timezone": "UTC",
    "appliance_model": "generic-compressor",
    "signals": {"power": {"path": "ENERGY.Power", "unit": "W"}},
}

MakeIngest = Callable[..., Ingest]


@pytest.fixture
def ingest(make_ingest: MakeIngest) -> Ingest:
    return make_ingest(decoders=[ZIGBEE])


def said(payload: bytes, at: int, just_subscribed: bool = False, topic: str = TOPIC) -> RawMessage:
    return RawMessage(topic, payload, at, False, just_subscribed)


def test_the_last_word_again_after_a_subscription_is_no_reading(ingest: Ingest, now: int) -> None:
    """At every connect of a week the dead device would have looked alive."""
    first = ingest.decode([said(b'{"power": 80}', now)])

    days = [ingest.decode([said(b'{"power": 80}', now + day, just_subscribed=True)]) for day in range(1, 8)]

    assert first.readings == 1
    assert [(one.readings, one.ignored, one.dead_letters) for one in days] == [(0, 1, [])] * 7


def test_another_value_is_news_however_soon_it_comes(ingest: Ingest, now: int) -> None:
    """A device that lives says something else."""
    ingest.decode([said(b'{"power": 80}', now)])

    assert ingest.decode([said(b'{"power": 81}', now + 1, just_subscribed=True)]).readings == 1


def test_the_same_value_is_news_once_the_subscription_is_old(ingest: Ingest, now: int) -> None:
    """A device in standby says `0` all day, and lives."""
    sent = [said(b'{"power": 0}', now + second) for second in range(10)]

    assert ingest.decode(sent).readings == 10


def test_a_value_that_carries_its_time_is_judged_by_that(ingest: Ingest, now: int) -> None:
    """Whoever says when needs no guess."""
    payload = b'{"power": 80, "last_seen": "2024-11-21T11:00:00Z"}'
    sent = [said(payload, now, just_subscribed=True), said(payload, now + 1, just_subscribed=True)]

    assert ingest.decode(sent).ignored == 0


def test_what_was_said_last_is_known_after_a_restart(
    ingest: Ingest, make_ingest: MakeIngest, now: int
) -> None:
    """The connect after a restart is the most usual one."""
    ingest.decode([said(b'{"power": 80}', now)])
    restarted = make_ingest(decoders=[ZIGBEE])

    restarted.restore(ingest.snapshot())

    assert restarted.decode([said(b'{"power": 80}', now + 1, just_subscribed=True)]).readings == 0


def test_a_snapshot_of_before_knows_no_last_words(ingest: Ingest, now: int) -> None:
    """An update goes on with it; the first connect counts what it is sent, as before."""
    old = {key: value for key, value in ingest.snapshot().items() if key != "last_words"}

    ingest.restore(old)

    assert ingest.decode([said(b'{"power": 80}', now, just_subscribed=True)]).readings == 1


def test_a_marked_value_without_a_time_is_no_reading_of_any_decoder(
    make_ingest: MakeIngest, now: int
) -> None:
    """Tasmota with `SensorRetain` and no `Time` too."""
    ingest = make_ingest(decoders=[TASMOTA])
    payload = b'{"ENERGY": {"Power": 80}}'

    decoded = ingest.decode([RawMessage("tele/plug-1/SENSOR", payload, now, True)])

    assert (decoded.readings, decoded.ignored) == (0, 1)


def test_a_million_topics_take_a_bounded_number_of_slots() -> None:
    """Made-up names cannot fill the memory."""
    words = LastWords()

    for number in range(SLOTS + 20_000):
        words.again(f"t/{number}", b"0")

    assert len(words.snapshot()["slots"]) <= SLOTS


@given(st.lists(st.tuples(st.text(max_size=4), st.binary(max_size=3))))
def test_again_is_never_said_of_anything_but_the_topics_last_word(sent: list[tuple[str, bytes]]) -> None:
    """Shared slots forget; they mix nothing up."""
    words, last = LastWords(), dict[str, bytes]()

    for topic, payload in sent:
        if words.again(topic, payload):
            assert last[topic] == payload
        last[topic] = payload
