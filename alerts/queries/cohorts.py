"""Episodes counted by appliance model and fault: no appliance, no owner."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, case, distinct, func, select

from alerts.database import reading
from alerts.tables import FindingRow
from foremend.vocabulary.types import FindingKind


class Cohort(NamedTuple):
    """`appliances` ever had an episode of the fault, `episodes` opened in all, `open` are going on."""

    appliance_model: str
    fault: str
    appliances: int
    episodes: int
    open: int


def cohorts(engine: Engine) -> list[Cohort]:
    """By model, those with the most episodes first."""
    opened = _number_of(FindingKind.OPENED)
    query = (
        select(
            FindingRow.appliance_model,
            FindingRow.fault,
            func.count(distinct(FindingRow.appliance_id)),
            opened,
            opened - _number_of(FindingKind.CLOSED),
        )
        .group_by(FindingRow.appliance_model, FindingRow.fault)
        .order_by(FindingRow.appliance_model, opened.desc(), FindingRow.fault)
    )
    with reading(engine) as session:
        return [Cohort(*row) for row in session.execute(query)]


def _number_of(kind: FindingKind) -> ColumnElement[int]:
    return func.count(case((FindingRow.kind == kind, 1)))
