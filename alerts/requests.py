"""A request that may come twice: known again by the key that came along, so that it changes nothing a second time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from alerts.change import Change
from alerts.database import insert_new
from alerts.storable import json_text
from alerts.tables import ReminderRow
from alerts.ticket_steps import UsedKeyError
from foremend.vocabulary.types import MS_PER_DAY, deterministic_id

KEYS_KEPT_MS = 30 * MS_PER_DAY
"""How long a request is known by its key; `alerts.consent.endings` forgets it then."""


@dataclass(frozen=True, slots=True)
class Request:
    """One that may come twice: `id` is of who asked and the key that came along, `whole` of all that was asked, too."""

    id: str
    whole: str

    @classmethod
    def of(cls, by: str, key: str, asked: object) -> Request:
        """`asked` is JSON-ready."""
        digest = hashlib.sha256(json_text(asked, sort=True).encode()).hexdigest()
        return cls(deterministic_id("ik", by, key), deterministic_id("ik", by, key, digest))


def came_before(work: Change, request: Request | None) -> bool:
    """Whether it did; else it is remembered. Raises UsedKeyError where its key came with something else."""
    if request is None:
        return False
    keys = [{"id": one, "at": work.at} for one in (request.id, request.whole)]
    new = insert_new(work.session, ReminderRow, keys)
    if request.id not in new and request.whole in new:
        raise UsedKeyError("this key came before with another word: a new word needs a new key")
    return request.id not in new
