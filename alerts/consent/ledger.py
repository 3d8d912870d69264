"""The consent ledger: append-only, after ISO/IEC TS 27560:2023, asked at the moment of each act.

A record says what an owner said about one purpose on one appliance. The latest word counts, by the time it was said;
what an earlier owner of the appliance said does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Engine, func, or_, select

from alerts.change import Change, change
from alerts.consent.decide import Decision, Histories, Statement, decide, histories, said_by_owner
from alerts.consent.keeping import keep
from alerts.consent.known import not_known, rows_of
from alerts.consent.leaving import once_still, require_still
from alerts.consent.records import ConsentRecord, end_of
from alerts.consent.telling import changed
from alerts.database import insert_new, reading
from alerts.outbox import Outbox
from alerts.policies import Policies, Policy
from alerts.requests import Request, came_before
from alerts.tables import ApplianceRow, ConsentRow, ReminderRow
from alerts.tickets import withdraw_tickets
from alerts.wording import iso
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.purposes import BEHIND_TICKETS
from foremend.vocabulary.types import MS_PER_DAY, Purpose, deterministic_id

YES_A_DAY = 20
"""To one purpose, of words that come `once`: an appliance out of order changes its mind each second, no person does."""


class RestlessError(InputError):
    """A yes that came too soon after too many others; until a later one the last no holds."""


class ConsentLedger:
    """Reads and writes the ledger."""

    def __init__(
        self, engine: Engine, outbox: Outbox, policies: Policies, clock: Clock, wake: Callable[[], None]
    ) -> None:
        """`wake` is called after a commit that left messages in the outbox."""
        self._engine = engine
        self._policies = policies
        self._outbox = outbox
        self._clock = clock
        self._wake = wake

    def record(
        self, records: Iterable[ConsentRecord], once: Sequence[str] = (), request: Request | None = None
    ) -> None:
        """Append records, all or none. A changed mind is told to the receivers, and withdraws open tickets.

        Raises InputError for an appliance that nobody registered, with the nearest that somebody did; when the subject
        does not own it, the record comes from the future or its retention is no duration. A withdrawal waits for
        messages about the appliance that are being sent right now, some seconds at most: none leaves after its commit.

        `once` has a key for each record that may come again, and is kept the first time; not at all where the same was
        said last, a yes within a day. Raises RestlessError for a yes after `YES_A_DAY` others within a day; a no is
        always kept.

        A `request` that came before changes nothing; raises UsedKeyError where its key came with something else.
        """
        found = list(records)
        if once_still(self._engine, lambda wait: self._record(found, once, request, wait)):
            self._wake()

    def _record(
        self, said: Sequence[ConsentRecord], once: Sequence[str], request: Request | None, wait: bool
    ) -> bool:
        """Whether receivers are told anything. Raises UnderWayError, if it is to `wait` for what is being sent."""
        with change(self._engine, self._clock) as work:
            about = {record.appliance_id for record in said}, {record.purpose for record in said}
            before = histories(work.session, *about, lock=True)
            if came_before(work, request):
                return False
            found = _for_the_first_time(work, said, once, before) if once else said
            if once:
                _require_calm(work, found)
            if wait:
                require_still(work.session, {one.appliance_id for one in found if not one.given}, work.at)
            owned = _owned(work, found)
            _append(work, found, {one: self._policies.of(row.jurisdiction) for one, row in owned.items()})
            after = histories(work.session, *about)
            told = [self._tell(work, key, before.get(key, ()), after[key]) for key in _keys(found)]
        return any(told)

    def decision(self, appliance_id: str, purpose: Purpose, at: int | None = None) -> Decision:
        """What the owner's word means for a purpose at `at` (ms UTC), by default now."""
        with reading(self._engine) as session:
            said = histories(session, {appliance_id}, {purpose})
        return decide(said.get((appliance_id, purpose), ()), self._clock.now_ms() if at is None else at)

    def is_given(self, appliance_id: str, purpose: Purpose, at: int | None = None) -> bool:
        """Whether an act for `purpose` may happen at `at` (ms UTC), by default now."""
        return self.decision(appliance_id, purpose, at).given

    def given(self, purpose: Purpose, at: int | None = None) -> frozenset[str]:
        """The ids of all appliances whose owner agrees to `purpose` at `at` (ms UTC), by default now."""
        moment = self._clock.now_ms() if at is None else at
        latest_first = func.row_number().over(
            partition_by=ConsentRow.appliance_id, order_by=(ConsentRow.at.desc(), ConsentRow.seq.desc())
        )
        ranked = (
            select(ConsentRow.appliance_id, ConsentRow.given, ConsentRow.ends_at, latest_first.label("rank"))
            .join(ApplianceRow, said_by_owner())
            .where(ConsentRow.purpose == purpose, ConsentRow.at <= moment)
            .subquery()
        )
        with reading(self._engine) as session:
            holds = ranked.c.given & or_(ranked.c.ends_at.is_(None), ranked.c.ends_at > moment)
            return frozenset(session.scalars(select(ranked.c.appliance_id).where(ranked.c.rank == 1, holds)))

    def require_known(self, appliance_id: str) -> None:
        """Raises InputError for an appliance that nobody registered, with the nearest that somebody did."""
        with reading(self._engine) as session:
            if session.get(ApplianceRow, appliance_id) is None:
                raise not_known(session, ApplianceRow, appliance_id)

    def history(self, appliance_id: str) -> list[dict[str, Any]]:
        """Every record about an appliance as it stands in the ledger, oldest first, JSON-ready."""
        return self._records(ConsentRow.appliance_id == appliance_id)

    def said_by(self, owner_id: str) -> list[dict[str, Any]]:
        """The same of an owner, of every appliance that was ever theirs."""
        return self._records(ConsentRow.subject == owner_id)

    def _records(self, which: ColumnElement[bool]) -> list[dict[str, Any]]:
        query = select(ConsentRow).where(which).order_by(ConsentRow.seq)
        names = [column.key for column in ConsentRow.__table__.columns]
        with reading(self._engine) as session:
            return [{name: getattr(row, name) for name in names} for row in session.scalars(query)]

    def _tell(
        self,
        work: Change,
        key: tuple[str, Purpose],
        before: Sequence[Statement],
        after: Sequence[Statement],
    ) -> bool:
        """Tell the receivers of a changed mind; a first word changes nothing that they know."""
        appliance_id, purpose = key
        given = decide(after, work.at).given
        if not before or given == decide(before, work.at).given:
            return False
        tickets = withdraw_tickets(work, appliance_id) if purpose in BEHIND_TICKETS and not given else []
        at = after[-1].at
        event_id = deterministic_id("ev", "consent", appliance_id, purpose, at, len(after))
        event = changed(event_id, appliance_id, purpose, given=given, at=at, tickets=tickets)
        self._outbox.put(work, event)
        return True


def _for_the_first_time(
    work: Change, said: Sequence[ConsentRecord], keys: Sequence[str], before: Histories
) -> Sequence[ConsentRecord]:
    """Every key is kept, so that none counts later; but what was said last already makes the ledger no longer."""
    new = insert_new(work.session, ReminderRow, [{"id": key, "at": work.at} for key in keys])
    return [
        record
        for key, record in zip(keys, said, strict=True)
        if key in new and not _was_said_last(before.get((record.appliance_id, record.purpose), ()), record)
    ]


def _require_calm(work: Change, found: Sequence[ConsentRecord]) -> None:
    for record in found:
        if not record.given:
            continue
        alike = (
            ConsentRow.appliance_id == record.appliance_id,
            ConsentRow.subject == record.subject,
            ConsentRow.purpose == record.purpose,
            ConsentRow.how == record.how,
            ConsentRow.given,
            ConsentRow.recorded_at > work.at - MS_PER_DAY,
        )
        if (work.session.scalar(select(func.count()).where(*alike)) or 0) >= YES_A_DAY:
            raise RestlessError(
                f"{record.purpose.value}: a yes after {YES_A_DAY} others within a day is not taken, and the last no"
                " holds: say it again tomorrow, or elsewhere"
            )


def _was_said_last(before: Sequence[Statement], record: ConsentRecord) -> bool:
    if not before or before[-1].given != record.given:
        return False
    return not record.given or (before[-1].holds(record.at) and record.at - before[-1].at < MS_PER_DAY)


def _append(work: Change, records: Sequence[ConsentRecord], policies: Mapping[str, Policy]) -> None:
    keep(work, [_row(record, policies[record.appliance_id], work.at) for record in records])


def _row(record: ConsentRecord, policy: Policy, at: int) -> dict[str, Any]:
    notices = policy.notices
    told = notices.texts[record.purpose].get("zh" if record.language.startswith("zh") else "en", "")
    known = record.notice_version == notices.version
    return asdict(record) | {
        "recorded_at": at,
        "jurisdiction": record.jurisdiction or policy.name,
        "retention": record.retention or policy.consent.ends_after,
        "ends_at": end_of(record, policy),
        "notice_digest": hashlib.sha256(told.encode()).hexdigest() if known else None,
    }


def _keys(records: Iterable[ConsentRecord]) -> list[tuple[str, Purpose]]:
    return list(dict.fromkeys((record.appliance_id, record.purpose) for record in records))


def _owned(work: Change, records: Sequence[ConsentRecord]) -> dict[str, ApplianceRow]:
    """The appliances that the records are of; raises InputError where one may not be said."""
    owned = rows_of(work.session, ApplianceRow, {record.appliance_id for record in records})
    for record in records:
        if record.appliance_id not in owned:
            raise not_known(work.session, ApplianceRow, record.appliance_id)
        if owned[record.appliance_id].owner_id != record.subject:
            raise InputError(
                f"{record.subject!r} is not the registered owner of appliance {record.appliance_id!r}"
            )
        if record.at > work.at:
            raise InputError(
                f"the consent for {record.appliance_id!r} is dated {iso(record.at)}, which is still to come"
            )
    return owned
