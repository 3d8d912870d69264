"""`foremend insights` beside a service: one after the other, each in a process of its own that waits for who serves."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from alerts.desk import Alerts
from alerts.fleet_reports import FleetReports
from foremend.config import Settings
from foremend.learning.insights_report import report_name
from foremend.learning.standing_back import stand_back
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import ConfigError, InputError, MissingExtraError, UnavailableError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR

log = logging.getLogger(__name__)

_MOST_LIVES = 40  # of a report that is kept, those with the most failures
_SAY_SO_MS = MS_PER_HOUR // 6  # that somebody is at it: a claim holds for an hour
_LOOK_S = 60.0

Open = Callable[[Settings, Clock], Alerts]
_Wanted = tuple[str, str | None, int]  # appliance model, fault (None: any), lead days
Made = tuple[dict[str, Any], str]
"""A report, and why there is none, in words."""


class InsightsApart:
    """Makes what is asked for, between `start` and `close`, which ends what is under way.

    What was found, or why nothing could be, is in `reports`. Each is the work of one process, of however many services.
    """

    def __init__(self, settings: Settings, reports: FleetReports, open_desk: Open, clock: Clock) -> None:
        """`open_desk` opens the alerts stage, in the process that looks."""
        self._settings, self._reports, self._open, self._clock = settings, reports, open_desk, clock
        self._asked: queue.Queue[_Wanted | None] = queue.Queue()
        self._shares: dict[str, float] = {}
        self._stop = threading.Event()
        self._running: BaseProcess | None = None
        self._thread = threading.Thread(target=self._run, name="insights", daemon=True)
        self._said = 0

    def start(self) -> None:
        """Wait for what is asked."""
        self._thread.start()

    def ask(self, appliance_model: str, fault: str | None, lead_days: int) -> bool:
        """Have it made; False where somebody is at it already. Raises UnavailableError while the database is away."""
        name = report_name(appliance_model, fault)
        if not self._reports.claim_anew(name):
            return False
        self._shares[name] = 0.0
        self._asked.put((appliance_model, fault, lead_days))
        return True

    def shares(self) -> Mapping[str, float]:
        """Of the history, 0..1, how much was read for each report that this process is at or has waiting."""
        return dict(self._shares)

    def close(self) -> None:
        """End what is being made; nothing of it is left, and whoever asks next begins it anew."""
        self._stop.set()
        self._asked.put(None)
        if (running := self._running) is not None:
            running.kill()
        if self._thread.is_alive():
            self._thread.join()
        for name in list(self._shares):
            self._let_go(name)

    def _run(self) -> None:
        while (one := self._asked.get()) is not None and not self._stop.is_set():
            try:
                self._one(one)
            except Exception:  # whatever nobody foresaw of one: others are looked for all the same
                log.exception("what goes with failures of %s was not looked for", one[0])
                self._let_go(report_name(*one[:2]))

    def _let_go(self, name: str) -> None:
        """Whoever asks next begins it anew."""
        del self._shares[name]
        with contextlib.suppress(UnavailableError):
            self._reports.release(name)

    def _one(self, wanted: _Wanted) -> None:
        name = report_name(*wanted[:2])
        made = self._made(name, wanted)
        if self._stop.is_set():
            return
        try:
            self._reports.keep(name, self._clock.now_ms() // MS_PER_DAY - 1, *made)
        except UnavailableError as error:
            log.error("what goes with failures of %s is lost: %s", wanted[0], error)
        del self._shares[name]

    def _made(self, name: str, wanted: _Wanted) -> Made:
        context = get_context("spawn")
        hear, tell = context.Pipe(duplex=False)
        child = context.Process(target=look_in_process, args=(self._settings, self._open, wanted, tell))
        with hear:
            try:
                child.start()
            except OSError as error:
                return {}, f"no process can be started for it: {error}"
            finally:
                tell.close()
            self._running = child
            if self._stop.is_set():  # since `close` looked
                child.kill()
            made = self._heard(name, hear)
        child.join()
        self._running = None
        return made or ({}, f"it ended before it was done (code {child.exitcode}); the log says why")

    def _heard(self, name: str, hear: Connection) -> Made | None:
        """None where it ended without a word."""
        while True:
            self._say_so()
            if not hear.poll(_LOOK_S):
                continue
            try:
                said = hear.recv()
            except EOFError:
                return None
            if isinstance(said, tuple):
                content, trouble = said
                return content, trouble
            self._shares[name] = said

    def _say_so(self) -> None:
        """That this process is at what it claimed, as long as that takes."""
        now = self._clock.now_ms()
        if now - self._said >= _SAY_SO_MS:
            self._said = now
            with contextlib.suppress(UnavailableError):
                for name in list(self._shares):
                    self._reports.still_at(name)


def look_in_process(settings: Settings, open_desk: Open, wanted: _Wanted, tell: Connection) -> None:
    """Of the child: `tell` what share of the history was read, and at last what was made."""
    stand_back()
    try:
        from foremend.jobs.insights import Asked, insights_of_own  # takes the extra

        clock = SystemClock()
        desk = open_desk(settings, clock)
        try:
            asked = Asked(*wanted)
            found = insights_of_own(asked, desk, settings, clock, lambda done, days: _tell(tell, done, days))
        finally:
            desk.close()
    except (ConfigError, InputError, MissingExtraError, UnavailableError) as error:
        tell.send(({}, str(error)))
        return
    lives = sorted(found["lives"].items(), key=lambda one: -one[1]["failures"])
    tell.send((found | {"lives": dict(lives[:_MOST_LIVES])}, ""))


def _tell(tell: Connection, done: int, days: int) -> None:
    if days:
        tell.send(min(1.0, done / days))
