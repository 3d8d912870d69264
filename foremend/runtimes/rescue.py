"""What happens when a step raises what nobody foresaw: the message to blame is found, set aside, and the rest goes on.

The pipeline goes back to its last snapshot, as after a kill, and goes on from the journal in halves, each a whole step
with a checkpoint behind it, until one message is left that raises by itself:

- Where it only raises because a day ends with it, nobody is to blame who sends a reading: the day is left out, for
  all appliances of the model, and the message is used.
- Else it becomes a dead letter, together with its position.
- A topic whose messages raised three times within ten minutes is not tried for an hour: its messages become dead
  letters at no cost, so that a flood of them costs no more than three searches.
- Where message after message raises, of many topics, and none goes through, no message is to blame: the pipeline ends
  with DefectError, and what is in the journal waits for a version that can take it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from foremend.vocabulary.errors import DefectError, is_unforeseen
from foremend.vocabulary.types import MS_PER_HOUR, RawMessage
from ingest.quarantine import INTERNAL_ERROR, Quarantine, sift

MOST_TRIES = 3
WITHIN_MS = 600_000
HELD_MS = MS_PER_HOUR
MOST_TOPICS = 10_000
MOST_IN_A_ROW = 24
MANY_TOPICS = 8
NOT_TRIED = f"{INTERNAL_ERROR} (not tried: messages of this topic raised three times within ten minutes)"


class Held:
    """Topics whose messages are not tried for a while; part of each snapshot. Times are those of reception."""

    def __init__(self) -> None:
        self._raised: dict[str, list[int]] = {}  # topic -> when its messages raised, ms UTC
        self._until: dict[str, int] = {}
        self._in_a_row: list[str] = []  # topics of what raised since a message went through

    def split(self, messages: Sequence[RawMessage]) -> tuple[Sequence[RawMessage], list[RawMessage]]:
        """Those to try, and those that are not to be tried."""
        if not self._until:
            return messages, []
        held = [self.holds(message.topic, message.received) for message in messages]
        return (
            [message for message, holds in zip(messages, held, strict=True) if not holds],
            [message for message, holds in zip(messages, held, strict=True) if holds],
        )

    @property
    def active(self) -> bool:
        """Whether any topic is held."""
        return bool(self._until)

    def holds(self, topic: str, received: int) -> bool:
        """Whether a message of `topic` that came then (ms UTC) is not to be tried."""
        until = self._until.get(topic)
        if until is not None and received >= until:
            del self._until[topic]
        return until is not None and received < until

    def went_through(self) -> None:
        """A message was used."""
        self._in_a_row.clear()

    def note(self, message: RawMessage, error: Exception) -> None:
        """`message` raised `error`. Raises DefectError where no message is to blame any more."""
        if len(self._in_a_row) >= MOST_IN_A_ROW and len(set(self._in_a_row)) >= MANY_TOPICS:
            raise DefectError(
                f"{len(self._in_a_row)} messages in a row, of {len(set(self._in_a_row))} topics, raised"
                f" {type(error).__name__} or the like, and none went through: this is a mistake of Foremend's, not of"
                " the messages. All are kept in the journal. Report the traceback in the log, and start again with a"
                " version that can take them, or with the one before"
            ) from error
        self._in_a_row.append(message.topic)
        since = message.received - WITHIN_MS
        raised = [when for when in self._raised.pop(message.topic, []) if when > since] + [message.received]
        if len(raised) >= MOST_TRIES:
            self._until[message.topic] = message.received + HELD_MS
        else:
            self._raised[message.topic] = raised
        for known in (self._raised, self._until):
            while len(known) > MOST_TOPICS:
                known.pop(next(iter(known)))

    def forget(self, named: Callable[[str], bool]) -> None:
        """Nothing of the topics that are `named` stays."""
        for known in (self._raised, self._until):
            for topic in [topic for topic in known if named(topic)]:
                del known[topic]
        self._in_a_row = [topic for topic in self._in_a_row if not named(topic)]

    def snapshot(self) -> Mapping[str, Any]:
        return {
            "raised": dict(self._raised),
            "until": dict(self._until),
            "in_a_row": list(self._in_a_row),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue where `snapshot` was taken."""
        self._raised = {topic: list(when) for topic, when in snapshot["raised"].items()}
        self._until, self._in_a_row = dict(snapshot["until"]), list(snapshot["in_a_row"])


class Recoverable(Protocol):
    """A pipeline whose messages have positions, and that can go back to its last snapshot."""

    @property
    def position(self) -> int: ...

    def go_back(self) -> None:
        """To the last snapshot, as after a kill."""
        ...

    def go_on(self, up_to: int, *, judge_days: bool = True) -> None:
        """From `position` to `up_to`, and a checkpoint. Raises what a message raises: then `go_back`."""
        ...

    def put_aside(self, error: Exception) -> None:
        """The next message becomes a dead letter, together with its position, and a checkpoint is written."""
        ...

    def days_left_out(self) -> int: ...


class Rescue:
    """Of one pipeline."""

    def __init__(self, pipeline: Recoverable, quarantine: Quarantine) -> None:
        self._pipeline, self._quarantine = pipeline, quarantine

    def after(self, error: Exception, first: int, last: int) -> None:
        """Go on after `error`, which a position in (first, last] raised; raises it where none of them is to blame."""
        if not is_unforeseen(error) or first == last:
            raise error
        self._quarantine.tell("pipeline", error)
        self._pipeline.go_back()
        for begin, end in ((self._pipeline.position, first), (first, last)):
            if begin < end:
                sift(range(begin + 1, end + 1), self._go_through, self._alone, blamed=is_unforeseen)

    def _go_through(self, positions: Sequence[int], *, judge_days: bool = True) -> None:
        try:
            self._pipeline.go_on(positions[-1], judge_days=judge_days)
        except Exception:
            self._pipeline.go_back()
            raise

    def _alone(self, position: int, error: Exception) -> None:
        if self._without_its_day(position):
            self._quarantine.reason("day", error)
        else:
            self._pipeline.put_aside(error)

    def _without_its_day(self, position: int) -> bool:
        """Whether the message can be used once the day that it ends is left out."""
        before = self._pipeline.days_left_out()
        try:
            self._go_through((position,), judge_days=False)
        except Exception as error:
            if not is_unforeseen(error):
                raise
            return False
        return self._pipeline.days_left_out() > before
