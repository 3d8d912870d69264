"""Appliances that rest, in a SQLite file beside the journal.

Every state has the position at which its appliance left memory. It is durable here before a snapshot without it is
written, and what came back stays here until a snapshot with it is durable: whatever snapshot a start finds, going back
to its position leaves exactly what it lacks. The file has an id and counts its changes; a snapshot names both, so that
one that is missing, older or another is told.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from foremend.engine.resting import Resting, is_whole
from foremend.vocabulary.errors import IntegrityError, UnavailableError
from foremend.vocabulary.types import Forgotten

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS layout (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    "CREATE TABLE IF NOT EXISTS resting (appliance_model TEXT NOT NULL, appliance_id TEXT NOT NULL,"
    " position INTEGER NOT NULL, last_seen INTEGER NOT NULL, stranger INTEGER NOT NULL, layout INTEGER NOT NULL,"
    " state BLOB NOT NULL, PRIMARY KEY (appliance_model, appliance_id, position)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS by_age ON resting (stranger, last_seen)",
    "CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL, changes INTEGER NOT NULL)",
)
_ONE = "appliance_model = ? AND appliance_id = ?"
_OF_THESE = "DELETE FROM resting WHERE appliance_id IN (SELECT value FROM json_each(?))"  # one look at all
_CHUNK = 500


class RestingStore:
    """Every method raises UnavailableError where the disk refuses: nothing was changed then, call again."""

    def __init__(self, path: Path) -> None:
        """Raises IntegrityError where the file is none of ours, or damaged."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._lock = path, threading.RLock()
        with self._in_our_words():
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for setting in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                self._db.execute(f"PRAGMA {setting}")
            for statement in _SCHEMA:
                self._db.execute(statement)
            self._count = self._counted()
            self.id, self._changes = self._identity()

    @property
    def changes(self) -> int:
        """How often the file changed."""
        return self._changes

    def go_on_as(self, identity: str, changes: int) -> None:
        """From now on be the file that a snapshot names, whatever is missing here: somebody said so."""
        with self._change() as db:
            db.execute("UPDATE identity SET id = ?, changes = max(changes, ?)", (identity, changes))
        self.id = identity

    def sound(self) -> bool:
        """Whether SQLite finds nothing damaged in the file, nor anybody's state is."""
        if self._read("PRAGMA quick_check(1)", ())[0][0] != "ok":
            return False
        with self._lock, self._in_our_words():
            return all(is_whole(state) for (state,) in self._db.execute("SELECT state FROM resting"))

    @property
    def count(self) -> int:
        """How many rest."""
        return self._count

    def put(self, resting: Sequence[Resting], position: int) -> None:
        """Make durable what left memory at `position`."""
        with self._change() as db:
            layouts = {text: _number(db, text) for text in {one.layout for one in resting}}
            rows = [
                (
                    o.appliance_model,
                    o.appliance_id,
                    position,
                    o.last_seen,
                    o.stranger,
                    layouts[o.layout],
                    o.state,
                )
                for o in resting
            ]
            db.executemany("INSERT OR REPLACE INTO resting VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def find(self, appliance_model: str, ids: Sequence[str]) -> list[Resting]:
        """Those of `ids` that rest, each as it left last."""
        found: dict[str, Resting] = {}
        for start in range(0, len(ids), _CHUNK):
            some = ids[start : start + _CHUNK]
            query = (
                "SELECT appliance_id, last_seen, stranger, text, state FROM resting JOIN layout ON number = layout"
                f" WHERE appliance_model = ? AND appliance_id IN ({_marks(some)}) ORDER BY position"
            )
            for one, seen, strange, layout, state in self._read(query, (appliance_model, *some)):
                found[one] = Resting(appliance_model, one, seen, bool(strange), layout, state)
        return list(found.values())

    def known(self, strangers: int = 0) -> list[tuple[str, str, int]]:
        """Appliance model, id and last event time of those who rest; of strangers, so many that were heard of last."""
        newest = "WHERE stranger = 1 ORDER BY last_seen DESC LIMIT ?"
        rows = self._read(
            f"SELECT appliance_model, appliance_id, last_seen FROM resting {newest}", (strangers,)
        )
        others = "WHERE stranger = 0 GROUP BY 1, 2"
        rows += self._read(f"SELECT appliance_model, appliance_id, max(last_seen) FROM resting {others}", ())
        latest = {(model, one): seen for model, one, seen in rows}
        return [(model, one, seen) for (model, one), seen in latest.items()]

    def awake(self, appliances: Iterable[tuple[str, str]]) -> None:
        """A snapshot that has these is durable: they rest no more."""
        with self._change() as db:
            db.executemany(f"DELETE FROM resting WHERE {_ONE}", appliances)

    def asleep_again(self, appliances: Iterable[tuple[str, str]]) -> None:
        """A snapshot that lacks these is durable: only how they left last counts."""
        newest = f"SELECT max(position) FROM resting WHERE {_ONE}"
        with self._change() as db:
            db.executemany(
                f"DELETE FROM resting WHERE {_ONE} AND position < ({newest})",
                [(*one, *one) for one in appliances],
            )

    def go_back(self, position: int) -> None:
        """A start found a snapshot of `position`: who left later is in it, or comes again."""
        with self._change() as db:
            db.execute("DELETE FROM resting WHERE position > ?", (position,))

    def renumber(self) -> None:
        """The journal is another one, whose positions begin anew."""
        with self._change() as db:
            db.execute(
                "DELETE FROM resting WHERE position < (SELECT max(position) FROM resting o WHERE"
                " o.appliance_model = resting.appliance_model AND o.appliance_id = resting.appliance_id)"
            )
            db.execute("UPDATE resting SET position = 0")

    def forget(self, forgotten: Sequence[Forgotten], withdrawn: Collection[str]) -> None:
        """Remove what may not be kept: of erased appliances, and of those whose owner does not want them watched."""
        if not self._count:
            return
        erased = [(one.appliance_model, one.appliance_id, one.until) for one in forgotten]
        with self._change() as db:
            db.executemany(f"DELETE FROM resting WHERE {_ONE} AND last_seen <= ?", erased)
            db.execute(_OF_THESE, (json.dumps(list(withdrawn)),))

    def forget_wholly(self, ids: Collection[str]) -> None:
        """Remove what is kept of these, whatever their model is, and leave no byte of it."""
        with self._change() as db:
            db.execute(_OF_THESE, (json.dumps(list(ids)),))
        (busy, *_) = self._read("PRAGMA wal_checkpoint(TRUNCATE)", ())[0]
        if busy:
            raise UnavailableError(f"{self._path} is being read: its log cannot be emptied yet")

    def forget_before(self, moment: int, ids: Collection[str] | None = None) -> int:
        """Remove those not heard of since `moment` (ms UTC), all or those of `ids`; how many."""
        before = self._count
        if before:
            with self._change() as db:
                if ids is None:
                    db.execute("DELETE FROM resting WHERE last_seen < ?", (moment,))
                else:
                    db.execute(f"{_OF_THESE} AND last_seen < ?", (json.dumps(list(ids)), moment))
        return before - self._count

    def not_heard_since(self, moment: int) -> set[str]:
        """The ids of those not heard of since `moment` (ms UTC)."""
        rows = self._read("SELECT DISTINCT appliance_id FROM resting WHERE last_seen < ?", (moment,))
        return {one for (one,) in rows}

    def forget_strangers(self, before: int, most: int) -> None:
        """Those not heard of since `before` (ms UTC), and the oldest beyond `most`."""
        if not self._count:
            return
        with self._change() as db:
            db.execute("DELETE FROM resting WHERE stranger AND last_seen < ?", (before,))
            (many,) = db.execute("SELECT count(*) FROM resting WHERE stranger").fetchone()
            query = "SELECT last_seen FROM resting WHERE stranger ORDER BY last_seen LIMIT 1 OFFSET ?"
            if many > most:
                (oldest,) = db.execute(query, (many - most,)).fetchone()
                db.execute("DELETE FROM resting WHERE stranger AND last_seen < ?", (oldest,))

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._in_our_words():
            self._db.execute("BEGIN IMMEDIATE")
            before = self._db.total_changes
            try:
                yield self._db
                if self._db.total_changes > before:
                    self._db.execute("UPDATE identity SET changes = changes + 1")
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
            self._count = self._counted()
            _, self._changes = self._identity()

    def _read(self, query: str, values: Sequence[Any]) -> list[Any]:
        with self._lock, self._in_our_words():
            return self._db.execute(query, values).fetchall()

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise UnavailableError(f"{self._path} cannot be used now: {error}") from error
        except sqlite3.DatabaseError as error:
            raise IntegrityError(
                f"{self._path} is damaged ({error}): restore the whole folder from a backup, or let the appliances that"
                " rest in it be learnt anew by `foremend doctor --accept-loss resting`"
            ) from error

    def _counted(self) -> int:
        (count,) = self._db.execute("SELECT count(*) FROM resting").fetchone()
        return int(count)

    def _identity(self) -> tuple[str, int]:
        query = "SELECT id, changes FROM identity"
        found = self._db.execute(query).fetchone()
        if found is None:
            self._db.execute("INSERT INTO identity VALUES (?, 0)", (secrets.token_hex(8),))
            found = self._db.execute(query).fetchone()
        return str(found[0]), int(found[1])


def _number(db: sqlite3.Connection, layout: str) -> int:
    db.execute("INSERT OR IGNORE INTO layout (text) VALUES (?)", (layout,))
    (number,) = db.execute("SELECT number FROM layout WHERE text = ?", (layout,)).fetchone()
    return int(number)


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
