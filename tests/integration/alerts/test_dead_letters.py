"""Dead letters are kept for a time and up to a size, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alerts import queries
from foremend.types import DeadLetter

DAY = 86_400_000


def test_old_dead_letters_go(stage: Any) -> None:
    """Those within the retention stay; more than a batch of others goes in one round."""
    now = stage.clock.now
    letters = [DeadLetter("t", b"x", "not JSON", now - 91 * DAY - number) for number in range(1_200)]
    stage.alerts.effects.apply([], [*letters, DeadLetter("t", b"new", "not JSON", now - 89 * DAY)], 1)

    gone = stage.alerts.letters.round()

    [left] = queries.dead_letters(stage.alerts.engine).items
    assert (gone, left["preview"]) == (1_200, "new")


def test_the_oldest_dead_letters_go_when_all_are_too_large(open_stage: Callable[..., Any]) -> None:
    """A flood cannot fill the disk, and what came last can be looked at."""
    stage = open_stage(dead_letters={"most_bytes": 1_048_576})
    now = stage.clock.now
    letters = [DeadLetter("t", bytes([number]) * 65_536, "not JSON", now + number) for number in range(40)]
    stage.alerts.effects.apply([], letters, 1)

    stage.alerts.letters.round()

    page = queries.dead_letters(stage.alerts.engine)
    assert page.total == 15
    assert [item["preview"][0] for item in page.items] == [chr(number) for number in range(39, 24, -1)]


def test_within_the_bounds_nothing_goes(stage: Any) -> None:
    """A round that has nothing to do does nothing."""
    stage.alerts.effects.apply([], [DeadLetter("t", b"x", "not JSON", stage.clock.now)], 1)

    assert stage.alerts.letters.round() == 0
