"""Levels of a cohort alarm: what judges cohorts, tells of them and shows them has one word for it."""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """How sure it is that a cohort fails more than its siblings."""

    RED = "red"  # at most `false_a_year` a year are false, over all cohorts that are watched
    YELLOW = "yellow"  # ten times as many
    BLUE = "blue"  # a hundred times as many


LEVELS = (None, Level.BLUE, Level.YELLOW, Level.RED)
"""The surer, the later; the first is that of a cohort of which there is nothing to tell."""


def rank_of(level: str) -> int:
    """The place of a level in `LEVELS` by its word, where `""` is none.

    >>> rank_of("red") > rank_of("blue") > rank_of("")
    True
    """
    return LEVELS.index(Level(level) if level else None)
