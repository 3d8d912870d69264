"""What an owner said on the appliance: its message on the `consent` topic, checked.

No sentence here repeats what was sent: it becomes the reason of a dead letter, which holds nothing of the message.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

import orjson

from foremend.vocabulary.device_words import DeviceWord
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ids import is_id
from foremend.vocabulary.purposes import Purpose
from foremend.vocabulary.topics import parse_consent_topic
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, RawMessage

MOST_BYTES = 4_096
_AHEAD_MS = MS_PER_HOUR
_BEHIND_MS = 30 * MS_PER_DAY
_KEYS = ("ts", "purposes", "given", "owner_id", "notice_version", "language")
_LANGUAGE = re.compile(r"[A-Za-z-]{2,20}")
_VERSION = re.compile(r"[A-Za-z0-9._-]{1,80}")
_KNOWN = [one.value for one in Purpose]


def read_word(message: RawMessage) -> DeviceWord:
    """The word in `message`.

    A no counts from when it is heard, whatever the appliance's clock says, so that it always does. A yes counts from
    its `ts`, at the latest from its reception; one that is an hour ahead, or older than 30 days, is refused. Raises
    InputError, in words that hold nothing of the message.
    """
    named = parse_consent_topic(message.topic)
    if named is None:
        raise InputError("topic: not dt/appliance/{appliance_model}/{appliance_id}/consent")
    if len(message.payload) > MOST_BYTES:
        raise InputError(f"payload: longer than {MOST_BYTES} bytes")
    said = _object(message.payload)
    ts, given = said.get("ts"), said.get("given")
    if type(ts) is not int or not 0 <= ts < 2**62:
        raise InputError("ts: needed, ms since 1970, UTC")
    if type(given) is not bool:
        raise InputError("given: needed, true or false")
    right = -_BEHIND_MS <= ts - message.received <= _AHEAD_MS
    if given and not right:
        raise InputError("ts: more than an hour ahead of reception or 30 days before it: a yes needs a clock")
    return DeviceWord(
        *named,
        purposes=_purposes(said.get("purposes")),
        given=given,
        ts=ts if right else message.received,
        at=min(ts, message.received) if given else message.received,
        received=message.received,
        owner_id=_owner(said.get("owner_id")),
        notice_version=_text(said, "notice_version", _VERSION),
        language=_text(said, "language", _LANGUAGE),
    )


def _object(payload: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(payload)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise InputError("payload: not a JSON object")
    if unknown := [key for key in said if key not in _KEYS]:
        near = get_close_matches(unknown[0], _KEYS, n=1)
        raise InputError(f"a key that is not known: {_meant(near)}there are {', '.join(_KEYS)}")
    return said


def _purposes(said: Any) -> tuple[Purpose, ...]:
    if not isinstance(said, list) or not said or len(said) > len(_KNOWN):
        raise InputError(f"purposes: needed, a list of {', '.join(_KNOWN)}")
    for one in said:
        if one not in _KNOWN:
            near = get_close_matches(one.lower(), _KNOWN, n=1) if isinstance(one, str) else []
            raise InputError(f"purposes: one that is not known: {_meant(near)}there are {', '.join(_KNOWN)}")
    return tuple(dict.fromkeys(Purpose(one) for one in said))


def _owner(said: Any) -> str:
    if said is None:
        return ""
    if not isinstance(said, str) or not is_id(said):
        raise InputError("owner_id: not the id of an owner")
    return said


def _text(said: dict[str, Any], key: str, form: re.Pattern[str]) -> str:
    text = said.get(key)
    if text is None:
        return ""
    if not isinstance(text, str) or not form.fullmatch(text):
        raise InputError(f"{key}: not of the form {form.pattern}")
    return text


def _meant(near: list[str]) -> str:
    return f"did you mean {near[0]!r}? " if near else ""
