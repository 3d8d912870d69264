"""Twenty thousand broken payloads of every kind; a million with `python -m benchmarks.fuzz --payloads 1000000`."""

from __future__ import annotations

from itertools import islice

from benchmarks.fuzz import BATCH, DECODERS, fuzzed, messages, signals
from ingest.decode import Ingest
from ingest.settings import IngestSettings


def test_twenty_thousand_broken_payloads_find_no_mistake_of_ours():
    """Each is used, ignored, presence, a repeat, or a dead letter with a reason that names what is wrong."""
    result = fuzzed(20_000, seed=20_261_128)

    assert result["first"] == {}
    assert result["internal_errors"] == 0
    assert min(result[kind] for kind in ("readings", "dead_letters", "ignored", "presence", "repeated")) > 100


def test_no_broken_payload_becomes_nothing():
    """Each by itself is accounted for."""
    ingest = Ingest(IngestSettings.model_validate({"decoders": DECODERS}), signals())

    for message in islice(messages(2_000, seed=5), 2_000):
        said = ingest.decode([message])
        assert said.readings + len(said.dead_letters) + len(said.presence) + said.ignored + said.repeated >= 1


def test_a_reason_is_short_printable_text_whatever_was_sent():
    """It is stored in a text column, and shown."""
    ingest = Ingest(IngestSettings.model_validate({"decoders": DECODERS}), signals())
    broken = list(messages(5_000, seed=6))

    letters = [
        letter
        for at in range(0, 5_000, BATCH)
        for letter in ingest.decode(broken[at : at + BATCH]).dead_letters
    ]

    assert max(len(letter.reason) for letter in letters) < 1_000
    for letter in letters:
        letter.reason.encode()  # no lone surrogate
