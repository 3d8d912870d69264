"""Following a fleet from its first reading to its last: one way for practice, history, evaluation and replay.

It is the engine that live readings go through, so that what is learnt from a day is what the same day will show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foremend.engine.engine import Engine
from foremend.engine.fitted import Day, FittedModel
from foremend.engine.lane import Counts, deviation_names
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import Block, Finding, Rows
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

LATENESS_MS = 600_000
"""What `ingest.lateness` is unless somebody says otherwise."""
NO_RULES = RuleBook(RulesSettings())


@dataclass(frozen=True, slots=True)
class Days:
    """What the appliances of one model showed, from the first reading to the last."""

    ids: Sequence[str]  # names the fleet's rows
    names: tuple[str, ...]  # of the deviations
    each: Sequence[Day]  # as they ended; a day comes in parts where appliances report late
    findings: Sequence[Finding]
    counts: Counts

    @property
    def until(self) -> int:
        """The end of the last day, ms UTC; there must be one."""
        return max(int(day.plain.time.max()) for day in self.each)

    @property
    def appliance_years(self) -> float:
        return sum(len(day.plain) for day in self.each) / 365.25

    def by_appliance(self) -> Iterator[tuple[str, Rows]]:
        """Each appliance's daily features, in the order of `each`."""
        if not self.each:
            return
        every = Rows.joined([day.plain for day in self.each])
        every = every.take(np.argsort(every.appliance, kind="stable"))
        rows, first = np.unique(every.appliance, return_index=True)
        for row, start, end in zip(rows.tolist(), first, [*first[1:], len(every)], strict=True):
            yield self.ids[row], every.take(slice(start, end))

    def ran(self) -> dict[str, NDArray[np.int64]]:
        """Ends of the days on which each appliance ran, ms UTC, rising."""
        return {one: np.sort(rows.time[rows.column("duty") > 0]) for one, rows in self.by_appliance()}


def follow(
    profile: Profile,
    blocks: Iterable[Block],
    *,
    rules: RuleBook = NO_RULES,
    fitted: FittedModel | None = None,
    lateness_ms: int = LATENESS_MS,
) -> Days:
    """Live through `blocks` of one appliance model, and close every day that is open at their end.

    Nothing is judged unless `rules` say so; `fitted` is the model whose scores they are asked about.
    """
    each: list[Day] = []
    engine = Engine(
        {profile.name: profile},
        rules,
        {} if fitted is None else {profile.name: fitted},
        lateness_ms=lateness_ms,
        on_day=lambda _lane, day: each.append(day),
    )
    findings = [one for block in blocks for one in engine.process(block)]
    findings += engine.flush()
    ids = [one for lane in engine.lanes.values() for one in lane.ids]
    return Days(ids, deviation_names(profile), each, findings, engine.counts())
