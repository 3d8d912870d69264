"""Who says nothing, on a clock that runs only while somebody listens. No I/O; the wall clock is handed in.

The fleet's clock is the newest event time of any appliance, and goes on with the wall clock's steps while nothing newer
is heard. Time in which nobody could listen does not count: the pipeline was down, the broker away, the machine's
clock jumped. After such a time nobody is called silent before GRACE_MS, in which a backlog is read.

While siblings speak, event time alone decides: an appliance is judged at its model's ticks, and has broken its silence
with its first newer reading. So a replay finds the same however fast it is. Looks at the clock see to the rest, and to
rules that ask for less than a day of silence, which cannot wait for the day's end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.engine.lane import NO_TIME, Lane
from foremend.engine.offline import last_words, offline_ms
from foremend.vocabulary.ids import EVERYBODY, TOGETHER
from foremend.vocabulary.types import (
    MS_PER_DAY,
    MS_PER_HOUR,
    Block,
    Evidence,
    Finding,
    FindingKind,
    Rows,
    Severity,
)
from models.rhythm import together
from rules.conditions import CYCLING_SILENT_MS, OFFLINE_MS, SILENCES, SILENT_MS
from rules.evaluator import RuleState
from rules.question import Question

APART_MS = 2 * 60_000
"""Several machines may look, each at its own clock: a step back of so much is none."""
STEP_MS = 2 * APART_MS
"""The most that one look at the clock moves it on: longer ago nobody listened. Looks come about once a minute."""
GRACE_MS = 10 * 60_000
TICKS_COME_MS = 30 * MS_PER_HOUR
"""Of a model that said nothing for longer no tick comes: one is due once a day, six hours after midnight."""


@dataclass(slots=True)
class FleetClock:
    """How late it is, ms UTC: `now` for the fleet, `looked` on the wall when somebody last looked."""

    now: int = NO_TIME
    looked: int = NO_TIME
    silent_from: int = NO_TIME  # on the wall: nobody is called silent before

    @property
    def is_looked_at(self) -> bool:
        return self.looked != NO_TIME

    def was_deaf(self, wall: int) -> bool:
        """Whether at `wall`, ms UTC, nobody had looked for so long that a backlog may be coming."""
        return self.is_looked_at and not -APART_MS <= wall - self.looked <= STEP_MS

    def look(self, newest: int, wall: int) -> bool:
        """Move on; `newest` event time heard. Answers whether somebody may be called silent now."""
        step = wall - self.looked if self.is_looked_at else 0
        if self.was_deaf(wall):
            self.silent_from = wall + GRACE_MS
            self.looked = wall
        self.looked = max(self.looked, wall)
        if newest == NO_TIME:
            return False
        went_on = NO_TIME if self.now == NO_TIME else self.now + min(max(step, 0), STEP_MS)
        self.now = max(newest, went_on)
        return self.looked >= self.silent_from


class Silence:
    """The clock, and the one episode of many appliances that fell silent together."""

    def __init__(self, everybody: str = EVERYBODY) -> None:
        """`everybody` stands for its appliances where a finding is about many; it begins with `EVERYBODY`."""
        self.clock, self._everybody = FleetClock(), everybody
        self._outage: list[Any] | None = None  # since when and of which appliance model, while it is open

    def advance(
        self, lanes: Mapping[str, Lane], rules: Mapping[str, RuleState], wall: int, caught_up: bool
    ) -> list[Finding]:
        """What can be said of silence at `wall`, ms UTC.

        `caught_up`: all that had come was taken. Where it was not, who spoke since the last look is still being read,
        and is not called silent.
        """
        newest = max((lane.newest for lane in lanes.values()), default=NO_TIME)
        reading = {name: _still_read(lane, caught_up) for name, lane in lanes.items()}
        if not self.clock.look(newest, wall):
            return []
        silent = {name: _silent(lane, rules[name], self.clock.now) for name, lane in lanes.items()}
        many = _together(lanes, rules, silent, self.clock.now)
        findings = self._tell_outage(lanes, many)
        for name, lane in lanes.items():
            held = rules[name].holds("silence", len(lane.ids))
            rows = held & ~silent[name]
            if self.clock.now - lane.newest > TICKS_COME_MS or rules[name].least_silence < MS_PER_DAY:
                rows |= silent[name] & ~(many[name] | reading[name])  # of the others nothing can be said yet
            findings += judge(lane, rules[name], self.clock.now, np.flatnonzero(rows))
        return findings

    def tick(
        self, lanes: Mapping[str, Lane], rules: Mapping[str, RuleState], appliance_model: str
    ) -> list[Finding]:
        """A day of a model that speaks is over: who of its appliances does not? Looks tell of many at once."""
        lane = lanes[appliance_model]
        rows = np.ones(len(lane.ids), np.bool_)
        if self.clock.is_looked_at:
            silent = {name: _silent(one, rules[name], lane.ticked) for name, one in lanes.items()}
            reads_backlog = self.clock.looked < self.clock.silent_from
            passed_over = silent if reads_backlog else _together(lanes, rules, silent, lane.ticked)
            rows = ~passed_over[appliance_model]
        return judge(lane, rules[appliance_model], lane.ticked, np.flatnonzero(rows))

    def snapshot(self) -> dict[str, Any]:
        return {"clock": asdict(self.clock), "outage": self._outage}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        self.clock = FleetClock(**snapshot["clock"])
        self._outage = snapshot["outage"]

    def _tell_outage(self, lanes: Mapping[str, Lane], many: Mapping[str, NDArray[np.bool_]]) -> list[Finding]:
        """One finding when many fall silent together, and one when none of them is any more."""
        count = sum(int(rows.sum()) for rows in many.values())
        if (count > 0) == (self._outage is not None):
            return []
        if self._outage is not None:
            (start, model), self._outage = self._outage, None
            return [self._finding(FindingKind.CLOSED, start, model, ())]
        models = [name for name, rows in many.items() if rows.any()]
        model = models[0] if len(models) == 1 else EVERYBODY
        self._outage = [self.clock.now, model]
        since = max(int(last_words(lanes[name], len(many[name]))[many[name]].max()) for name in models)
        evidence = (
            Evidence("appliances", float(count)),
            Evidence("silent_for", (self.clock.now - since) / MS_PER_HOUR, unit="h"),
        )
        return [self._finding(FindingKind.OPENED, self.clock.now, model, evidence)]

    def _finding(self, kind: FindingKind, start: int, model: str, evidence: Sequence[Evidence]) -> Finding:
        return Finding(
            kind=kind,
            appliance_id=self._everybody,
            appliance_model=model,
            fault=TOGETHER,
            rule=TOGETHER,
            severity=Severity.INFO,
            time=self.clock.now,
            episode_start=start,
            score=1.0 if kind is FindingKind.OPENED else 0.0,
            evidence=evidence,
        )


def judge(lane: Lane, rules: RuleState, now: int, among: NDArray[np.intp]) -> list[Finding]:
    """What the rules say of the silence of the rows `among` at `now`, ms UTC.

    Strangers are passed over: nobody knows that they should speak.
    """
    rows = among[~lane.strangers()[among]].astype(np.int32)
    silent_ms, offline = lane.silent_ms(now)[rows], offline_ms(lane, now)[rows]
    cycling = asked_of(lane, rules, now)[CYCLING_SILENT_MS][rows]
    each = np.column_stack([silent_ms, np.where(cycling, silent_ms, 0.0), offline])
    silent = Rows(rows, np.full(len(rows), now), SILENCES, each)
    return rules.evaluate(Question("silence", lane.ids, silent))


def asked_of(lane: Lane, rules: RuleState, now: int) -> dict[str, NDArray[np.bool_]]:
    """Column of a silence -> (fleet,) of whom it is asked, where that is not everybody.

    Who is told as offline is not told once more as silent.
    """
    offline = offline_ms(lane, now)
    told = offline > rules.least_silent(OFFLINE_MS)
    return {CYCLING_SILENT_MS: lane.cycling()[: len(told)] & ~told, OFFLINE_MS: offline > 0}


def broken(lane: Lane, rules: RuleState, heard: Block) -> list[Finding]:
    """Who was called silent and speaks in `heard`, which the lane has taken: the episode closes with that reading."""
    held = rules.holds("silence", len(lane.ids))
    if not held.any():
        return []
    rows = np.array([lane.rows[one] for one in heard.appliance_ids], np.int32)[heard.appliance]
    speaks = np.flatnonzero(held[rows])
    speaks = speaks[np.argsort(heard.time[speaks], kind="stable")]
    silent = Rows(rows[speaks], heard.time[speaks], SILENCES, np.zeros((len(speaks), len(SILENCES))))
    return rules.evaluate(Question("silence", lane.ids, silent))


def would_tell(lane: Lane, rules: RuleState, now: int) -> NDArray[np.bool_]:
    """(fleet,) of whose silence a rule would tell at `now`, were none a stranger."""
    silent_ms = lane.silent_ms(now)
    known = slice(0, len(silent_ms))  # other threads ask, too, while newcomers get their rows
    told = silent_ms > rules.least_silent(SILENT_MS)
    told |= lane.cycling()[known] & (silent_ms > rules.least_silent(CYCLING_SILENT_MS))
    return told | (offline_ms(lane, now)[known] > rules.least_silent(OFFLINE_MS))


def _silent(lane: Lane, rules: RuleState, now: int) -> NDArray[np.bool_]:
    """(fleet,) of whom a rule would tell now."""
    return would_tell(lane, rules, now) & ~lane.strangers()


def _still_read(lane: Lane, caught_up: bool) -> NDArray[np.bool_]:
    """(fleet,) who spoke since the last look, where not everything that they said was taken."""
    spoke = lane.spoke[: len(lane.ids)].copy()
    lane.spoke[:] = False
    return np.zeros_like(spoke) if caught_up else spoke


def _together(
    lanes: Mapping[str, Lane],
    rules: Mapping[str, RuleState],
    silent: Mapping[str, NDArray[np.bool_]],
    now: int,
) -> dict[str, NDArray[np.bool_]]:
    """By lane, which appliances fell silent with many others of any model.

    Who was told alone is no part of it, nor are strangers: so it is the same whoever rests.
    """
    if not any(rows.any() for rows in silent.values()):
        return dict(silent)
    counted = {
        name: ~(lane.strangers() | rules[name].holds("silence", len(lane.ids)))
        for name, lane in lanes.items()
    }
    sizes = [len(counted[name]) for name in lanes]
    last = np.concatenate([last_words(lane, size) for lane, size in zip(lanes.values(), sizes, strict=True)])
    among = np.concatenate([counted[name] for name in lanes])
    found = together(now, last, np.concatenate([silent[name] for name in lanes]) & among, among)
    return dict(zip(lanes, np.split(found, np.cumsum(sizes)[:-1]), strict=True))
