"""Who is ill: appliances with open episodes and those that say nothing; of many as they were lately."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic

from foremend.service.views import ApplianceView

_MANY = 1_000
_RARELY = 10.0
"""Of more than so many, a look serves for so many times as long as it took."""


class Ill:
    """However many pages look, a tenth of the time goes into looking again; an owner's no is heard at once.

    `look` answers them all; `left_alone` those of whom nobody may have a word. From any thread.
    """

    def __init__(
        self, look: Callable[[], Sequence[ApplianceView]], left_alone: Callable[[], frozenset[str]]
    ) -> None:
        self._look, self._left_alone, self._lock = look, left_alone, Lock()
        self._known: tuple[float, frozenset[str], Sequence[ApplianceView]] = (0.0, frozenset(), ())

    def each(self) -> Sequence[ApplianceView]:
        """The most urgent first. Raises what `look` does."""
        gone = self._left_alone()
        with self._lock:
            until, without, ill = self._known
            began = monotonic()
            if began > until or gone != without:
                ill = self._look()
                took = monotonic() - began
                self._known = (monotonic() + (_RARELY * took if len(ill) > _MANY else 0.0), gone, ill)
            return ill
