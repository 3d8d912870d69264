"""Episodes: one uninterrupted spell of one fault on one appliance, whichever rules see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.leaving import Leaving, staying, taken
from foremend.vocabulary.types import FindingKind, Severity
from rules.spells import CHANGES, NEVER, OPENS, RELEASES

_ORDER = tuple(Severity)

_NEVER = np.full(1, NEVER, np.int64)

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

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`; `open` are the open episodes of each."""
        gone: dict[int, list[Any]] = {row: [] for row in leaving.gone.tolist()}
        for (row, fault), episode in self._open.items():
            if row in gone:
                gone[row].append(_said(fault, episode))
        moved = leaving.moved()
        self._open = {(int(moved[row]), f): e for (row, f), e in self._open.items() if row not in gone}
        closed = {fault: taken(times, _NEVER, leaving.gone) for fault, times in self._closed.items()}
        self._closed = {fault: staying(times, leaving) for fault, times in self._closed.items()}
        return {"closed": closed, "open": [episodes or None for episodes in gone.values()]}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp], holders: Sequence[str]) -> None:
        """Take back what `leave` answered; `holders` are the conditions that still exist."""
        for fault, times in part["closed"].items():
            self.closed(fault, int(rows.max()) + 1)[rows] = times
        for row, episodes in zip(rows.tolist(), part["open"], strict=True):
            for fault, *episode in episodes or ():
                self._open[(row, fault)] = _episode(episode, holders)

    def snapshot(self, fleet: int) -> dict[str, Any]:
        """Of a fleet of so many appliances."""
        episodes = [[row, *_said(fault, episode)] for (row, fault), episode in self._open.items()]
        closed = {fault: times[:fleet].copy() for fault, times in self._closed.items()}
        return {"open": episodes, "closed": closed}

    def restore(self, snapshot: Mapping[str, Any], holders: Sequence[str]) -> None:
        """`holders` are the conditions that still exist; others let go."""
        self._closed = {fault: np.array(times) for fault, times in snapshot["closed"].items()}
        self._open = {(row, fault): _episode(episode, holders) for row, fault, *episode in snapshot["open"]}


def _said(fault: str, e: Episode) -> list[Any]:
    """An episode as plain values."""
    return [fault, e.start, e.rule, e.severity.value, e.spoken, list(e.holders)]


def _episode(said: Sequence[Any], holders: Sequence[str]) -> Episode:
    """The episode of `_said`, without its fault."""
    start, rule, severity, spoken, held = said
    return Episode(start, rule, Severity(severity), spoken, [h for h in held if h in holders])
