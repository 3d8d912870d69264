"""The core: blocks in, findings out. No I/O, no wall clock.

An appliance model has a lane: readings are put in order (`ingest.reorder`), followed as cycles and windows
(`models.stream`), and at the end of each event-day compared with the own usual and with siblings
(`models.features`), scored, and judged by rules.

Everything that compares appliances happens at a **tick**, once an event-day, when the model's newest event time
has passed midnight by `grace`. A block is cut behind the reading that brings a tick, so the findings never
depend on how readings were cut into blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.companions import Companions
from foremend.config import Profile
from foremend.errors import IntegrityError
from foremend.fitted import DayRows, FittedModel, scored
from foremend.shadow import Shadow
from foremend.types import MS_PER_DAY, MS_PER_HOUR, Block, Evidence, Finding
from ingest.reorder import Released, Reorder
from models.features import DailyFeatures
from models.stream import STANDBY, SignalStream, Windows
from rules.evaluator import RuleBook, RuleState

__all__ = ["Counts", "DayRows", "Engine", "FittedModel", "Lane", "Step"]

NO_TIME = np.iinfo(np.int64).min
LOAD = "load"  # W: what the cycles are read from where an appliance may report power or only current
NOMINAL_V = 230.0


@dataclass(frozen=True, slots=True)
class Step:
    """What one piece of a block brought."""

    hours: Windows  # hourly windows that it closed
    released: Released  # readings that are in order now and were used
    late: Block | None  # readings that came too late to be used


@dataclass(slots=True)
class Counts:
    """Where the readings went; with those still held their sum is what was pushed."""

    used: int = 0
    repeats: int = 0
    merged: int = 0
    late: int = 0


class Lane:
    """From readings to daily deviations, for the appliances of one model."""

    def __init__(self, profile: Profile, *, lateness_ms: int, grace_ms: int = 6 * MS_PER_HOUR) -> None:
        self.profile = profile
        self.signals = tuple(profile.signals)
        self.ids: list[str] = []
        self.rows: dict[str, int] = {}
        self.firmware: list[str] = []
        self.last_seen = np.zeros(0, np.int64)
        self.counts = Counts()
        self.features: DailyFeatures | None = None
        self._reorder = Reorder(len(self.signals), lateness_ms)
        self._cycle_from = profile.cycle.signal if profile.cycle else ()
        self._stream = _stream(profile)
        self._grace_ms = grace_ms
        self._newest = NO_TIME
        self._next_tick = NO_TIME
        self._days: list[Windows] = []

    def pieces(self, block: Block) -> Iterator[tuple[Block, bool]]:
        """The block cut behind each reading that brings a tick; the flag says that the tick is due."""
        newest = np.maximum(np.maximum.accumulate(block.time), self._newest)
        start = 0
        while start < len(block):
            if self._next_tick == NO_TIME:
                self._next_tick = self._tick_after(int(newest[start]))
            reached = int(np.searchsorted(newest[start:], self._next_tick)) + start
            end = min(reached + 1, len(block))
            self._newest = int(newest[end - 1])
            due = reached < len(block)
            if due:
                self._next_tick = self._tick_after(self._newest)
            yield block.take(slice(start, end)), due
            start = end

    def push(self, block: Block) -> Step:
        """Take one piece of a block."""
        appliance = self._fleet_rows(block)
        values = np.column_stack([block.signals.get(name, _unknown(len(block))) for name in self.signals])
        np.maximum.at(self.last_seen, appliance, block.time)
        released = self._reorder.push(appliance, block.time, block.seq, values)
        self.counts.repeats += released.repeats
        self.counts.merged += released.merged
        self.counts.late += int(released.late.sum())
        late = block.take(released.late) if released.late.any() else None
        return Step(self._follow(released), released, late)

    def flush(self) -> Step:
        """End of the input: release and close everything."""
        released = self._reorder.flush()
        hours = self._follow(released)
        rest = self._stream.flush()
        self._days.append(rest.days)
        return Step(_joined([hours, rest.hours]), released, None)

    def as_block(self, released: Released) -> Block:
        """Released readings as a block that can be understood alone."""
        rows, appliance = np.unique(released.appliance, return_inverse=True)
        return Block(
            self.profile.name,
            tuple(self.ids[row] for row in rows),
            appliance.astype(np.int32),
            released.time,
            released.seq,
            dict(zip(self.signals, released.values.T, strict=True)),
            tuple(self.firmware[row] for row in rows),
        )

    def finished_days(self) -> list[DayRows]:
        """At a tick: the days that closed since the last one, oldest first, as deviations."""
        if not self._days:
            return []
        days, self._days = _joined(self._days), []
        if self.features is None:
            self.features = DailyFeatures(days.names)
        days = days.take(np.lexsort((days.appliance, days.start)))
        return [self._deviations(days.take(days.start == start)) for start in np.unique(days.start)]

    def silent_ms(self) -> NDArray[np.int64]:
        """How long ago each appliance was last heard of, in event time."""
        return self._newest - self.last_seen[: len(self.ids)]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The plain daily features of this model, in the order of `DayRows.values`."""
        return self._stream.names

    @property
    def newest(self) -> int:
        """Newest event time heard from any appliance of the model, ms UTC."""
        return self._newest

    def snapshot(self) -> dict[str, Any]:
        features = None if self.features is None else self.features.snapshot()
        names = None if self.features is None else list(self.features.base_names)
        return {
            "signals": list(self.signals),
            "ids": list(self.ids),
            "firmware": list(self.firmware),
            "last_seen": self.last_seen,
            "counts": [self.counts.used, self.counts.repeats, self.counts.merged, self.counts.late],
            "clock": [self._newest, self._next_tick],
            "reorder": self._reorder.snapshot(),
            "stream": self._stream.snapshot(),
            "feature_names": names,
            "features": features,
            "days": [_pack(windows) for windows in self._days],
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Raises IntegrityError when the profile's signals are not those the snapshot was taken with."""
        if tuple(snapshot["signals"]) != self.signals:
            raise IntegrityError(
                f"the profile {self.profile.name} has other signals than the engine's snapshot: undo the change, or"
                " remove the snapshot to let every appliance be learnt anew"
            )
        self.ids, self.firmware = list(snapshot["ids"]), list(snapshot["firmware"])
        self.rows = {appliance_id: row for row, appliance_id in enumerate(self.ids)}
        self.last_seen = np.array(snapshot["last_seen"])
        self.counts = Counts(*snapshot["counts"])
        self._newest, self._next_tick = snapshot["clock"]
        self._reorder.restore(snapshot["reorder"])
        self._stream.restore(snapshot["stream"])
        self._days = [_unpack(packed) for packed in snapshot["days"]]
        if snapshot["feature_names"] is not None:
            self.features = DailyFeatures(snapshot["feature_names"])
            self.features.restore(snapshot["features"])

    def _follow(self, released: Released) -> Windows:
        self.counts.used += len(released.time)
        values = self._with_load(released.values)
        output = self._stream.update(released.appliance, released.time, values)
        if len(output.days):
            self._days.append(output.days)
        return output.hours

    def _with_load(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where power or current may show the cycles: one more column, power or else power at 230 V."""
        if len(self._cycle_from) < 2:
            return values
        power, current = (values[:, self.signals.index(name)] for name in ("power", "current"))
        return np.column_stack([values, np.where(np.isnan(power), current * NOMINAL_V, power)])

    def _deviations(self, day: Windows) -> DayRows:
        assert self.features is not None
        number = int(day.start[0]) // MS_PER_DAY
        deviations = self.features.update(day.appliance, number, day.features)
        return DayRows(day.appliance, day.start + MS_PER_DAY, day.features, deviations)

    def _fleet_rows(self, block: Block) -> NDArray[np.int32]:
        """The block's own appliance index as rows in the fleet's state; newcomers get the next rows."""
        known = [self.rows.setdefault(appliance_id, len(self.rows)) for appliance_id in block.appliance_ids]
        self.ids.extend(list(self.rows)[len(self.ids) :])
        self.firmware.extend([""] * (len(self.ids) - len(self.firmware)))
        for row, firmware in zip(known, block.firmware, strict=False):
            self.firmware[row] = firmware or self.firmware[row]
        if len(self.ids) > len(self.last_seen):
            more = np.full(2 * len(self.ids) - len(self.last_seen), NO_TIME)
            self.last_seen = np.concatenate([self.last_seen, more])
        return np.array(known, np.int32)[block.appliance]

    def _tick_after(self, time: int) -> int:
        return (time // MS_PER_DAY + 1) * MS_PER_DAY + self._grace_ms


DayListener = Callable[[Lane, DayRows], None]
"""Hears of every finished day: training collects its rows, a replay its summary."""

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
    ) -> None:
        self._profiles = profiles
        self._on_readings = on_readings
        self._on_day = on_day
        self._rulebook = rules
        self._fitted: dict[str, FittedModel] = {}
        self._companions: dict[str, Companions] = {}
        self._lateness_ms = lateness_ms
        self.lanes: dict[str, Lane] = {}
        self.rules: dict[str, RuleState] = {}
        for name, model in (fitted or {}).items():
            self.adopt(name, model)

    def process(self, block: Block) -> list[Finding]:
        """Findings that `block` brings, in event-time order for each appliance."""
        lane = self._lane(block.appliance_model)
        findings: list[Finding] = []
        for piece, due in lane.pieces(block):
            findings += self._take(lane, lane.push(piece))
            if due:
                findings += self._tick(lane)
        return findings

    def flush(self) -> list[Finding]:
        """End of the input (a replay): close every window and judge what is left."""
        findings: list[Finding] = []
        for lane in self.lanes.values():
            findings += self._take(lane, lane.flush())
            findings += self._tick(lane)
        return findings

    def adopt(self, appliance_model: str, fitted: FittedModel) -> None:
        """Use another fitted model from the next tick on; the appliances' state is kept, a shadow ends."""
        self._fitted[appliance_model] = fitted
        self._companions[appliance_model] = Companions(fitted)

    def let_challenge(self, appliance_model: str, challenger: FittedModel | None) -> None:
        """From the next tick on, score `challenger` beside the champion without acting on it; None ends that.

        Raises KeyError when the appliance model has no champion.
        """
        champion, profile = self._fitted[appliance_model], self._profiles[appliance_model]
        self._companions[appliance_model].shadow = (
            Shadow(challenger, champion.version, self._rulebook, profile) if challenger is not None else None
        )

    def report(self, appliance_model: str) -> dict[str, Any] | None:
        """What was seen of drift and of the challenger; None for an appliance model without a champion."""
        companions = self._companions.get(appliance_model)
        return None if companions is None else companions.report()

    def counts(self) -> Counts:
        """Where the readings of all lanes went."""
        total = Counts()
        for lane in list(self.lanes.values()):
            total.used += lane.counts.used
            total.repeats += lane.counts.repeats
            total.merged += lane.counts.merged
            total.late += lane.counts.late
        return total

    def snapshot(self) -> dict[str, Any]:
        return {
            name: {
                "lane": lane.snapshot(),
                "rules": self.rules[name].snapshot(),
                "companions": self._companions[name].snapshot() if name in self._companions else None,
            }
            for name, lane in self.lanes.items()
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Raises IntegrityError when a profile of the snapshot is gone or has other signals."""
        for name, part in snapshot.items():
            if name not in self._profiles:
                raise IntegrityError(
                    f"the engine's snapshot has appliances of {name}, which has no profile any more: bring the profile"
                    " back, or remove the snapshot to let every appliance be learnt anew"
                )
            self._lane(name).restore(part["lane"])
            self.rules[name].restore(part["rules"])
            if part["companions"] is not None and name in self._companions:
                self._companions[name].restore(part["companions"])

    def _lane(self, appliance_model: str) -> Lane:
        if appliance_model not in self.lanes:
            profile = self._profiles[appliance_model]
            self.lanes[appliance_model] = Lane(profile, lateness_ms=self._lateness_ms)
            self.rules[appliance_model] = self._rulebook.state_for(profile)
        return self.lanes[appliance_model]

    def _take(self, lane: Lane, step: Step) -> list[Finding]:
        if self._on_readings is not None:
            self._on_readings(lane.as_block(step.released))
            if step.late is not None:
                self._on_readings(step.late)
        return self._judge_hours(lane, step.hours)

    def _judge_hours(self, lane: Lane, hours: Windows) -> list[Finding]:
        if not len(hours):
            return []
        rules = self.rules[lane.profile.name]
        end = hours.start + MS_PER_HOUR
        return rules.evaluate("hour", lane.ids, hours.appliance, end, hours.names, hours.features)

    def _tick(self, lane: Lane) -> list[Finding]:
        rules = self.rules[lane.profile.name]
        findings: list[Finding] = []
        for day in lane.finished_days():
            findings += self._judge_day(lane, rules, day)
        silent = lane.silent_ms()[:, None].astype(np.float64)
        rows = np.arange(len(lane.ids), dtype=np.int32)
        now = np.full(len(rows), lane.newest)
        return findings + rules.evaluate("silence", lane.ids, rows, now, ("silent_ms",), silent)

    def _judge_day(self, lane: Lane, rules: RuleState, day: DayRows) -> list[Finding]:
        features = lane.features
        assert features is not None
        if self._on_day is not None:
            self._on_day(lane, day)
        findings = rules.evaluate("day", lane.ids, day.appliance, day.time, features.base_names, day.values)
        fitted = self._fitted.get(lane.profile.name)
        if fitted is None or fitted.names != features.names:
            return findings
        said = scored(fitted, day)
        drivers = partial(_drivers, lane)
        findings += said.judged_by(rules, lane.ids, drivers)
        return findings + self._companions[lane.profile.name].follow(
            lane.profile.name, lane.ids, said, drivers
        )


def _drivers(lane: Lane, fitted: FittedModel, day: DayRows, row: int, fault: int) -> Sequence[Evidence]:
    """Evidence for the `row`-th appliance of `day` and a fault: the features that drive the prediction."""
    assert lane.features is not None
    columns = fitted.predictor.drivers(day.deviations[row], fault)
    return lane.features.evidence(int(day.appliance[row]), [int(c) for c in columns])


def _stream(profile: Profile) -> SignalStream:
    counters = [name for name, signal in profile.signals.items() if signal.kind == "counter"]
    shows = profile.cycle.signal if profile.cycle else ()
    if len(shows) < 2:
        return SignalStream(tuple(profile.signals), shows[0] if shows else None, counters)
    return SignalStream((*profile.signals, LOAD), LOAD, counters, standby=STANDBY["power"])


def _unknown(n: int) -> NDArray[np.float64]:
    return np.full(n, np.nan)


def _joined(parts: Sequence[Windows]) -> Windows:
    return Windows(
        np.concatenate([part.appliance for part in parts]),
        np.concatenate([part.start for part in parts]),
        parts[0].names,
        np.concatenate([part.features for part in parts]),
    )


def _pack(windows: Windows) -> dict[str, Any]:
    return {
        "appliance": windows.appliance,
        "start": windows.start,
        "names": list(windows.names),
        "features": windows.features,
    }


def _unpack(packed: Mapping[str, Any]) -> Windows:
    return Windows(packed["appliance"], packed["start"], tuple(packed["names"]), packed["features"])
