"""The local journal: raw messages are durable here before the broker hears an acknowledgement.

SQLite in WAL mode with synchronous=FULL, so a committed message survives a power cut, not only a kill.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from alerts.database_errors import of_sqlite
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import RawMessage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    received INTEGER NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    retained INTEGER NOT NULL -- 1 retained, 2 just subscribed, 3 both
)
"""

PAGE_BYTES = 16_384
"""An array of sixty readings, about 7 KB, then fits one page: pruning frees one, not a chain."""

REPLAY_BYTES = 2 * 1024 * 1024
"""A batch of a replay is full with this much of topics and payloads, as a take of the MQTT source is."""

_GROUPS = "CREATE TABLE judged (last INTEGER PRIMARY KEY)"
"""Where a group ended that was judged together: a replay must sort by time what was sorted together, and no more."""

_IDENTITY = "CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL)"
_BELONGS = "CREATE TABLE IF NOT EXISTS installation (id TEXT NOT NULL, accepted INTEGER NOT NULL)"


class SqliteJournal:
    """Ordered raw messages; AUTOINCREMENT keeps positions growing even after everything was pruned.

    `id` names this journal: positions of another one, say after the file was lost, mean nothing to it.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with self._in_our_words():
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.execute(f"PRAGMA page_size={PAGE_BYTES}")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(_SCHEMA)
            self._db.execute(_IDENTITY)
            self._begin_groups()
            self._db.execute(_BELONGS)
            self.id = self._identity()
        self._mark = os.open(mark_file(path), os.O_RDWR | os.O_CREAT, 0o600)

    def append(self, messages: Sequence[RawMessage], whole: bool = True) -> int:
        """Store `messages` in one transaction; the position of the last one.

        They end a group that is judged together, unless it is not `whole` yet: then `judge_together` ends it.
        Raises UnavailableError when the disk refuses: nothing was acknowledged, so the broker keeps them.
        """
        rows = [(m.received, m.topic, m.payload, m.retained + 2 * m.just_subscribed) for m in messages]
        with self._in_our_words(), self._transaction():
            self._db.executemany(
                "INSERT INTO message (received, topic, payload, retained) VALUES (?, ?, ?, ?)", rows
            )
            if whole:
                self._db.execute("INSERT INTO judged SELECT seq FROM sqlite_sequence WHERE name = 'message'")
        position = self.last_position()
        # A log that is cut short is told by it. Never ahead of what is durable, so it need not be synced.
        with suppress(OSError):
            os.pwrite(self._mark, f"{self.id} {position:019d}\n".encode(), 0)
        return position

    @property
    def installation(self) -> str | None:
        """The installation that it belongs to; None before `belong`."""
        row = self._belonging()
        return None if row is None else row[0]

    @property
    def accepted(self) -> int:
        """Messages up to this position may be missing: somebody said so."""
        row = self._belonging()
        return 0 if row is None else row[1]

    def belong(self, installation: str, accepted: int = 0, go_on_from: int = 0) -> None:
        """Keep whose journal it is, which losses are accepted, and give out no position up to `go_on_from`."""
        with self._in_our_words(), self._transaction():
            self._db.execute("DELETE FROM installation")
            self._db.execute("INSERT INTO installation VALUES (?, ?)", (installation, accepted))
            if go_on_from > self.last_position():
                self._db.execute("DELETE FROM sqlite_sequence WHERE name = 'message'")
                self._db.execute("INSERT INTO sqlite_sequence VALUES ('message', ?)", (go_on_from,))

    def sound(self) -> bool:
        """Whether SQLite finds nothing damaged in the file."""
        with self._in_our_words():
            return bool(self._db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")

    def mark(self) -> int:
        """The newest position that was given out, as kept outside the database; 0 where nobody knows."""
        stream, _, position = os.pread(self._mark, 100, 0).decode("ascii", "replace").partition(" ")
        return int(position) if stream == self.id and position.strip().isdigit() else 0

    def last_position(self) -> int:
        """The highest position ever given out; 0 before the first message."""
        with self._in_our_words():
            row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'message'").fetchone()
        return 0 if row is None else int(row[0])

    def first_kept(self) -> int:
        """The position before the oldest message still here: what a replay can start after."""
        with self._in_our_words():
            (oldest,) = self._db.execute("SELECT MIN(position) FROM message").fetchone()
        return self.last_position() if oldest is None else int(oldest) - 1

    def read(
        self, after: int, limit: int, most_bytes: int = REPLAY_BYTES
    ) -> Sequence[tuple[int, RawMessage]]:
        """Up to `limit` messages with a position above `after`, in order; fewer where they pass `most_bytes`."""
        found, left = [], most_bytes
        with self._in_our_words(), closing(self._db.cursor()) as rows:
            rows.execute(
                "SELECT position, topic, payload, received, retained FROM message"
                " WHERE position > ? ORDER BY position LIMIT ?",
                (after, limit),
            )
            for position, topic, payload, received, kept in rows:
                found.append((position, RawMessage(topic, payload, received, bool(kept & 1), kept > 1)))
                left -= len(topic) + len(payload)
                if left <= 0:
                    break
        return found

    def judge_together(self, up_to: int) -> None:
        """What was appended since the last group, up to `up_to`, is one group: for `replay`.

        Raises UnavailableError when the disk refuses: call again.
        """
        with self._in_our_words():
            self._db.execute("INSERT OR IGNORE INTO judged VALUES (?)", (up_to,))

    def last_judged(self) -> int:
        """Where the last group ended."""
        with self._in_our_words():
            (last,) = self._db.execute("SELECT MAX(last) FROM judged").fetchone()
        return int(last)

    def replay(
        self, after: int, up_to: int, batch: int = 2_000
    ) -> Iterator[tuple[int, Sequence[RawMessage]]]:
        """Messages in (after, up_to] by the groups they were judged in, each with the position of its last message.

        A group that nobody marked comes in batches of at most `batch` messages and about `REPLAY_BYTES`.
        """
        while after < up_to:
            (end,) = self._db.execute("SELECT MIN(last) FROM judged WHERE last > ?", (after,)).fetchone()
            rows = (
                self.read(after, min(batch, up_to - after))
                if end is None or end > up_to
                else self.read(after, end - after, sys.maxsize)
            )
            if not rows:
                return
            after = rows[-1][0]
            yield after, [message for _, message in rows]

    def prune(self, up_to: int) -> None:
        """Forget messages up to and including position `up_to`: a snapshot covers them.

        Raises UnavailableError when the disk refuses: call again.
        """
        with self._in_our_words():
            self._db.execute("DELETE FROM message WHERE position <= ?", (up_to,))
            self._db.execute("DELETE FROM judged WHERE last < ?", (up_to,))

    def scrub(self) -> None:
        """Of messages that were pruned no byte stays in the file or its log. Soon done: little else is in it.

        Raises UnavailableError while somebody reads it, or the disk refuses: call again.
        """
        with self._in_our_words():
            self._db.execute("VACUUM")
            (busy, *_) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise UnavailableError(f"the journal {self._path} is being read: its log cannot be emptied yet")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            known = of_sqlite(error, f"the journal {self._path}")
            raise known or error from error

    def _begin_groups(self) -> None:
        """In a journal of before, all that is there was judged as it came."""
        if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'judged'").fetchone() is None:
            with self._transaction():
                self._db.execute(_GROUPS)
                self._db.execute("INSERT INTO judged VALUES (?)", (self.last_position(),))

    def _belonging(self) -> tuple[str, int] | None:
        with self._in_our_words():
            row = self._db.execute("SELECT id, accepted FROM installation").fetchone()
        return None if row is None else (str(row[0]), int(row[1]))

    def _identity(self) -> str:
        row = self._db.execute("SELECT id FROM identity").fetchone()
        if row is None:
            row = (secrets.token_hex(4),)
            self._db.execute("INSERT INTO identity VALUES (?)", row)
        return str(row[0])

    def close(self) -> None:
        self._db.close()
        os.close(self._mark)


def mark_file(journal: Path) -> Path:
    """Beside the journal: its id and the newest position that it gave out."""
    return journal.with_suffix(".position")
