"""The outbox as a queue: claim what is due, record what became of it. Many dispatchers may work on it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, func, select, update
from sqlalchemy.orm import aliased

from alerts.change import Change, change
from alerts.database import reading, upsert
from alerts.fates import Dead, Fate, keep_all
from alerts.owner_channels import OWNER_CHANNELS
from alerts.tables import ApplianceRow, DisabledTargetRow, OutboxRow, OutboxState
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock

UNREADABLE = "the row cannot be read: it holds words that this Foremend does not know"


class UnreadableRowError(InputError):
    """A row of the outbox holds words that nobody knows; it was set aside."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that were claimed together, when each was due before, and how many beside them could not be read."""

    rows: Sequence[OutboxRow]
    due_at: Mapping[int, int]
    unreadable: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Rows of the outbox, by target. A claimed row is leased: if its dispatcher dies, it is due again after that."""

    engine: Engine
    clock: Clock

    def claim(self, target: str, lease: int) -> OutboxRow | None:
        """As `claim_block`, of one row; None when nothing is due. Raises UnreadableRowError for a row that cannot be
        read, after it was set aside."""
        block = self.claim_block(target, lease, 1)
        if block.unreadable:
            raise UnreadableRowError(UNREADABLE)
        return block.rows[0] if block.rows else None

    def claim_block(self, target: str, lease: int, most: int) -> Block:
        """The next rows that are due, at most `most`, kept from others for `lease` ms; of a channel to owners one of an
        owner, as the others leave with it or after it.

        They are marked as leaving before anybody asks for consent (`alerts.consent.leaving`). A row waits until the
        rows before it in its ordering are through, so that `closed` cannot overtake `opened`. Left out is, too, whose
        owner speaks at this moment. Rows that cannot be read are set aside.
        """
        now = self.clock.now_ms()
        query = (
            select(OutboxRow.seq, OutboxRow.due_at, OutboxRow.appliance_id)
            .where(_next(target), OutboxRow.due_at <= now)
            .order_by(OutboxRow.due_at, OutboxRow.seq)
            .limit(most)
            .with_for_update(skip_locked=True, of=OutboxRow)
        )
        with change(self.engine, self.clock) as work:
            due = work.session.execute(query).all()
            chosen = _chosen(work, due, one_an_owner=target in OWNER_CHANNELS) if due else {}
            if not chosen:
                return Block((), {}, 0)
            until = self.clock.now_ms() + lease  # again: waiting for other writers takes time
            leased = {"due_at": until, "attempts": OutboxRow.attempts + 1, "leaving_until": until}
            work.session.execute(update(OutboxRow).where(OutboxRow.seq.in_(chosen)).values(leased))
            rows = _rows(work, list(chosen))
        return Block(rows, chosen, len(chosen) - len(rows))

    def next_due(self, target: str) -> int | None:
        """When to look again, ms UTC; None while nothing waits."""
        soonest = select(OutboxRow.due_at).where(_next(target)).order_by(OutboxRow.due_at).limit(1)
        with reading(self.engine) as session:
            return session.scalar(soonest)

    def waiting(self, targets: list[str]) -> int:
        """How many messages to these targets are neither through nor given up."""
        query = select(func.count()).where(
            OutboxRow.target.in_(targets), OutboxRow.state == OutboxState.PENDING
        )
        with reading(self.engine) as session:
            return session.scalar(query) or 0

    def gather(self, row: OutboxRow, seqs: Sequence[int], lease: int) -> list[OutboxRow]:
        """Those of `seqs` that leave in one digest with a claimed row, kept from others for as long as it is.

        They wait behind it from then on, until it is through. Left out is what somebody else has at this moment, and
        what its owner speaks of.
        """
        with change(self.engine, self.clock) as work:
            alone = OutboxRow.digest.is_(None) | (OutboxRow.digest != OutboxRow.id)
            due = OutboxRow.state == OutboxState.PENDING, OutboxRow.due_at <= work.at, _is_free(row.id), alone
            query = select(OutboxRow.seq).where(OutboxRow.seq.in_(seqs), *due)
            free = work.session.scalars(query.with_for_update(skip_locked=True, of=OutboxRow)).all()
            chosen = [seq for seq in sorted(free) if not _is_spoken_of(work, seq)]
            if not chosen:
                return []
            until = work.at + lease
            marked = {"digest": row.id, "due_at": until + 1, "leaving_until": until}
            marked |= {"attempts": OutboxRow.attempts + 1}
            work.session.execute(update(OutboxRow).where(OutboxRow.seq.in_(chosen)).values(marked))
            carrier = OutboxRow.seq == row.seq, OutboxRow.state == OutboxState.PENDING
            work.session.execute(update(OutboxRow).where(*carrier).values(digest=row.id))
            found = _rows(work, chosen)
        row.digest = row.id
        return found

    def record(self, fates: Sequence[Fate]) -> None:
        """What became of rows that were claimed, all of it or, where it raises, nothing."""
        with change(self.engine, self.clock) as work:
            keep_all(work, fates)

    def dead(self, row: OutboxRow, error: str) -> None:
        """It is set aside with its reason, until somebody replays it."""
        self.record([Dead(row, error)])

    def disable(self, target: str, reason: str) -> None:
        """Nothing more is sent to the target until `enable`."""
        with change(self.engine, self.clock) as work:
            upsert(work.session, DisabledTargetRow, [{"target": target, "at": work.at, "reason": reason}])
            work.note("target.disabled", target, reason=reason)

    def enable(self, target: str) -> None:
        """Use a disabled target again. Raises InputError when it is not disabled."""
        with change(self.engine, self.clock) as work:
            row = work.session.get(DisabledTargetRow, target)
            if row is None:
                raise InputError(f"{target!r} is not disabled")
            work.session.delete(row)
            work.note("target.enabled", target)

    def disabled_reason(self, target: str) -> str | None:
        with reading(self.engine) as session:
            row = session.get(DisabledTargetRow, target)
        return None if row is None else row.reason

    def replay(self, outbox_id: str) -> None:
        """Send a dead message again, with the same id. Raises InputError when there is no such dead message."""
        with change(self.engine, self.clock) as work:
            query = select(OutboxRow).where(OutboxRow.id == outbox_id, OutboxRow.state == OutboxState.DEAD)
            row = work.session.scalars(query.with_for_update()).one_or_none()
            if row is None:
                raise InputError(f"there is no dead message {outbox_id!r} in the outbox")
            row.state, row.due_at, row.replayed_at, row.attempts = OutboxState.PENDING, work.at, work.at, 0
            work.note("message.replayed", row.message_id, target=row.target, type=row.event_type)


def _is_spoken_of(work: Change, seq: int) -> bool:
    """Whether somebody has the appliance's row alone: its owner speaks at this moment. Kept shared otherwise."""
    whose = select(OutboxRow.appliance_id).where(OutboxRow.seq == seq).scalar_subquery()
    theirs = select(ApplianceRow.id).where(ApplianceRow.id == whose)
    if work.session.scalar(theirs.with_for_update(read=True, skip_locked=True)) is not None:
        return False
    return work.session.scalar(theirs) is not None  # else nobody registered it


def _chosen(work: Change, due: Sequence[Any], one_an_owner: bool) -> dict[int, int]:
    """When each of those that may be claimed was due, by its number. Their appliances' rows are kept shared from now
    on; whose row somebody has alone, as its owner speaks at this moment, is left out."""
    ids = {row.appliance_id for row in due}
    theirs = select(ApplianceRow.id, ApplianceRow.owner_id).where(ApplianceRow.id.in_(ids))
    shared = work.session.execute(theirs.with_for_update(read=True, skip_locked=True)).all()
    owner = {row.id: row.owner_id for row in shared}
    missing = ids - owner.keys()
    spoken_of = (
        set(work.session.scalars(select(ApplianceRow.id).where(ApplianceRow.id.in_(missing))))
        if missing
        else ()
    )
    found: dict[int, int] = {}
    seen: set[str] = set()
    for row in due:
        whose = owner.get(row.appliance_id)
        if row.appliance_id in spoken_of or (one_an_owner and whose in seen):
            continue
        if whose is not None:
            seen.add(whose)
        found[row.seq] = row.due_at
    return found


def _rows(work: Change, seqs: Sequence[int]) -> list[OutboxRow]:
    """In this order, free of their session, without those that cannot be read."""
    try:
        found = {
            row.seq: row for row in work.session.scalars(select(OutboxRow).where(OutboxRow.seq.in_(seqs)))
        }
    except LookupError:  # one of them holds what nobody knows
        return [row for seq in seqs if (row := _read(work, seq)) is not None]
    for row in found.values():
        work.session.expunge(row)
    return [found[seq] for seq in seqs]


def _read(work: Change, seq: int) -> OutboxRow | None:
    """A row, free of its session; None where it holds words that nobody knows, and it is set aside then."""
    try:
        row = work.session.get_one(OutboxRow, seq)
    except LookupError:  # another Foremend's purpose, or a hand in the database
        said = update(OutboxRow).where(OutboxRow.seq == seq)
        work.session.execute(said.values(state=OutboxState.DEAD, error=UNREADABLE))
        message = work.session.scalar(select(OutboxRow.message_id).where(OutboxRow.seq == seq)) or ""
        work.note("message.dead", message, error=UNREADABLE)
        return None
    work.session.expunge(row)
    return row


def _next(target: str) -> ColumnElement[bool]:
    """Waiting rows of a target that no earlier row of their ordering holds up.

    `OFFSET 0` has PostgreSQL ask row by row, in the order of the index: it had made a join of it, and in a table that
    had just filled compared each waiting row with every other. `IS TRUE` keeps it from the index by state, with which
    it did so row by row: for an ordering there is a better one.
    """
    earlier = aliased(OutboxRow)
    held_up = (
        select(earlier.seq)
        .where(
            earlier.target == OutboxRow.target,
            earlier.ordering == OutboxRow.ordering,
            earlier.seq < OutboxRow.seq,
            (earlier.state == OutboxState.PENDING).is_(True),
        )
        .offset(0)
        .exists()
    )
    waits = OutboxRow.target == target, OutboxRow.state == OutboxState.PENDING
    return and_(*waits, ~held_up, _is_free())


def _is_free(but: str = "") -> ColumnElement[bool]:
    """Of no digest that another row carries; `but` that of the row with this id."""
    carrier = aliased(OutboxRow)
    carried = (
        select(carrier.seq)
        .where(
            carrier.id == OutboxRow.digest,
            carrier.id != but,
            carrier.seq != OutboxRow.seq,
            carrier.state == OutboxState.PENDING,
        )
        .offset(0)
        .exists()
    )
    return ~carried
