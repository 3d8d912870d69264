"""What raises that nobody foresaw: told once in the log, counted by stage, and turned into a dead letter's reason."""

from __future__ import annotations

import logging
import re
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from foremend.vocabulary.errors import is_unforeseen

log = logging.getLogger(__name__)
T = TypeVar("T")

STAGES = ("decode", "engine", "effects", "history", "day", "held", "record")
"""Where something is set aside: `day` is a day of one appliance model, `held` a message that was not tried."""

INTERNAL_ERROR = "internal error, kept for a developer"
MOST_KINDS = 1_000
"""Kinds of error and place that are remembered as told: a flood of broken input must not become a flood in the log."""

_LONGEST_MESSAGE = 120
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_ADDRESS = re.compile(r"0x[0-9a-f]+")


class Quarantine:
    """Of one process. `counts` is by stage and may be read from other threads."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._told: set[tuple[type[Exception], str, int]] = set()

    def by_stage(self) -> dict[str, int]:
        """How much was set aside at each stage since the process began."""
        return {stage: self.counts[stage] for stage in STAGES}

    def reason(self, stage: str, error: Exception, many: int = 1) -> str:
        """Count and tell `error`; answers the reason of the `many` dead letters that it makes.

        The same error gives the same reason, so that a letter made again after a crash has the same id.
        """
        self.counts[stage] += many
        self.tell(stage, error)
        said = _ADDRESS.sub("0x..", _UNPRINTABLE.sub("?", str(error)))[:_LONGEST_MESSAGE]
        return f"{INTERNAL_ERROR} ({stage}: {type(error).__name__}{': ' if said else ''}{said})"

    def tell(self, stage: str, error: Exception) -> None:
        """The traceback, once for each kind of error and place in the code.

        Without the error's own words: what a device sent may be in them, and is in the dead letter anyway.
        """
        where = traceback.extract_tb(error.__traceback__)
        kind = (type(error), where[-1].filename, where[-1].lineno or 0) if where else (type(error), "", 0)
        if kind in self._told or len(self._told) >= MOST_KINDS:
            return
        self._told.add(kind)
        log.error(
            "%s raised %s, which is a mistake of Foremend's; told once for this place:\n%s",
            stage, type(error).__name__, "".join(traceback.format_list(where)),
        )  # fmt: skip

    def contain(self, what: str, act: Callable[[], object]) -> None:
        """Do what stands beside the stream: what it raises by a mistake is told once, and is tried again next time."""
        try:
            act()
        except Exception as error:
            if not is_unforeseen(error):
                raise
            self.tell(what, error)


def sift(
    items: Sequence[T],
    attempt: Callable[[Sequence[T]], None],
    alone: Callable[[T, Exception], None],
    blamed: Callable[[Exception], bool] = lambda error: True,
) -> None:
    """`attempt` all items; where that raises, each half of them, until `alone` gets the one item that raises.

    An attempt that raises must have changed nothing. What is not `blamed` on an item is raised. Of n items one bad one
    costs about 2 log2(n) attempts on n items in all, as each half is tried.
    """
    try:
        attempt(items)
    except Exception as error:
        if not blamed(error):
            raise
        if len(items) == 1:
            alone(items[0], error)
            return
        middle = len(items) // 2
        sift(items[:middle], attempt, alone, blamed)
        sift(items[middle:], attempt, alone, blamed)
