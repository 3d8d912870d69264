"""What is looked for at each look where appliances are few, and rarely where they are many."""

from __future__ import annotations

import pytest

from foremend.service import lately
from foremend.service.lately import Lately


class Time:
    """Stands still but while somebody looks."""

    def __init__(self) -> None:
        self.now = 100.0


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(lately, "monotonic", lambda: found.now)
    return found


def test_many_are_looked_for_once_in_ten_times_as_long_as_it_took(time: Time) -> None:
    looks: list[float] = []

    def look() -> list[str]:
        looks.append(time.now)
        time.now += 2.0
        return ["a"] * 2_000

    sick = Lately(look, len)
    for _ in range(60):
        assert len(sick.seen()) == 2_000
        time.now += 1.0

    assert looks == [100.0, 123.0, 146.0]


def test_none_serves_for_longer_than_it_may(time: Time) -> None:
    looks: list[float] = []

    def look() -> list[str]:
        looks.append(time.now)
        time.now += 2.0
        return ["a"] * 2_000

    sick = Lately(look, len, longest_s=3.5)
    for _ in range(10):
        sick.seen()
        time.now += 1.0

    assert looks == [100.0, 106.0, 112.0]


def test_few_are_looked_for_at_each_look(time: Time) -> None:
    looks: list[int] = []
    sick = Lately(lambda: (looks.append(1), ["a"])[1], len)

    for _ in range(3):
        time.now += 0.001
        sick.seen()

    assert len(looks) == 3


def test_a_no_of_an_owner_is_heard_at_once(time: Time) -> None:
    """However lately they were looked for."""
    gone: set[str] = set()

    def look() -> list[str]:
        time.now += 2.0
        return [] if "a" in gone else ["a"] * 2_000

    sick = Lately(look, len)
    before = len(sick.seen(frozenset(gone)))
    gone.add("a")

    assert (before, len(sick.seen(frozenset(gone)))) == (2_000, 0)
