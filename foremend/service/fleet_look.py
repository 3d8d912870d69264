"""The fleet of this process as it was at one moment, and what is counted of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from foremend.runtimes.status import ApplianceStatus, Standing, standing


@dataclass(frozen=True, slots=True)
class Known:
    """How many appliances that are not silent stand how, by appliance model; `longest`: days that one is missing."""

    by_model: Mapping[str, Mapping[Standing, int]]
    longest: int | None


def known(each: Iterable[tuple[str, bool, int | None, int]]) -> Known:
    """Of appliance model, whether silent, days that are missing, and how many such appliances there are."""
    by_model: defaultdict[str, Counter[Standing]] = defaultdict(Counter)
    longest = 0
    for model, silent, days, appliances in each:
        if not silent:
            by_model[model][standing(days)] += appliances
            longest = max(longest, days or 0)
    return Known(by_model, longest or None)


class FleetLook:
    """However many pages ask, each count is made once. From any thread."""

    def __init__(self, fleet: Iterable[ApplianceStatus]) -> None:
        self.each: Sequence[ApplianceStatus] = sorted(fleet, key=lambda one: one.appliance_id)
        self.by_id: Mapping[str, ApplianceStatus] = {one.appliance_id: one for one in self.each}

    @cached_property
    def by_model(self) -> Mapping[str, int]:
        """How many there are of each appliance model."""
        return Counter(one.appliance_model for one in self.each)

    @cached_property
    def known(self) -> Known:
        """How those stand that are not silent."""
        alike = Counter((one.appliance_model, one.silent, one.days_missing) for one in self.each)
        return known((*kind, appliances) for kind, appliances in alike.items())

    @cached_property
    def _silent(self) -> frozenset[str]:
        return frozenset(one.appliance_id for one in self.each if one.silent)

    def some(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """Those of `ids` that were heard of, by id."""
        return [self.by_id[one] for one in sorted(set(ids) & self.by_id.keys())]

    def some_and_silent(self, ids: Collection[str]) -> list[ApplianceStatus]:
        """Those of `ids`, and all that are silent, by id."""
        return self.some(self._silent.union(ids))
