"""Who is there and who is not: what of it is news."""

from __future__ import annotations

import pytest

from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import RawMessage
from ingest.decode import Ingest
from ingest.presences import as_blocks, tells_presence
from ingest.settings import IngestSettings

NOW = 1_700_000_000_000
TOPIC = "dt/appliance/generic-compressor/freezer"
OFFLINE = RawMessage(f"{TOPIC}/status", b"offline", NOW)
READINGS = {
    "plain": b'{"ts":1700000000000,"signals":{"power":80}}',
    "checked": b'{"ts":1700000000000,"fw":"\\u00e9","signals":{"power":80}}',
}


def new_ingest() -> Ingest:
    return Ingest(IngestSettings(), {name: one.signals for name, one in load_profiles().items()})


@pytest.mark.parametrize("shape", READINGS)
def test_offline_is_no_news_where_a_reading_follows_in_the_same_batch(shape: str) -> None:
    """The other way round it is, and one block tells it."""
    reading = RawMessage(f"{TOPIC}/telemetry", READINGS[shape], NOW)
    back, gone = new_ingest().decode([OFFLINE, reading]), new_ingest().decode([reading, OFFLINE])
    (block,) = as_blocks(gone.presence)

    assert (back.readings, gone.readings) == (1, 1)
    assert as_blocks(back.presence) == []
    assert tells_presence(block)
    assert not tells_presence(gone.blocks[0])


def test_what_a_broker_kept_is_no_news_marked_or_not() -> None:
    """Some brokers do not mark it: the same word again just after a subscription is the one that was kept."""
    ingest = new_ingest()
    first = ingest.decode([OFFLINE])
    again = ingest.decode([RawMessage(OFFLINE.topic, OFFLINE.payload, NOW, just_subscribed=True)])
    marked = new_ingest().decode([RawMessage(OFFLINE.topic, OFFLINE.payload, NOW, True)])

    assert [len(as_blocks(one.presence)) for one in (first, again, marked)] == [1, 0, 0]
