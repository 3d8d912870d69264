"""Appliances that somebody registered and that never said a word: nobody watches them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from time import monotonic

from sqlalchemy import Engine

from alerts.queries import Registered
from foremend.service.pipeline import ShownPipeline

_AT_ONCE = 10_000
_RARELY = 100.0
"""A count serves for so many times as long as it took: a millionth registered appliance is no hurry."""


class Unheard:
    """Those whom nobody may watch are not among them: they are silent because their owner said so."""

    def __init__(
        self,
        engine: Engine,
        pipeline: ShownPipeline,
        unwatched: Callable[[Collection[str]], Collection[str]],
    ) -> None:
        self._engine, self._pipeline, self._unwatched = engine, pipeline, unwatched
        self._counted: tuple[float, int] = (0.0, 0)

    def count(self) -> int:
        """How many they are; of a large register as it was lately. Raises UnavailableError without the database."""
        until, many = self._counted
        began = monotonic()
        if began > until:
            many = sum(1 for _ in self.each())
            took = monotonic() - began
            self._counted = (began + (1 + _RARELY) * took, many)
        return many

    def each(self, after: str = "") -> Iterator[Registered]:
        """By id in the order of code points, from the first behind `after` on."""
        while part := self._pipeline.unheard(self._engine, after, _AT_ONCE):
            after = part[-1].appliance_id
            left_alone = self._unwatched([one.appliance_id for one in part])
            yield from (one for one in part if one.appliance_id not in left_alone)
