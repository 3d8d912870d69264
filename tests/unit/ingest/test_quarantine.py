"""A mistake of ours in decoding: its message is found and set aside with a reason, told once; the rest is used."""

from __future__ import annotations

import re

import pytest

from ingest import decode
from ingest.quarantine import INTERNAL_ERROR, sift

MARK = b"poison"


@pytest.fixture
def ingest(make_ingest, monkeypatch):
    """Real parts that raise wherever a payload, or a firmware made of it, has the mark."""

    def wrapped(real):
        def check(payloads, waiting, rows, batch):
            if any(MARK in payload for payload in waiting.payloads):
                raise ZeroDivisionError("by the mark")
            return real(payloads, waiting, rows, batch)

        return check

    monkeypatch.setattr(decode, "check_single", wrapped(decode.check_single))
    monkeypatch.setattr(decode, "check_arrays", wrapped(decode.check_arrays))
    return make_ingest()


def sent(message, reading, numbers, poison=(), shape=lambda one: one):
    """A message for each number, those of `poison` with the mark."""
    marked = {number: {"note": MARK.decode()} for number in poison}
    return [message(shape(reading(seq=number, **marked.get(number, {})))) for number in numbers]


def used(decoded):
    return sorted(seq for block in decoded.blocks for seq in block.seq.tolist())


@pytest.mark.parametrize("shape", [lambda one: one, lambda one: [one]], ids=["single", "array"])
@pytest.mark.parametrize("poison", [(0,), (57,), (99,), (3, 4, 50), tuple(range(100))])
def test_a_payload_that_the_check_raises_for_is_set_aside_and_the_others_are_used(
    ingest, message, reading, poison, shape
):
    """Whichever it is, and however many there are."""
    messages = sent(message, reading, range(100), poison, shape)

    decoded = ingest.decode(messages)

    assert used(decoded) == [number for number in range(100) if number not in poison]
    assert [letter.payload for letter in decoded.dead_letters] == [messages[at].payload for at in poison]
    assert all(letter.reason.startswith(INTERNAL_ERROR) for letter in decoded.dead_letters)
    assert ingest.quarantine.counts == {"decode": len(poison)}


def test_a_message_whose_sorting_raises_is_set_aside(ingest, message, reading, monkeypatch):
    """As would any decoder's mistake."""
    real = decode.digest_of

    def raising(topic, payload):
        if MARK in payload:
            raise KeyError("by the mark")
        return real(topic, payload)

    monkeypatch.setattr(decode, "digest_of", raising)

    decoded = ingest.decode(sent(message, reading, range(10), (4,)))

    assert used(decoded) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert [letter.reason for letter in decoded.dead_letters] == [
        f"{INTERNAL_ERROR} (decode: KeyError: 'by the mark')"
    ]


def test_a_message_whose_rows_cannot_become_a_block_is_set_aside(ingest, message, reading, monkeypatch):
    """What else the batch said, bad readings too, is said once."""
    real = decode.Columns.block

    def raising(columns, *arguments):
        if any(version == "9.9.9" for _, _, version in columns.firmware):
            raise ValueError("by the mark")
        return real(columns, *arguments)

    monkeypatch.setattr(decode.Columns, "block", raising)
    messages = sent(message, reading, range(10))
    messages[3] = message(reading(seq=3, fw="9.9.9"))
    messages[6] = message(reading(seq=6, signals={}))

    decoded = ingest.decode(messages)

    assert used(decoded) == [0, 1, 2, 4, 5, 7, 8, 9]
    assert len(decoded.dead_letters) == 2
    assert [letter.payload for letter in decoded.dead_letters] == [messages[3].payload, messages[6].payload]


def test_a_set_aside_message_may_come_again_after_a_fix(ingest, message, reading, make_ingest, monkeypatch):
    """It is not taken for a repeat."""
    (poison,) = sent(message, reading, [1], (1,))
    ingest.decode([poison, poison])
    monkeypatch.undo()

    again = ingest.decode([poison])

    assert (again.readings, again.repeated) == (1, 0)


def test_a_flood_of_poison_is_one_traceback_in_the_log(ingest, message, reading, caplog):
    """A kind of error and a place are told once, without what the device sent."""
    ingest.decode(sent(message, reading, range(50), range(50)))
    ingest.decode(sent(message, reading, range(50, 90), range(50, 90)))

    assert len(caplog.records) == 1
    assert "ZeroDivisionError" in caplog.text
    assert "test_quarantine.py" in caplog.text
    assert MARK.decode() not in caplog.text.replace("test_quarantine", "").replace("poison in", "")
    assert ingest.quarantine.counts["decode"] == 90


def test_the_reason_is_printable_short_and_the_same_for_the_same_error(ingest):
    """Whatever the error says: it goes into a text column and onto the page."""
    said = [
        ingest.quarantine.reason("decode", ValueError(f"\x00\ud800{object()!r}" + "x" * 10_000))
        for _ in range(2)
    ]

    assert said[0] == said[1]
    assert len(said[0]) < 220
    assert re.fullmatch(r"[\x20-\x7e]+", said[0])


def test_halves_are_tried_until_one_item_is_left():
    """A bad one among a thousand costs twenty attempts, not a thousand."""
    tried, alone = [], []

    def attempt(items):
        tried.append(len(items))
        if 700 in items:
            raise ValueError

    sift(range(1_000), attempt, lambda item, error: alone.append(item))

    assert alone == [700]
    assert len(tried) <= 21


@pytest.mark.parametrize("digits", [309, 310, 400, 4_300, 4_301])
@pytest.mark.parametrize(
    "form", ['{"ts":%s,"signals":{"current":1}}', '[{"ts":-%s,"signals":{"current":1}}]']
)
def test_a_time_of_hundreds_of_digits_is_refused_in_words(ingest, message, digits, form):
    """It ended the pipeline once: its reason could not be worded."""
    decoded = ingest.decode([message((form % ("1" * digits)).encode())])

    assert not ingest.quarantine.counts
    (letter,) = decoded.dead_letters
    assert len(letter.reason) < 200
