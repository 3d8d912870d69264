"""A lane: the way of one appliance model's readings to daily deviations. No I/O, no wall clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.engine.fitted import Day
from foremend.vocabulary.errors import IntegrityError
from foremend.vocabulary.features import Deviation
from foremend.vocabulary.leaving import Leaving
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Block, Rows
from ingest.reorder import Released, Reorder
from ingest.values import STANDING
from models import rhythm
from models.stream.harm import Harm
from models.stream.stream import STANDBY, SignalStream, StreamOutput
from models.usual.features import DailyFeatures

NO_TIME = np.iinfo(np.int64).min
STRANGER_MS = MS_PER_HOUR
_COLUMNS = {
    "last_seen": NO_TIME,
    "first_seen": np.iinfo(np.int64).max,
    "number": 0,
    "longest_gap": np.float32(0),
    "second_gap": np.float32(0),
    "spoke": np.False_,
    "offline_since": NO_TIME,
    "longest_offline": np.float32(0),
    "second_offline": np.float32(0),
}
"""What a lane itself knows of each appliance, and of one that was not heard of."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one piece of a block brought."""

    hours: Rows  # hourly windows that it closed
    harm: Harm  # machines that do not run or rest as they always did
    early: Rows  # those of appliances that are still being learnt, as far as can be told; `hours` brings them again
    released: Released  # readings that are in order now and were used
    late: Block | None  # readings that came too late to be used


@dataclass(slots=True)
class Counts:
    """Where the readings went; with those still held their sum is what was pushed."""

    used: int = 0
    repeats: int = 0
    merged: int = 0
    late: int = 0

    @classmethod
    def total(cls, each: Iterable[Counts]) -> Counts:
        """Of several lanes or engines."""
        every = list(each)
        return cls(*(sum(getattr(one, name) for one in every) for name in cls.__slots__))


class Lane:
    """From readings to daily deviations, for the appliances of one model."""

    def __init__(self, profile: Profile, *, lateness_ms: int, grace_ms: int = 6 * MS_PER_HOUR) -> None:
        self.profile = profile
        self.signals = tuple(profile.signals)
        self.ids: list[str] = []
        self.rows: dict[str, int] = {}
        self.firmware: list[str] = []
        self.last_seen = np.zeros(0, np.int64)
        self.first_seen = np.zeros(0, np.int64)
        self.longest_gap = np.zeros(0, np.float32)  # see models.rhythm, ms
        self.second_gap = np.zeros(0, np.float32)
        self.spoke = np.zeros(0, np.bool_)  # since somebody looked who is silent
        self.offline_since = np.zeros(
            0, np.int64
        )  # see foremend.engine.offline, ms; NO_TIME while it is there
        self.longest_offline = np.zeros(0, np.float32)  # ms
        self.second_offline = np.zeros(0, np.float32)
        self.number = np.zeros(0, np.int64)  # in order of first hearing, whatever row one has by now
        self.heard_of = 0  # appliances ever, also those that rest
        self.rearranged = 0  # how often rows changed their appliance
        self.counts = Counts()
        self._reorder = Reorder(len(self.signals), lateness_ms)
        self._cycle = profile.cycle
        self._stream = _stream(profile)
        self.features = DailyFeatures(profile.daily)
        self._grace_ms = grace_ms
        self._newest = NO_TIME
        self.ticked = NO_TIME  # `newest` at the last look at who is silent
        self._next_tick = NO_TIME
        self._days: list[Rows] = []

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
        said = block.seq != STANDING
        rhythm.hear(
            appliance if said.all() else appliance[said],
            block.time if said.all() else block.time[said],
            self.first_seen,
            self.last_seen,
            self.longest_gap,
            self.second_gap,
            self.spoke,
        )
        self.return_of(appliance[said & (self.offline_since[appliance] != NO_TIME)], self._newest)
        released = self._reorder.push(appliance, block.time, block.seq, values)
        self.counts.repeats += released.repeats
        self.counts.merged += released.merged
        self.counts.late += int(released.late.sum())
        late = block.take(released.late) if released.late.any() else None
        output = self._follow(released)
        return Step(output.hours, output.harm, output.early, released, late)

    def flush(self) -> Step:
        """End of the input: release and close everything."""
        released = self._reorder.flush()
        output = self._follow(released)
        rest = self._stream.flush()
        self._days.append(rest.days)
        return Step(Rows.joined([output.hours, rest.hours]), output.harm, output.early, released, None)

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

    def finished_days(self) -> list[Day]:
        """At a tick: the days that closed since the last one, oldest first, as deviations."""
        if not self._days:
            return []
        days, self._days = Rows.joined(self._days), []
        days = days.take(np.lexsort((self.number[days.appliance], days.time)))
        return [self._compared(days.take(days.time == end)) for end in np.unique(days.time)]

    def forget_days(self) -> None:
        """Leave out the days that closed since the last tick."""
        self._days = []

    def forget(self, leaving: Leaving) -> None:
        """Of those who leave nothing stays, not even a day that the next tick would look at."""
        stays = leaving.moved() >= 0
        self._days = [days.take(stays[days.appliance]) for days in self._days]
        self.leave(leaving)

    def silent_ms(self, now: int) -> NDArray[np.float64]:
        """How long nothing was heard of each appliance at `now` (ms UTC), ms; 0 while that is its own rhythm."""
        last, second = self.last_seen, self.second_gap
        n = min(
            len(self.ids), len(last), len(second)
        )  # other threads ask, too, while newcomers get their rows
        silent = (now - last[:n]).astype(np.float64)
        return np.where(silent > rhythm.longest_usual(second[:n]), silent, 0.0)

    def return_of(self, rows: NDArray[np.integer[Any]], now: int) -> None:
        """Those of `rows` who were offline are back at `now`, ms UTC; how long they were is remembered."""
        for row in np.unique(rows[self.offline_since[rows] != NO_TIME]).tolist():
            spell = np.float32(max(now - int(self.offline_since[row]), 0))
            kept = rhythm.KEEP_A_SPELL
            known = (self.longest_offline[row] * kept, self.second_offline[row] * kept, spell)
            self.second_offline[row], self.longest_offline[row] = sorted(known)[1:]
            self.offline_since[row] = NO_TIME

    def at_work(self) -> list[tuple[bool, int, int, int]]:
        """What `SignalStream.at_work` says of each; from any thread, and of fewer while newcomers get their rows."""
        return list(zip(*(column.tolist() for column in self._stream.at_work()), strict=True))

    def days_missing(self, fleet: int) -> NDArray[np.int64]:
        """(fleet,) days with readings until each is first judged by what is usual for it; -1: it sends nothing that
        could be. Whoever is watched by its own hours or readings, too, is judged by those once its own days are over,
        without a fleet. From any thread."""
        if self.profile.watch is not None:
            return self.features.own_days_missing(fleet)
        return self.features.days_missing(fleet)

    def cycling(self) -> NDArray[np.bool_]:
        """(fleet,) who has run and paused by itself for days, as a refrigerator does."""
        return self._stream.regular(len(self.ids))

    def strangers(self) -> NDArray[np.bool_]:
        """Who was never heard of for longer than an hour: nobody can say yet that such a one fell silent."""
        n = len(self.ids)
        return self.last_seen[:n] - self.first_seen[:n] < STRANGER_MS

    def busy(self) -> NDArray[np.bool_]:
        """Who has a day that the next tick will look at."""
        busy = np.zeros(len(self.ids), np.bool_)
        for days in self._days:
            busy[days.appliance] = True
        return busy

    def leave(self, leaving: Leaving) -> tuple[list[str], dict[str, Any]]:
        """See `foremend.vocabulary.leaving`; with the ids of those who leave, none of whom is busy."""
        ids, firmware = ([names[row] for row in leaving.gone.tolist()] for names in (self.ids, self.firmware))
        part: dict[str, Any] = {"firmware": [version or None for version in firmware]}
        for name in _COLUMNS:
            part[name] = getattr(self, name)[leaving.gone]
            setattr(self, name, getattr(self, name)[leaving.kept])
        part |= {"reorder": self._reorder.leave(leaving), "stream": self._stream.leave(leaving)}
        part["features"] = self.features.leave(leaving)
        moved = leaving.moved()
        self._days = [replace(days, appliance=moved[days.appliance].astype(np.int32)) for days in self._days]
        kept = leaving.kept.tolist()
        self.ids, self.firmware = ([names[row] for row in kept] for names in (self.ids, self.firmware))
        self.rows = {appliance_id: row for row, appliance_id in enumerate(self.ids)}
        self.rearranged += 1
        return ids, part

    def join(self, ids: Sequence[str], part: Mapping[str, Any]) -> NDArray[np.intp]:
        """Take back what `leave` answered for `ids`, none of whom is here; their rows."""
        rows = np.arange(len(self.ids), len(self.ids) + len(ids))
        for name in _COLUMNS:
            column = getattr(self, name)[: len(self.ids)]
            setattr(self, name, np.concatenate([column, _known(part, name, len(ids))]))
        self._reorder.join(part["reorder"], rows)
        self._stream.join(part["stream"], rows)
        if (
            "features" in part
        ):  # not where it left before the first day of its model, under an earlier version
            self.features.join(part["features"], rows)
        self.ids += ids
        self.firmware += [version or "" for version in part["firmware"]]
        self.rows |= zip(ids, rows.tolist(), strict=True)
        self.rearranged += 1
        return rows

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The plain daily features of this model, in the order of `Day.plain`."""
        return self._stream.names

    @property
    def of(self) -> str:
        """What its appliances' state is of: it fits no lane with other signals or states."""
        return " ".join((self.profile.name, *self.signals, "of", *self.feature_names, self.features.basis))

    @property
    def newest(self) -> int:
        """Newest event time heard from any appliance of the model, ms UTC."""
        return self._newest

    def snapshot(self) -> dict[str, Any]:
        return {
            "signals": list(self.signals),
            "ids": list(self.ids),
            "firmware": list(self.firmware),
            **{name: getattr(self, name)[: len(self.ids)] for name in _COLUMNS},
            "heard_of": self.heard_of,
            "counts": [self.counts.used, self.counts.repeats, self.counts.merged, self.counts.late],
            "clock": [self._newest, self._next_tick, self.ticked],
            "reorder": self._reorder.snapshot(),
            "stream": self._stream.snapshot(),
            "features": self.features.snapshot(),
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
        for name in _COLUMNS:
            setattr(self, name, np.array(_known(snapshot, name, len(self.ids))))
        self.heard_of, self.rearranged = snapshot["heard_of"], self.rearranged + 1
        self.counts = Counts(*snapshot["counts"])
        self._newest, self._next_tick, self.ticked = snapshot["clock"]
        self._reorder.restore(snapshot["reorder"])
        self._stream.restore(snapshot["stream"])
        self._days = [_unpack(packed) for packed in snapshot["days"]]
        if snapshot["features"] is not None:  # as an earlier version wrote it before the first day
            self.features.restore(snapshot["features"])

    def _follow(self, released: Released) -> StreamOutput:
        self.counts.used += len(released.time)
        values = self._with_load(released.values)
        output = self._stream.update(released.appliance, released.time, values)
        if len(output.days):
            self._days.append(output.days)
        return output

    def _with_load(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where several signals may show the cycles: one more column, the first that is known, as if the first one."""
        if self._cycle is None or len(self._cycle.signal) < 2:
            return values
        load = np.full(len(values), np.nan)
        for name, scale in zip(self._cycle.signal, self._cycle.scales, strict=True):
            load = np.where(np.isnan(load), values[:, self.signals.index(name)] * scale, load)
        return np.column_stack([values, load])

    def _compared(self, day: Rows) -> Day:
        number = int(day.time[0]) // MS_PER_DAY - 1
        deviations = self.features.update(day.appliance, number, day.values)
        news = self.features.news(day.values)
        rows = Rows(day.appliance, day.time, self.features.names, deviations)
        return Day(day, rows, news, self.features.spread)

    def _fleet_rows(self, block: Block) -> NDArray[np.int32]:
        """The block's own appliance index as rows in the fleet's state; newcomers get the next rows."""
        before = len(self.ids)
        known = [self.rows.setdefault(appliance_id, len(self.rows)) for appliance_id in block.appliance_ids]
        newest_first = islice(reversed(self.rows), len(self.rows) - len(self.ids))
        self.ids.extend(reversed(list(newest_first)))  # never a walk over the fleet
        self.firmware.extend([""] * (len(self.ids) - len(self.firmware)))
        for row, firmware in zip(known, block.firmware, strict=False):
            self.firmware[row] = firmware or self.firmware[row]
        if len(self.ids) > before:
            self._welcome(before)
        return np.array(known, np.int32)[block.appliance]

    def _welcome(self, before: int) -> None:
        """Room for the newcomers behind the first `before` rows, and their numbers."""
        missing = len(self.ids) - len(self.last_seen)
        if missing > 0:
            for name, fresh in _COLUMNS.items():
                more = np.full(missing + len(self.ids), fresh)
                setattr(self, name, np.concatenate([getattr(self, name), more]))
        fleet = len(self.ids)
        self.number[before:fleet] = np.arange(self.heard_of, self.heard_of + fleet - before)
        self.heard_of += fleet - before

    def _tick_after(self, time: int) -> int:
        return (time // MS_PER_DAY + 1) * MS_PER_DAY + self._grace_ms


def deviations(profile: Profile) -> tuple[Deviation, ...]:
    """What detectors and predictors of an appliance model are fitted on, in the order of `Day.deviations`."""
    return DailyFeatures(profile.daily).columns


def deviation_names(profile: Profile) -> tuple[str, ...]:
    """The names of `deviations`."""
    return tuple(one.name for one in deviations(profile))


def _stream(profile: Profile) -> SignalStream:
    shows, above = (
        profile.cycle_signals,
        profile.cycle.above[0] if profile.cycle and profile.cycle.above else 0.0,
    )
    standby = STANDBY.get(profile.units[shows[0]], 0.0) if shows else 0.0
    more = (profile.load,) if profile.load else ()
    return SignalStream(
        (*profile.signals, *more),
        profile.load or next(iter(shows), None),
        profile.counters,
        states=profile.states,
        unless_sent={
            name: one.unless_sent for name, one in profile.signals.items() if one.unless_sent is not None
        },
        starts=profile.starts,
        standby=standby,
        above=above,
    )


def _known(part: Mapping[str, Any], name: str, n: int) -> NDArray[Any]:
    """A column of `_COLUMNS`; of what an earlier version wrote, which did not have it, as of those not heard of."""
    return np.asarray(part[name]) if name in part else np.full(n, _COLUMNS[name])


def _unknown(n: int) -> NDArray[np.float64]:
    return np.full(n, np.nan)


def _pack(days: Rows) -> dict[str, Any]:
    return {
        "appliance": days.appliance,
        "start": days.time - MS_PER_DAY,
        "names": list(days.names),
        "features": days.values,
    }


def _unpack(packed: Mapping[str, Any]) -> Rows:
    end = packed["start"] + MS_PER_DAY
    return Rows(packed["appliance"], end, tuple(packed["names"]), packed["features"])
