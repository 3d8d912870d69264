"""Episodes: one uninterrupted spell of one fault on one appliance, whichever rules see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.types import FindingKind, Severity
from rules._kernel import CHANGES, NEVER, OPENS, RELEASES

_ORDER = tuple(Severity)

Key = tuple[int, str]
"""Fleet row and fault."""


@dataclass(slots=True)
class Episode:
    """An open episode and the conditions ('rule/column') that hold it open."""

    start: int  # ms UTC, event time
    rule: str  # the one that opened it
    severity: Severity
    spoken: int  # event time of its last finding
    holders: list[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a condition saw of one appliance at one time."""

    code: int  # OPENS, CHANGES, ESCALATES or RELEASES
    holder: str
    rule: str
    severity: Severity  # as the rule sees it now
    time: int
    since: int


class Episodes:
    """The open episodes of one appliance model, and when the last one of each appliance and fault closed."""

    def __init__(self, update_every: int) -> None:
        self._open: dict[Key, Episode] = {}
        self._closed: dict[str, NDArray[np.int64]] = {}
        self._update_every = update_every

    def closed(self, fault: str, fleet: int) -> NDArray[np.int64]:
        """When the last episode of `fault` closed, (>= fleet,) ms UTC; NEVER where there was none."""
        times = self._closed.get(fault, np.empty(0, np.int64))
        if len(times) < fleet:
            times = np.concatenate([times, np.full(2 * fleet - len(times), NEVER, np.int64)])
            self._closed[fault] = times
        return times

    def take(self, key: Key, verdict: Verdict) -> tuple[FindingKind, Episode] | None:
        """What `verdict` changes about the episode of `key`: the finding to make, or nothing."""
        episode = self._open.get(key)
        if episode is None:
            return self._begin(key, verdict) if verdict.code == OPENS else None
        if verdict.code == RELEASES:
            return self._release(key, episode, verdict)
        if verdict.code == OPENS:
            episode.holders.append(verdict.holder)
        if self._worth_saying(episode, verdict):
            episode.severity = max(episode.severity, verdict.severity, key=_ORDER.index)
            episode.spoken = verdict.time
            return FindingKind.UPDATED, episode
        return None

    def abandoned(self) -> set[Key]:
        """Episodes that no condition holds open, since their rules are gone from the settings."""
        return {key for key, episode in self._open.items() if not episode.holders}

    def close(self, key: Key, time: int) -> Episode:
        """End the episode of `key`."""
        self.closed(key[1], key[0] + 1)[key[0]] = time
        return self._open.pop(key)

    def _begin(self, key: Key, verdict: Verdict) -> tuple[FindingKind, Episode]:
        start = max(
            verdict.since, int(self.closed(key[1], key[0] + 1)[key[0]]) + 1
        )  # never inside the last one
        episode = Episode(start, verdict.rule, verdict.severity, verdict.time, [verdict.holder])
        self._open[key] = episode
        return FindingKind.OPENED, episode

    def _release(self, key: Key, episode: Episode, verdict: Verdict) -> tuple[FindingKind, Episode] | None:
        episode.holders.remove(verdict.holder)
        return None if episode.holders else (FindingKind.CLOSED, self.close(key, verdict.time))

    def _worth_saying(self, episode: Episode, verdict: Verdict) -> bool:
        more_urgent = _ORDER.index(verdict.severity) > _ORDER.index(episode.severity)
        changed = verdict.code == CHANGES and verdict.time - episode.spoken >= self._update_every
        return more_urgent or changed

    def snapshot(self, fleet: int) -> dict[str, Any]:
        """Of a fleet of so many appliances."""
        episodes = [
            [row, fault, e.start, e.rule, e.severity.value, e.spoken, list(e.holders)]
            for (row, fault), e in self._open.items()
        ]
        closed = {fault: times[:fleet].copy() for fault, times in self._closed.items()}
        return {"open": episodes, "closed": closed}

    def restore(self, snapshot: Mapping[str, Any], holders: Sequence[str]) -> None:
        """`holders` are the conditions that still exist; others let go."""
        self._closed = {fault: np.array(times) for fault, times in snapshot["closed"].items()}
        self._open = {
            (row, fault): Episode(start, rule, Severity(severity), spoken, [h for h in held if h in holders])
            for row, fault, start, rule, severity, spoken, held in snapshot["open"]
        }
