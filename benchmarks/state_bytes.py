"""What an appliance's state is for: the bytes of each purpose, and the table of docs/performance.md.

python -m benchmarks.costs --state > docs/figures/performance/state.json   # about 5 min
python -m benchmarks.state_bytes                                           # the table
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

FIGURES = Path(__file__).parents[1] / "docs/figures/performance/state.json"

PURPOSES = {
    "lane/reorder/held_": "readings that wait to be put in order",
    "lane/reorder/recent": "fingerprints of the last 64, by which repeats are known",
    "lane/stream/state/gauge": "sums of each gauge, of the hour and the day",
    "lane/stream/state/measure": "measures in the states that the profile names",
    "lane/stream/state/stay": "stays in these states",
    "lane/stream/state/counter": "counters",
    "lane/stream/state/prior": "counters",
    "lane/stream/state/value": "last value of each signal, and when",
    "lane/stream/state/seen": "last value of each signal, and when",
    "lane/stream/state/machine/histogram": "histogram from which the on-level is learnt",
    "lane/stream/state/machine": "runs and pauses, and what is usual of them",
    "lane/stream/waiting": "readings that wait for the on-level",
    "lane/features/usual": "what is usual of each daily feature",
    "lane/features/state": "eight numbers of each daily feature: averages, swings, last values",
    "rules/spells": "of each rule and fault, for how long it holds",
    "rules/episodes": "open and closed episodes",
}
"""The beginning of a place in the state -> what is kept there; the first that fits."""
OTHERS = "ids, firmware and all else"

Bytes = Mapping[str, float]
"""Of one appliance, by purpose."""


def by_purpose(state: Mapping[str, Any], appliances: int) -> dict[str, float]:
    """The snapshot of one appliance model's engine, in bytes an appliance, the largest purpose first."""
    found: Counter[str] = Counter()
    for place, size in _leaves(state, ""):
        found[next((words for start, words in PURPOSES.items() if place.startswith(start)), OTHERS)] += size
    return {purpose: round(size / appliances, 1) for purpose, size in found.most_common()}


def table(models: Mapping[str, Bytes]) -> str:
    """Purposes by appliance model, as Markdown."""
    purposes = sorted(
        {purpose for parts in models.values() for purpose in parts},
        key=lambda purpose: -sum(parts.get(purpose, 0) for parts in models.values()),
    )
    rows = [(purpose, [parts.get(purpose, 0) for parts in models.values()]) for purpose in purposes]
    shown = [(purpose, sizes) for purpose, sizes in rows if max(sizes) >= 1]
    total = ("**all of it**", [sum(parts.values()) for parts in models.values()])
    lines = [
        f"| bytes of state an appliance | {' | '.join(f'`{name}`' for name in models)} |",
        f"| --- |{' ---: |' * len(models)}",
        *(
            f"| {purpose} | {' | '.join(f'{size:,.0f}' for size in sizes)} |"
            for purpose, sizes in [*shown, total]
        ),
    ]
    return "\n".join(lines)


def _leaves(node: Any, place: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, np.ndarray):
        yield place, node.nbytes
    elif isinstance(node, Mapping):
        for name, child in node.items():
            yield from _leaves(child, f"{place}/{name}" if place else str(name))
    elif isinstance(node, list | tuple):
        for child in node:
            yield from _leaves(child, place)
    elif isinstance(node, str):
        yield place, len(node)


if __name__ == "__main__":
    sys.stdout.write(table(json.loads(FIGURES.read_text(encoding="utf-8"))) + "\n")
