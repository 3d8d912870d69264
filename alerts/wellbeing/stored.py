"""What is kept of a household's rhythm, in the words that lie sealed in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import orjson

from foremend.vocabulary.wellbeing import Level

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Signs:
    """Of one appliance, in whole minutes since 1970, as nothing needs them finer; sorted.

    >>> Signs.of(Signs(1_200_000, (3, 19), ((0, 20),)).text())
    Signs(until=1200000, minutes=(3, 19), heard=((0, 20),))
    """

    until: int  # ms UTC: what was measured until then was looked at
    minutes: tuple[int, ...] = ()
    heard: tuple[Span, ...] = ()  # from when to when the appliance spoke

    def text(self) -> str:
        """As it is sealed."""
        return orjson.dumps([self.until, self.minutes, self.heard]).decode()

    @classmethod
    def of(cls, text: str) -> Self:
        """As `text` made it."""
        until, minutes, heard = orjson.loads(text)
        return cls(until, tuple(minutes), _spans(heard))


@dataclass(frozen=True, slots=True)
class Silence:
    """That the contacts were told of: the highest level, the last sign of life before it, ms UTC, and the appliance by
    whose consent. `shifted` as in `alerts.wellbeing.telling`."""

    level: Level
    since: int
    appliance_id: str
    shifted: bool = False


@dataclass(frozen=True, slots=True)
class House:
    """What was said of a household, ms UTC, and its silence that goes on.

    >>> House.of(House(((0, 9),), 5, Silence(Level.CALL, 3, "fridge-1")).text()).silence.level
    <Level.CALL: 'call'>
    """

    away: tuple[Span, ...] = ()
    well: int | None = None
    silence: Silence | None = None

    def away_until(self, now: int) -> int | None:
        """When somebody is back, ms UTC; None where nobody is said to be away `now`."""
        return max((until for since, until in self.away if since <= now < until), default=None)

    def text(self) -> str:
        """As it is sealed."""
        return orjson.dumps({"away": self.away, "well": self.well, "silence": self.silence}).decode()

    @classmethod
    def of(cls, text: str) -> Self:
        """As `text` made it."""
        kept: dict[str, Any] = orjson.loads(text)
        silence = kept["silence"]
        told = None if silence is None else Silence(**silence | {"level": Level(silence["level"])})
        return cls(_spans(kept["away"]), kept["well"], told)


def _spans(found: Sequence[Sequence[int]]) -> tuple[Span, ...]:
    return tuple((since, until) for since, until in found)
