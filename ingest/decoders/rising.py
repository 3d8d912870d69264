"""Power from a running total of energy, where a device sends nothing better.

A total goes up in steps, 1 Wh of most plugs and 10 Wh of many: between two of them nothing is known. So power is the
mean over some steps, or over the time in which a step should have come and did not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from ingest.memory import remember

SHORTEST_MS = 60_000
LONGEST_MS = 14 * 60_000
"""So often power is told at least, as what follows readings takes 15 min of silence for a gap."""
_STEPS = 5
"""A mean over so many steps is within a fifth of the truth."""
_OVERDUE = 3.0
"""A step that is so many times as late as it was before shows rest."""
_MS_PER_HOUR = 3_600_000
_MOST = 100_000


@dataclass(slots=True)
class _Total:
    """What is known of one total: where the mean began, the last value, and what was told of it."""

    since: int  # ms
    began: float  # Wh
    time: int
    value: float
    rose: int  # ms of the last step
    step: float = 0.0  # Wh, the smallest seen
    power: float | None = None  # W, as told last
    now: float | None = None  # what was told of `time`
    low: float | None = None  # a fall that nothing has confirmed yet
    back: int | None = None  # ms, a time long before that nothing has confirmed yet

    def goes_on(self, time: int, value: float) -> float | None:
        """W since it was told last, once that can be said."""
        rise, self.time, self.value, self.low = value - self.value, time, value, None
        if rise > 0:
            self.step = min(self.step or rise, rise)
            self.rose = time
        took, total = time - self.since, value - self.began
        if took < SHORTEST_MS or not (
            took >= LONGEST_MS or (rise > 0 and total >= _STEPS * self.step) or self._rests(time)
        ):
            return None
        self.since, self.began = time, value
        self.power = total * _MS_PER_HOUR / took
        return self.power

    def _rests(self, time: int) -> bool:
        return bool(self.power) and (time - self.rose) * (self.power or 0.0) > (
            _OVERDUE * self.step * _MS_PER_HOUR
        )


class Rising:
    """Of all totals of one entry of the settings. A fall is a reset where the value after it stays low.

    In the same way a clock that was far ahead is told by two times in a row, one after the other, that are long before.
    """

    def __init__(self) -> None:
        self._totals: dict[str, _Total] = {}

    def power(self, name: str, time: int, value: float) -> float | None:
        """W that the total `name`, now `value` Wh, shows; None where that cannot be said yet."""
        known = self._totals.get(name)
        if known is None:
            remember(self._totals, name, _Total(time, value, time, value, time), _MOST)
            return None
        if time > known.time:
            known.back, known.now = None, self._next(name, known, time, value)
        elif known.time - time > LONGEST_MS:
            self._go_back(name, known, time, value)
        return known.now if time == known.time else None

    def _next(self, name: str, known: _Total, time: int, value: float) -> float | None:
        if value >= known.value:
            return known.goes_on(time, value)
        if known.low is None or value < known.low:
            known.low, known.time = value, time
        else:
            self._totals[name] = _Total(time, value, time, value, time, known.step)
        return None

    def _go_back(self, name: str, known: _Total, time: int, value: float) -> None:
        if known.back is None or time <= known.back:
            known.back = time
        else:
            self._totals[name] = _Total(time, value, time, value, time, known.step)

    def snapshot(self) -> Mapping[str, Any]:
        return {name: list(astuple(total)) for name, total in self._totals.items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue where `snapshot` was taken."""
        self._totals = {name: _Total(*known) for name, known in snapshot.items()}
