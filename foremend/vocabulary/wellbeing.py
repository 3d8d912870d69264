"""How urgent it is that a household has fallen silent: one word for whoever judges, tells and shows it."""

from __future__ import annotations

from enum import StrEnum

DAYS_KEPT = 60
"""Of signs of life, and of absences that were said: older ones say nothing, habits change."""


class Level(StrEnum):
    """What the contact is asked to do, mild to urgent in the order of definition.

    >>> [level.value for level in Level]
    ['look', 'call', 'go']
    """

    LOOK = "look"  # unlike the last weeks
    CALL = "call"  # it goes on for hours
    GO = "go"  # it goes on: somebody should be there
