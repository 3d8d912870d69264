"""In which state an appliance is, from its open episodes and how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from foremend.runtimes.status import ApplianceStatus
from foremend.service.views import STATES, FindingView, State

SILENT: State = "silent"
FOUND: frozenset[State | None] = frozenset(("critical", "warning", "info"))
"""States that only an open episode gives."""


def severest(episodes: Iterable[FindingView]) -> State | None:
    """The most urgent of some open episodes; None of none."""
    seen: set[str] = {SILENT if one.fault == SILENT else one.severity for one in episodes}
    return next((state for state in STATES if state in seen), None)


def state_of(episodes: Sequence[FindingView], one: ApplianceStatus) -> State:
    """The most urgent that is true of it; what its open episodes say comes before a silence that was not told."""
    return severest(episodes) or (SILENT if one.silent else one.standing)
