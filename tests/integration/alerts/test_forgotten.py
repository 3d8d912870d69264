"""The list of appliances whose history was removed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from alerts.audit import verify
from alerts.database import reading
from alerts.forgotten import ForgottenAppliances
from alerts.tables import AuditRow
from foremend.vocabulary.types import Forgotten


def test_forgetting_twice_keeps_the_later_moment(stage: Any) -> None:
    """An appliance stands in the list once."""
    forgotten = ForgottenAppliances(stage.alerts.engine, stage.clock)

    forgotten.begin(Forgotten("rf-260", "leaves", 1_000))
    forgotten.begin(Forgotten("rf-260", "leaves", 2_000))

    assert forgotten.all() == [Forgotten("rf-260", "leaves", 2_000)]


def test_both_ends_of_a_removal_are_in_the_audit_log(stage: Any) -> None:
    """That it began, so that a removal cut short is seen, and how many readings went."""
    forgotten = ForgottenAppliances(stage.alerts.engine, stage.clock)
    one = Forgotten("rf-260", "leaves", 1_000)

    forgotten.begin(one)
    forgotten.finish(one, 42)

    with reading(stage.alerts.engine) as session:
        said = select(AuditRow).where(AuditRow.action.startswith("history."))
        entries = [(row.action, row.subject, row.details) for row in session.scalars(said)]
    assert entries == [
        ("history.forget", "leaves", '{"appliance_model":"rf-260","until":1000}'),
        ("history.forgotten", "leaves", '{"appliance_model":"rf-260","readings":42}'),
    ]
    assert verify(stage.alerts.engine).intact
