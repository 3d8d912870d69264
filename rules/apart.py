"""What sets some apart from others: traits that they have more often than chance may give them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from scipy.stats import hypergeom

T = TypeVar("T", bound=Hashable)

_SURE = 0.05
"""So often a trait that says nothing would be among those told, over all that were tried (Bonferroni)."""


@dataclass(frozen=True, slots=True)
class Apart(Generic[T]):
    """A trait of `mine` of those looked at, and of `others` of the rest; `p` of so many by chance, not yet corrected.

    >>> found = set_apart([{"cold"}] * 9 + [set()] * 3, [{"cold"}] * 4 + [{"loud"}] * 40)
    >>> [(one.trait, one.mine, one.others) for one in found]
    [('cold', 9, 4)]
    """

    trait: T
    mine: int
    others: int
    p: float


def set_apart(mine: Sequence[Collection[T]], others: Sequence[Collection[T]]) -> list[Apart[T]]:
    """Traits that `mine` have more often than `others`, the surest first; each is the traits of one.

    Fisher's exact test of each trait, one-sided (1922), at 5 % over all traits of `mine`.
    """
    here = Counter(trait for one in mine for trait in set(one))
    there = Counter(trait for one in others for trait in set(one))
    total = len(mine) + len(others)
    found = [
        Apart(trait, n, there[trait], float(hypergeom.sf(n - 1, total, n + there[trait], len(mine))))
        for trait, n in here.items()
    ]
    sure = [one for one in found if one.p < _SURE / len(found)]
    return sorted(sure, key=lambda one: (one.p, str(one.trait)))
