"""ISO 8601 durations in calendar time: `P2Y`, `P1M`, `P30D`, `PT4H`.

A month is no number of days, so a period only has a length from a moment on: years and months go by the calendar, and a
day that the month lacks becomes its last (31 January and `P1M` is 28 or 29 February); then weeks, days and hours are
added. Days are of 24 hours, as all stored times are UTC.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from foremend.vocabulary.errors import InputError

_PERIOD = re.compile(
    r"P(?=.)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z, ms UTC: an end beyond the calendar is none."""
_FIRST = -62_135_596_800_000  # 0001-01-01, the calendar's first moment


@dataclass(frozen=True, slots=True)
class Period:
    """A span of calendar time; `rest` is what is no year and no month."""

    months: int
    rest: timedelta

    def after(self, moment: int) -> int:
        """The end (ms UTC) of the period that begins at `moment` (ms UTC)."""
        return self._shifted(moment, 1)

    def before(self, moment: int) -> int:
        """The begin (ms UTC) of the period that ends at `moment` (ms UTC)."""
        return self._shifted(moment, -1)

    def _shifted(self, moment: int, sign: int) -> int:
        begin = _EPOCH + timedelta(milliseconds=min(max(moment, _FIRST), FOREVER))
        years, month = divmod(begin.month - 1 + sign * self.months, 12)
        year = begin.year + years
        if not 1 <= year <= 9999:
            return FOREVER if sign > 0 else 0
        day = min(begin.day, monthrange(year, month + 1)[1])
        try:
            end = begin.replace(year=year, month=month + 1, day=day) + sign * self.rest
        except OverflowError:
            return FOREVER if sign > 0 else 0
        return (end - _EPOCH) // timedelta(milliseconds=1)


def parse_period(text: str) -> Period:
    """Raises InputError where `text` is no ISO 8601 duration of whole numbers.

    >>> parse_period("P1Y2M").months
    14
    """
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise InputError(f"{text!r} is not an ISO 8601 duration: write for example P2Y, P6M, P30D or PT4H")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    rest = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return Period(12 * years + months, rest)


def _is_period(text: str) -> str:
    try:
        parse_period(text)
    except InputError as error:
        raise ValueError(str(error)) from error
    return text


PeriodText = Annotated[str, AfterValidator(_is_period)]
"""An ISO 8601 duration, kept as it is written."""
