"""The core: blocks in, findings out. No I/O, no wall clock.

An appliance model has a lane: readings are put in order (`ingest.reorder`), followed as cycles and windows
(`models.stream.stream`), and at the end of each event-day compared with the own usual and with siblings
(`models.usual.features`), scored, and judged by rules.

Everything that compares appliances happens at a **tick**, once an event-day, when the model's newest event time
has passed midnight by `grace`. A block is cut behind the reading that brings a tick, so the findings never
depend on how readings were cut into blocks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.engine import offline
from foremend.engine.by_signature import BySignature, Joined
from foremend.engine.companions import Companions
from foremend.engine.fitted import Day, FittedModel, Scored, scored
from foremend.engine.lane import NO_TIME, Counts, Lane, Step, deviation_names
from foremend.engine.resting import Resting, RestRules, by_layout, of, packed, unpacked
from foremend.engine.shadow import Shadow
from foremend.engine.silence import Silence, asked_of, broken, judge, would_tell
from foremend.engine.watching import WATCHES, Watches, Watching
from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.ids import EVERYBODY
from foremend.vocabulary.leaving import Leaving
from foremend.vocabulary.ports import PerAppliance
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import Block, Evidence, Finding, Rows, Score
from ingest.presences import tells_presence
from rules.evaluator import RuleBook, RuleState
from rules.question import Question

_SILENCE = "*"
"""Beside the appliance models in a snapshot; none can be called so."""

DayListener = Callable[[Lane, Day], None]
"""Hears of every finished day: training collects its rows, a replay its summary."""

ScoreListener = Callable[[Step, Score], None]
"""Hears what the watch says of a step's readings or hours: benchmarks judge it."""

ReadingsListener = Callable[[Block], None]
"""Hears every reading once, repeats left out: what is used in order, and what came too late as it comes."""


class Engine:
    """All lanes, with the fitted models and the rules that judge what they say."""

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        rules: RuleBook,
        fitted: Mapping[str, FittedModel] | None = None,
        *,
        lateness_ms: int,
        on_day: DayListener | None = None,
        on_readings: ReadingsListener | None = None,
        on_score: ScoreListener | None = None,
        watches: Watches = WATCHES,
        everybody: str = EVERYBODY,
    ) -> None:
        """`everybody` is what a finding about many names: of several engines each needs a name of its own."""
        self._profiles = profiles
        self._on_readings = on_readings
        self._on_day = on_day
        self._on_score = on_score
        self._watches = watches
        self._rulebook = rules
        self._fitted: dict[str, FittedModel] = {}
        self._companions: dict[str, Companions] = {}
        self._watching: dict[str, Watching] = {}
        self._signatures: dict[str, BySignature] = {}
        self._lateness_ms = lateness_ms
        self._at_first: dict[str, dict[str, Any]] = {}  # the companions' state before the first day
        self.days_left_out = 0
        self._silence = Silence(everybody)
        self.lanes: dict[str, Lane] = {}
        self.rules: dict[str, RuleState] = {}
        for name, model in (fitted or {}).items():
            self.adopt(name, model)

    def process(self, block: Block, *, judge_days: bool = True) -> list[Finding]:
        """Findings that `block` brings, in event-time order for each appliance.

        A block that tells who is there and who is not (`ingest.presences`) brings none: looks at the clock judge it.
        Without `judge_days` the days that it ends are left out, and counted: for a day that cannot be judged, as
        whoever sends the next reading must not pay for it.
        """
        if tells_presence(block):
            self._hear_presence(block)
            return []
        lane = self._lane(block.appliance_model)
        findings: list[Finding] = []
        for piece, due in lane.pieces(block):
            findings += self._take(lane, lane.push(piece), piece)
            if due and judge_days:
                findings += self._tick(lane)
            elif due:
                self.days_left_out += 1
                lane.forget_days()
        return findings

    def advance(self, wall: int, *, caught_up: bool) -> list[Finding]:
        """The clock was looked at, at `wall` (ms UTC), while everybody could be heard: who is silent?

        Looks tell of appliance models of which nobody speaks, of many at once, and where a rule asks for less than a
        day; ticks of single ones whose siblings speak. Look about once a minute, and not while the broker is away;
        `caught_up`: nothing waited to be taken. What is found depends on the order of blocks and looks, so looks are
        stored like readings.
        """
        return self._silence.advance(self.lanes, self.rules, wall, caught_up)

    def was_deaf(self, wall: int) -> bool:
        """Whether nobody listened lately at `wall`, ms UTC: then look at the clock before the backlog is taken."""
        return self._silence.clock.was_deaf(wall)

    def silent(self, lane: Lane) -> NDArray[np.bool_]:
        """Which of a lane's appliances (fleet,) say nothing, told or not: none of them can be called well.

        From any thread; nobody while the engine goes back to a snapshot.
        """
        rules = self.rules.get(lane.profile.name)
        if rules is None:
            return np.zeros(len(lane.ids), np.bool_)
        return would_tell(lane, rules, max(lane.newest, self._silence.clock.now))

    def learn_anew(self, appliance_model: str, appliance_id: str) -> None:
        """Somebody says that this is how the appliance is now: what is usual for it is learnt from here on.

        Nothing is found by that; what was told is over once rules say so. Who is not in memory is passed over.
        """
        lane = self.lanes.get(appliance_model)
        if lane is None or appliance_id not in lane.rows:
            return
        row = lane.rows[appliance_id]
        lane.features.anew(row)
        if appliance_model in self._watching:
            self._watching[appliance_model].anew(row)

    def flush(self) -> list[Finding]:
        """End of the input (a replay): close every window and judge what is left."""
        findings: list[Finding] = []
        for lane in self.lanes.values():
            findings += self._take(lane, lane.flush())
            findings += self._tick(lane)
        return findings

    def adopt(self, appliance_model: str, fitted: FittedModel) -> None:
        """Use another fitted model from the next tick on; the appliances' state is kept, a shadow ends.

        Raises IntegrityError when it was fitted on other features than the profile gives.
        """
        self._check(appliance_model, fitted)
        self._fitted[appliance_model] = fitted
        self._companions[appliance_model] = Companions(fitted)
        self._remember_companions(appliance_model)

    def let_challenge(self, appliance_model: str, challenger: FittedModel | None) -> None:
        """From the next tick on, score `challenger` beside the champion without acting on it; None ends that.

        Raises KeyError when the appliance model has no champion, IntegrityError as `adopt` does.
        """
        if challenger is not None:
            self._check(appliance_model, challenger)
        champion, profile = self._fitted[appliance_model], self._profiles[appliance_model]
        self._companions[appliance_model].shadow = (
            Shadow(challenger, champion.version, self._rulebook, profile) if challenger is not None else None
        )
        self._remember_companions(appliance_model)

    def report(self, appliance_model: str) -> dict[str, Any] | None:
        """What was seen of drift and of the challenger; None for an appliance model without a champion."""
        companions = self._companions.get(appliance_model)
        return None if companions is None else companions.report()

    def retire(self, settings: RestRules) -> list[Resting]:
        """Take out of memory whom nothing was heard of for long, and of whom all was said.

        Between two blocks, at any time: with `readmit`, findings are those of an engine that keeps everybody.
        """
        retired: list[Resting] = []
        for name, lane in self.lanes.items():
            asked = asked_of(lane, self.rules[name], max(lane.newest, self._silence.clock.now))
            said = self.rules[name].has_said("silence", len(lane.ids), asked)
            gone = _who_rests(lane, said, settings)
            if len(gone):
                retired += self._let_rest(lane, Leaving.of(gone, len(lane.ids)))
        return retired

    def forget(self, ids: Collection[str]) -> int:
        """Between two blocks: nothing that was learnt of these appliances stays; how many were in memory."""
        count = 0
        for name, lane in self.lanes.items():
            rows = np.array([lane.rows[one] for one in ids if one in lane.rows], np.intp)
            if len(rows):
                leaving = Leaving.of(rows, len(lane.ids))
                lane.forget(leaving)
                for _, keeps in self._rows_of(name):
                    keeps.leave(leaving)
                count += len(rows)
        return count

    def absent(self, block: Block) -> list[str]:
        """Appliances of `block` that are not in memory: new, or resting."""
        lane = self.lanes.get(block.appliance_model)
        known: Collection[str] = lane.rows if lane is not None else ()
        return [one for one in block.appliance_ids if one not in known]

    def readmit(self, resting: Sequence[Resting]) -> list[Finding]:
        """Bring appliances back, before the block that speaks of them. What is of other signals is learnt anew.

        What was to be said of their silence meanwhile; nothing, unless rules changed.
        """
        findings: list[Finding] = []
        for name, layout, some in by_layout(resting):
            lane = self._lane(name)
            if of(layout) == lane.of:
                rows = self._bring_back(lane, [one.appliance_id for one in some], layout, some)
                findings += judge(lane, self.rules[name], lane.ticked, rows)
        return findings

    def heard_of(self) -> int:
        """How many appliances were ever heard of, whether in memory or not."""
        return sum(lane.heard_of for lane in list(self.lanes.values()))

    def counts(self) -> Counts:
        """Where the readings of all lanes went."""
        return Counts.total(lane.counts for lane in list(self.lanes.values()))

    def snapshot(self) -> dict[str, Any]:
        lanes = {
            name: {
                "lane": lane.snapshot(),
                "rules": self.rules[name].snapshot(),
                "companions": self._companions[name].snapshot() if name in self._companions else None,
                "watching": self._watching[name].snapshot() if name in self._watching else None,
            }
            for name, lane in self.lanes.items()
        }
        return {**lanes, _SILENCE: self._silence.snapshot()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Back to `snapshot`, whatever was before. Models that were taken up since stay in use.

        Raises IntegrityError when a profile of the snapshot is gone or has other signals.
        """
        self.lanes, self.rules, self._watching = {}, {}, {}
        for name, state in self._at_first.items():
            self._companions[name].restore(copy.deepcopy(state))
        self._silence.restore(snapshot[_SILENCE])
        for name, part in snapshot.items():
            if name == _SILENCE:
                continue
            if name not in self._profiles:
                raise IntegrityError(
                    f"the engine's snapshot has appliances of {name}, which has no profile any more: bring the profile"
                    " back, or remove the snapshot to let every appliance be learnt anew"
                )
            self._lane(name).restore(part["lane"])
            self.rules[name].restore(part["rules"])
            if part["companions"] is not None and name in self._companions:
                self._companions[name].restore(part["companions"])
            if name in self._watching:
                self._watching[name].restore(part.get("watching"))

    def _remember_companions(self, name: str) -> None:
        self._at_first[name] = copy.deepcopy(self._companions[name].snapshot())

    def _check(self, appliance_model: str, fitted: FittedModel) -> None:
        if fitted.names != deviation_names(self._profiles[appliance_model]):
            raise IntegrityError(
                f"the model {fitted.version} of {appliance_model} was fitted on other features than its profile gives"
                f" now: train again (`foremend train --appliance-model {appliance_model}`)"
            )

    def _lane(self, appliance_model: str) -> Lane:
        if appliance_model not in self.lanes:
            profile = self._profiles[appliance_model]
            lane = Lane(profile, lateness_ms=self._lateness_ms)
            self.rules[appliance_model] = self._rulebook.state_for(profile)
            self._signatures[appliance_model] = BySignature(profile, lane.features.columns)
            if profile.watch is not None:
                self._watching[appliance_model] = Watching(profile, self._watches)
            self.lanes[appliance_model] = lane  # last: other threads look at lanes, and need the rest then
        return self.lanes[appliance_model]

    def _let_rest(self, lane: Lane, leaving: Leaving) -> list[Resting]:
        name = lane.profile.name
        seen, strange = lane.last_seen[leaving.gone].tolist(), lane.strangers()[leaving.gone].tolist()
        ids, mine = lane.leave(leaving)
        part = {"lane": mine} | {kind: rows.leave(leaving) for kind, rows in self._rows_of(name)}
        layout, states = packed(part, len(ids), lane.of)
        each = zip(ids, seen, strange, states, strict=True)
        return [Resting(name, one, when, new, layout, state) for one, when, new, state in each]

    def _bring_back(
        self, lane: Lane, ids: Sequence[str], layout: str, some: Sequence[Resting]
    ) -> NDArray[np.intp]:
        part = unpacked(layout, [one.state for one in some])
        rows = lane.join(ids, part["lane"])
        for kind, keeps in self._rows_of(lane.profile.name):
            if kind in part:
                keeps.join(part[kind], rows)
        return rows

    def _rows_of(self, appliance_model: str) -> Iterator[tuple[str, PerAppliance]]:
        """What keeps rows of a lane's appliances besides the lane."""
        kinds: Mapping[str, Mapping[str, PerAppliance]] = {
            "rules": self.rules,
            "companions": self._companions,
            "watching": self._watching,
        }
        for kind, by_model in kinds.items():
            if appliance_model in by_model:
                yield kind, by_model[appliance_model]

    def _hear_presence(self, said: Block) -> None:
        """Who went offline or is back; rules judge it at the next look at the clock."""
        lane = self.lanes.get(said.appliance_model)
        now = max([self._silence.clock.now, *(one.newest for one in self.lanes.values())])
        if lane is not None and now != NO_TIME:
            offline.hear(lane, said, now)

    def _take(self, lane: Lane, step: Step, pushed: Block | None = None) -> list[Finding]:
        if self._on_readings is not None:
            self._on_readings(lane.as_block(step.released))
            if step.late is not None:
                self._on_readings(step.late)
        findings = broken(lane, self.rules[lane.profile.name], pushed) if pushed else []
        findings += self._judge_hours(lane, step) + self._judge_harm(lane, step)
        return findings + self._judge_watched(lane, step)

    def _judge_hours(self, lane: Lane, step: Step) -> list[Finding]:
        """Each hour once: one that was told early comes again when its appliance is known, and is passed over."""
        hours = Rows.joined([step.early, step.hours]) if len(step.early) else step.hours
        if not len(hours):
            return []
        return self.rules[lane.profile.name].evaluate(Question("hour", lane.ids, hours))

    def _judge_harm(self, lane: Lane, step: Step) -> list[Finding]:
        """What the rules make of machines that do not run or rest as they always did."""
        if not len(step.harm.rows):
            return []
        asked = Question("harm", lane.ids, step.harm.rows, evidence=step.harm.evidence)
        return self.rules[lane.profile.name].evaluate(asked)

    def _judge_watched(self, lane: Lane, step: Step) -> list[Finding]:
        """What the rules make of the watch over readings or hours, where the profile asks for one."""
        name = lane.profile.name
        watched = self._watching[name].follow(step) if name in self._watching else None
        if watched is None:
            return []
        score = watched.score
        if self._on_score is not None:
            self._on_score(step, score)
        return self.rules[name].evaluate(Question("score", lane.ids, score.rows, evidence=watched.evidence))

    def _tick(self, lane: Lane) -> list[Finding]:
        rules = self.rules[lane.profile.name]
        findings: list[Finding] = []
        for day in lane.finished_days():
            findings += self._judge_day(lane, rules, day)
        lane.ticked = lane.newest
        return findings + self._silence.tick(self.lanes, self.rules, lane.profile.name)

    def _judge_day(self, lane: Lane, rules: RuleState, day: Day) -> list[Finding]:
        if self._on_day is not None:
            self._on_day(lane, day)
        findings = rules.evaluate(Question("day", lane.ids, day.plain))
        fitted = self._fitted.get(lane.profile.name)
        if fitted is None:
            return findings + self._judge_faults(lane, rules, day, None)
        said = scored(fitted, day.deviations, day.news)
        findings += said.abnormal(rules, lane.ids) + self._judge_faults(lane, rules, day, said)
        return findings + self._companions[lane.profile.name].follow(
            lane.profile.name, lane.ids, said, partial(_drivers, lane)
        )

    def _judge_faults(self, lane: Lane, rules: RuleState, day: Day, said: Scored | None) -> list[Finding]:
        """What the rules make of the faults that the champion, if there is one, and the signatures see."""
        joined = Joined(self._signatures[lane.profile.name], day, said)

        def evidence(row: int, fault: int) -> Sequence[Evidence]:
            columns = joined.columns(row, fault)
            return lane.features.evidence(int(day.deviations.appliance[row]), columns)

        return rules.evaluate(Question.about(joined.prediction, lane.ids, day.news, evidence))


def _who_rests(lane: Lane, has_said: NDArray[np.bool_], settings: RestRules) -> NDArray[np.intp]:
    """Rows that may leave: too many strangers, the longest silent first, and whoever was not heard of for long."""
    seen, strange = lane.last_seen[: len(lane.ids)], lane.strangers()
    free = ~lane.busy() & (seen != NO_TIME)
    after = np.where(strange, settings.strangers_after, settings.after)
    rests = free & (strange | has_said) & (lane.newest - seen > after)
    strangers = np.flatnonzero(strange & free)
    if len(strangers) > settings.most_strangers:
        oldest = np.argsort(seen[strangers], kind="stable")[: len(strangers) - settings.most_strangers // 2]
        rests[strangers[oldest]] = True
    return np.flatnonzero(rests)


def _drivers(lane: Lane, fitted: FittedModel, day: Rows, row: int, fault: int) -> Sequence[Evidence]:
    """Evidence for a row of deviations and a fault: the features that drive the prediction."""
    columns = fitted.predictor.drivers(day.values[row], fault)
    return lane.features.evidence(int(day.appliance[row]), [int(c) for c in columns])
