"""The dispatcher: takes what is due from the outbox and sends it, one lane (a thread) for each target."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine

from alerts.channels import Channel
from alerts.gate import Gate
from alerts.owner_channels import set_up
from alerts.owners import Owners
from alerts.queue import Queue
from alerts.sending_lane import SendingLane
from alerts.settings import AlertsSettings
from alerts.stop_links import StopLinks
from alerts.webhook import open_webhook
from foremend.vocabulary.ports import Clock

_LOG = logging.getLogger(__name__)
_FINISH_S = 5.0  # for what is under way at a stop
_CUT_S = 3.0  # to end what did not


def open_channels(settings: AlertsSettings, clock: Clock, environ: Mapping[str, str]) -> dict[str, Channel]:
    """Every channel that the settings set up, by target. Raises ConfigError for a missing or bad secret."""
    channels: dict[str, Channel] = {
        f"webhook:{endpoint.name}": open_webhook(endpoint, clock, environ) for endpoint in settings.webhooks
    }
    return channels | {name: one.open(name) for name, one in set_up(settings).items()}


@dataclass(frozen=True, slots=True)
class LaneState:
    """One moment of a lane. `ended`: its thread is gone, which only a restart mends; `trouble`: why it waits, or None;
    `set_aside`: messages that raised what nobody foresaw, since the start."""

    target: str
    ended: bool
    trouble: str | None
    set_aside: int


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
        links: StopLinks,
    ) -> None:
        """`channels` by target; the dispatcher closes them. `rng` spreads the retries."""
        self._queue = Queue(engine, clock)
        gate = Gate(engine, owners, settings, links)
        self._lanes = [
            SendingLane(target, channel, self._queue, gate, settings.retry, own)
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

    def states(self) -> list[LaneState]:
        """How every lane is, for other threads."""
        return [
            LaneState(lane.target, _has_ended(thread), lane.trouble, lane.aside.count)
            for lane, thread in zip(self._lanes, self._threads, strict=True)
        ]

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

    def close(self, finish_s: float = _FINISH_S) -> None:
        """Let each lane finish the message it is at, for `finish_s` at most; then break that off.

        A lane that does not end even so (its database hangs) is left behind; its message leaves again, with its id,
        when its lease is over. Takes `finish_s` and 3 s at the very most, whatever a receiver does.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for lane in self._lanes:
            lane.halt.set()
        self._join(finish_s)
        for lane, thread in zip(self._lanes, self._threads, strict=True):
            if thread.is_alive():
                lane.channel.cut()
        self._join(_CUT_S)
        for lane, thread in zip(self._lanes, self._threads, strict=True):
            if thread.is_alive():
                _LOG.warning("%s did not end; its message is sent again after the next start", lane.target)
            else:
                lane.channel.close()

    def _join(self, seconds: float) -> None:
        """Wait for all threads together, `seconds` at most."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))

    def _run(self, lane: SendingLane) -> None:
        while not self._closing:
            seen = self._wakes
            self._rest(lane.go(), seen)

    def _rest(self, nap: int, seen: int) -> None:
        with self._changed:
            if not nap:
                self._changed.notify_all()  # for those who wait until the outbox is empty
            else:
                self._changed.wait_for(lambda: self._closing or self._wakes != seen, nap / 1000)


def _has_ended(thread: threading.Thread) -> bool:
    return thread.ident is not None and not thread.is_alive()


def _drain(lane: SendingLane) -> int:
    done = 0
    while dealt := lane.step():
        done += dealt
    return done
