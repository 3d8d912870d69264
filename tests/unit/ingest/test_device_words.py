"""What an owner says on the appliance: read from its `consent` topic, and kept by nobody where it cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.vocabulary.device_words import DeviceWord
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.purposes import Purpose
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, RawMessage
from ingest.decode import Ingest
from ingest.device_words import MOST_BYTES, read_word
from ingest.settings import IngestSettings

NOW = 1_780_000_000_000
TOPIC = "dt/appliance/rf-260/fridge-1/consent"
YES = {"ts": NOW - 5, "purposes": ["sms", "push", "sms"], "given": True, "owner_id": "owner-1"}
NO = {"ts": NOW - 5, "purposes": ["sms"], "given": False}


def message(said: Any, topic: str = TOPIC) -> RawMessage:
    payload = said if isinstance(said, bytes) else orjson.dumps(said)
    return RawMessage(topic, payload, NOW)


def test_a_word_is_read_and_goes_through_json_as_it_is() -> None:
    """With the purposes once each, and what was not said left empty."""
    word = read_word(message(YES | {"notice_version": "2026-03", "language": "zh"}))

    assert word == DeviceWord(
        "rf-260",
        "fridge-1",
        (Purpose.SMS, Purpose.PUSH),
        given=True,
        ts=NOW - 5,
        at=NOW - 5,
        received=NOW,
        owner_id="owner-1",
        notice_version="2026-03",
        language="zh",
    )
    assert DeviceWord.from_json(word.to_json()) == word
    assert read_word(message(NO)).owner_id == ""


@pytest.mark.parametrize("ahead", [-31 * MS_PER_DAY, -NOW, MS_PER_HOUR + 1, 400 * MS_PER_DAY])
def test_a_clock_that_cannot_be_right_stops_a_yes_and_never_a_no(ahead: int) -> None:
    """A no counts from when it is heard."""
    word = read_word(message(NO | {"ts": NOW + ahead}))

    assert (word.at, word.ts) == (NOW, NOW)
    with pytest.raises(InputError, match="a yes needs a clock"):
        read_word(message(YES | {"ts": NOW + ahead}))


def test_a_yes_counts_from_when_it_was_said_and_never_from_later_than_it_came() -> None:
    """And a no from its reception, however late it comes: a yes of meanwhile is no reason to go on."""
    assert read_word(message(YES | {"ts": NOW - MS_PER_DAY})).at == NOW - MS_PER_DAY
    assert read_word(message(YES | {"ts": NOW + 60_000})).at == NOW
    assert read_word(message(NO | {"ts": NOW - MS_PER_DAY})).at == NOW


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (YES | {"purposes": ["smss"]}, "did you mean 'sms'"),
        (YES | {"purposes": ["SMS"]}, "did you mean 'sms'"),
        (YES | {"purposes": ["+8613800001234"]}, "purposes: one that is not known: there are monitoring"),
        (YES | {"purposes": []}, "purposes: needed"),
        (YES | {"purposes": "sms"}, "purposes: needed"),
        (YES | {"purposes": [["sms"]]}, "not known"),
        (YES | {"purposes": [{}]}, "not known"),
        (YES | {"given": "yes"}, "given: needed"),
        (YES | {"given": 1}, "given: needed"),
        (YES | {"ts": True}, "ts: needed"),
        (YES | {"ts": 1e12}, "ts: needed"),
        (YES | {"ts": -1}, "ts: needed"),
        (YES | {"owner_id": "Rosa Ñ"}, "owner_id: not the id"),
        (YES | {"language": "a" * 21}, "language: not of the form"),
        (YES | {"owner": "owner-1"}, "did you mean 'owner_id'"),
        (YES | {"name": "Rosa"}, "a key that is not known"),
        (b"", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"\xff\xfe", "not a JSON object"),
        (b" " * (MOST_BYTES + 1), "longer than"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_nearest_and_without_what_was_sent(
    make_ingest: Callable[..., Ingest], said: Any, sentence: str
) -> None:
    """The dead letter has topic and reason, and not a byte of the message."""
    decoded = make_ingest().decode([message(said)])

    (letter,) = decoded.dead_letters
    assert (letter.payload, decoded.words) == (b"", [])
    assert sentence in letter.reason
    for secret in ("138000", "Rosa", "owner-1", "smss"):
        assert secret not in letter.reason


@given(payload=st.binary(max_size=60) | st.text(max_size=60).map(str.encode), name=st.text(max_size=20))
def test_whatever_comes_is_a_word_or_a_letter_without_it(payload: bytes, name: str) -> None:
    """Also on topics that only look like it; nothing raises."""
    ingest = Ingest(IngestSettings(), {"rf-260": {}})
    for topic in (TOPIC, f"dt/appliance/{name}/{name}/consent", "dt/appliance//consent"):
        decoded = ingest.decode([message(payload, topic)])

        assert len(decoded.words) + len(decoded.dead_letters) == 1
        assert all(letter.payload == b"" for letter in decoded.dead_letters)


def test_what_is_set_aside_later_is_kept_without_its_bytes(make_ingest: Callable[..., Ingest]) -> None:
    """A message that raised what nobody foresaw."""
    assert make_ingest().letter(message(YES), "it raised").payload == b""
    assert make_ingest().letter(message(b"x", "dt/appliance/rf-260/f/telemetry"), "it raised").payload == b"x"
