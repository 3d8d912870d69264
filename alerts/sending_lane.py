"""One lane of the dispatcher: takes what is due for one target and sends it. No exception ends it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from alerts.channels import Channel, GoneError, Message, SideBySide, TryLaterError
from alerts.digests import waiting_with_each
from alerts.facts import Facts
from alerts.fates import Dead, Deferred, Failed, Fate, Sent, Superseded, Untried, Withheld
from alerts.gate import Gate
from alerts.owner_channels import OWNER_CHANNELS
from alerts.queue import UNREADABLE, Block, Queue, UnreadableRowError
from alerts.schedule import named_delay, retry_delay
from alerts.settings import RetrySettings
from alerts.tables import OutboxRow
from alerts.verdicts import Defer, Discard, Needless, Withhold
from foremend.vocabulary.aside import Aside
from foremend.vocabulary.errors import ForemendError, RefusedError, UnavailableError

_LOG = logging.getLogger(__name__)
MOST = 200
"""Messages that are claimed, judged and, to systems, recorded together."""
_BLOCK_MS = 1_000  # the later ones of a block begin within it, or go back
_LEASE_MARGIN_MS = 5_000  # for recording the outcome, on top of the longest send
LONGEST_NAP_MS = 5_000  # another process may have added a message without waking us
_SHORTEST_NAP_MS = 20  # another dispatcher may hold what is due


@dataclass(slots=True)
class SendingLane:
    """Sends to one target, so that a slow receiver holds up nobody else."""

    target: str
    channel: Channel
    queue: Queue
    gate: Gate
    retry: RetrySettings
    rng: np.random.Generator
    trouble: str | None = None  # why it cannot work now, in words
    halt: threading.Event = field(default_factory=threading.Event)  # the message it is at is its last one
    aside: Aside = field(init=False)
    _most: int = 1  # that it takes at once

    _together: SideBySide | None = field(init=False)  # the channel, where it takes several at a time

    def __post_init__(self) -> None:
        self.aside = Aside(self.target)
        self._together = self.channel if isinstance(self.channel, SideBySide) else None

    def step(self) -> int:
        """Deal with the messages that are due, a block of them; how many that was, 0 when there are none.

        A message that raises what nobody foresaw is set aside with the reason, to be replayed by hand. Raises
        UnavailableError while the database is away, and whatever else keeps the lane from its queue.
        """
        ends = time.monotonic() + _BLOCK_MS / 1000
        block = self.queue.claim_block(self.target, self._lease, self._most)
        for _ in range(block.unreadable):  # the queue has set them aside
            self.aside.reason(UnreadableRowError(UNREADABLE))
        left = self._deal(block, ends) if block.rows else 0
        done = len(block.rows) + block.unreadable - left
        if done:
            self._most = max(1, done) if left else min(2 * self._most, MOST)
        return done

    def go(self) -> int:
        """One step, whatever happens; answers how long to rest, in ms. Tells once when it fails and once when back."""
        try:
            nap = 0 if self.step() else self._nap()
        except UnavailableError as error:
            return self._fail(f"waits for the database: {error}")
        except Exception as error:  # noqa: BLE001 the lane outlives what is wrong with its queue
            return self._fail(self.aside.reason(error))
        if self.trouble is not None:
            _LOG.warning("%s works again", self.target)
            self.trouble = None
        return nap

    def _fail(self, trouble: str) -> int:
        if self.trouble is None:
            _LOG.warning("%s %s", self.target, trouble)
        self.trouble = trouble
        return LONGEST_NAP_MS

    def _nap(self) -> int:
        """How long nothing will be due, in ms, within reason."""
        due = self.queue.next_due(self.target)
        if due is None:
            return LONGEST_NAP_MS
        return min(max(due - self.queue.clock.now_ms(), _SHORTEST_NAP_MS), LONGEST_NAP_MS)

    def _deal(self, block: Block, ends: float) -> int:
        """How many of a block's messages were not begun before it `ends` and are due as before, so that nobody waits
        for long who withdraws a consent meanwhile."""
        done = _Done(self.queue, self.aside)
        try:
            rows = self._that_may_leave(block.rows, done)
            at_once = 1 if self._together is None else self._together.at_once
            for number in range(0, len(rows), at_once):
                if number and (done.gone or self.halt.is_set() or time.monotonic() >= ends):
                    done.extend(Untried(one, block.due_at[one.seq]) for one, *_ in rows[number:])
                    return len(rows) - number
                self._leave_some(rows[number : number + at_once], done)
        finally:
            done.keep()
        return 0

    def _that_may_leave(
        self, rows: Sequence[OutboxRow], done: _Done
    ) -> list[tuple[OutboxRow, Message, Sequence[int]]]:
        """With what they say, and the numbers of those that may leave in one digest with them."""
        if (reason := self.queue.disabled_reason(self.target)) is not None:
            done.extend(Dead(row, f"the target is disabled: {reason}") for row in rows)
            return []
        found = self._judged(rows, done)
        if not found or self.target not in OWNER_CHANNELS:
            return [(row, message, ()) for row, message in found]
        with_each = self._with_each([row for row, _ in found], done)
        return [(row, message, with_each[row.seq]) for row, message in found if row.seq in with_each]

    def _with_each(self, rows: Sequence[OutboxRow], done: _Done) -> Mapping[int, Sequence[int]]:
        """Without those of which that cannot be said; they are set aside."""
        now = self.queue.clock.now_ms()
        try:
            return waiting_with_each(self.queue.engine, rows, now)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 what is wrong with one is no reason to lose the others
            if len(rows) == 1:
                done.add(Dead(rows[0], self.aside.reason(error)))
                return {}
        return {seq: seqs for row in rows for seq, seqs in self._with_each([row], done).items()}

    def _judged(
        self, rows: Sequence[OutboxRow], done: _Done, *, along: bool = False
    ) -> list[tuple[OutboxRow, Message]]:
        """Those that may leave; what became of the others is told."""
        now, found = self.queue.clock.now_ms(), []
        known = self._known(rows, now)
        for row in rows:
            try:
                verdict = self.gate.judge(row, known or self.gate.look([row], now), now, along=along)
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 one message must not hold up all that come after it
                verdict = Discard(self.aside.reason(error))
            if isinstance(verdict, Message):
                found.append((row, verdict))
            else:
                done.add(_fate(row, verdict))
        return found

    def _known(self, rows: Sequence[OutboxRow], now: int) -> Facts | None:
        """None where what is wrong with one keeps all from being looked at together."""
        try:
            return self.gate.look(rows, now)
        except UnavailableError:
            raise
        except Exception:  # noqa: BLE001 told of the one that it is
            return None

    def _leave_some(self, some: Sequence[tuple[OutboxRow, Message, Sequence[int]]], done: _Done) -> None:
        """Side by side where the channel can: a block has one row of an ordering, so that none overtakes another."""
        if self._together is None:
            for row, message, seqs in some:
                self._leave(row, message, seqs, done)
            return
        errors = self._together.send_all([message for _, message, _ in some])
        for (row, *_), error in zip(some, errors, strict=True):
            if error is None or isinstance(error, ForemendError):
                done.add(self._became(row, error, (), done))
            else:  # nobody foresaw it
                done.add(Dead(row, self.aside.reason(error)))

    def _leave(self, row: OutboxRow, message: Message, seqs: Sequence[int], done: _Done) -> None:
        """To people one at a time: what was sent and not kept is sent again after a crash, and they have no ids to know
        a repeat by."""
        try:
            others = self._others(row, seqs, done) if seqs else []
            if others:
                message = self.gate.digest(message, [row, *others])
            done.add(self._send(row, message, others, done))
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 as above
            done.add(Dead(row, self.aside.reason(error)))
        if self.target in OWNER_CHANNELS:
            done.keep()

    def _others(self, row: OutboxRow, seqs: Sequence[int], done: _Done) -> list[OutboxRow]:
        """What leaves in one digest with it: each asked for its own consent after it was marked as leaving."""
        gathered = self.queue.gather(row, seqs, self._lease)
        return [one for one, _ in self._judged(gathered, done, along=True)] if gathered else []

    @property
    def _lease(self) -> int:
        return _BLOCK_MS + self.channel.longest_send + _LEASE_MARGIN_MS

    def _send(self, row: OutboxRow, message: Message, others: Sequence[OutboxRow], done: _Done) -> Fate:
        try:
            self.channel.send(message)
        except ForemendError as error:
            return self._became(row, error, others, done)
        return Sent(row, others)

    def _became(
        self, row: OutboxRow, error: ForemendError | None, others: Sequence[OutboxRow], done: _Done
    ) -> Fate:
        match error:
            case None:
                return Sent(row, others)
            case GoneError():
                if not done.gone:
                    self.queue.disable(self.target, str(error))
                done.gone = True
                return Dead(row, str(error), others)
            case RefusedError():
                return Dead(row, str(error), others)
            case _:
                return self._try_again(row, error, others)

    def _try_again(self, row: OutboxRow, error: ForemendError, others: Sequence[OutboxRow]) -> Fate:
        now = self.queue.clock.now_ms()
        wait = (
            named_delay(error.wait, self.retry)
            if isinstance(error, TryLaterError)
            else retry_delay(row.attempts, self.retry, self.rng)
        )
        began = row.created_at if row.replayed_at is None else row.replayed_at
        if now + wait > began + self.retry.give_up_after:
            return Dead(row, f"given up after {row.attempts} attempts: {error}", others)
        return Failed(row, str(error), now + wait, others)


@dataclass(slots=True)
class _Done:
    """What became of messages, not yet kept."""

    queue: Queue
    aside: Aside
    fates: list[Fate] = field(default_factory=list)
    gone: bool = False
    """Whether the receiver said that it is, for good."""

    def add(self, fate: Fate) -> None:
        self.fates.append(fate)

    def extend(self, fates: Iterable[Fate]) -> None:
        self.fates.extend(fates)

    def keep(self) -> None:
        """One that cannot be kept is set aside, and the others are kept."""
        fates, self.fates = self.fates, []
        if not fates:
            return
        try:
            self.queue.record(fates)
        except UnavailableError:
            raise
        except Exception:  # noqa: BLE001 told of the one that it is
            for one in fates:
                self._keep(one)

    def _keep(self, fate: Fate) -> None:
        try:
            self.queue.record([fate])
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 one message must not hold up all that come after it
            self.queue.dead(fate.row, self.aside.reason(error))


def _fate(row: OutboxRow, verdict: Withhold | Defer | Needless | Discard) -> Fate:
    match verdict:
        case Withhold(decision):
            return Withheld(row, decision)
        case Defer(until, reason):
            return Deferred(row, until, reason)
        case Needless(reason):
            return Superseded(row, reason)
        case Discard(reason):
            return Dead(row, reason)
