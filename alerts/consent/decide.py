"""What the owner's words mean at one moment: statements in, a decision out, and how statements are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from alerts.database import CHUNK
from alerts.tables import ApplianceRow, ConsentRow
from alerts.wording import iso
from foremend.vocabulary.types import Purpose


@dataclass(frozen=True, slots=True)
class Statement:
    """The part of a record that decides; a yes holds before `ends_at` (ms UTC), for ever where that is None."""

    at: int
    given: bool
    ends_at: int | None = None

    def holds(self, at: int) -> bool:
        """Whether it is a yes that has not ended by `at`."""
        return self.given and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True)
class Decision:
    """May the act happen, and why not; `reason` is `given`, `never given`, `ended at ...` or `withdrawn at ...`."""

    given: bool
    reason: str


Histories = Mapping[tuple[str, Purpose], Sequence[Statement]]


def decide(statements: Iterable[Statement], at: int) -> Decision:
    """What holds at `at`, from statements in the order they were said (equal times: in the order of recording)."""
    heard = [statement for statement in statements if statement.at <= at]
    if not any(statement.given for statement in heard):
        return Decision(False, "never given")
    last = heard[-1]
    if last.holds(at):
        return Decision(True, "given")
    if last.given and last.ends_at is not None:
        return Decision(False, f"ended at {iso(last.ends_at)}")
    return Decision(False, f"withdrawn at {iso(heard[-1].at)}")


def histories(
    session: Session, appliance_ids: Collection[str], purposes: Collection[Purpose], *, lock: bool = False
) -> Histories:
    """All that the present owners said. `lock` keeps others from saying more until the transaction ends.

    They are put in order here: asked for order, SQLite walks through every word of a purpose by its time.
    """
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
            select(
                ConsentRow.appliance_id,
                ConsentRow.purpose,
                ConsentRow.at,
                ConsentRow.given,
                ConsentRow.ends_at,
                ConsentRow.seq,
            )
            .join(ApplianceRow, said_by_owner())
            .where(ConsentRow.appliance_id.in_(chunk), ConsentRow.purpose.in_(purposes))
        )
        rows = sorted(session.execute(query), key=lambda row: (row.at, row.seq))
        for appliance_id, purpose, at, given, ends_at, _ in rows:
            found[appliance_id, purpose].append(Statement(at, given, ends_at))
    return found


def said_by_owner() -> ColumnElement[bool]:
    """The join that leaves out what earlier owners said."""
    return and_(ApplianceRow.id == ConsentRow.appliance_id, ApplianceRow.owner_id == ConsentRow.subject)
