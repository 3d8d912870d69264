"""The audit log notices every kind of tampering."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from alerts import audit
from alerts.database import writing
from foremend.vocabulary.types import Purpose

TAMPERINGS = {
    "entry 2 was changed": "UPDATE audit SET details = '{}' WHERE seq = 2",
    "entry 2 is missing": "DELETE FROM audit WHERE seq = 2",
    "entry 3 was changed": "UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 1) WHERE seq = 3",
    "the log ends at entry 3, its head says otherwise": "DELETE FROM audit WHERE seq = 4",
    "the log ends at entry 4, its head says otherwise": "DELETE FROM audit_head",
}


@pytest.fixture
def logged(stage: Any) -> Any:
    """The stage with four entries in its audit log."""
    for given in (True, False, True, False):
        stage.say(Purpose.SMS, given)
    return stage


def test_an_untouched_log_verifies(logged: Any) -> None:
    """Every entry fits the one before it, and the head fits the last."""
    report = audit.verify(logged.alerts.engine)

    assert report.intact
    assert report.entries == 4


@pytest.mark.parametrize("problem", TAMPERINGS)
def test_tampering_is_found(logged: Any, problem: str) -> None:
    """A changed, removed or cut entry is named."""
    with writing(logged.alerts.engine) as session:
        session.execute(text(TAMPERINGS[problem]))

    report = audit.verify(logged.alerts.engine)

    assert report.problem == problem
