"""The stores of one `storage.folder` looked at, given one installation id, and repaired where somebody says so."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from alerts.database import open_database
from alerts.installation import Belonging, belong, belonging, committed, has_contacts
from alerts.vault import open_vault
from foremend.config import Settings
from foremend.history.parquet_folder import Folder
from foremend.installation.agreement import (
    STORES,
    Facts,
    JournalFacts,
    Problem,
    RestingFacts,
    SnapshotFacts,
    problems,
)
from foremend.installation.private import database_file
from foremend.stores.journal import SqliteJournal
from foremend.stores.resting import RestingStore
from foremend.stores.snapshots import load_snapshot, snapshot_header
from foremend.vocabulary.durable import replace_atomically
from foremend.vocabulary.errors import ConfigError, IntegrityError
from foremend.vocabulary.ports import Clock


class Stores:
    """What `storage.folder` and the database hold. Have the folder's lock before anything but `facts` is called."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        folder = settings.storage.folder
        self._journal, self._snapshot = folder / "journal.db", folder / "engine.snapshot"
        self._adopting, self._aside = folder / "installation.new", folder / "set-aside"
        self._restoring, self._resting = folder / "restoring", folder / "resting.db"
        self._history = Folder(folder / "history")
        self._history_mark = self._history.work / "installation"

    def require_agreement(self) -> None:
        """Raises IntegrityError, naming every store that is missing, older, damaged or not of this installation.

        At the first start, and at the first one of this version, gives all the same id.
        """
        if self._restoring.exists():
            backup = self._restoring.read_text()
            raise IntegrityError(f"a restore was cut short: run `foremend restore {backup}` again")
        facts = self.facts()
        if wrong := problems(facts):
            raise IntegrityError("; ".join(problem.sentence() for problem in wrong))
        known = facts.adopting or facts.installation or secrets.token_hex(8)
        kind = self._settings.storage.history
        complete = facts.database and facts.history and facts.journal and facts.journal.installation
        if not complete or facts.adopting or (facts.database and facts.database.history != kind):
            self._adopt(known, facts)

    def facts(self, thorough: bool = False) -> Facts:
        """What every store says, without making any; `thorough` also reads all of snapshot and `resting.db`."""
        damaged: dict[str, str] = {}
        snapshot = self._snapshot_facts(damaged, thorough)
        history = self._history_mark.read_text() if self._history_mark.exists() else None
        database = self._database_facts(damaged, snapshot)
        journal = self._journal_facts(damaged)
        stream = self._history.stream(journal.stream) if journal else None
        return Facts(
            where=self._where(),
            journal=journal,
            database=database[0],
            committed=database[1].get(journal.stream, 0) if journal else 0,
            snapshot=snapshot,
            resting=self._resting_facts(damaged, thorough),
            history_gone=self._history.models_gone(),
            history=history if self._history.root.is_dir() else None,
            history_kind=self._settings.storage.history,
            settled=stream.settled if stream else 0,
            key_missing=database[2],
            adopting=self._adopting.read_text() if self._adopting.exists() else None,
            damaged=damaged,
        )

    def accept_loss(self, store: str) -> Problem:
        """Go on without what `store` lost; it is set aside, never deleted, and stands in the audit log.

        Raises ConfigError where nothing is wrong with it.
        """
        facts = self.facts(thorough=True)
        found = next((problem for problem in problems(facts) if problem.store == store), None)
        if found is None:
            raise ConfigError(f"nothing is wrong with the {store}: there is no loss to accept")
        known = facts.adopting or facts.installation or secrets.token_hex(8)
        if facts.installation is None:  # of an earlier version: the next start gives all of them this id
            replace_atomically(self._adopting, known.encode())
        getattr(self, f"_accept_{store}")(facts, known)
        facts = self.facts()
        if facts.database is not None:
            with closing(_Opened(self._settings.alerts.database)) as opened:
                why = ("stores.loss_accepted", f"{store} {found.wrong}")
                belong(opened.engine, facts.database, self._clock, why)
        return found

    def _accept_journal(self, facts: Facts, known: str) -> None:
        journal, database = facts.journal, facts.database
        same = journal is not None and (database is None or database.stream == journal.stream)
        if journal is not None and journal.installation and same and "journal" not in facts.damaged:
            with closing(SqliteJournal(self._journal)) as opened:
                opened.belong(known, max(facts.needed, journal.accepted), facts.needed)
            return
        self._set_aside(self._journal, "-wal", "-shm")
        with closing(SqliteJournal(self._journal)) as opened:
            opened.belong(known)
            stream = opened.id
        if database is not None:
            self._belong(Belonging(known, stream, 0, database.history))

    def _accept_snapshot(self, facts: Facts, known: str) -> None:
        older = facts.snapshot is not None and facts.journal is not None
        if not older or (facts.snapshot and facts.journal and facts.snapshot.stream != facts.journal.stream):
            self._set_aside(self._snapshot)
        if facts.journal is not None:
            with closing(SqliteJournal(self._journal)) as opened:
                opened.belong(known, max(facts.journal.first_kept, facts.journal.accepted))

    def _accept_database(self, facts: Facts, known: str) -> None:
        file = database_file(self._settings)
        if "database" in facts.damaged and file is not None:
            self._set_aside(file, "-wal", "-shm")
        stream = facts.journal.stream if facts.journal else ""
        same = facts.snapshot is not None and facts.snapshot.stream == stream
        settled = facts.snapshot.position if same and facts.snapshot else 0
        self._belong(Belonging(known, stream, settled, self._settings.storage.history))

    def _accept_resting(self, facts: Facts, known: str) -> None:
        needed = facts.snapshot.resting if facts.snapshot else None
        if facts.resting is None or "resting" in facts.damaged or (needed and needed.id != facts.resting.id):
            self._set_aside(self._resting, "-wal", "-shm")
        with closing(RestingStore(self._resting)) as opened:
            if needed is not None:
                opened.go_on_as(needed.id, needed.changes)

    def _accept_history(self, facts: Facts, known: str) -> None:
        self._keep_history(known)

    def _accept_key(self, facts: Facts, known: str) -> None:
        open_vault(self._settings.alerts, os.environ)

    def _adopt(self, known: str, facts: Facts) -> None:
        """In any order of kills: while the file is there, a store without an id gets this one."""
        replace_atomically(self._adopting, known.encode())
        with closing(SqliteJournal(self._journal)) as journal:
            journal.belong(known, journal.accepted)
            same = facts.snapshot is not None and facts.snapshot.stream == journal.id
            settled = facts.snapshot.position if facts.snapshot and same else 0
            before = facts.database.settled if facts.database else 0
            kind = self._settings.storage.history
            self._belong(Belonging(known, journal.id, max(settled, before), kind))
        if kind == "parquet":
            self._keep_history(known)
        self._adopting.unlink()

    def _belong(self, to: Belonging) -> None:
        with closing(_Opened(self._settings.alerts.database)) as opened:
            belong(opened.engine, to, self._clock)

    def _keep_history(self, installation: str) -> None:
        self._history.root.mkdir(parents=True, exist_ok=True)
        replace_atomically(self._history_mark, installation.encode())
        self._history.forget_models_gone()

    def _set_aside(self, file: Path, *ends: str) -> None:
        number = self._clock.now_ms()
        self._aside.mkdir(parents=True, exist_ok=True, mode=0o700)
        for one in (file, *(file.with_name(file.name + end) for end in ends)):
            if one.exists():
                one.rename(self._aside / f"{number}-{one.name}")

    def _journal_facts(self, damaged: dict[str, str]) -> JournalFacts | None:
        if not self._journal.exists() or not self._journal.stat().st_size:
            return None
        try:
            with closing(SqliteJournal(self._journal)) as journal:
                if not journal.sound():
                    damaged["journal"] = "is damaged"
                return JournalFacts(
                    journal.installation,
                    journal.id,
                    journal.first_kept(),
                    journal.last_position(),
                    journal.accepted,
                    journal.mark(),
                )
        except (IntegrityError, sqlite3.DatabaseError) as error:
            damaged["journal"] = f"is damaged ({error})"
            return None

    def _snapshot_facts(self, damaged: dict[str, str], thorough: bool) -> SnapshotFacts | None:
        if not self._snapshot.exists():
            return None
        try:
            header = snapshot_header(self._snapshot)
            if thorough:
                load_snapshot(self._snapshot)
            named = header.get("resting")
            resting = None if named is None else RestingFacts(named, header["resting_changes"])
            return SnapshotFacts(header.get("installation"), header["journal"], header["position"], resting)
        except (IntegrityError, KeyError) as error:
            damaged["snapshot"] = f"is damaged or of another version ({error})"
            return None

    def _resting_facts(self, damaged: dict[str, str], thorough: bool) -> RestingFacts | None:
        if not self._resting.exists() or not self._resting.stat().st_size:
            return None
        try:
            with closing(RestingStore(self._resting)) as resting:
                if thorough and not resting.sound():
                    damaged["resting"] = "is damaged"
                return RestingFacts(resting.id, resting.changes)
        except IntegrityError as error:
            damaged["resting"] = f"is damaged ({error.__cause__})"
            return None

    def _database_facts(
        self, damaged: dict[str, str], snapshot: SnapshotFacts | None
    ) -> tuple[Belonging | None, dict[str, int], bool]:
        file = database_file(self._settings)
        if file is not None and (not file.exists() or not file.stat().st_size):
            return None, {}, False
        try:
            with closing(_Opened(self._settings.alerts.database)) as opened:
                known = belonging(opened.engine)
                streams = {one for one in (known and known.stream, snapshot and snapshot.stream) if one}
                positions = {stream: committed(opened.engine, stream) for stream in streams}
                alerts = self._settings.alerts
                sealed = alerts.key_env not in os.environ and not alerts.key_file.exists()
                return known, positions, sealed and has_contacts(opened.engine)
        except (IntegrityError, sqlite3.DatabaseError) as error:
            damaged["database"] = f"is damaged ({error})"
            return None, {}, False

    def _where(self) -> dict[str, str]:
        url = make_url(self._settings.alerts.database)
        places = (
            self._journal,
            database_file(self._settings) or f"the database {url.database} on {url.host or 'this machine'}",
            self._snapshot,
            self._resting,
            self._history.root,
            self._settings.alerts.key_file,
        )
        return dict(zip(STORES, map(str, places), strict=True))


class _Opened:
    """A database that is let go of."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = open_database(url)

    def close(self) -> None:
        self.engine.dispose()
