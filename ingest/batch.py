"""What is known while one batch of messages is decoded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from foremend.types import DeadLetter, RawMessage
from ingest.columns import Rows, as_payload
from ingest.values import ApplianceKey, DeviceReading, Ignored, Presence


@dataclass(slots=True)
class Waiting:
    """Payloads that wait to be checked together."""

    positions: list[int] = field(default_factory=list)
    appliance_ids: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)

    def add(self, position: int, appliance_id: str, payload: bytes) -> None:
        self.positions.append(position)
        self.appliance_ids.append(appliance_id)
        self.payloads.append(payload)

    def without(self, bad: Container[int]) -> Waiting:
        """Those whose place here is not in `bad`."""
        if not bad:
            return self
        return self.only([at for at in range(len(self)) if at not in bad])

    def only(self, places: Sequence[int]) -> Waiting:
        """Those at these places here."""
        return Waiting(
            [self.positions[at] for at in places],
            [self.appliance_ids[at] for at in places],
            [self.payloads[at] for at in places],
        )

    def __len__(self) -> int:
        return len(self.positions)


class Batch:
    """Collects what the messages of one batch turn into."""

    def __init__(self, messages: Sequence[RawMessage]) -> None:
        self._messages = messages
        self._dead_letters: list[tuple[int, DeadLetter]] = []
        self.received = np.fromiter((message.received for message in messages), np.int64, len(messages))
        self.single: dict[str, Waiting] = defaultdict(Waiting)  # by appliance model
        self.arrays: dict[str, Waiting] = defaultdict(Waiting)
        self.rows: dict[str, Rows] = defaultdict(Rows)
        self.presence: list[Presence] = []
        self.ignored = 0
        self.repeated = 0
        self.used: set[int] = set()  # positions of messages of which at least one reading was used
        self.firsts: dict[bytes, int] = {}  # digest -> position of the first message that has it
        self.copies: list[tuple[int, int]] = []  # (position, position of the first)

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """In order of arrival of their messages."""
        return [letter for _, letter in sorted(self._dead_letters, key=lambda pair: pair[0])]

    @contextmanager
    def as_before_if_it_raises(self) -> Iterator[None]:
        """Dead letters of the `with` are taken back where it raises: it is done again, in parts."""
        letters = len(self._dead_letters)
        try:
            yield
        except Exception:
            del self._dead_letters[letters:]
            raise

    def wait(self, position: int, appliance: ApplianceKey, payload: bytes) -> None:
        """Put a canonical payload aside until all of its kind are checked together."""
        trimmed = payload.lstrip()
        waiting = self.arrays if trimmed.startswith(b"[") else self.single
        waiting[appliance.appliance_model].add(position, appliance.appliance_id, trimmed)

    def settle_copies(self) -> list[bytes]:
        """Copies share the fate of their first: repeated, or dead letters. Answers the digests of what is useless."""
        letters: dict[int, list[DeadLetter]] = defaultdict(list)
        for position, letter in self._dead_letters:
            if position not in self.used:
                letters[position].append(letter)
        for position, first in self.copies:
            self._dead_letters += [(position, letter) for letter in letters.get(first, ())]
            self.repeated += first not in letters
        return [digest for digest, position in self.firsts.items() if position in letters]

    def take(self, position: int, said: DeviceReading | Presence | Ignored) -> None:
        """What a device decoder made of a message."""
        if isinstance(said, Presence):
            self.presence.append(said)
        elif isinstance(said, DeviceReading):
            reading = {"ts": float(said.time), "seq": -1, "fw": "", "signals": said.signals}
            rows = self.rows[said.appliance.appliance_model]
            rows.extend((reading,), (said.appliance.appliance_id,), (position,))
        else:
            self.ignored += 1

    def reject(self, position: int, reason: str, payload: bytes | None = None) -> None:
        """A dead letter of a message, or of the part of it given as `payload`."""
        message = self._messages[position]
        content = message.payload if payload is None else payload
        self._dead_letters.append((position, DeadLetter(message.topic, content, reason, message.received)))

    def reject_all(self, waiting: Waiting, reasons: Mapping[int, str]) -> None:
        """A dead letter of each message whose place in `waiting` has a reason."""
        for at, reason in reasons.items():
            self.reject(waiting.positions[at], reason)

    def reject_row(self, rows: Rows, row: int, reason: str) -> None:
        """A dead letter of one reading: its own JSON where the message holds several."""
        position = rows.messages[row]
        several = self._messages[position].payload.lstrip().startswith(b"[")
        self.reject(position, reason, as_payload(rows.readings[row]) if several else None)

    def reject_rows(self, rows: Rows, reasons: Iterable[tuple[int, str]]) -> None:
        """The same for several."""
        for row, reason in reasons:
            self.reject_row(rows, row, reason)
