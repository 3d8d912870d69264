"""Readings that wait to be stored: cut by day as they come, so that storing them takes little memory besides theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from foremend.history.tables import split_days, to_table
from foremend.vocabulary.types import Block

CUT_ROWS = 50_000
"""Of an appliance model are cut together. Tables as small as the blocks that come cost thrice as much."""


class Waiting:
    """Tables by appliance model, and those that were cut by day, in the order in which they came."""

    def __init__(self) -> None:
        self._fresh: dict[str, list[pa.Table]] = defaultdict(list)
        self._fresh_rows: dict[str, int] = defaultdict(int)
        self._days: dict[tuple[str, str], list[pa.Table]] = defaultdict(list)

    def __len__(self) -> int:
        """How many readings."""
        cut = sum(len(table) for tables in self._days.values() for table in tables)
        return sum(self._fresh_rows.values()) + cut

    def add(self, block: Block) -> None:
        """Keep what is in `block`, in the history schema."""
        model = block.appliance_model
        self._fresh[model].append(to_table(block))
        self._fresh_rows[model] += len(block)
        if self._fresh_rows[model] >= CUT_ROWS:
            self._cut(model)

    def by_day(self) -> Iterator[tuple[str, str, pa.Table]]:
        """Appliance model, day, and all that waits of it, in many chunks. It waits still."""
        for model in list(self._fresh):
            self._cut(model)
        for (model, day), tables in self._days.items():
            yield model, day, pa.concat_tables(tables, promote_options="permissive")

    def keep(self, appliance_model: str, chosen: pc.Expression) -> int:
        """Leave only the `chosen` readings of the appliance model; how many went."""
        before = len(self)
        self._cut(appliance_model)
        for key in [key for key in self._days if key[0] == appliance_model]:
            kept = [table for one in self._days.pop(key) if len(table := one.filter(chosen))]
            if kept:
                self._days[key] = kept
        return before - len(self)

    def clear(self) -> None:
        """It is stored, or comes again."""
        self._fresh.clear()
        self._fresh_rows.clear()
        self._days.clear()

    def _cut(self, model: str) -> None:
        fresh = self._fresh.pop(model, [])
        self._fresh_rows.pop(model, None)
        if fresh:
            # In one piece: filters take each chunk apart.
            table = pa.concat_tables(fresh, promote_options="permissive").combine_chunks()
            for day, part in split_days(table):
                self._days[model, day].append(part)
