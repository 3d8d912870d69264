"""What is found of the whole fleet by itself: once for each whole day, by one of however many processes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from alerts.desk import Alerts
from foremend.learning.members import iso_day
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rounds import ByRounds, Rounds
from foremend.vocabulary.types import MS_PER_DAY

log = logging.getLogger(__name__)

LOOK_S = 600.0
FALSE_A_YEAR = 1.0
WEEKS = 8

Report = Callable[[date], dict[str, Any]]
"""Of the last whole day. Raises ConfigError or InputError where there is too little to say anything."""


class FleetDays(ByRounds):
    """Looks now and then whether a day is over, in a thread between `start` and `close`.

    What was missed while nothing ran is caught up with the next look: the whole history is gone through each time.
    Where nobody is in the register of nameplates nothing is done, and none of what it would take is loaded.
    """

    def __init__(self, desk: Alerts, clock: Clock) -> None:
        self._desk, self._clock = desk, clock
        self._reports: Mapping[str, Report] = {"cohorts": self._cohorts, "forecasts": self._forecasts}
        self._rounds = Rounds("fleet reports", self.round, LOOK_S)

    def round(self) -> list[str]:
        """Make what is due and nobody else is at; the names of those."""
        if not self._desk.nameplates.some("", 1):
            return []
        day = self._clock.now_ms() // MS_PER_DAY - 1
        return [
            name for name in self._reports if not self._rounds.stopping.is_set() and self._made(name, day)
        ]

    def _made(self, name: str, day: int) -> bool:
        reports = self._desk.fleet_reports
        if not reports.claim(name, day):
            return False
        try:
            content, trouble = self._reports[name](date.fromisoformat(iso_day(day))), ""
        except (ConfigError, InputError) as error:
            content, trouble = {}, str(error)
        except BaseException:
            reports.release(name)
            raise
        reports.keep(name, day, content, trouble)
        return True

    def _cohorts(self, day: date) -> dict[str, Any]:
        from foremend.jobs.cohorts import watch_own, worth_telling

        found = watch_own(self._desk, self._clock, until=day, false_a_year=FALSE_A_YEAR)
        told = self._desk.cohort_alarms.tell(worth_telling(found.pop("alarms")))
        if told:
            log.warning("cohorts that fail more than their siblings: %d told", told)
        return found

    def _forecasts(self, day: date) -> dict[str, Any]:
        from foremend.jobs.forecasts import forecast_own

        return forecast_own(self._desk, self._clock, today=day + timedelta(1), weeks=WEEKS, out=None)
