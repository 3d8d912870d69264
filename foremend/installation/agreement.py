"""Do the stores of one installation belong together? Plain values in, problems out; touches nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from alerts.installation import Belonging

STORES = ("journal", "database", "snapshot", "resting", "history", "key")


@dataclass(frozen=True, slots=True)
class JournalFacts:
    """`newest` was given out at some time, as a file beside the journal says."""

    installation: str | None
    stream: str
    first_kept: int
    last: int
    accepted: int
    newest: int


@dataclass(frozen=True, slots=True)
class RestingFacts:
    """Which file of appliances that rest, and how often it changed."""

    id: str
    changes: int


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """`installation` and `resting`, the file that it goes with, are None of one that an earlier version wrote."""

    installation: str | None
    stream: str
    position: int
    resting: RestingFacts | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What every store says; None for one that is not there. `damaged`: why one cannot be read, by store."""

    where: dict[str, str]
    journal: JournalFacts | None
    database: Belonging | None
    committed: int  # position of the journal's stream in the database
    snapshot: SnapshotFacts | None
    resting: RestingFacts | None
    history: str | None  # the installation that its folder names
    history_gone: tuple[str, ...]  # appliance models that had a folder in it
    history_kind: str  # parquet or influx, as set
    settled: int  # position that history knows a snapshot of
    key_missing: bool
    adopting: str | None  # an installation that was being set up when its process ended
    damaged: dict[str, str]

    @property
    def installation(self) -> str | None:
        """The one that the first store that knows any names."""
        parts = (self.journal, self.database, self.snapshot)
        named = [part.installation for part in parts if part is not None]
        return next((name for name in (*named, self.history) if name), None)

    @property
    def needed(self) -> int:
        """The newest position that any store knows of the journal that is here."""
        if self.journal is None:
            return 0
        snapshot = self.snapshot if self.snapshot and self.snapshot.stream == self.journal.stream else None
        return max(self.committed, snapshot.position if snapshot else 0, self.journal.newest, self.settled)


@dataclass(frozen=True, slots=True)
class Problem:
    """One store that does not fit: what is wrong with it and what is lost."""

    store: str
    where: str
    wrong: str
    lost: str

    def sentence(self) -> str:
        """Everything that an operator needs, with the command that goes on without it."""
        return (
            f"{self.where} {self.wrong}: {self.lost}. Put the right one back (`foremend restore`), or go on without"
            f" by `foremend doctor --accept-loss {self.store}`"
        )


_LOST = {
    "journal": "messages that were acknowledged and not yet worked on are lost",
    "database": "consents, withdrawals, owners, tickets and messages in it are lost, and who withdrew is watched again",
    "snapshot": "what was learnt of every appliance and its open episodes are lost",
    "resting": "what was learnt of appliances that rest and their open episodes are lost",
    "history": "stored readings are lost",
    "key": "the contacts of owners cannot be read",
}


def problems(facts: Facts) -> list[Problem]:
    """What is wrong, the worst first; nothing for a first start, and while an installation is being set up."""
    found = [Problem(store, facts.where[store], why, _LOST[store]) for store, why in facts.damaged.items()]
    for store, why in _disagreements(facts):
        if store not in facts.damaged:
            found.append(Problem(store, facts.where[store], why, _LOST[store]))
    return sorted(found, key=lambda problem: STORES.index(problem.store))


def _disagreements(facts: Facts) -> Iterator[tuple[str, str]]:
    known = facts.installation
    if facts.key_missing:
        yield "key", "is missing"
    if facts.adopting is None and known is not None:
        yield from _strangers(facts, known)
    elif (
        facts.adopting is None
        and facts.snapshot
        and (facts.journal is None or facts.journal.stream != facts.snapshot.stream)
    ):
        yield "journal", "is missing, and the snapshot is of another one"
    if facts.journal is not None:
        yield from _positions(facts, facts.journal)
    if facts.snapshot is not None and facts.snapshot.resting is not None:
        yield from _resting(facts.resting, facts.snapshot.resting)


def _resting(found: RestingFacts | None, needed: RestingFacts) -> Iterator[tuple[str, str]]:
    if found is None:
        if needed.changes:
            yield "resting", "is missing or empty, and the snapshot knows of it"
    elif found.id != needed.id:
        yield "resting", "is not the one that the snapshot knows"
    elif found.changes < needed.changes:
        yield "resting", f"is older than the snapshot: at change {found.changes} of {needed.changes}"


def _strangers(facts: Facts, known: str) -> Iterator[tuple[str, str]]:
    """Stores that are not there or name another installation."""
    journal, database, snapshot = facts.journal, facts.database, facts.snapshot
    if journal is None or journal.installation is None:
        yield "journal", "is missing or empty, and others know of it"
    if database is None:
        yield "database", "is missing or empty, and others know of it"
    elif database.installation != known:
        yield "database", "belongs to another installation"
    elif journal is not None and journal.installation and database.stream != journal.stream:
        yield "journal", "is not the one that the database knows"
    if snapshot is not None and snapshot.installation not in (None, known):
        yield "snapshot", "belongs to another installation"
    both = facts.history_kind == "parquet" and (database is None or database.history == "parquet")
    if both and facts.history != known:
        yield "history", "is missing" if facts.history is None else "belongs to another installation"
    elif both and facts.history_gone:
        yield "history", f"was emptied: nothing is there of {', '.join(facts.history_gone)}"


def _positions(facts: Facts, journal: JournalFacts) -> Iterator[tuple[str, str]]:
    """Stores that are older than the others."""
    snapshot, database = facts.snapshot, facts.database
    if journal.last < facts.needed:
        missing = facts.needed - journal.last
        yield "journal", f"ends at message {journal.last} and {facts.needed} were written, {missing} are gone"
    elif snapshot is None:
        if journal.first_kept > journal.accepted:
            yield "snapshot", f"is missing, and the journal begins behind message {journal.first_kept}"
    elif snapshot.stream != journal.stream:
        if database is not None and database.settled:
            yield "snapshot", "is older: it is of a journal before this one"
    elif snapshot.position < journal.first_kept > journal.accepted:
        yield (
            "snapshot",
            f"is older: it is at message {snapshot.position}, the journal begins behind {journal.first_kept}",
        )
    if snapshot and database and snapshot.stream == database.stream and database.settled < snapshot.position:
        wrong = f"is older than the snapshot: at message {database.settled} of {snapshot.position}"
        yield "database", wrong
