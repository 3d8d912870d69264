"""The outbox as a queue: claim what is due, record what became of it. Many dispatchers may work on it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, Update, and_, func, select, update
from sqlalchemy.orm import aliased

from alerts.change import Change, change
from alerts.consent import Decision
from alerts.database import reading, upsert, writing
from alerts.held_back import hold_back
from alerts.tables import ApplianceRow, DisabledTargetRow, FindingRow, OutboxRow, OutboxState
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock

_LONGEST_ERROR = 500  # letters that are kept of what a receiver says
_UNREADABLE = "the row cannot be read: it holds words that this Foremend does not know"


class UnreadableRowError(InputError):
    """A row of the outbox holds words that nobody knows; it was set aside."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Rows of the outbox, by target. A claimed row is leased: if its dispatcher dies, it is due again after that."""

    engine: Engine
    clock: Clock

    def claim(self, target: str, lease: int) -> OutboxRow | None:
        """The next row that is due, kept from others for `lease` ms; None when nothing is due.

        It is marked as leaving before anybody asks for consent (`alerts.consent.leaving`). A row waits until the rows
        before it in its ordering are through, so that `closed` cannot overtake `opened`. None, too, while its owner
        speaks at this moment.
        Raises UnreadableRowError for a row that cannot be read, after it was set aside.
        """
        now = self.clock.now_ms()
        query = (
            select(OutboxRow.seq)
            .where(_next(target), OutboxRow.due_at <= now)
            .order_by(OutboxRow.due_at, OutboxRow.seq)
            .limit(1)
            .with_for_update(skip_locked=True, of=OutboxRow)
        )
        with change(self.engine, self.clock) as work:
            seq = work.session.scalar(query)
            if seq is None:
                return None
            if _is_spoken_of(work, seq):
                return None
            until = self.clock.now_ms() + lease  # again: waiting for other writers takes time
            leased = {"due_at": until, "attempts": OutboxRow.attempts + 1, "leaving_until": until}
            work.session.execute(update(OutboxRow).where(OutboxRow.seq == seq).values(leased))
            row = _read(work, seq)
        if row is None:
            raise UnreadableRowError(_UNREADABLE)
        return row

    def next_due(self, target: str) -> int | None:
        """When to look again, ms UTC; None while nothing waits."""
        with reading(self.engine) as session:
            return session.scalar(select(func.min(OutboxRow.due_at)).where(_next(target)))

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
            work.session.execute(_update(row).values(digest=row.id))
            found = [one for seq in chosen if (one := _read(work, seq)) is not None]
        row.digest = row.id
        return found

    def sent(self, row: OutboxRow, others: Sequence[OutboxRow] = ()) -> None:
        """It left, and in it the `others` of its digest."""
        with change(self.engine, self.clock) as work:
            _set(work, row, OutboxState.SENT, sent_at=work.at, error="")
            work.note("message.sent", row.message_id, target=row.target, type=row.event_type)
            for one in others:
                _set(work, one, OutboxState.SUPERSEDED, sent_at=work.at, error="told in a digest")
                work.note("message.sent", one.message_id, target=one.target, digest=row.message_id)

    def failed(self, row: OutboxRow, error: str, due_at: int, others: Sequence[OutboxRow] = ()) -> None:
        """It is tried again at `due_at`, and the `others` of its digest with it."""
        error = error[:_LONGEST_ERROR]
        with writing(self.engine) as session:
            for one in (row, *others):
                values = {"due_at": due_at + (one is not row), "error": error, "leaving_until": None}
                session.execute(_update(one).values(values))

    def released(self, others: Sequence[OutboxRow]) -> None:
        """They are no longer of the digest of a row that is through: each is due by itself."""
        with writing(self.engine) as session:
            now = self.clock.now_ms()
            for one in others:
                session.execute(_update(one).values(digest=None, due_at=now, leaving_until=None))

    def deferred(self, row: OutboxRow, reason: str, due_at: int) -> None:
        """It is looked at again at `due_at`; this was no attempt."""
        with writing(self.engine) as session:
            before = OutboxRow.attempts - 1
            values = {"due_at": due_at, "error": reason, "attempts": before, "leaving_until": None}
            session.execute(_update(row).values(values))

    def withheld(self, row: OutboxRow, decision: Decision) -> None:
        """Consent does not allow it; the reason stays with it and in the list of what was held back."""
        assert row.purpose is not None
        with change(self.engine, self.clock) as work:
            _set(work, row, OutboxState.HELD_BACK, error=decision.reason)
            act = f"{row.target} {row.event_type}"
            hold_back(work, act, row.purpose, row.appliance_id, row.episode_id, _fault(work, row), decision)

    def needless(self, row: OutboxRow, reason: str) -> None:
        """It need not leave any more."""
        with writing(self.engine) as session:
            through = {"state": OutboxState.SUPERSEDED, "error": reason, "leaving_until": None}
            session.execute(_update(row).values(through))

    def dead(self, row: OutboxRow, error: str) -> None:
        """It is set aside with its reason, until somebody replays it."""
        error = error[:_LONGEST_ERROR]
        with change(self.engine, self.clock) as work:
            _set(work, row, OutboxState.DEAD, error=error)
            work.note("message.dead", row.message_id, target=row.target, type=row.event_type, error=error)

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


def _read(work: Change, seq: int) -> OutboxRow | None:
    """A row, free of its session; None where it holds words that nobody knows, and it is set aside then."""
    try:
        row = work.session.get_one(OutboxRow, seq)
    except LookupError:  # another Foremend's purpose, or a hand in the database
        said = update(OutboxRow).where(OutboxRow.seq == seq)
        work.session.execute(said.values(state=OutboxState.DEAD, error=_UNREADABLE))
        message = work.session.scalar(select(OutboxRow.message_id).where(OutboxRow.seq == seq)) or ""
        work.note("message.dead", message, error=_UNREADABLE)
        return None
    work.session.expunge(row)
    return row


def _next(target: str) -> ColumnElement[bool]:
    """Waiting rows of a target that no earlier row of their ordering holds up."""
    earlier = aliased(OutboxRow)
    held_up = (
        select(earlier.seq)
        .where(
            earlier.target == OutboxRow.target,
            earlier.ordering == OutboxRow.ordering,
            earlier.seq < OutboxRow.seq,
            earlier.state == OutboxState.PENDING,
        )
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
        .exists()
    )
    return ~carried


def _fault(work: Change, row: OutboxRow) -> str:
    same = FindingRow.appliance_id == row.appliance_id, FindingRow.episode_id == row.episode_id
    return work.session.scalar(select(FindingRow.fault).where(*same).limit(1)) or ""


def _update(row: OutboxRow) -> Update:
    """A row that is through already stays so: a late report of a dispatcher whose lease ran out changes nothing."""
    return update(OutboxRow).where(OutboxRow.seq == row.seq, OutboxRow.state == OutboxState.PENDING)


def _set(work: Change, row: OutboxRow, state: OutboxState, **values: object) -> None:
    work.session.execute(_update(row).values(state=state, leaving_until=None, **values))
