"""Keeps the memory of a worker within bounds: who was not heard of for long rests in the database of all workers.

As `foremend.runtimes.resting` for one machine, whose store and snapshot belong to one process. Here a partition moves,
and one who lost it without knowing may still write. So rows in the database never change, and a checkpoint itself names
those that belong to it: it stays the one truth, whoever wrote which one last. A checkpoint that fails leaves rows that
nobody names; an older one that comes to count again finds its own.

Beside the states the names stay in memory, 0.2 KB an appliance.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np

from alerts.resting import Rested, RestingAppliances, Stored, row_id
from alerts.shared_status import Seen
from foremend.engine.engine import Engine
from foremend.engine.resting import Resting, RestRules, is_whole
from foremend.runtimes.resting import MOST_STRANGERS_SHOWN, STRANGERS_FORGOTTEN_AFTER
from foremend.vocabulary.ports import Clock, Snapshot
from foremend.vocabulary.topics import is_appliance_id
from foremend.vocabulary.types import MS_PER_DAY, Block, Finding, Forgotten

log = logging.getLogger(__name__)

SWEPT_EVERY = MS_PER_DAY
MOST_STRANGERS_STORED = 100_000
"""Of a partition: 20 MB of names; with less than an hour of readings each, none of them is worth more."""
_EVER = 2**62


class Batch(NamedTuple):
    """What was put at once; its name is used once."""

    name: str
    strangers: bool


class AtRest:
    """Of one partition; belongs to the engines' thread, but for `count`.

    Methods that speak to the database raise UnavailableError while it is away, and may be called again.
    """

    def __init__(
        self,
        store: RestingAppliances,
        rules: RestRules,
        clock: Clock,
        kept_for: int,
        forgotten: Callable[[], Sequence[Forgotten]],
        withdrawn: Callable[[], Collection[str]],
    ) -> None:
        """`kept_for`, ms: no checkpoint that is older is gone on from, as Kafka has no longer what came behind it.

        `forgotten` and `withdrawn` name appliances of whom nothing may be kept.
        """
        self._store, self._rules, self._clock, self._kept_for = store, rules, clock, kept_for
        self._forgotten, self._withdrawn = forgotten, withdrawn
        self.restore(None, {})

    def restore(self, snapshot: Snapshot | None, engines: Mapping[str, Engine]) -> None:
        """Go on from the checkpoint that `snapshot` is of, with its engines; None where nobody rested."""
        self._who: dict[str, dict[str, Batch]] = {}  # by appliance model and id
        self._back: set[tuple[str, str]] = (
            set()
        )  # came back since the last checkpoint, if what brought them was used
        self._ticked: dict[str, list[int]] = {}  # of each engine's lanes, when room was made last
        self._heard_of = _heard_of(engines)
        self._category: dict[str, str] = {}  # by appliance model
        self._swept = 0 if snapshot is None else int(snapshot["swept"])
        if snapshot is None:
            return
        batches = [
            Batch(*one) for one in zip(snapshot["batches"], snapshot["strangers"].tolist(), strict=True)
        ]
        for model, named in snapshot["who"].items():
            of_each = (batches[at] for at in named["batch"].tolist())
            self._who[model] = dict(zip(named["ids"], of_each, strict=True))

    def snapshot(self, engines: Mapping[str, Engine]) -> dict[str, Any]:
        """For the checkpoint with these engines' state: who rests, and where each is found."""
        self._drop_who_is_back(engines)
        batches = sorted({batch for named in self._who.values() for batch in named.values()})
        number = {batch: at for at, batch in enumerate(batches)}
        who = {
            model: {
                "ids": list(named),
                "batch": np.array([number[batch] for batch in named.values()], np.int32),
            }
            for model, named in self._who.items()
            if named
        }
        strangers = np.array([batch.strangers for batch in batches], np.bool_)
        return {
            "batches": [batch.name for batch in batches], "strangers": strangers, "who": who, "swept": self._swept,
        }  # fmt: skip

    @property
    def count(self) -> int:
        """How many rest."""
        return sum(len(named) for named in list(self._who.values()))

    def names(self) -> set[str]:
        """The ids of all that rest."""
        return {one for named in self._who.values() for one in named}

    def bring_back(self, engine: Engine, block: Block) -> list[Finding]:
        """Before `block` is processed: whoever it speaks of is in memory. `engine` may be a copy, to try."""
        named = self._who.get(block.appliance_model)
        batches = {one: named[one] for one in engine.absent(block) if one in named} if named else {}
        if not batches:
            return []
        where = {one: batch.name for one, batch in batches.items()}
        found = [Resting(*one) for one in self._store.find(block.appliance_model, where)]
        whole = [one for one in found if is_whole(one.state)]
        self._back |= {(block.appliance_model, one) for one in batches}
        self._tell_lost(block.appliance_model, batches.keys() - {one.appliance_id for one in whole}, batches)
        return engine.readmit(whole)

    def due(self, engines: Mapping[str, Engine]) -> bool:
        """Whether a day ended since the last `make_room`, in event time, or many newcomers came."""
        return {key: _ticked(engine) for key, engine in engines.items()} != self._ticked or self.crowded(
            engines
        )

    def crowded(self, engines: Mapping[str, Engine]) -> bool:
        """Whether so many newcomers came that it is time for `make_room`, long before a day's end."""
        most = self._rules.most_strangers // 2
        return any(engine.heard_of() - self._heard_of.get(key, 0) >= most for key, engine in engines.items())

    def make_room(self, engines: Mapping[str, Engine]) -> list[Resting]:
        """Take out of memory who may leave; `put` them before anything else."""
        self._drop_who_is_back(engines)
        self._ticked = {key: _ticked(engine) for key, engine in engines.items()}
        self._heard_of = _heard_of(engines)
        lanes = (lane for engine in engines.values() for lane in engine.lanes.values())
        self._category = {lane.profile.name: lane.profile.category for lane in lanes}
        gone = [one for engine in engines.values() for one in engine.retire(self._rules)]
        return [
            one for one in gone if is_appliance_id(one.appliance_id)
        ]  # no gateway lets another one through

    def put(self, gone: Sequence[Resting]) -> None:
        """Make durable what left, and name it from now on."""
        for strangers in (False, True):
            some = [one for one in gone if one.stranger == strangers]
            if some:
                batch = Batch(secrets.token_hex(8), strangers)
                self._store.put(batch.name, [_rested(one) for one in some], self._shown(some))
                for one in some:
                    self._who.setdefault(one.appliance_model, {})[one.appliance_id] = batch

    def _shown(self, gone: Sequence[Resting]) -> list[Seen]:
        """As silent, whether it was written before or not; of strangers those that were heard of last."""
        latest = sorted((one for one in gone if one.stranger), key=lambda one: -one.last_seen)
        each = [one for one in gone if not one.stranger] + latest[:MOST_STRANGERS_SHOWN]
        return [
            Seen(
                one.appliance_id,
                one.appliance_model,
                self._category[one.appliance_model],
                one.last_seen,
                True,
            )
            for one in each
        ]

    def forget(self, ids: Set[str]) -> None:
        """Name none of these any more, whatever their model is; their rows are removed by whoever erases them."""
        self._back = {one for one in self._back if one[1] not in ids}
        for named in self._who.values():
            for one in ids & named.keys():
                del named[one]

    def tidy(self, engines: Mapping[str, Engine]) -> None:
        """Let go of what may not be kept, and once a day of what nobody needs; after a checkpoint."""
        self._forget()
        now = self._clock.now_ms()
        strangers = sum(batch.strangers for named in self._who.values() for batch in named.values())
        if 0 <= now - self._swept < SWEPT_EVERY and strangers <= 1.1 * MOST_STRANGERS_STORED:
            return
        newest = max((lane.newest for one in engines.values() for lane in one.lanes.values()), default=0)
        self._sweep(now, newest - STRANGERS_FORGOTTEN_AFTER)
        self._swept = now

    def _drop_who_is_back(self, engines: Mapping[str, Engine]) -> None:
        lanes = [lane for engine in engines.values() for lane in engine.lanes.values()]
        here = {
            (model, one)
            for model, one in self._back
            if any(lane.profile.name == model and one in lane.rows for lane in lanes)
        }
        for model, one in here:
            self._who[model].pop(one, None)
        self._back -= here

    def _forget(self) -> None:
        if not self.count:
            return
        withdrawn = self._withdrawn()
        erased = [
            one for one in self._forgotten() if one.appliance_id in self._who.get(one.appliance_model, ())
        ]
        for model, named in self._who.items():
            erased += [Forgotten(model, one, _EVER) for one in withdrawn & named.keys()]
        if erased:
            self._pass_over(set(self._store.forget(erased)))

    def _sweep(self, now: int, oldest: int) -> None:
        """Mark and remove rows; `oldest` event time of strangers that are kept, ms UTC."""
        stored = self._store.stored()
        in_use = self._rows()
        forgotten = _too_many([one for one in stored if one.stranger and one.id in in_use], oldest)
        unused = [one.id for one in stored if one.id not in in_use and one.unused_since is None]
        used = [one.id for one in stored if one.id in in_use and one.unused_since is not None]
        self._store.settle(unused, used, sorted(forgotten), now - self._kept_for)
        self._pass_over(forgotten)

    def _pass_over(self, rows: Collection[str]) -> None:
        """Name these rows, by id, no longer."""
        if rows:
            for model, named in self._who.items():
                self._who[model] = {
                    one: batch for one, batch in named.items() if row_id(batch.name, model, one) not in rows
                }

    def _rows(self) -> set[str]:
        return {
            row_id(batch.name, model, one)
            for model, named in self._who.items()
            for one, batch in named.items()
        }

    def _tell_lost(self, model: str, lost: Collection[str], batches: Mapping[str, Batch]) -> None:
        """Strangers are forgotten in time, and others where somebody asked for it: that is no loss."""
        known = {one for one in lost if not batches[one].strangers}
        if known and (
            known := known - {one.appliance_id for one in self._forgotten()} - set(self._withdrawn())
        ):
            log.error(
                "%d appliances of %s come back and are learnt anew: what was kept of them is not in the database, or"
                " damaged (is it a restored backup?)", len(known), model,
            )  # fmt: skip


def _too_many(strangers: Sequence[Stored], oldest: int) -> set[str]:
    """Rows of those who spoke before `oldest` last, and of the longest silent beyond what is kept."""
    by_age = sorted(strangers, key=lambda one: one.last_seen)
    beyond = max(len(by_age) - MOST_STRANGERS_STORED, 0)
    return {one.id for at, one in enumerate(by_age) if at < beyond or one.last_seen < oldest}


def _rested(one: Resting) -> Rested:
    return Rested(one.appliance_model, one.appliance_id, one.last_seen, one.stranger, one.layout, one.state)


def _heard_of(engines: Mapping[str, Engine]) -> dict[str, int]:
    return {key: engine.heard_of() for key, engine in engines.items()}


def _ticked(engine: Engine) -> list[int]:
    return [lane.ticked for lane in engine.lanes.values()]
