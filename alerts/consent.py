"""The consent ledger: append-only, after ISO/IEC TS 27560:2023, asked at the moment of each act.

A record says what an owner said about one purpose on one appliance. The latest word counts, by the time it was said;
what an earlier owner of the appliance said does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, func, insert, select
from sqlalchemy.orm import Session

from alerts.change import Change, change
from alerts.database import CHUNK, reading
from alerts.outbox import Event, Outbox
from alerts.tables import ApplianceRow, ConsentRow
from alerts.tickets import withdraw_tickets
from alerts.wording import iso
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Purpose, deterministic_id


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """What an owner said. `at` is ms UTC, when it was said; `retention` an ISO 8601 duration such as `P2Y`."""

    appliance_id: str
    subject: str
    purpose: Purpose
    given: bool
    at: int
    notice_version: str
    language: str
    how: str
    jurisdiction: str = "CN"
    retention: str = "P2Y"
    withdrawal_method: str = "in the app, at any time"


@dataclass(frozen=True, slots=True)
class Statement:
    """The part of a record that decides."""

    at: int
    given: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """May the act happen, and why not; `reason` is `given`, `never given` or `withdrawn at ...`."""

    given: bool
    reason: str


Histories = Mapping[tuple[str, Purpose], Sequence[Statement]]


def decide(statements: Iterable[Statement], at: int) -> Decision:
    """What holds at `at`, from statements in the order they were said (equal times: in the order of recording)."""
    heard = [statement for statement in statements if statement.at <= at]
    if not any(statement.given for statement in heard):
        return Decision(False, "never given")
    if heard[-1].given:
        return Decision(True, "given")
    return Decision(False, f"withdrawn at {iso(heard[-1].at)}")


def histories(
    session: Session, appliance_ids: Collection[str], purposes: Collection[Purpose], *, lock: bool = False
) -> Histories:
    """All that the present owners said. `lock` keeps others from saying more until the transaction ends."""
    found: dict[tuple[str, Purpose], list[Statement]] = defaultdict(list)
    ordered = sorted(appliance_ids)
    for start in range(0, len(ordered), CHUNK):
        chunk = ordered[start : start + CHUNK]
        if lock:
            session.execute(
                select(ApplianceRow.id)
                .where(ApplianceRow.id.in_(chunk))
                .order_by(ApplianceRow.id)
                .with_for_update()
            )
        query = (
            select(ConsentRow.appliance_id, ConsentRow.purpose, ConsentRow.at, ConsentRow.given)
            .join(ApplianceRow, _said_by_owner())
            .where(ConsentRow.appliance_id.in_(chunk), ConsentRow.purpose.in_(purposes))
            .order_by(ConsentRow.at, ConsentRow.seq)
        )
        for appliance_id, purpose, at, given in session.execute(query):
            found[appliance_id, purpose].append(Statement(at, given))
    return found


class ConsentLedger:
    """Reads and writes the ledger."""

    def __init__(self, engine: Engine, outbox: Outbox, clock: Clock, wake: Callable[[], None]) -> None:
        """`wake` is called after a commit that left messages in the outbox."""
        self._engine = engine
        self._outbox = outbox
        self._clock = clock
        self._wake = wake

    def record(self, records: Iterable[ConsentRecord]) -> None:
        """Append records, all or none. A changed mind is told to the receivers, and withdraws open tickets.

        Raises InputError when the subject does not own the appliance or the record comes from the future.
        """
        found = list(records)
        about = {record.appliance_id for record in found}, {record.purpose for record in found}
        with change(self._engine, self._clock) as work:
            _check(work, found)
            before = histories(work.session, *about, lock=True)
            _append(work, found)
            after = histories(work.session, *about)
            told = [self._tell(work, key, before.get(key, ()), after[key]) for key in _keys(found)]
        if any(told):
            self._wake()

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
        return self._with_last_word(purpose, True, at)

    def refused(self, purpose: Purpose, at: int | None = None) -> frozenset[str]:
        """The ids of all appliances whose owner's last word on `purpose` at `at` (ms UTC) was no."""
        return self._with_last_word(purpose, False, at)

    def _with_last_word(self, purpose: Purpose, given: bool, at: int | None) -> frozenset[str]:
        moment = self._clock.now_ms() if at is None else at
        latest_first = func.row_number().over(
            partition_by=ConsentRow.appliance_id, order_by=(ConsentRow.at.desc(), ConsentRow.seq.desc())
        )
        ranked = (
            select(ConsentRow.appliance_id, ConsentRow.given, latest_first.label("rank"))
            .join(ApplianceRow, _said_by_owner())
            .where(ConsentRow.purpose == purpose, ConsentRow.at <= moment)
            .subquery()
        )
        with reading(self._engine) as session:
            query = select(ranked.c.appliance_id).where(ranked.c.rank == 1, ranked.c.given == given)
            return frozenset(session.scalars(query))

    def history(self, appliance_id: str) -> list[dict[str, Any]]:
        """Every record about an appliance as it stands in the ledger, oldest first, JSON-ready."""
        query = select(ConsentRow).where(ConsentRow.appliance_id == appliance_id).order_by(ConsentRow.seq)
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
        tickets = withdraw_tickets(work, appliance_id) if purpose is Purpose.TICKET and not given else []
        self._outbox.put(work, _changed(appliance_id, purpose, after[-1], len(after), tickets))
        return True


def _append(work: Change, records: Sequence[ConsentRecord]) -> None:
    work.session.execute(
        insert(ConsentRow), [asdict(record) | {"recorded_at": work.at} for record in records]
    )
    for record in records:
        work.note("consent.recorded", record.appliance_id, **_public(record))


def _said_by_owner() -> ColumnElement[bool]:
    return and_(ApplianceRow.id == ConsentRow.appliance_id, ApplianceRow.owner_id == ConsentRow.subject)


def _keys(records: Iterable[ConsentRecord]) -> list[tuple[str, Purpose]]:
    return list(dict.fromkeys((record.appliance_id, record.purpose) for record in records))


def _public(record: ConsentRecord) -> dict[str, object]:
    """What the audit log keeps: the owner is not in it, since it outlives an erasure."""
    return {
        "purpose": record.purpose,
        "given": record.given,
        "at": record.at,
        "notice": record.notice_version,
    }


def _check(work: Change, records: Sequence[ConsentRecord]) -> None:
    ids = sorted({record.appliance_id for record in records})
    owners: dict[str, str] = {}
    for start in range(0, len(ids), CHUNK):
        query = select(ApplianceRow.id, ApplianceRow.owner_id).where(
            ApplianceRow.id.in_(ids[start : start + CHUNK])
        )
        owners.update((appliance_id, owner) for appliance_id, owner in work.session.execute(query))
    for record in records:
        if owners.get(record.appliance_id) != record.subject:
            raise InputError(
                f"{record.subject!r} is not the registered owner of appliance {record.appliance_id!r}"
            )
        if record.at > work.at:
            raise InputError(
                f"the consent for {record.appliance_id!r} is dated {iso(record.at)}, which is still to come"
            )


def _changed(appliance_id: str, purpose: Purpose, last: Statement, said: int, tickets: list[str]) -> Event:
    return Event(
        id=deterministic_id("ev", "consent", appliance_id, purpose, last.at, said),
        type="foremend.consent.changed",
        subject=appliance_id,
        time=last.at,
        data={
            "appliance_id": appliance_id,
            "purpose": purpose,
            "given": last.given,
            "at": iso(last.at),
            "tickets": tickets,
        },
        purpose=None,  # this is the message that tells receivers to stop: it leaves in every case
        appliance_id=appliance_id,
        ordering=f"consent:{appliance_id}",
    )
