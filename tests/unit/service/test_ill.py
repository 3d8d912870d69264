"""Who is ill is looked for at each look where they are few, and rarely where they are many."""

from __future__ import annotations

import pytest

from foremend.service import ill
from foremend.service.ill import Ill
from foremend.service.views import ApplianceView

ONE = ApplianceView(
    appliance_id="a", appliance_model="rf-260", category="c", state="silent", last_seen="2026-01-01T00:00Z", faults=[]
)  # fmt: skip


class Time:
    """Stands still but while somebody looks."""

    def __init__(self) -> None:
        self.now = 100.0


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(ill, "monotonic", lambda: found.now)
    return found


def test_many_are_looked_for_once_in_ten_times_as_long_as_it_took(time: Time) -> None:
    looks: list[float] = []

    def look() -> list[ApplianceView]:
        looks.append(time.now)
        time.now += 2.0
        return [ONE] * 2_000

    sick = Ill(look, frozenset)
    for _ in range(60):
        assert len(sick.each()) == 2_000
        time.now += 1.0

    assert looks == [100.0, 123.0, 146.0]


def test_few_are_looked_for_at_each_look(time: Time) -> None:
    looks: list[int] = []
    sick = Ill(lambda: (looks.append(1), [ONE])[1], frozenset)

    for _ in range(3):
        time.now += 0.001
        sick.each()

    assert len(looks) == 3


def test_a_no_of_an_owner_is_heard_at_once(time: Time) -> None:
    """However lately they were looked for."""
    gone: set[str] = set()

    def look() -> list[ApplianceView]:
        time.now += 2.0
        return [] if "a" in gone else [ONE] * 2_000

    sick = Ill(look, lambda: frozenset(gone))
    before = len(sick.each())
    gone.add("a")

    assert (before, len(sick.each())) == (2_000, 0)
