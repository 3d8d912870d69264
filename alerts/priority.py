"""How urgent a ticket is, from 1 (now) to 4 (when it suits): pure."""

from __future__ import annotations

from collections.abc import Collection

from foremend.vocabulary.types import Severity

_FROM = {Severity.CRITICAL: 2, Severity.WARNING: 3, Severity.INFO: 4}
_SOON_DAYS = 7.0


def priority(severity: Severity, days: float | None, at_stake: Collection[str], urgent_tier: bool) -> int:
    """Severity gives 2, 3 or 4; a failure within a week, something at stake and an urgent tier each take one off.

    `days` to the failure, None where it is not foreseen: what is critical then is under way. `at_stake`: `safety`,
    `food`, `water`. Food and water count where the failure is near or there; safety always.

    >>> priority(Severity.WARNING, 30.0, (), False), priority(Severity.WARNING, 3.0, ("food",), False)
    (3, 1)
    """
    near = days <= _SOON_DAYS if days is not None else severity is Severity.CRITICAL
    counts = "safety" in at_stake or (near and bool(set(at_stake) & {"food", "water"}))
    soon = near and days is not None
    return max(1, _FROM[severity] - soon - counts - urgent_tier)
