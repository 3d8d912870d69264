"""What a proof came to: every reading accounted for, and what one undisturbed machine finds in the same messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow.dataset as ds
from sqlalchemy import Engine, Select, select

from alerts.database import reading
from alerts.desk import Alerts
from alerts.tables import DeadLetterRow, FindingRow, HeldBackRow, OutboxRow, TicketRow
from benchmarks.reliability.load import Load, Watched
from benchmarks.reliability.rig import desk, until
from benchmarks.reliability.story import Story, time_of
from foremend.config import Settings
from foremend.engine.engine import Engine as Pipeline
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import RawMessage
from foremend.wiring.desk import open_desk
from ingest.decode import Ingest
from rules.evaluator import RuleBook

_TAKE = 40  # messages
_LETTERS_S = 60.0
_IDS: dict[str, Select[Any]] = {
    "findings": select(FindingRow.id),
    "tickets": select(TicketRow.id),
    "outbox": select(OutboxRow.id),
    # Not what was held back at the sending: the undisturbed run sends nothing.
    "held_back": select(HeldBackRow.id).where(HeldBackRow.act == "ticket"),
}

Ids = dict[str, frozenset[str]]
"""By table."""


class Struck(Protocol):
    """A rig that a fault was done to."""

    story: Story
    settings: Settings
    load: Load

    @property
    def watch(self) -> Watched: ...

    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """After everything was sent, worked on and stopped."""

    messages: int  # acknowledged by the MQTT broker, those sent twice counted twice
    readings: int  # different ones in them
    lost_readings: int  # of these, not in history
    readings_stored_twice: int
    dead_letters: int  # what must be one: messages that are no telemetry, and garbage
    lost_dead_letters: int  # of these, not in the database
    counts: dict[str, int]  # rows of the undisturbed run, by table
    lost: dict[str, int]  # of these, missing
    doubled: dict[str, int]  # rows that the undisturbed run does not have
    held_back_s: float  # how long the fleet waited for the pipeline

    @property
    def sound(self) -> bool:
        """Nothing lost, nothing doubled, the same findings."""
        return not self.all_lost and not sum(self.doubled.values())

    @property
    def all_lost(self) -> int:
        """Readings, dead letters and rows together."""
        return self.lost_readings + self.lost_dead_letters + sum(self.lost.values())

    @property
    def all_doubled(self) -> int:
        """Readings and rows together."""
        return self.readings_stored_twice + sum(self.doubled.values())


def judge(rig: Struck, folder: Path, garbage: Collection[bytes] = ()) -> Verdict:
    """End the story, wait until the last of it is worked on, stop, and compare.

    `garbage` are values of records that must be dead letters now; `folder` is for the undisturbed run.
    """
    rig.load.finish()
    rig.watch.until_covered(rig.load.sent)
    alerts = open_desk(rig.settings, SystemClock())
    letters = rig.load.undecodable.union(garbage)
    try:
        with suppress(UnavailableError):  # then some are lost, and counted
            until(lambda: letters <= _letters(alerts.engine), "dead letters", _LETTERS_S)
        rig.end()
        return _compared(rig, alerts, folder, letters)
    finally:
        alerts.close()


def _compared(rig: Struck, alerts: Alerts, folder: Path, letters: set[bytes]) -> Verdict:
    found = _ids(alerts.engine)
    expected = undisturbed(rig.settings, rig.story, rig.load.messages, folder)
    sent = rig.load.sent.copy()
    last = np.max(np.flatnonzero(sent.any(axis=0)))
    sent[:, last - 1 :] = False  # last words are held, for what may come late
    stored = stored_readings(rig)
    return Verdict(
        messages=len(rig.load.messages),
        readings=int(sent.sum()),
        lost_readings=int((sent & (stored == 0)).sum()),
        readings_stored_twice=int((stored > 1).sum()),
        dead_letters=len(letters),
        lost_dead_letters=len(letters - _letters(alerts.engine)),
        counts={table: len(ids) for table, ids in expected.items()},
        lost={table: len(ids - found[table]) for table, ids in expected.items()},
        doubled={table: len(found[table] - ids) for table, ids in expected.items()},
        held_back_s=round(rig.load.held_back_s, 1),
    )


def undisturbed(settings: Settings, story: Story, messages: Sequence[RawMessage], folder: Path) -> Ids:
    """What one engine finds and one desk does with the same messages."""
    database = f"sqlite:///{folder}/undisturbed.db"
    settings = settings.model_copy(
        update={"alerts": settings.alerts.model_copy(update={"database": database})}
    )
    profiles = load_profiles()
    ingest = Ingest(settings.ingest, {name: profile.signals for name, profile in profiles.items()})
    engine = Pipeline(profiles, RuleBook(settings.rules), lateness_ms=settings.ingest.lateness)
    with desk(settings, story) as alerts:
        for start in range(0, len(messages), _TAKE):
            blocks = ingest.decode(messages[start : start + _TAKE]).blocks
            findings = [finding for block in blocks for finding in engine.process(block)]
            alerts.effects.apply(findings, (), start + _TAKE)
        return _ids(alerts.engine)


def stored_readings(rig: Struck) -> np.ndarray:
    """(appliances, seq): how often history holds each reading at its own time."""
    history = ds.dataset(rig.settings.storage.folder / "history", partitioning="hive")
    table = history.to_table(["appliance", "time", "seq"])
    rows = {appliance_id: row for row, appliance_id in enumerate(rig.story.ids)}
    appliance = np.array([rows[one] for one in table["appliance"].to_pylist()], np.int64)
    time, seq = table["time"].to_numpy(), table["seq"].to_numpy()
    right = time == time_of(seq)
    stored = np.zeros(rig.load.sent.shape, np.int64)
    np.add.at(stored, (appliance[right], seq[right]), 1)
    return stored


def _ids(engine: Engine) -> Ids:
    with reading(engine) as session:
        return {name: frozenset(session.scalars(ids).all()) for name, ids in _IDS.items()}


def _letters(engine: Engine) -> set[bytes]:
    with reading(engine) as session:
        return set(session.scalars(select(DeadLetterRow.payload)).all())
