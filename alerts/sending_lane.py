"""One lane of the dispatcher: takes what is due for one target and sends it. No exception ends it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from alerts.channels import Channel, GoneError, Message, TryLaterError
from alerts.digests import waiting_with
from alerts.gate import Defer, Discard, Gate, Needless, Withhold
from alerts.owner_channels import OWNER_CHANNELS
from alerts.queue import Queue, UnreadableRowError
from alerts.schedule import named_delay, retry_delay
from alerts.settings import RetrySettings
from alerts.tables import OutboxRow
from foremend.vocabulary.aside import Aside
from foremend.vocabulary.errors import ForemendError, RefusedError, UnavailableError

_LOG = logging.getLogger(__name__)
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
    aside: Aside = field(init=False)

    def __post_init__(self) -> None:
        self.aside = Aside(self.target)

    def step(self) -> bool:
        """Deal with the next message that is due; False when there is none.

        A message that raises what nobody foresaw is set aside with the reason, to be replayed by hand. Raises
        UnavailableError while the database is away, and whatever else keeps the lane from its queue.
        """
        try:
            row = self.queue.claim(self.target, self._lease)
        except UnreadableRowError as error:  # the queue has set it aside
            self.aside.reason(error)
            return True
        if row is None:
            return False
        try:
            self._deal(row)
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 one message must not hold up all that come after it
            self.queue.dead(row, self.aside.reason(error))
        return True

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

    def _deal(self, row: OutboxRow) -> None:
        if (reason := self.queue.disabled_reason(self.target)) is not None:
            self.queue.dead(row, f"the target is disabled: {reason}")
            return
        verdict = self.gate.judge(row, self.queue.clock.now_ms())
        if not isinstance(verdict, Message):
            self._settle(row, verdict)
            return
        others = self._others(row)
        self._send(row, self.gate.digest(verdict, [row, *others]) if others else verdict, others)

    def _settle(self, row: OutboxRow, verdict: Withhold | Defer | Needless | Discard) -> None:
        match verdict:
            case Withhold(decision):
                self.queue.withheld(row, decision)
            case Defer(until, reason):
                self.queue.deferred(row, reason, until)
            case Needless(reason):
                self.queue.needless(row, reason)
            case Discard(reason):
                self.queue.dead(row, reason)

    def _others(self, row: OutboxRow) -> list[OutboxRow]:
        """What leaves in one digest with it: each asked for its own consent after it was marked as leaving."""
        queue, may_leave = self.queue, []
        waiting = (
            waiting_with(queue.engine, row, queue.clock.now_ms()) if self.target in OWNER_CHANNELS else []
        )
        for one in queue.gather(row, waiting, self._lease) if waiting else []:
            try:
                verdict = self.gate.judge(one, queue.clock.now_ms(), along=True)
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 what is wrong with one is no reason to lose the others
                queue.dead(one, self.aside.reason(error))
                continue
            if isinstance(verdict, Message):
                may_leave.append(one)
            else:
                self._settle(one, verdict)
        return may_leave

    @property
    def _lease(self) -> int:
        return self.channel.longest_send + _LEASE_MARGIN_MS

    def _send(self, row: OutboxRow, message: Message, others: Sequence[OutboxRow]) -> None:
        try:
            self.channel.send(message)
        except GoneError as error:
            self.queue.disable(self.target, str(error))
            self._give_up(row, str(error), others)
        except RefusedError as error:
            self._give_up(row, str(error), others)
        except ForemendError as error:
            self._try_again(row, error, others)
        else:
            self.queue.sent(row, others)

    def _give_up(self, row: OutboxRow, why: str, others: Sequence[OutboxRow]) -> None:
        """The others of its digest go on by themselves."""
        self.queue.dead(row, why)
        if others:
            self.queue.released(others)

    def _try_again(self, row: OutboxRow, error: ForemendError, others: Sequence[OutboxRow]) -> None:
        now = self.queue.clock.now_ms()
        wait = (
            named_delay(error.wait, self.retry)
            if isinstance(error, TryLaterError)
            else retry_delay(row.attempts, self.retry, self.rng)
        )
        began = row.created_at if row.replayed_at is None else row.replayed_at
        if now + wait > began + self.retry.give_up_after:
            self._give_up(row, f"given up after {row.attempts} attempts: {error}", others)
        else:
            self.queue.failed(row, str(error), now + wait, others)
