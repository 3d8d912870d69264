"""Ids against what is registered: who owns what, and the nearest to an id that nobody has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from alerts.database import CHUNK
from alerts.tables import ApplianceRow, OwnerRow
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ids import folded, proposed, require_id, unknown

Registered = type[ApplianceRow] | type[OwnerRow]
Row = TypeVar("Row", ApplianceRow, OwnerRow)
_MOST_LIKE = 500  # ids that a hint is chosen from
_ALIKE = 3  # letters that they share with what was typed, at their beginning

_WHAT: dict[Registered, tuple[str, str]] = {
    ApplianceRow: ("appliance", "register it first: docs/owners.md says how"),
    OwnerRow: ("owner", "register the owner first: docs/owners.md says how"),
}


def rows_of(
    session: Session, table: type[Row], ids: Collection[str], *, lock: bool = False
) -> dict[str, Row]:
    """Those of `ids` that are registered, by id."""
    found: dict[str, Row] = {}
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), CHUNK):
        query = select(table).where(table.id.in_(ordered[start : start + CHUNK])).order_by(table.id)
        found.update((row.id, row) for row in session.scalars(query.with_for_update() if lock else query))
    return found


def not_known(session: Session, table: Registered, wanted: str) -> InputError:
    """The error for an id that nobody registered, with the nearest that somebody did."""
    what, otherwise = _WHAT[table]
    return unknown(what, wanted, _like(session, table, wanted), otherwise)


def require_new_ids(
    session: Session, table: Registered, ids: Iterable[str], known: Collection[str], apart: bool
) -> None:
    """Ids that are not `known` have the normal form, and differ from each other and all others in more than case.

    `apart` allows the latter: MQTT tells them apart. What an earlier Foremend took goes on, whatever its form. Raises
    InputError.
    """
    what, _ = _WHAT[table]
    new = [require_id(what, one) for one in dict.fromkeys(ids) if one not in known]
    if apart:
        return
    seen: dict[str, str] = {}
    for one in new:
        _require_apart(what, one, seen.setdefault(folded(one), one))
    spellings = list(seen)
    for start in range(0, len(spellings), CHUNK):
        same = table.folded.in_(spellings[start : start + CHUNK])
        for other in session.scalars(select(table.id).where(same)):
            _require_apart(what, seen[folded(other)], other)


def _require_apart(what: str, one: str, other: str) -> None:
    if one != other:
        raise InputError(
            f"{what} {one!r} differs from {other!r} in upper and lower case alone: did you mean {other!r}?"
            " If they are two, register it with apart=True"
        )


def _like(session: Session, table: Registered, wanted: str) -> Sequence[str]:
    """Registered ids that begin alike, or end alike where few do."""
    plain = folded(proposed(wanted) or wanted)[:200].replace("\0", "")
    begin = plain[:_ALIKE]
    begins_alike = table.folded.between(begin, begin + "\uffff")
    query = select(table.id).where(or_(table.folded == plain, begins_alike)).limit(_MOST_LIKE)
    same = session.scalars(select(table.id).where(table.folded == plain).limit(1)).all()
    return [*same, *session.scalars(query)]
