"""The dispatcher: takes what is due from the outbox and sends it, one lane (a thread) for each target."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine

from alerts.channels import Channel, GoneError, Message, OutboxFileChannel, TryLaterError
from alerts.gate import Defer, Discard, Gate, Withhold
from alerts.owners import Owners
from alerts.queue import Queue
from alerts.schedule import retry_delay
from alerts.settings import AlertsSettings, RetrySettings
from alerts.tables import OutboxRow
from alerts.webhook import open_webhook
from foremend.errors import ForemendError, RefusedError, UnavailableError
from foremend.ports import Clock

_LOG = logging.getLogger(__name__)
_LEASE_MARGIN_MS = 5_000  # for recording the outcome, on top of the longest send
_LONGEST_NAP_MS = 5_000  # another process may have added a message without waking us
_SHORTEST_NAP_MS = 20  # another dispatcher may hold what is due


def open_channels(settings: AlertsSettings, clock: Clock, environ: Mapping[str, str]) -> dict[str, Channel]:
    """Every channel that the settings set up, by target. Raises ConfigError for a missing or bad secret."""
    channels: dict[str, Channel] = {
        f"webhook:{endpoint.name}": open_webhook(endpoint, clock, environ) for endpoint in settings.webhooks
    }
    if settings.sms is not None:
        channels["sms"] = OutboxFileChannel(settings.sms.file, "sms")
    if settings.push is not None:
        channels["push"] = OutboxFileChannel(settings.push.file, "push")
    return channels


@dataclass(frozen=True, slots=True)
class Lane:
    """Sends to one target, so that a slow receiver holds up nobody else."""

    target: str
    channel: Channel
    queue: Queue
    gate: Gate
    retry: RetrySettings
    rng: np.random.Generator

    def step(self) -> bool:
        """Deal with the next message that is due; False when there is none."""
        row = self.queue.claim(self.target, self.channel.longest_send + _LEASE_MARGIN_MS)
        if row is None:
            return False
        if (reason := self.queue.disabled_reason(self.target)) is not None:
            self.queue.dead(row, f"the target is disabled: {reason}")
            return True
        match self.gate.judge(row, self.queue.clock.now_ms()):
            case Withhold(decision):
                self.queue.withheld(row, decision)
            case Defer(until, reason):
                self.queue.deferred(row, reason, until)
            case Discard(reason):
                self.queue.dead(row, reason)
            case Message() as message:
                self._send(row, message)
        return True

    def nap(self) -> int:
        """How long nothing will be due, in ms, within reason."""
        due = self.queue.next_due(self.target)
        if due is None:
            return _LONGEST_NAP_MS
        return min(max(due - self.queue.clock.now_ms(), _SHORTEST_NAP_MS), _LONGEST_NAP_MS)

    def _send(self, row: OutboxRow, message: Message) -> None:
        try:
            self.channel.send(message)
        except GoneError as error:
            self.queue.disable(self.target, str(error))
            self.queue.dead(row, str(error))
        except RefusedError as error:
            self.queue.dead(row, str(error))
        except ForemendError as error:
            self._try_again(row, error)
        else:
            self.queue.sent(row)

    def _try_again(self, row: OutboxRow, error: ForemendError) -> None:
        now = self.queue.clock.now_ms()
        wait = (
            error.wait
            if isinstance(error, TryLaterError)
            else retry_delay(row.attempts, self.retry, self.rng)
        )
        if now + wait > row.created_at + self.retry.give_up_after:
            self.queue.dead(row, f"given up after {row.attempts} attempts: {error}")
        else:
            self.queue.failed(row, str(error), now + wait)


class Dispatcher:
    """Owns the lanes and their threads."""

    def __init__(
        self,
        engine: Engine,
        channels: Mapping[str, Channel],
        owners: Owners,
        settings: AlertsSettings,
        clock: Clock,
        rng: np.random.Generator,
    ) -> None:
        """`channels` by target; the dispatcher closes them. `rng` spreads the retries."""
        self._queue = Queue(engine, clock)
        gate = Gate(engine, owners, settings)
        self._lanes = [
            Lane(target, channel, self._queue, gate, settings.retry, own)
            for (target, channel), own in zip(channels.items(), rng.spawn(len(channels)), strict=True)
        ]
        self._threads = [
            threading.Thread(target=self._run, args=(lane,), name=lane.target, daemon=True)
            for lane in self._lanes
        ]
        self._changed = threading.Condition()
        self._wakes = 0
        self._closing = False

    def run_once(self) -> int:
        """Deal with everything that is due now, here and without threads; answers how many messages that was."""
        return sum(_drain(lane) for lane in self._lanes)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def alive(self) -> bool:
        """Whether every lane is running."""
        return all(thread.is_alive() for thread in self._threads)

    def wake(self) -> None:
        """Something new may be due. Cheap; call it after every commit that wrote to the outbox."""
        with self._changed:
            self._wakes += 1
            self._changed.notify_all()

    def wait_until_empty(self, timeout_s: float) -> bool:
        """Wait until no message waits any more; False when some still do after `timeout_s`."""
        targets = [lane.target for lane in self._lanes]
        with self._changed:
            return self._changed.wait_for(lambda: self._queue.waiting(targets) == 0, timeout_s)

    def close(self) -> None:
        """Let each lane finish the message it is at, then stop."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for lane in self._lanes:
            lane.channel.close()

    def _run(self, lane: Lane) -> None:
        away = False
        while not self._closing:
            seen = self._wakes
            try:
                nap = 0 if lane.step() else lane.nap()
                away = False
            except UnavailableError as error:
                if not away:
                    _LOG.warning("%s waits for the database: %s", lane.target, error)
                nap, away = _LONGEST_NAP_MS, True
            self._rest(nap, seen)

    def _rest(self, nap: int, seen: int) -> None:
        with self._changed:
            if not nap:
                self._changed.notify_all()  # for those who wait until the outbox is empty
            else:
                self._changed.wait_for(lambda: self._closing or self._wakes != seen, nap / 1000)


def _drain(lane: Lane) -> int:
    done = 0
    while lane.step():
        done += 1
    return done
