"""What a step of a ticket says, as people and programs write it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from alerts.ticket_steps import STEP


def scheduled(begin: object) -> Any:
    return STEP.validate_python(
        {"step": "scheduled", "visit_from": begin, "visit_until": "2026-03-01T12:00:00+08:00"}
    )


@pytest.mark.parametrize("written", ["2026-03-01T09:30:00+08:00", "1772328600000", 1_772_328_600_000])
def test_a_time_is_rfc_3339_or_ms(written: object) -> None:
    """The same moment."""
    assert scheduled(written).visit_from == 1_772_328_600_000


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("tomorrow", "'tomorrow' is no time: write 2026-03-01T09:30:00+08:00, or ms UTC"),
        ("0001-01-01T00:00:00+14:00", "is no time"),
        ("2026-03-01T09:30:00", "'2026-03-01T09:30:00' has no zone: write 2026-03-01T09:30:00+08:00"),
    ],
)
def test_what_is_no_time_is_told_with_one_that_is(written: str, sentence: str) -> None:
    """Nothing of the library that read it."""
    with pytest.raises(ValidationError) as told:
        scheduled(written)
    said = str(told.value)
    assert sentence in said
    assert "isoformat" not in said
