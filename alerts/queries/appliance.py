"""What is known of one appliance: what was found over a stretch of time, and what its owner agreed to."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Engine, select

from alerts.consent import decide, histories
from alerts.database import reading
from alerts.queries.paging import columns
from alerts.tables import ApplianceRow, FindingRow
from foremend.vocabulary.types import Purpose


class Agreed(NamedTuple):
    """What an owner's word on one purpose means now; `reason` as `Decision` has it."""

    purpose: Purpose
    given: bool
    reason: str


def findings_between(
    engine: Engine, appliance_id: str, start: int, end: int, most: int
) -> list[dict[str, Any]]:
    """The newest `most` findings with start <= time < end (event time, ms UTC), the oldest first."""
    query = (
        select(FindingRow)
        .where(FindingRow.appliance_id == appliance_id, FindingRow.time >= start, FindingRow.time < end)
        .order_by(FindingRow.time.desc(), FindingRow.id)
        .limit(most)
    )
    with reading(engine) as session:
        return [columns(row) for row in session.scalars(query)][::-1]


def agreed(engine: Engine, appliance_id: str, now: int) -> list[Agreed] | None:
    """Each purpose with what holds `now` (ms UTC); None where the appliance is registered to nobody."""
    with reading(engine) as session:
        if session.get(ApplianceRow, appliance_id) is None:
            return None
        said = histories(session, {appliance_id}, set(Purpose))
    decided = [(purpose, decide(said.get((appliance_id, purpose), ()), now)) for purpose in Purpose]
    return [Agreed(purpose, one.given, one.reason) for purpose, one in decided]
