"""What is known while one batch of messages is decoded."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from foremend.vocabulary.device_words import DeviceWord
from foremend.vocabulary.types import DeadLetter, RawMessage
from ingest.columns import CheckedReadings, Columns, as_payload
from ingest.dead_letters import Problems
from ingest.values import DeviceReading, Ignored, Presence


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

    def by_shape(self) -> tuple[Waiting, Waiting]:
        """Those of one reading, and those of several."""
        one, several = Waiting(), Waiting()
        for position, name, payload in zip(self.positions, self.appliance_ids, self.payloads, strict=True):
            trimmed = payload.lstrip()
            (several if trimmed.startswith(b"[") else one).add(position, name, trimmed)
        return one, several

    def __len__(self) -> int:
        return len(self.positions)


class LeftOut(NamedTuple):
    """Signals of one reading that could not be used, of one that could."""

    position: int  # of the message
    appliance_id: str
    signals: Mapping[str, str]  # what -> why
    part: tuple[int, bytes] | None = None  # of a message of several: its key and its JSON


class Batch:
    """Collects what the messages of one batch turn into."""

    def __init__(self, messages: Sequence[RawMessage], most_letter_bytes: int) -> None:
        self._messages, self._most_letter_bytes = messages, most_letter_bytes
        self._found: list[
            tuple[int, str, int, bytes | None]
        ] = []  # position, reason, key and JSON of the reading
        self._problems: dict[int, Problems] = {}  # by position of the message, once copies are settled
        self.received = np.fromiter((message.received for message in messages), np.int64, len(messages))
        self.canonical: dict[str, Waiting] = defaultdict(Waiting)  # by appliance model
        self.plain: dict[str, Columns] = {}
        self.rows: dict[str, CheckedReadings] = defaultdict(CheckedReadings)
        self.presence: list[Presence] = []
        self._presence_at: list[int] = []  # position of the message of each
        self.words: list[DeviceWord] = []
        self.ignored = 0
        self.repeated = 0
        self.left_out: Counter[str] = Counter()  # by kind; see Decoded
        self.left_out_of: list[LeftOut] = []  # what was not told yet
        self.used: set[int] = set()  # positions of messages of which at least one reading was used
        self.firsts: dict[bytes, int] = {}  # digest -> position of the first message that has it
        self.copies: list[tuple[int, int]] = []  # (position, position of the first)

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """At most one a message, in order of arrival; after `settle_copies`."""
        return [
            problems.letter(self._messages[position], self._most_letter_bytes)
            for position, problems in sorted(self._problems.items(), key=itemgetter(0))
        ]

    @contextmanager
    def as_before_if_it_raises(self) -> Iterator[None]:
        """Dead letters of the `with` are taken back where it raises: it is done again, in parts."""
        found, left_out = len(self._found), len(self.left_out_of)
        try:
            yield
        except Exception:
            del self._found[found:]
            del self.left_out_of[left_out:]
            raise

    def settle_copies(self) -> list[bytes]:
        """Copies share the fate of their first: repeated, or dead letters. Answers the digests of what is useless."""
        for position, reason, key, reading in self._found:
            self._problems.setdefault(position, Problems()).add(reason, key, reading)
        useless = self._problems.keys() - self.used
        for position, first in self.copies:
            if first in useless:
                self._problems[position] = self._problems[first]
            else:
                self.repeated += 1
        return [digest for digest, position in self.firsts.items() if position in useless]

    def settle_presence(self) -> None:
        """Who spoke after being called offline is there: such a word is no news."""
        if all(said.online for said in self.presence):
            return
        spoke = {
            (model, one): message for model, message, one in sorted(self._spoken())
        }  # the last one counts
        for at, (position, said) in enumerate(zip(self._presence_at, self.presence, strict=True)):
            if not said.online and spoke.get((said.appliance_model, said.appliance_id), -1) > position:
                self.presence[at] = replace(said, news=False)

    def _spoken(self) -> Iterator[tuple[str, int, str]]:
        """Appliance model, position of the message and appliance of each reading."""
        for model, rows in self.rows.items():
            yield from ((model, *one) for one in zip(rows.messages, rows.appliance_ids, strict=True))
        for model, plain in self.plain.items():
            each = zip(plain.messages.tolist(), plain.appliance.tolist(), strict=True)
            yield from ((model, message, plain.ids[at]) for message, at in each)

    def take(self, position: int, said: DeviceReading | Presence | Ignored) -> None:
        """What a device decoder made of a message."""
        if isinstance(said, DeviceReading):
            rows = self.rows[said.appliance.appliance_model]
            rows.readings.append({"ts": float(said.time), "seq": said.seq, "fw": "", "signals": said.signals})
            rows.appliance_ids.append(said.appliance.appliance_id)
            rows.messages.append(position)
        elif isinstance(said, Presence):
            self.presence.append(said)
            self._presence_at.append(position)
        else:
            self.ignored += 1

    def reject(self, position: int, reason: str) -> None:
        """A message cannot be used."""
        self._found.append((position, reason, 0, None))

    def reject_part(self, position: int, reason: str, key: int, reading: bytes) -> None:
        """One reading of a message cannot be used; `key` tells it from its other readings."""
        self._found.append((position, reason, key, reading))

    def reject_all(self, waiting: Waiting, reasons: Mapping[int, str]) -> None:
        """A dead letter of each message whose place in `waiting` has a reason."""
        for at, reason in reasons.items():
            self.reject(waiting.positions[at], reason)

    def reject_row(self, rows: CheckedReadings, row: int, reason: str) -> None:
        """One checked reading cannot be used, or only in part; of a message with one reading that is all of it."""
        position = rows.messages[row]
        if self._messages[position].payload.lstrip().startswith(b"["):
            self.reject_part(position, reason, row, as_payload(rows.readings[row]))
        else:
            self.reject(position, reason)

    def reject_rows(self, rows: CheckedReadings, reasons: Iterable[tuple[int, str]]) -> None:
        """The same for several."""
        for row, reason in reasons:
            self.reject_row(rows, row, reason)
