"""One dead letter a message, whatever is wrong in it, and of a bounded size."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from foremend.vocabulary.topics import is_about_consent
from foremend.vocabulary.types import DeadLetter, RawMessage

REASONS_SHOWN = 3


@dataclass(slots=True)
class Problems:
    """What is wrong with one message: the first reasons, how many there are, and the readings they are about."""

    reasons: list[str] = field(default_factory=list)
    count: int = 0
    parts: dict[int, bytes] = field(default_factory=dict)  # the JSON of each reading that was refused
    whole: bool = False  # the message itself cannot be used

    def add(self, reason: str, key: int, reading: bytes | None) -> None:
        """`reading` None: the whole message; `key` tells the message's readings apart."""
        self.count += 1
        if reading is None:
            self.whole = True
        else:
            self.parts[key] = reading
        if len(self.reasons) < REASONS_SHOWN:
            self.reasons.append(reason)

    def letter(self, message: RawMessage, most_bytes: int) -> DeadLetter:
        """With the refused readings alone where the others were used, so that it can be sent again."""
        more = self.count - len(self.reasons)
        reason = "; ".join(self.reasons) + (f"; and {more} more" if more else "")
        payload = message.payload if self.whole or not self.parts else _array(list(self.parts.values()))
        return bounded(DeadLetter(message.topic, payload, reason, message.received), most_bytes)


def bounded(letter: DeadLetter, most_bytes: int) -> DeadLetter:
    """The letter with the first `most_bytes` of its payload; its reason then says that it cannot be sent again.

    Of an owner's word nothing is kept but why it could not be used.
    """
    if is_about_consent(letter.topic):
        return replace(letter, payload=b"")
    size = len(letter.payload)
    if size <= most_bytes:
        return letter
    cut = f"{letter.reason} (only the first {most_bytes} of {size} bytes are kept: it cannot be sent again)"
    return replace(letter, payload=letter.payload[:most_bytes], reason=cut)


def _array(readings: list[bytes]) -> bytes:
    return readings[0] if len(readings) == 1 else b"[" + b",".join(readings) + b"]"
