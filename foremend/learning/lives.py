"""How long batches and firmware of an appliance model last, by a maker's table and what was confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from foremend.learning.members import Since
from foremend.learning.outcomes import first_days
from models.lifetimes import nelson_aalen, weibull
from models.outcomes import Outcome

MOST_POINTS = 60
"""Of a curve that is shown."""

_FEWEST_FAILED = 5  # of a batch or firmware that is shown

Life = tuple[float, float, bool]
"""Ages in days at which an appliance was watched first and last, and whether it failed then."""


def lives_of(
    members: Mapping[str, Sequence[Since]], outcomes: Iterable[Outcome], appliance_model: str
) -> dict[str, dict[str, Any]]:
    """Batch or firmware -> its cumulative hazard by age, and a Weibull life; those with five failures or more.

    Watched is from the first failure of all on until the last.
    """
    failed = first_days(outcomes)
    groups: dict[str, list[Life]] = {}
    for name, life in _of_each(members, failed, appliance_model) if failed else ():
        groups.setdefault(name, []).append(life)
    enough = {
        name: lives for name, lives in groups.items() if sum(life[2] for life in lives) >= _FEWEST_FAILED
    }
    return {name: _told(enough[name]) for name in sorted(enough)}


def _of_each(
    members: Mapping[str, Sequence[Since]], failed: Mapping[str, int], appliance_model: str
) -> Iterator[tuple[str, Life]]:
    first, last = min(failed.values()), max(failed.values())
    for appliance, history in members.items():
        for now, after in zip(history, [*history[1:], None], strict=True):
            end = min(failed.get(appliance, last) + 1, last + 1 if after is None else after.day)
            begin = max(now.day, first)
            if now.model != appliance_model or begin >= end:
                continue
            life = (
                float(begin - now.installed),
                float(end - now.installed),
                failed.get(appliance) == end - 1,
            )
            yield f"batch {now.batch}", life
            yield f"firmware {now.firmware}", life


def _told(lives: Sequence[Life]) -> dict[str, Any]:
    entry, leaves, ended = np.array(lives).T
    failed = ended > 0
    curve, life = nelson_aalen(entry, leaves, failed), weibull(entry, leaves, failed)
    shown = np.unique(np.linspace(0, len(curve.age) - 1, MOST_POINTS).round().astype(int))
    return {
        "appliances": len(lives),
        "failures": int(failed.sum()),
        "curve": {name: np.round(column[shown], 4).tolist() for name, column in curve._asdict().items()},
        "weibull": None
        if life is None
        else {name: round(value, 2) for name, value in life._asdict().items()},
    }
