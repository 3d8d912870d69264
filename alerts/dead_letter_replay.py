"""Dead letters are sent again, as if their devices did, once what was wrong is mended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Engine, update

from alerts.change import change
from alerts.queries.dead_letter_groups import DeadLetterGroup, dead_letter_groups, letters_to_send
from alerts.tables import DeadLetterRow
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock

AT_ONCE = 500
"""Letters of one call: it ends within seconds, and the fleet's own messages have their turn."""
_UNLIKE = b" "
"""The same bytes again would be taken for a repeat; behind JSON and numbers it says nothing."""


class Sender(Protocol):
    """To the broker that the devices speak to."""

    def publish(self, topic: str, payload: bytes) -> None: ...

    def wait_until_acknowledged(self) -> None: ...


class NoGroupError(InputError):
    """There are no such letters, or they are gone."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many went, and how many of the group are left to send."""

    sent: int
    left: int


@dataclass(frozen=True, slots=True)
class Replays:
    """From any thread, one at a time. `sender` connects; letters of `not_of_mqtt`, topics, never came from a broker."""

    engine: Engine
    clock: Clock
    sender: Callable[[], AbstractContextManager[Sender]]
    not_of_mqtt: Collection[str] = ()
    _sending: threading.Lock = field(default_factory=threading.Lock)

    def group(self, group_id: str, by: str) -> Replayed:
        """Send the oldest of a group, `AT_ONCE` at most. One that fails again is a new dead letter.

        They are marked once the broker has all: where it goes away meanwhile they are sent again, and whoever takes
        them knows repeats. Raises NoGroupError, and what the sender raises.
        """
        with self._sending:
            group = self._of(group_id)
            some = letters_to_send(self.engine, group, AT_ONCE)
            if group.topic in self.not_of_mqtt:
                raise InputError(
                    f"{group.topic}: these were records of Kafka, and no device's messages: none is sent again"
                )
            if not some:
                raise InputError(
                    "none of these letters can be sent again: they were, or their bytes are not kept"
                )
            with self.sender() as sender:
                for _, letter in some:
                    sender.publish(letter.topic, letter.payload + _UNLIKE)
                sender.wait_until_acknowledged()
            self._mark([letter_id for letter_id, _ in some], group_id, by)
        return Replayed(len(some), group.to_send - len(some))

    def _of(self, group_id: str) -> DeadLetterGroup:
        for one in dead_letter_groups(self.engine):
            if one.id == group_id:
                return one
        raise NoGroupError(f"there are no dead letters of group {group_id}")

    def _mark(self, ids: list[str], group_id: str, by: str) -> None:
        with change(self.engine, self.clock) as work:
            chosen = update(DeadLetterRow).where(DeadLetterRow.id.in_(ids))
            work.session.execute(chosen.values(replayed_at=work.at))
            work.note("dead_letters.replayed", group_id, count=len(ids), by=by)
