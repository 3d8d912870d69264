"""What the registers of owners and of nameplates say of an appliance: a list shows it, and is narrowed by it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, Select, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from alerts.database import chunks, reading
from alerts.tables import ApplianceRow, FirmwareRow, NameplateRow


@dataclass(frozen=True, slots=True)
class Traits:
    """What is asked of appliances, each word as the register has it; None takes all, also what no register knows.

    `firmware` is the newest that is known. False where nothing is asked.

    >>> bool(Traits()), bool(Traits(batch="2025-44"))
    (False, True)
    """

    service_area: str | None = None
    region: str | None = None
    batch: str | None = None
    firmware: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))


ANY = Traits()


class Known(NamedTuple):
    """What is known of one appliance. `owner_id` says nothing about the person; who serves it goes to `service_area`.

    None where nobody told; `batch` and `region` are empty where a nameplate does not say.
    """

    owner_id: str | None = None
    service_area: str | None = None
    region: str | None = None
    batch: str | None = None
    firmware: str | None = None


Asked = tuple[InstrumentedAttribute[str], Sequence[ColumnElement[bool]]]
"""A table that is asked: its column with the appliance's id, and the conditions."""


def asked(traits: Traits, of: InstrumentedAttribute[str]) -> list[Asked]:
    """The tables that are asked for the `traits` of appliances in column `of`; each has one row at most of each."""
    plate = [
        column == word
        for column, word in ((NameplateRow.region, traits.region), (NameplateRow.batch, traits.batch))
        if word is not None
    ]
    tables: list[Asked] = [(NameplateRow.appliance_id, plate)] if plate else []
    if traits.firmware is not None:
        its = FirmwareRow.version == traits.firmware
        tables.append((FirmwareRow.appliance_id, [its, _is_newest(of)]))
    if traits.service_area is not None:
        tables.append((ApplianceRow.id, [ApplianceRow.service_area == traits.service_area]))
    return tables


def _is_newest(of: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Said of the column `of`: SQLite then looks at all else that is asked of it first, which is cheaper."""
    later = aliased(FirmwareRow)
    return (
        ~select(later.appliance_id).where(later.appliance_id == of, later.since > FirmwareRow.since).exists()
    )


def with_traits(
    query: Select[*tuple[Any, ...]], of: InstrumentedAttribute[str], tables: Sequence[Asked]
) -> Select[*tuple[Any, ...]]:
    """A query over the appliances of column `of`, of those alone that fit."""
    for key, conditions in tables:
        query = query.join(key.class_, key == of).where(*conditions)
    return query


def fitting(engine: Engine, traits: Traits, ids: Collection[str] | None = None) -> frozenset[str]:
    """The ids of those that fit, of `ids` where they are given. Raises UnavailableError without the database."""
    (key, conditions), *others = asked(traits, FirmwareRow.appliance_id)
    query = with_traits(select(key).where(*conditions), key, others)
    with reading(engine) as session:
        if ids is None:
            return frozenset(session.scalars(query))
        return frozenset(one for some in chunks(ids) for one in session.scalars(query.where(key.in_(some))))


def service_areas(engine: Engine) -> list[str]:
    """Those that the register knows an appliance in, by name. Raises UnavailableError without the database."""
    query = select(ApplianceRow.service_area).where(ApplianceRow.service_area.is_not(None)).distinct()
    with reading(engine) as session:
        return sorted(one for one in session.scalars(query) if one is not None)


def known_of(engine: Engine, ids: Collection[str]) -> dict[str, Known]:
    """Of those of `ids` that a register knows. Raises UnavailableError without the database."""
    found: dict[str, Known] = {}
    columns: Sequence[tuple[Select[*tuple[Any, ...]], InstrumentedAttribute[str]]] = (
        (select(ApplianceRow.id, ApplianceRow.owner_id, ApplianceRow.service_area), ApplianceRow.id),
        (
            select(NameplateRow.appliance_id, NameplateRow.region, NameplateRow.batch),
            NameplateRow.appliance_id,
        ),
        (
            select(FirmwareRow.appliance_id, FirmwareRow.version.label("firmware")).where(
                _is_newest(FirmwareRow.appliance_id)
            ),
            FirmwareRow.appliance_id,
        ),
    )
    with reading(engine) as session:
        for some in chunks(ids):
            for query, key in columns:
                for row in session.execute(query.where(key.in_(some))):
                    appliance_id, *_ = row
                    said = {name: word for name, word in row._mapping.items() if name in Known._fields}
                    found[appliance_id] = found.get(appliance_id, Known())._replace(**said)
    return found
