"""The audit log: a hash chain of everything that was done or held back, and the check that nobody changed it.

Each entry's hash covers the hash before it and a seal of its own text: a digest keyed with the entry's own random key.
So a changed, removed or inserted entry breaks every hash that follows, and yet an erasure can empty an entry: it
destroys text and key, and what is left, the seal, tells nothing to anybody. Which entries were emptied stands in the
log. Somebody who may rewrite the whole table may rewrite the chain: keep a copy of the head elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from sqlalchemy import Engine, Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from alerts.audit_rows import Covered, of_rows_that_stay
from alerts.database import CHUNK, reading
from alerts.storable import json_text
from alerts.tables import AuditHeadRow, AuditRow

GENESIS = "0" * 64
EMPTIED, SEALED_ANEW = "audit.emptied", "audit.sealed_anew"
_PAGE = 5_000
_BASE, _HEAD = 0, 1
"""Rows of `audit_head`: the last entry that retention removed, where there is one, and the last entry."""


_CHAIN = cast(Table, AuditHeadRow.__table__)
_HEAD_ALONE = select(_CHAIN.c.seq, _CHAIN.c.hash).where(_CHAIN.c.id == _HEAD).with_for_update()
_HEAD_MOVES = update(_CHAIN).where(_CHAIN.c.id == _HEAD).values(seq=bindparam("last"), hash=bindparam("its"))

Entry = tuple[str, str, Mapping[str, Any]]
"""Action, subject and details of one entry. No contacts, no names of people."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What `verify` found: `head` is the last good hash, `problem` is empty when the chain holds."""

    entries: int
    head: str
    problem: str = ""
    emptied: int = 0  # by erasures
    removed: int = 0  # by retention, from the start

    @property
    def intact(self) -> bool:
        return not self.problem


def verify(engine: Engine) -> AuditReport:
    """Walk the chain from its start, and compare the rows that it covers (`alerts.audit_rows`).

    The report names the first entry or row that does not fit. Reads a page at a time, of one moment.
    """
    with reading(of_one_moment(engine)) as session:
        removed, previous = _ends_at(session, _BASE) or (0, GENESIS)
        count, emptied, told = removed, set[int](), set[int]()
        covered, before = Covered(session), ""
        for page in _pages(session):
            for row in page:
                problem = _problem(row, count, previous)
                if problem:
                    return AuditReport(count - removed, previous, problem)
                previous, count = row.hash, row.seq
                if row.key is None:
                    emptied.add(row.seq)
                if row.action == EMPTIED:
                    told |= set(orjson.loads(row.details)["entries"])
                if row.action == SEALED_ANEW and row.key:
                    before = orjson.loads(row.details)["problem"]
            covered.look(page)
            session.expunge_all()
        head = _ends_at(session, _HEAD)
        problem = covered.problem() or (before and f"before the log was sealed anew: {before}")
    if head != (count, previous):
        problem = f"the log ends at entry {count}, its head says otherwise"
    elif emptied - told:
        problem = f"entry {min(emptied - told)} was emptied, and no erasure says so"
    return AuditReport(count - removed, previous, problem, len(emptied), removed)


def append(session: Session, at: int, entries: Sequence[Entry]) -> None:
    """Add entries to the chain. Other writers wait for the head until the transaction ends, so do it last."""
    if not entries:
        return
    head = session.execute(_HEAD_ALONE).one()
    seq, previous, rows = head.seq, head.hash, []
    for action, subject, details in entries:
        text, key = json_text(details, sort=True), secrets.token_hex(16)
        seal = sealed(key, subject, text)
        seq += 1
        previous = _digest(previous, seq, at, action, seal)
        rows.append(
            {
                "seq": seq, "at": at, "action": action, "subject": subject, "details": text, "key": key,
                "seal": seal, "hash": previous,
            }
        )  # fmt: skip
    session.execute(insert(cast(Table, AuditRow.__table__)), rows)
    session.execute(_HEAD_MOVES, {"last": seq, "its": previous})


def empty(session: Session, after: int, concerns: Callable[[str, str], bool]) -> tuple[int, list[int]]:
    """Empty the entries of the next page behind entry `after` that concern somebody, by subject and details.

    One that covers a row which is still there is somebody else's, as the next owner's, and stays with its row: remove
    rows first. Answers the page's last entry, 0 where there is none any more, and the entries that were emptied: leave
    an entry `EMPTIED` with them in the same transaction.
    """
    page = session.execute(
        select(AuditRow.seq, AuditRow.action, AuditRow.subject, AuditRow.details)
        .where(AuditRow.seq > after, AuditRow.key.is_not(None))
        .order_by(AuditRow.seq)
        .limit(_PAGE)
    ).all()
    named = [row for row in page if row.action != EMPTIED and concerns(row.subject, row.details)]
    stay = of_rows_that_stay(session, named)
    found = [row.seq for row in named if row.seq not in stay]
    if found:
        nothing = {"subject": "", "details": "", "key": None}
        session.execute(update(AuditRow), [{"seq": seq, **nothing} for seq in found])
    return (page[-1].seq if page else 0), found


def remove_before(session: Session, at: int, most: int) -> int:
    """Remove the oldest entries, at most so many, that were written before `at` (ms UTC); how many.

    The chain begins behind them: the hash of the last one is kept. The log's last entry stays.
    """
    head = session.scalars(select(AuditHeadRow).where(AuditHeadRow.id == _HEAD).with_for_update()).one()
    oldest = (
        select(AuditRow.seq, AuditRow.hash, AuditRow.at)
        .where(AuditRow.seq < head.seq)
        .order_by(AuditRow.seq)
        .limit(most)
    )
    gone = []
    for row in session.execute(oldest):
        if row.at >= at:
            break
        gone.append(row)
    if gone:
        session.execute(delete(AuditRow).where(AuditRow.seq <= gone[-1].seq))
        session.merge(AuditHeadRow(id=_BASE, seq=gone[-1].seq, hash=gone[-1].hash))
    return len(gone)


def ends(session: Session) -> tuple[int, str]:
    """The last entry's number and hash; 0 and `GENESIS` of an empty log, or one whose head is gone."""
    return _ends_at(session, _HEAD) or (0, GENESIS)


def hashes_of(session: Session, entries: Iterable[int]) -> Mapping[int, str]:
    """The hash of each entry but those that retention removed; a made-up one where it should be there and is not."""
    removed, base = _ends_at(session, _BASE) or (0, GENESIS)
    kept = [entry for entry in entries if entry > removed]
    found = {removed: base} | dict.fromkeys(kept, "missing")
    for start in range(0, len(kept), CHUNK):
        query = select(AuditRow.seq, AuditRow.hash).where(AuditRow.seq.in_(kept[start : start + CHUNK]))
        found |= {row.seq: row.hash for row in session.execute(query)}
    return found


def exported(engine: Engine) -> Iterator[dict[str, Any]]:
    """Every entry, oldest first, as it stands; read a page at a time."""
    with reading(of_one_moment(engine)) as session:
        for page in _pages(session):
            for row in page:
                yield {column.key: getattr(row, column.key) for column in AuditRow.__table__.columns}
            session.expunge_all()


def of_one_moment(engine: Engine) -> Engine:
    """A transaction that sees nothing of what is written meanwhile; SQLite's are so by themselves."""
    if engine.dialect.name != "postgresql":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ")


def sealed(key: str, subject: str, details: str) -> str:
    """What the chain knows an entry's text by."""
    return hmac.new(bytes.fromhex(key), orjson.dumps([subject, details]), hashlib.sha256).hexdigest()


def _problem(row: AuditRow, count: int, previous: str) -> str:
    if row.seq != count + 1:
        return f"entry {count + 1} is missing"
    whole = not row.subject + row.details if row.key is None else _fits(row)
    if not whole or row.hash != _digest(previous, row.seq, row.at, row.action, row.seal):
        return f"entry {row.seq} was changed"
    return ""


def _fits(row: AuditRow) -> bool:
    return row.seal == sealed(row.key or "", row.subject, row.details)


def _ends_at(session: Session, which: int) -> tuple[int, str] | None:
    row = session.get(AuditHeadRow, which)
    return None if row is None else (row.seq, row.hash)


def _pages(session: Session) -> Iterator[Sequence[AuditRow]]:
    after = 0
    while page := session.scalars(
        select(AuditRow).where(AuditRow.seq > after).order_by(AuditRow.seq).limit(_PAGE)
    ).all():
        after = page[-1].seq
        yield page


def _digest(previous: str, *parts: object) -> str:
    text = orjson.dumps([previous, *(str(part) for part in parts)])
    return hashlib.sha256(text).hexdigest()
