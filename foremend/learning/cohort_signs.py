"""How failures showed before somebody found them: features that findings rested on, and which way they had moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Engine

from alerts.outcomes import shown_before
from foremend.learning.members import Failure
from foremend.vocabulary.types import MS_PER_DAY


class Sign(NamedTuple):
    """A feature that was higher or lower than usual for its appliance or, where that is not known, its siblings."""

    feature: str
    moved: Literal["up", "down"]


Signs = Callable[[Sequence[Failure]], Sequence[frozenset[Sign]]]
"""Of failures, in their order; empty of one that nobody foresaw."""


def unknown(failures: Sequence[Failure]) -> list[frozenset[Sign]]:
    """Of a table, which does not say how failures showed."""
    return [frozenset() for _ in failures]


def kept_signs(engine: Engine, failures: Sequence[Failure]) -> list[frozenset[Sign]]:
    """By the findings of the episodes in which they were found."""
    found: dict[tuple[str, int], set[Sign]] = defaultdict(set)
    for one in shown_before(engine, {failure.appliance_id for failure in failures}):
        signs = (_sign(number) for number in one.evidence)
        found[one.appliance_id, one.found_at // MS_PER_DAY] |= {sign for sign in signs if sign}
    return [frozenset(found.get((one.appliance_id, one.day), ())) for one in failures]


def _sign(number: Mapping[str, Any]) -> Sign | None:
    usual = number["siblings"] if number.get("usual") is None else number["usual"]
    if usual is None or number["value"] == usual:
        return None
    return Sign(number["feature"], "up" if number["value"] > usual else "down")
