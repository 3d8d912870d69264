"""Online or offline, in the words devices use."""

from __future__ import annotations

from pydantic_core import from_json

from foremend.vocabulary.errors import InputError

_WORDS = {"online": True, "true": True, "offline": False, "false": False}


def is_online(payload: bytes) -> bool:
    """What `online`, `Offline`, `true`, or `{"state": "online"}` say. Raises InputError for anything else."""
    word = payload.strip()
    if word.startswith(b"{"):
        word = _state(word)
    online = _WORDS.get(word.decode("ascii", "replace").lower())
    if online is None:
        raise InputError(f"presence: {payload[:40]!r} is neither online nor offline")
    return online


def _state(document: bytes) -> bytes:
    try:
        state = from_json(document).get("state")
    except ValueError:
        return b""
    return state.encode() if isinstance(state, str) else b""
