"""A silence of many as one line, however many engines told of it: workers on Kafka have one for each record key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from foremend.service.views import EvidenceView, FindingView
from foremend.vocabulary.ids import EVERYBODY, TOGETHER


def joined(episodes: Iterable[FindingView]) -> list[FindingView]:
    """Open episodes in their order; those of many that are silent together are one, where the first of them was.

    It began with the earliest, is of all their appliances, and as long as the longest.
    """
    found = list(episodes)
    parts = [one for one in found if one.fault == TOGETHER]
    if parts:
        at = found.index(parts[0])
        found = [one for one in found if one.fault != TOGETHER]
        found.insert(at, _one(parts))
    return found


def _one(parts: Sequence[FindingView]) -> FindingView:
    models = {one.appliance_model for one in parts}
    return min(parts, key=lambda one: (one.episode_start, one.id)).model_copy(
        update={
            "appliance_id": EVERYBODY,
            "appliance_model": models.pop() if len(models) == 1 else EVERYBODY,
            "evidence": [*_evidence(parts, "appliances", sum), *_evidence(parts, "silent_for", max)],
        }
    )


def _evidence(
    parts: Sequence[FindingView], feature: str, of_all: Callable[[list[float]], float]
) -> list[EvidenceView]:
    each = [one for part in parts for one in part.evidence if one.feature == feature]
    values = [one.value for one in each if one.value is not None]
    return [each[0].model_copy(update={"value": of_all(values)})] if values else []
