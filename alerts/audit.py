"""The audit log: a hash chain of everything that was done or held back, and the check that nobody changed it.

Each entry's hash covers its own text and the hash before it, so a changed, removed or inserted entry breaks every
hash that follows. Somebody who may rewrite the whole table may rewrite the chain: keep a copy of the head elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from alerts.database import reading
from alerts.storable import json_text
from alerts.tables import AuditHeadRow, AuditRow

GENESIS = "0" * 64
_PAGE = 5_000


Entry = tuple[str, str, Mapping[str, Any]]
"""Action, subject and details of one entry. No personal data: the log outlives an erasure."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What `verify` found: `head` is the last good hash, `problem` is empty when the chain holds."""

    entries: int
    head: str
    problem: str = ""

    @property
    def intact(self) -> bool:
        return not self.problem


def verify(engine: Engine) -> AuditReport:
    """Walk the chain from its start; the report names the first entry that does not fit."""
    previous, count = GENESIS, 0
    with reading(engine) as session:
        for row in _rows(session):
            if row.seq != count + 1:
                return AuditReport(count, previous, f"entry {count + 1} is missing")
            if row.hash != _digest(previous, row.seq, row.at, row.action, row.subject, row.details):
                return AuditReport(count, previous, f"entry {row.seq} was changed")
            previous, count = row.hash, row.seq
        head = session.scalars(select(AuditHeadRow)).one_or_none()
    if head is None or (head.seq, head.hash) != (count, previous):
        return AuditReport(count, previous, f"the log ends at entry {count}, its head says otherwise")
    return AuditReport(count, previous)


def append(session: Session, at: int, entries: Sequence[Entry]) -> None:
    """Add entries to the chain. Other writers wait for the head until the transaction ends, so do it last."""
    if not entries:
        return
    head = session.scalars(select(AuditHeadRow).with_for_update()).one()
    for action, subject, details in entries:
        text = json_text(details, sort=True)
        head.seq += 1
        head.hash = _digest(head.hash, head.seq, at, action, subject, text)
        entry = AuditRow(seq=head.seq, at=at, action=action, subject=subject, details=text, hash=head.hash)
        session.add(entry)


def _rows(session: Session) -> Iterator[AuditRow]:
    after = 0
    while page := session.scalars(
        select(AuditRow).where(AuditRow.seq > after).order_by(AuditRow.seq).limit(_PAGE)
    ).all():
        yield from page
        after = page[-1].seq
        session.expunge_all()


def _digest(previous: str, *parts: object) -> str:
    text = orjson.dumps([previous, *(str(part) for part in parts)])
    return hashlib.sha256(text).hexdigest()
