"""One machine's runtime: source → journal → acknowledgement → engine → effects.

Nothing is lost: a message is acknowledged only after the journal has it. Nothing happens twice: effects commit
together with the position they came from, and after a crash the journal is replayed from the last snapshot with
everything up to the committed position only rebuilding state.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from foremend.engine import Engine
from foremend.errors import UnavailableError
from foremend.history.parquet import ParquetHistory
from foremend.journal import SqliteJournal
from foremend.ports import Clock, Effects, Source
from foremend.snapshots import load_snapshot, save_snapshot
from foremend.types import Block, RawMessage
from ingest.decode import Ingest

log = logging.getLogger(__name__)

TAKE_TIMEOUT_S = 0.05
PROGRESS_EVERY_MS = 100
MOST_WAITING_ROWS = 2_000_000


@dataclass(slots=True)
class Progress:
    """Counts since the journal began; they survive a restart."""

    messages: int = 0
    readings: int = 0
    dead_letters: int = 0
    time: int = 0  # newest event time, ms UTC


class ProgressListener(Protocol):
    """Hears how far the pipeline is, at most every 100 ms."""

    def __call__(self, progress: Progress) -> None: ...


class InProcessRuntime:
    """Joins the parts and moves messages through them; one thread calls `recover` and then `run`."""

    def __init__(
        self,
        *,
        source: Source,
        journal: SqliteJournal,
        ingest: Ingest,
        engine: Engine,
        effects: Effects,
        history: ParquetHistory,
        snapshot_file: Path,
        clock: Clock,
        checkpoint_every_ms: int,
        permitted: Callable[[Block], Block],
        report: ProgressListener,
    ) -> None:
        self._source, self._journal, self._ingest, self._engine = source, journal, ingest, engine
        self._effects, self._history, self._clock = effects, history, clock
        self._snapshot_file = snapshot_file
        self._checkpoint_every_ms = checkpoint_every_ms
        self._permitted, self._report = permitted, report
        self._position = self._snapshot_position = 0
        self._reported = self._checkpointed = 0
        self.progress = Progress()

    def recover(self) -> None:
        """Load the last snapshot and replay the journal's tail."""
        snapshot = load_snapshot(self._snapshot_file)
        if snapshot is not None:
            self._restore(snapshot)
        self._history.forget_after(self._position)
        self._snapshot_position = self._position
        end, done = self._journal.last_position(), self._effects.position()
        for up_to in (min(done, end), end):  # the cut at `done` keeps committed effects from happening again
            for position, messages in self._journal.replay(self._position, up_to):
                self._process(messages, position)
        self._checkpointed = self._clock.now_ms()

    def run(self, stop: threading.Event) -> None:
        """Move messages until `stop` is set; then write a last checkpoint."""
        self._source.connect()
        try:
            while not stop.is_set():
                self.step()
        finally:
            self._source.close()
            self.checkpoint()

    def step(self, timeout_s: float = TAKE_TIMEOUT_S) -> int:
        """Take what waits, make it durable, acknowledge, process; how many messages that were."""
        taken = self._source.take(timeout_s)
        if taken:
            messages = [message for message, _ in taken]
            try:
                position = self._journal.append(messages)
            except UnavailableError as error:  # not acknowledged, so the broker sends them again
                log.error("%s", error)
                raise
            self._source.acknowledge([token for _, token in taken])
            self._process(messages, position)
        self._keep_up()
        return len(taken)

    def checkpoint(self) -> None:
        """Write history and a snapshot, then forget the journal up to it."""
        self._history.flush(self._snapshot_position, self._position)
        save_snapshot(
            self._snapshot_file,
            {
                "position": self._position,
                "progress": asdict(self.progress),
                "ingest": self._ingest.snapshot(),
                "engine": self._engine.snapshot(),
            },
        )
        self._journal.prune(self._position)
        self._snapshot_position = self._position
        self._checkpointed = self._clock.now_ms()

    def _restore(self, snapshot: dict[str, Any]) -> None:
        self._position = snapshot["position"]
        self.progress = Progress(**snapshot["progress"])
        self._ingest.restore(snapshot["ingest"])
        self._engine.restore(snapshot["engine"])

    def _process(self, messages: Sequence[RawMessage], position: int) -> None:
        decoded = self._ingest.decode(messages)
        findings = []
        for block in decoded.blocks:
            allowed = self._permitted(block)
            self._history.write(allowed)
            findings += self._engine.process(allowed)
            self.progress.time = max(self.progress.time, int(block.time.max()))
        self.progress.messages += len(messages)
        self.progress.readings += decoded.readings
        self.progress.dead_letters += len(decoded.dead_letters)
        if position > self._effects.position():
            self._effects.apply(findings, decoded.dead_letters, position)
        self._position = position

    def _keep_up(self) -> None:
        now = self._clock.now_ms()
        if now - self._reported >= PROGRESS_EVERY_MS:
            self._report(self.progress)
            self._reported = now
        overdue = now - self._checkpointed >= self._checkpoint_every_ms
        if self._position > self._snapshot_position and (
            overdue or self._history.waiting_rows > MOST_WAITING_ROWS
        ):
            self.checkpoint()
