"""What became of messages that were claimed, and how the outbox keeps it: many in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from sqlalchemy import Table, bindparam, select, update

from alerts.change import Change
from alerts.consent import Decision
from alerts.held_back import hold_back
from alerts.outbox import WELLBEING
from alerts.owner_channels import OWNER_CHANNELS
from alerts.tables import FindingRow, OutboxRow, OutboxState

_LONGEST_ERROR = 500  # letters that are kept of what a receiver says


class Fate(Protocol):
    """Of one message, and of the others of its digest."""

    @property
    def row(self) -> OutboxRow: ...

    def keep(self, work: Change) -> None: ...


@dataclass(frozen=True, slots=True)
class Sent:
    """It left, and in it the `others` of its digest."""

    row: OutboxRow
    others: Sequence[OutboxRow] = ()

    def keep(self, work: Change) -> None:
        _sent(work, [self.row])
        _through(work, self.others, OutboxState.SUPERSEDED, "told in a digest", sent=True)
        _told(work, self.others)
        for one in self.others:
            work.note("message.sent", one.message_id, target=one.target, digest=self.row.message_id)


@dataclass(frozen=True, slots=True)
class Failed:
    """It is tried again at `due_at`, and the `others` of its digest with it."""

    row: OutboxRow
    error: str
    due_at: int
    others: Sequence[OutboxRow] = ()

    def keep(self, work: Change) -> None:
        for one in (self.row, *self.others):
            due = self.due_at + (one is not self.row)
            said = {"seqs": [one.seq], "due": due, "said": self.error[:_LONGEST_ERROR]}
            work.session.execute(_AGAIN, said)


@dataclass(frozen=True, slots=True)
class Deferred:
    """It is looked at again at `due_at`; this was no attempt."""

    row: OutboxRow
    due_at: int
    reason: str

    def keep(self, work: Change) -> None:
        _later(work, [self.row], self.due_at, self.reason)


@dataclass(frozen=True, slots=True)
class Untried:
    """Its turn did not come: it is due as it was at `due_at`."""

    row: OutboxRow
    due_at: int

    def keep(self, work: Change) -> None:
        _later(work, [self.row], self.due_at, "")


@dataclass(frozen=True, slots=True)
class Withheld:
    """Consent or the policy does not allow it, or no address is known; the reason stays with it and in the list."""

    row: OutboxRow
    decision: Decision

    def keep(self, work: Change) -> None:
        row = self.row
        assert row.purpose is not None
        _through(work, [row], OutboxState.HELD_BACK, self.decision.reason)
        act = f"{row.target} {row.event_type}"
        fault = _fault(work, row)
        hold_back(work, act, row.purpose, row.appliance_id, row.episode_id, fault, self.decision)


@dataclass(frozen=True, slots=True)
class Superseded:
    """It need not leave any more."""

    row: OutboxRow
    reason: str

    def keep(self, work: Change) -> None:
        _through(work, [self.row], OutboxState.SUPERSEDED, self.reason)


@dataclass(frozen=True, slots=True)
class Dead:
    """It is set aside with its reason, until somebody replays it; the `others` of its digest go on by themselves."""

    row: OutboxRow
    reason: str
    others: Sequence[OutboxRow] = ()

    def keep(self, work: Change) -> None:
        error, row = self.reason[:_LONGEST_ERROR], self.row
        _through(work, [row], OutboxState.DEAD, error)
        work.note("message.dead", row.message_id, target=row.target, error=error, **_kind(row))
        if self.others:
            work.session.execute(_ALONE, {"seqs": [one.seq for one in self.others], "due": work.at})


def keep_all(work: Change, fates: Sequence[Fate]) -> None:
    """One statement for those that left alone, and one for those of which the same is said."""
    alone: list[OutboxRow] = []
    waiting: defaultdict[tuple[int, str], list[OutboxRow]] = defaultdict(list)
    needless: defaultdict[str, list[OutboxRow]] = defaultdict(list)
    for one in fates:
        match one:
            case Sent(row, ()):
                alone.append(row)
            case Deferred(row, due_at, reason):
                waiting[due_at, reason].append(row)
            case Superseded(row, reason):
                needless[reason].append(row)
            case _:
                one.keep(work)
    _sent(work, alone)
    for (due_at, reason), rows in waiting.items():
        _later(work, rows, due_at, reason)
    for reason, rows in needless.items():
        _through(work, rows, OutboxState.SUPERSEDED, reason)


def goes_first(target: str) -> str:
    """Why a message waits for what becomes of it on another channel."""
    return f"{target} goes first"


def told_by(target: str) -> str:
    """Why a message need not leave any more."""
    return f"told by {target}"


def _sent(work: Change, rows: Sequence[OutboxRow]) -> None:
    _through(work, rows, OutboxState.SENT, "", sent=True)
    _told(work, rows)
    for row in rows:
        work.note("message.sent", row.message_id, target=row.target, **_kind(row))


def _kind(row: OutboxRow) -> dict[str, str]:
    """For the audit log, whose readers are not to know that a trusted contact was told."""
    return {} if row.event_type == WELLBEING else {"type": row.event_type}


def _told(work: Change, rows: Sequence[OutboxRow]) -> None:
    """What waited for these on later channels is through: else it would be looked at again and again until then."""
    orderings: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.target in OWNER_CHANNELS:
            orderings[row.target].append(row.ordering)
    for target, some in orderings.items():
        others = [one for one in OWNER_CHANNELS if one != target]
        waited = {"orderings": some, "others": others, "waits": goes_first(target), "now": work.at}
        work.session.execute(
            _TOLD_BEFORE, waited | {"became": OutboxState.SUPERSEDED, "said": told_by(target)}
        )


def _through(
    work: Change, rows: Sequence[OutboxRow], state: OutboxState, reason: str, *, sent: bool = False
) -> None:
    if rows:
        said = {"seqs": [row.seq for row in rows], "became": state, "said": reason}
        work.session.execute(_TOLD if sent else _OVER, said | ({"now": work.at} if sent else {}))


def _later(work: Change, rows: Sequence[OutboxRow], due_at: int, reason: str) -> None:
    work.session.execute(_LATER, {"seqs": [row.seq for row in rows], "due": due_at, "said": reason})


def _fault(work: Change, row: OutboxRow) -> str:
    same = FindingRow.appliance_id == row.appliance_id, FindingRow.episode_id == row.episode_id
    return work.session.scalar(select(FindingRow.fault).where(*same).limit(1)) or ""


_OUTBOX = cast(Table, OutboxRow.__table__)
_WAITING = (
    update(_OUTBOX)
    .where(_OUTBOX.c.seq.in_(bindparam("seqs", expanding=True)), _OUTBOX.c.state == OutboxState.PENDING)
    .values(leaving_until=None)
)
"""A row that is through already stays so: a late report of a dispatcher whose lease ran out changes nothing. Statements
are made once, as that costs more than to run them."""
_OVER = _WAITING.values(state=bindparam("became"), error=bindparam("said"))
_TOLD = _OVER.values(sent_at=bindparam("now"))
_AGAIN = _WAITING.values(due_at=bindparam("due"), error=bindparam("said"))
_LATER = _AGAIN.values(attempts=_OUTBOX.c.attempts - 1)
_ALONE = _WAITING.values(due_at=bindparam("due"), digest=None)
_TOLD_BEFORE = (
    update(_OUTBOX)
    .where(
        _OUTBOX.c.ordering.in_(bindparam("orderings", expanding=True)),
        _OUTBOX.c.target.in_(bindparam("others", expanding=True)),
        (_OUTBOX.c.state == OutboxState.PENDING).is_(True),  # found by its ordering, as in `queue._next`
        _OUTBOX.c.error == bindparam("waits"),
        _OUTBOX.c.leaving_until.is_(None) | (_OUTBOX.c.leaving_until <= bindparam("now")),
    )
    .values(leaving_until=None, state=bindparam("became"), error=bindparam("said"))
)
"""Not what somebody looks at or sends at this moment: it will see by itself."""
