"""Findings and open episodes under `/api/v1`: filters, pages that hold still, and nobody sees more than is theirs."""

from __future__ import annotations

from typing import Any

import pytest

from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import Finding, FindingKind, Severity
from tests.integration.service.test_rights import House, bearer, desk, findings_of, house, lived

__all__ = ["desk", "findings_of", "house", "lived"]


def ask(house: House, path: str, role: Role = Role.AGENT) -> Any:
    return house.client.get(f"/api/v1/{path}", headers=bearer(house.token(role)))


def pages(house: House, path: str) -> list[Any]:
    """All items, page by page of two."""
    found, cursor = [], ""
    while True:
        page = ask(house, f"{path}{'&' if '?' in path else '?'}limit=2{cursor}").json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


@pytest.fixture
def many(house: House, desk: Any, clock: Any) -> House:
    """Seven episodes that fail in 1, 3, 2, ... days or nobody knows when; the last two end."""

    def at(number: int, kind: FindingKind, days: float | None) -> Finding:
        return Finding(
            kind, f"fridge-{1 + number % 2}", "rf-260", f"fault-{number}", "r", Severity.WARNING,
            clock.now + (kind is FindingKind.CLOSED), clock.now, 1.0, 0.9, days,
        )  # fmt: skip

    days = [1.0, 3.0, None, 2.0, 2.0, 9.0, None]
    opened = [at(number, FindingKind.OPENED, one) for number, one in enumerate(days)]
    desk.effects.apply([*opened, at(5, FindingKind.CLOSED, None)], [], 1)
    desk.effects.apply([at(6, FindingKind.CLOSED, None)], [], 2)
    return house


def test_open_episodes_come_by_what_fails_first_and_closed_ones_are_gone(many: House) -> None:
    """Page by page as at once, and as the older list has them; one that ends in the block that opened it, too."""
    at_once = ask(many, "episodes").json()["items"]
    older = many.client.get("/api/episodes", headers=bearer(many.token(Role.AGENT))).json()

    assert [one["days_to_failure"] for one in at_once] == [1.0, 2.0, 2.0, 3.0, None]
    assert pages(many, "episodes") == at_once
    assert {one["id"] for one in older} == {one["id"] for one in at_once}


def test_an_update_takes_the_place_of_what_opened_the_episode(many: House, desk: Any, clock: Any) -> None:
    """It is one episode still, with what was found last, in its new place."""
    worse = Finding(
        FindingKind.UPDATED, "fridge-2", "rf-260", "fault-1", "r", Severity.CRITICAL, clock.now + 5, clock.now, 1.0,
        0.99, 0.5,
    )  # fmt: skip
    desk.effects.apply([worse], [], 3)

    found = ask(many, "episodes").json()["items"]
    assert (len(found), found[0]["fault"], found[0]["kind"]) == (5, "fault-1", "updated")
    assert [one["fault"] for one in ask(many, "episodes?severity=critical").json()["items"]] == ["fault-1"]


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("findings", 9), ("findings?kind=closed", 2), ("findings?fault=fault-3", 1), ("findings?severity=info", 0),
        ("findings?appliance_id=fridge-2", 4), ("findings?appliance_model=rf-999", 0), ("findings?sort=time", 9),
        ("episodes?appliance_id=fridge-2", 2), ("episodes?fault=fault-6", 0), ("episodes?appliance_model=rf-260", 5),
    ],
)  # fmt: skip
def test_filters_narrow_each_page_alike(many: House, path: str, number: int) -> None:
    """Page by page."""
    found = pages(many, path)

    assert len(found) == len({one["id"] for one in found}) == number


@pytest.mark.parametrize(
    "path",
    [
        "findings?severity=bad",
        "findings?kind=x",
        "findings?offset=1",
        "episodes?kind=opened",
        "episodes?sort=x",
    ],
)
def test_what_is_no_filter_is_refused(many: House, path: str) -> None:
    """Also the offset of the older lists."""
    assert ask(many, path).status_code == 422


def test_nobody_sees_more_than_is_theirs(many: House) -> None:
    """An owner the own appliances; a data scientist no ids, and no cursor that has one in it; others nothing."""
    for path in ("findings", "episodes"):
        for query in ("", "?appliance_id=fridge-2", "?fault=fault-1"):
            assert "fridge-2" not in ask(many, path + query, Role.OWNER).text
        refused = ask(many, path, Role.DATA_SCIENTIST)
        assert (refused.status_code, refused.json()["reach"]) == (403, "pseudonyms")
        assert ask(many, path, Role.QUALITY).status_code == 403


def test_who_asks_again_gets_what_was_found_since(many: House, desk: Any, clock: Any) -> None:
    """By the wall clock, in the order in which it was found, in pages; of episodes those that changed."""
    before = clock.now
    clock.now += 60_000
    worse = Finding(
        FindingKind.UPDATED, "fridge-1", "rf-260", "fault-0", "r", Severity.CRITICAL, before - 5, before, 1.0, 0.9, 0.5,
    )  # fmt: skip
    new = Finding(
        FindingKind.OPENED, "fridge-2", "rf-260", "fault-9", "r", Severity.WARNING, before - 9, before - 9, 1.0, 0.9,
        4.0,
    )  # fmt: skip
    desk.effects.apply([worse, new], [], 3)

    found = pages(many, f"findings?sort=at&updated_since={clock.now}")
    assert {(one["fault"], one["kind"]) for one in found} == {("fault-0", "updated"), ("fault-9", "opened")}
    assert len(pages(many, f"findings?sort=at&updated_since={before}")) == 11
    assert [one["fault"] for one in pages(many, f"episodes?updated_since={clock.now}")] == [
        "fault-0",
        "fault-9",
    ]
    assert ask(many, "findings?updated_since=yesterday").status_code == 422
    assert ask(many, f"findings?sort=at&updated_since={clock.now + 1}").json()["items"] == []
