"""What is going on, counted once for every look at the page, and cut to what a page can show."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest

from alerts.wording import iso
from foremend.service.views import FindingView
from foremend.vocabulary.ids import EVERYBODY
from foremend.vocabulary.types import MS_PER_DAY, Severity

_URGENCY = {severity: rank for rank, severity in enumerate(reversed(Severity))}


@dataclass(frozen=True, slots=True)
class OpenEpisodes:
    """Open episodes, each by its newest finding; the one that fails first comes first."""

    each: Sequence[FindingView]
    critical: int
    foreseen: int
    starts: Sequence[str]
    """When those began that are foreseen and no more than a warning, RFC 3339, the oldest first."""

    @classmethod
    def of(cls, each: Sequence[FindingView]) -> OpenEpisodes:
        own = [one for one in each if one.appliance_id != EVERYBODY]
        return cls(
            each,
            sum(one.severity is Severity.CRITICAL for one in own),
            sum(one.days_to_failure is not None for one in each),
            sorted(
                one.episode_start
                for one in own
                if one.severity is Severity.WARNING and one.days_to_failure is not None
            ),
        )

    def new(self, now: int) -> int:
        """How many warnings of what is foreseen began within a day before `now`, ms UTC."""
        return len(self.starts) - bisect_left(self.starts, iso(now - MS_PER_DAY))


def most_urgent(episodes: Sequence[FindingView], limit: int) -> list[FindingView]:
    """The `limit` most severe of them, of these the first, in the order in which they came."""
    chosen = nsmallest(limit, range(len(episodes)), key=lambda n: (_URGENCY[episodes[n].severity], n))
    return [episodes[n] for n in sorted(chosen)]
