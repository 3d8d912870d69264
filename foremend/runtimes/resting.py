"""Keeps memory within bounds: who was not heard of for long moves to the store, and back when it speaks.

The engine says who may leave and what is known of them; here it is brought to the store and back, in step with the
snapshots, so that a start after a kill finds every appliance once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from foremend.engine.engine import Engine
from foremend.engine.resting import Resting as Gone
from foremend.engine.resting import RestRules
from foremend.stores.resting import RestingStore
from foremend.vocabulary.types import MS_PER_DAY, Block, Finding, Forgotten

STRANGERS_REST_AFTER = 2 * MS_PER_DAY
STRANGERS_FORGOTTEN_AFTER = 30 * MS_PER_DAY
MOST_STRANGERS_STORED = 1_000_000
"""About 1 GB; with less than an hour of readings each, none of them is worth more."""
MOST_STRANGERS_SHOWN = 1_000
"""On the page, as silent: an appliance that ended in its first hour is there, made-up ids do not fill it."""


class Resting:
    """Belongs to the runtime's thread, but for `store`'s `known` and `count`."""

    def __init__(
        self,
        store: RestingStore,
        rules: RestRules,
        forgotten: Callable[[], Sequence[Forgotten]],
        withdrawn: Callable[[], Collection[str]],
    ) -> None:
        """`forgotten` and `withdrawn` name appliances of whom nothing may be kept."""
        self.store, self._rules = store, rules
        self._forgotten, self._withdrawn = forgotten, withdrawn
        self._back: set[tuple[str, str]] = set()  # came back since the last durable snapshot
        self._ticked: tuple[int, ...] = ()
        self._heard_of = 0

    def start(self, engine: Engine, position: int, same_journal: bool) -> None:
        """The engine was restored from a snapshot of `position`; where it begins anew, -1."""
        self._back, self._ticked = set(), ()
        self.store.go_back(position)
        awake = [(model, one) for model, lane in engine.lanes.items() for one in lane.ids]
        self.store.awake(awake if self.store.count else ())
        if not same_journal:
            self.store.renumber()
        self._heard_of = engine.heard_of()

    def bring_back(self, engine: Engine, block: Block) -> list[Finding]:
        """Before `block` is processed: whoever it speaks of is in memory."""
        absent = engine.absent(block) if self.store.count else ()
        found = self.store.find(block.appliance_model, absent) if absent else ()
        self._back |= {(one.appliance_model, one.appliance_id) for one in found}
        return engine.readmit(found)

    def forget(self, ids: Collection[str]) -> None:
        """Nothing of these stays, in memory of who came back or in the store; before the next snapshot."""
        self._back = {one for one in self._back if one[1] not in ids}
        self.store.forget_wholly(ids)

    def crowded(self, engine: Engine) -> bool:
        """Whether so many newcomers came that it is time for `make_room`, long before a checkpoint."""
        return engine.heard_of() - self._heard_of >= self._rules.most_strangers // 2

    def due(self, engine: Engine) -> bool:
        """Whether a day ended since the last `make_room`, in event time."""
        return self._ticked != _ticked(engine) or self.crowded(engine)

    def make_room(self, engine: Engine) -> list[Gone]:
        """Take out of memory who may leave; `store.put` them before anything else."""
        self._ticked, self._heard_of = _ticked(engine), engine.heard_of()
        return engine.retire(self._rules)

    def mark(self) -> dict[str, str | int]:
        """For the snapshot: which store it goes with, and how far that was."""
        return {"resting": self.store.id, "resting_changes": self.store.changes}

    def settle(self, engine: Engine) -> None:
        """A snapshot of this moment is durable: let go of what it supersedes, and of what may not be kept."""
        awake = {one for one in self._back if one[1] in engine.lanes[one[0]].rows}
        if self._back:
            self.store.awake(awake)
            self.store.asleep_again(self._back - awake)
            self._back = set()
        self.store.forget(self._forgotten(), self._withdrawn())
        newest = max((lane.newest for lane in engine.lanes.values()), default=0)
        self.store.forget_strangers(newest - STRANGERS_FORGOTTEN_AFTER, MOST_STRANGERS_STORED)


def _ticked(engine: Engine) -> tuple[int, ...]:
    return tuple(lane.ticked for lane in engine.lanes.values())
