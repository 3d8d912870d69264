"""One machine's runtime: source → journal → acknowledgement → engine → effects.

Nothing is lost: a message is acknowledged only after the journal has it. Nothing happens twice: effects commit
together with the position they came from, and after a crash the journal is replayed from the last snapshot with
everything up to the committed position only rebuilding state.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, Literal

from threadpoolctl import threadpool_limits

from foremend.engine.engine import Engine
from foremend.engine.lane import NO_TIME, Lane
from foremend.runtimes.arrivals import Arrivals
from foremend.runtimes.asking import ALIKE, MOST_ALIKE
from foremend.runtimes.device_words import HearWord, nobody_hears, refused_words
from foremend.runtimes.errands import Errand
from foremend.runtimes.rescue import NOT_TRIED, Held, Rescue
from foremend.runtimes.resting import MOST_STRANGERS_SHOWN, Resting
from foremend.runtimes.status import ApplianceStatus, Doing, Heard, PipelineStatus
from foremend.stores.journal import SqliteJournal
from foremend.stores.orders import Orders
from foremend.stores.patience import Lapse, Patience
from foremend.stores.snapshots import load_snapshot, save_snapshot
from foremend.vocabulary.errors import DefectError, UnavailableError, is_unforeseen
from foremend.vocabulary.ids import folded, nearest
from foremend.vocabulary.ports import Clock, Effects, History, PipelineSource
from foremend.vocabulary.topics import CLOCK, USUAL, Progress, parse_usual_order
from foremend.vocabulary.types import MS_PER_HOUR, Block, Finding, RawMessage
from ingest.decode import Ingest
from ingest.presences import as_blocks, tells_presence

log = logging.getLogger(__name__)

TAKE_TIMEOUT_S = 0.05
PROGRESS_EVERY_MS = 100
CAUGHT_UP_S = 0.5  # nothing came for this long: what waited at the broker is here
TOGETHER_BYTES = 2 * 1024 * 1024  # of payloads and topics that are judged together at most
ORDERS_EVERY_MS = 1_000
OF_OURS = (CLOCK, USUAL)  # what the journal has beside devices' messages
LOOK_EVERY_MS = 60_000  # at the clock, for who is silent
LOOK_AT_LEAST_MS = 1_000  # between two looks, where event time runs ahead of the wall clock
COLLECT_S = 2.5  # that brought less than TOGETHER_BYTES: a fleet that talks on, no backlog
MANY_WAITING_ROWS = (
    100_000  # of history, in memory: 11 MB at nine signals. A checkpoint is due, where it is cheap ...
)
CHEAP = 20  # ... since it takes less than a twentieth of the time
MOST_WAITING_ROWS = 2_000_000

NOTHING_YET = False, -1, 0, -1
"""What `Lane.at_work` would say of an appliance whose readings still wait to be in order."""

ProgressListener = Callable[[Progress], object]
"""Hears how far the pipeline is, at most every 100 ms."""


class InProcessRuntime:
    """Joins the parts and moves messages through them; one thread calls `recover` and then `run`."""

    def __init__(
        self,
        *,
        source: PipelineSource,
        journal: SqliteJournal,
        ingest: Ingest,
        engine: Engine,
        effects: Effects,
        history: History,
        snapshot_file: Path,
        clock: Clock,
        checkpoint_every_ms: int,
        permitted: Callable[[Block], Block],
        report: ProgressListener,
        follow: Callable[[int], None] = lambda now_ms: None,
        resting: Resting | None = None,
        settle: Callable[[int], None] = lambda position: None,
        orders: Orders | None = None,
        unwatched: Callable[[Collection[str]], Collection[str]] = lambda ids: (),
        hear_word: HearWord = nobody_hears,
        require_clock: Callable[[int], None] = lambda newest_ms: None,
    ) -> None:
        """`resting` keeps memory within bounds; without it everybody stays in memory. `orders` are what commands say.

        `follow` is called with the wall clock between blocks, to take up what was promoted meanwhile; `settle` with
        the position of each snapshot before it is written; `unwatched` answers whom of some ids nobody may watch.
        `hear_word` keeps an owner's word, once however often it comes. `require_clock` raises UnavailableError while
        the machine's clock cannot be right, as the newest event time of an earlier run tells.
        """
        self._hear_word, self._require_clock = hear_word, require_clock
        self._source, self._journal, self._ingest, self._engine = source, journal, ingest, engine
        self._effects, self._history, self._clock = effects, history, clock
        self._snapshot_file = snapshot_file
        self._checkpoint_every_ms = checkpoint_every_ms
        self._permitted, self._report, self._follow = permitted, report, follow
        self._resting, self._settle, self._unwatched = resting, settle, unwatched
        self._asked_of_resting = False
        self._orders, self._asked = orders, 0  # when it was asked for orders, ms
        self._order_lapse = Lapse("taking orders")
        self._position = self._snapshot_position = 0
        self._reported = self._checkpointed = self._checkpoint_took = 0  # ms
        self._looked, self._looked_at = clock.now_ms(), 0  # at the clock, and the newest event time then
        self._saw_all = True  # at that look nothing waited to be taken
        self._catching_up = False
        self._collecting_since = 0.0  # monotonic, s
        self._collected: list[RawMessage] = []  # in the journal, not judged yet
        self._collected_bytes = self._collected_up_to = 0
        self._committed = 0
        self._state: Literal["starting", "running", "stopping"] = "starting"
        self._started = clock.now_ms()
        self._patience = Patience(threading.Event())
        self._held, self._rescue = Held(), Rescue(self, ingest.quarantine)
        self._arrivals = Arrivals()
        self._whole = True  # state is that of `_position`; not so within a step
        self._stage = ""
        self._attempted = self._begin = 0
        self._judge_days = True
        self._errands: deque[Errand] = deque()
        self.progress = Progress(messages=0, readings=0, dead_letters=0, time=0)

    def recover(self, stop: threading.Event | None = None) -> None:
        """Load the last snapshot and replay the journal's tail; `stop` ends waiting for what is away."""
        self._patience = Patience(stop or threading.Event())
        self._begin = self._patience.insist(self._journal.first_kept)
        self._nothing = self._snapshot(self._begin)
        self.go_back()
        end = self._patience.insist(self._journal.last_position)
        self._committed = self._patience.insist(self._effects.position)
        judged = min(end, max(self._committed, self._patience.insist(self._journal.last_judged)))
        self._replay(judged)
        self._arrivals.begin(self._engine)
        for position, messages in self._journal.replay(self._position, end):
            self._collect(messages, position)
        self._checkpointed = self._clock.now_ms()

    def run(self, stop: threading.Event) -> None:
        """Move messages until `stop` is set; then write a last checkpoint.

        None where something went wrong in the middle of a message: the next start begins at the last whole step.
        Raises UnavailableError where `stop` came while something was away: what was acknowledged is in the journal.
        """
        self._patience = Patience(stop)
        self._patience.insist(lambda: self._require_clock(self.progress.time))
        self._source.connect()
        self._await_backlog()
        self._state = "running"
        try:
            # A day's rows are few: more threads would only wait for each other.
            with threadpool_limits(limits=1):
                while not stop.is_set():
                    self.step()
        finally:
            self._state = "stopping"
            self._source.close()
        self.checkpoint()

    def step(self, timeout_s: float = TAKE_TIMEOUT_S) -> int:
        """Take what waits, make it durable, acknowledge, process; how many messages that were.

        After each connect what waited at the broker is collected first, `TOGETHER_BYTES` at a time: some brokers
        shuffle it, and it is put in order of time together. The backlog is over when nothing came for `CAUGHT_UP_S`,
        or when `COLLECT_S` brought less than that: a fleet that never pauses must not wait for a pause.
        """
        if not self._source.connected():
            self._await_backlog()
        if self._engine.was_deaf(self._clock.now_ms()) and not self._collected:
            self._look_at_clock(caught_up=False)
        taken = self._source.take(CAUGHT_UP_S if self._catching_up else timeout_s)
        if taken:
            messages = [message for message, _ in taken]
            whole = not self._catching_up and not self._collected
            position = self._patience.insist(lambda: self._journal.append(messages, whole))
            self._source.acknowledge([token for _, token in taken])
            if whole:
                self._judge(messages, position)
            else:
                self._collect(messages, position)
        elif self._source.connected():
            self._catching_up = False
        self._catching_up &= time.monotonic() - self._collecting_since < COLLECT_S
        if not self._catching_up:
            self._judge_collected()
            self._look_at_clock(caught_up=not taken)
            self._take_orders()
        self._keep_up()
        return len(taken)

    def forget(self, ids: Collection[str], named: Callable[[str], bool]) -> None:
        """Nothing that was learnt or remembered of these appliances stays, in memory, snapshot or journal.

        `named` tells topics and devices that are theirs. For the runtime's thread, after `recover`; other threads
        `ask` it. What was collected is judged before. Raises UnavailableError while a store is being read or is away.
        """
        self._judge_collected()
        self._engine.forget(ids)
        self._ingest.forget(named)
        self._held.forget(named)
        if self._orders is not None:
            self._patience.insist(partial(self._orders.forget, named))
        if self._resting is not None:
            self._patience.insist(partial(self._resting.forget, ids))
        self.checkpoint()
        self._patience.insist(self._journal.scrub)

    def ask(self, errand: Callable[[], object], wait_s: float) -> None:
        """From another thread: have `errand` done between two blocks; returns when it is.

        Raises UnavailableError where that did not happen within `wait_s`, or it did not succeed: ask again.
        """
        one = Errand(errand)
        self._errands.append(one)
        one.await_done(wait_s)

    def checkpoint(self) -> None:
        """Write history and a snapshot, then forget the journal up to it.

        Not in the middle of a step that failed: state and position are only ever written together.
        """
        if not self._whole:
            log.error("the last step was not finished: no snapshot is written, the next start does it again")
            return
        began = self._clock.now_ms()
        try:
            self._checkpoint()
        except Exception as error:  # noqa: BLE001 - raised again where no message is to blame
            self._rescue.after(error, self._snapshot_position, self._position)
        self._checkpoint_took = self._clock.now_ms() - began

    @property
    def position(self) -> int:
        """Of the journal's last message that is in the state."""
        return self._position

    def go_back(self) -> None:
        """To the last snapshot, as after a kill."""
        self._whole = False
        snapshot = self._patience.insist(lambda: load_snapshot(self._snapshot_file))
        self._position = self._begin
        self._restore(self._nothing if snapshot is None else snapshot)
        if self._resting is not None:
            self._find_resting(self._resting, snapshot)
        self._patience.insist(lambda: self._history.forget_after(self._position))
        self._snapshot_position = self._position
        self._whole = True

    def go_on(self, up_to: int, *, judge_days: bool = True) -> None:
        """From the journal, up to `up_to`, and a checkpoint; `foremend.runtimes.rescue` says what for."""
        self._judge_days = judge_days
        try:
            for position, messages in self._journalled(up_to):
                self._process(messages, position)
            self._checkpoint()
        finally:
            self._judge_days = True

    def put_aside(self, error: Exception) -> None:
        """The next message of the journal becomes a dead letter, together with its position."""
        ((position, message),) = self._journal.read(self._position, 1)
        self._held.note(message, error)
        letter = self._ingest.letter(message, self._ingest.quarantine.reason(self._stage, error))
        self._patience.insist(lambda: self._effects.apply((), (letter,), position))
        self._committed, self._position = max(self._committed, position), position
        before = self.progress
        self.progress = replace(before, messages=before.messages + 1, dead_letters=before.dead_letters + 1)
        self._checkpoint()

    def days_left_out(self) -> int:
        """Days that could not be judged, of appliance models, since the process began."""
        return self._engine.days_left_out

    def _checkpoint(self) -> None:
        self._stage = "history"
        self._patience.insist(lambda: self._history.flush(self._snapshot_position, self._position))
        if self._resting is not None and self._resting.due(self._engine):
            self._make_room(self._resting)
        snapshot = self._snapshot(self._position)
        if self._resting is not None:
            snapshot |= self._resting.mark()
        self._patience.insist(lambda: self._settle(self._position))
        self._patience.insist(lambda: save_snapshot(self._snapshot_file, snapshot))
        if self._resting is not None:
            self._patience.insist(partial(self._resting.settle, self._engine))
        self._patience.insist(lambda: self._journal.prune(self._position))
        self._snapshot_position = self._position
        self._checkpointed = self._clock.now_ms()

    def trouble(self) -> str | None:
        """What the pipeline waits for right now, in words; None while it waits for nothing. From any thread."""
        return self._patience.trouble

    def status(self) -> PipelineStatus:
        """This moment, for the service's threads."""
        counts, progress = self._engine.counts(), self.progress
        return PipelineStatus(
            state=self._state,
            connected=self._source.connected(),
            messages=progress.messages,
            readings=progress.readings,
            repeats=counts.repeats,
            late=counts.late,
            dead_letters=progress.dead_letters,
            event_time=progress.time or None,
            position=self._position,
            committed=self._committed,
            started_at=self._started,
            newcomers=self._engine.heard_of(),
            quarantined=self._ingest.quarantine.by_stage(),
            left_out=self._ingest.left_out(),
            resting=0 if self._resting is None else self._resting.store.count,
        )

    def fleet(self) -> Sequence[ApplianceStatus]:
        """Every appliance heard of, for the service's threads; strangers that rest are left out."""
        return self._in_memory() + self._at_rest()

    def heard(self, appliance_id: str) -> Heard | None:
        """How far one appliance is known; None for one never heard of. For the runtime's thread: others `ask` it."""
        for lane in self._engine.lanes.values():
            row = lane.rows.get(appliance_id)
            if row is not None and lane.last_seen[row] != NO_TIME:
                return _heard(self._engine, lane, row)
        at_rest = (one for one in self._at_rest() if one.appliance_id == appliance_id)
        return next((Heard(one.appliance_model, one.last_seen, False, False) for one in at_rest), None)

    def like(self, text: str) -> str | None:
        """The id of an appliance that was heard of that `text` was probably meant to be; from any thread."""
        begins = folded(text)[:ALIKE]
        ids = (one for lane in list(self._engine.lanes.values()) for one in list(lane.ids))
        return nearest(text, islice((one for one in ids if folded(one).startswith(begins)), MOST_ALIKE))

    def _at_rest(self) -> list[ApplianceStatus]:
        if self._resting is None or not self._resting.store.count:
            return []
        lanes = dict(self._engine.lanes)
        return [
            ApplianceStatus(appliance_id, model, lanes[model].profile.category, seen, silent=True)
            for model, appliance_id, seen in self._resting.store.known(MOST_STRANGERS_SHOWN)
            if model in lanes and appliance_id not in lanes[model].rows
        ]

    def _in_memory(self) -> list[ApplianceStatus]:
        return [
            _status(lane, appliance_id, seen, silent, at_work, missing, firmware)
            for lane in list(self._engine.lanes.values())
            for appliance_id, seen, silent, at_work, missing, firmware in zip(
                list(lane.ids),
                lane.last_seen.tolist(),
                self._engine.silent(lane).tolist(),
                chain(lane.at_work(), repeat(NOTHING_YET)),
                lane.days_missing(len(lane.ids)).tolist(),
                list(lane.firmware),
                strict=False,
            )
            if seen != NO_TIME
        ]

    def _snapshot(self, position: int) -> dict[str, Any]:
        return {
            "installation": self._journal.installation,
            "journal": self._journal.id,
            "position": position,
            "progress": asdict(self.progress),
            "ingest": self._ingest.snapshot(),
            "engine": self._engine.snapshot(),
            "held": self._held.snapshot(),
        }

    def _restore(self, snapshot: dict[str, Any]) -> None:
        if snapshot["journal"] == self._journal.id:
            self._position = snapshot["position"]
        else:
            log.warning(
                "the snapshot is of another journal: its state is kept, this journal is read from its start"
            )
        self.progress = Progress(**snapshot["progress"])
        self._ingest.restore(snapshot["ingest"])
        self._engine.restore(snapshot["engine"])
        if "held" in snapshot:
            self._held.restore(snapshot["held"])

    def _find_resting(self, resting: Resting, snapshot: dict[str, Any] | None) -> None:
        same = snapshot is None or snapshot["journal"] == self._journal.id
        position = -1 if snapshot is None else int(snapshot["position"])  # without one nobody rests either
        self._patience.insist(partial(resting.start, self._engine, position, same))

    def _make_room(self, resting: Resting) -> None:
        self._whole = False  # who left memory is in no snapshot, and not in the store yet
        try:
            gone = resting.make_room(self._engine)
            if gone:
                self._patience.insist(partial(resting.store.put, gone, self._position))
        except Exception as error:
            if is_unforeseen(error):
                raise DefectError(f"appliances could not be put to rest ({type(error).__name__})") from error
            raise
        self._whole = True

    def _await_backlog(self) -> None:
        self._catching_up, self._collecting_since = True, time.monotonic()

    def _collect(self, messages: Sequence[RawMessage], position: int) -> None:
        """Messages that the journal has, to be judged together with those before them."""
        self._collected += messages
        self._collected_up_to = position
        self._collected_bytes += sum(len(message.topic) + len(message.payload) for message in messages)
        if self._collected_bytes >= TOGETHER_BYTES:
            self._judge_collected()
            self._collecting_since = time.monotonic()

    def _judge_collected(self) -> None:
        if not self._collected:
            return
        messages, position = self._collected, self._collected_up_to
        self._patience.insist(lambda: self._journal.judge_together(position))
        self._collected, self._collected_bytes = [], 0
        self._judge(messages, position)

    def _judge(self, messages: Sequence[RawMessage], position: int) -> None:
        """A whole step, whatever is in it: what raises is found, and set aside."""
        before = self._position
        try:
            self._process(messages, position)
        except Exception as error:  # noqa: BLE001 - raised again where no message is to blame
            self._rescue.after(error, before, position)

    def _replay(self, up_to: int) -> None:
        """What the journal has up to there; the same."""
        while self._position < up_to:
            before = self._position
            try:
                for position, messages in self._journalled(up_to):
                    self._process(messages, position)
            except Exception as error:  # noqa: BLE001 - raised again where no message is to blame
                self._rescue.after(error, self._position, self._attempted)
            if self._position == before:
                return

    def _journalled(self, up_to: int) -> Iterator[tuple[int, Sequence[RawMessage]]]:
        """Groups behind the position; a cut keeps committed effects from happening again."""
        for end in (min(self._committed, up_to), up_to):
            yield from self._journal.replay(self._position, end)

    def _look_at_clock(self, caught_up: bool) -> None:
        """Once a minute, or after a lot of event time or a backlog: who is silent? The journal knows it, as a message.

        A look is a group of its own there, so a replay looks at the same place. Not while nobody can be heard.
        """
        now = self._clock.now_ms()
        soon = self.progress.time - self._looked_at >= MS_PER_HOUR or (caught_up and not self._saw_all)
        passed = now - self._looked
        due = (
            passed < 0
            or passed >= (LOOK_AT_LEAST_MS if soon else LOOK_EVERY_MS)
            or self._engine.was_deaf(now)
        )
        if due and self._source.connected():
            self._looked, self._looked_at, self._saw_all = now, self.progress.time, caught_up
            look = RawMessage(CLOCK, b"caught up" if caught_up else b"", now)
            self._judge([look], self._patience.insist(lambda: self._journal.append([look])))

    def _take_orders(self) -> None:
        """What commands ordered, once a second: a message of the journal each, where a replay hears it again."""
        now = self._clock.now_ms()
        if self._orders is None or 0 <= now - self._asked < ORDERS_EVERY_MS:
            return
        self._asked = now
        try:
            waiting = self._orders.waiting()
        except UnavailableError as error:  # readings do not wait for that
            self._order_lapse.failed(error)
            return
        self._order_lapse.worked()
        for order in waiting:
            message = RawMessage(USUAL, order.what, now)
            self._judge([message], self._patience.insist(partial(self._journal.append, [message])))
            self._patience.insist(partial(self._orders.done, order))

    def _hear(self, said: RawMessage) -> list[Finding]:
        """A look at the clock, or an order."""
        if said.topic == CLOCK:
            self._forget_unwatched()
            return self._engine.advance(said.received, caught_up=bool(said.payload))
        self._engine.learn_anew(*parse_usual_order(said.payload))
        return []

    def _forget_unwatched(self) -> None:
        """What was learnt of whom nobody may watch any more goes, before anybody calls them silent."""
        ids = [one for lane in self._engine.lanes.values() for one in lane.ids]
        if self._resting is not None and not self._asked_of_resting:  # of changes since then the ledger tells
            ids += [one for _, one, _ in self._resting.store.known(MOST_STRANGERS_SHOWN)]
            self._asked_of_resting = True
        if gone := self._patience.insist(partial(self._unwatched, ids)):
            self._engine.forget(gone)

    def _process(self, messages: Sequence[RawMessage], position: int) -> None:
        self._whole, self._attempted, self._stage = False, position, "decode"
        ours = [message for message in messages if message.topic in OF_OURS]
        tried, held = self._held.split([message for message in messages if message.topic not in OF_OURS])
        decoded = self._ingest.decode(tried)
        letters = [*decoded.dead_letters, *(self._ingest.letter(message, NOT_TRIED) for message in held)]
        self._stage = "engine"
        findings: list[Finding] = []
        for said in ours:
            findings += self._hear(said)
        newest = self.progress.time
        for block in (*decoded.blocks, *as_blocks(decoded.presence)):
            permitted = self._patience.insist(partial(self._permitted, block))
            if self._resting is not None:
                findings += self._patience.insist(partial(self._resting.bring_back, self._engine, permitted))
            findings += self._engine.process(permitted, judge_days=self._judge_days)
            if tells_presence(block):
                continue
            if self._state == "running":
                self._arrivals.heard(
                    self._engine, block.appliance_model, len(permitted), self._clock.now_ms()
                )
            newest = max(newest, int(block.time.max()))
        self._stage = "effects"
        if position > self._committed:
            letters += refused_words(decoded.words, self._hear_word, self._patience.insist)
            self._patience.insist(lambda: self._effects.apply(findings, letters, position))
            self._committed = position
        if tried:
            self._held.went_through()
        self._ingest.quarantine.counts["held"] += len(held)
        self._position, self._whole = position, True
        self.progress = replace(
            self.progress,
            messages=self.progress.messages + len(messages) - len(ours),
            readings=self.progress.readings + decoded.readings,
            dead_letters=self.progress.dead_letters + len(letters),
            time=newest,
        )

    def _keep_up(self) -> None:
        now = self._clock.now_ms()
        while self._errands and self._whole:
            self._errands.popleft().do()
        if now - self._reported >= PROGRESS_EVERY_MS:
            self._ingest.quarantine.contain("report", lambda: self._report(self.progress))
            self._reported = now
        self._ingest.quarantine.contain("promotion", lambda: self._follow(now))
        self._arrivals.tell(now)
        if self._resting is not None and self._resting.crowded(self._engine):
            self._make_room(self._resting)
        if self._position > self._snapshot_position and self._checkpoint_is_due(now):
            self.checkpoint()

    def _checkpoint_is_due(self, now: int) -> bool:
        """It is time to, or so much history waits; what is much depends on what a snapshot of this fleet costs."""
        passed, waiting = now - self._checkpointed, self._history.waiting_rows
        cheap = passed >= CHEAP * self._checkpoint_took
        return (
            passed >= self._checkpoint_every_ms
            or waiting > MOST_WAITING_ROWS
            or (waiting > MANY_WAITING_ROWS and cheap)
        )


def _heard(engine: Engine, lane: Lane, row: int) -> Heard:
    seen = int(lane.last_seen[row])
    work = lane.at_work()[row : row + 1]  # nobody's whose readings still wait to be in order
    learnt = lane.profile.cycle is None or any(one[0] for one in work)
    known = learnt and not engine.silent(lane)[row] and not lane.strangers()[row]
    return Heard(lane.profile.name, seen, bool(lane.offline_since[row] != NO_TIME), bool(known))


def _status(
    lane: Lane,
    appliance_id: str,
    seen: int,
    silent: bool,
    at_work: tuple[bool, int, int, int],
    missing: int,
    firmware: str,
) -> ApplianceStatus:
    learnt, running, starts, until = at_work
    return ApplianceStatus(
        appliance_id,
        lane.profile.name,
        lane.profile.category,
        seen,
        silent,
        learning=lane.profile.cycle is not None and not learnt,
        doing=Doing(running == 1, starts, until) if learnt and running >= 0 else None,
        days_missing=missing,
        firmware=firmware,
    )
