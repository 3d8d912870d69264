"""Users and owners' links under /api/v1: who makes, changes and ends them, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from alerts.database import reading
from alerts.tables import AuditRow
from foremend.vocabulary.rights import Right, Role
from tests.own_house import FRIDGE, OWNER, House, open_house

PASSWORD = "four plain words together"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def house(tmp_path: Path, database: str, clock: Any) -> Iterator[House]:
    with open_house(tmp_path, database, clock) as found:
        yield found


@pytest.fixture
def as_(house: House) -> Iterator[Callable[[Role], Ask]]:
    """Asks with a new token of a role."""
    with httpx.Client(base_url=house.address, timeout=60) as client:

        def of(role: Role) -> Ask:
            _, token = house.alerts.access.tokens.create("test", role, 30, "test", None, None)
            headers = {"Authorization": f"Bearer {token}"}
            return lambda method, path, **more: client.request(method, path, headers=headers, **more)

        yield of


def test_a_user_is_made_and_sets_a_password_by_the_link_that_came_once(
    house: House, as_: Callable[[Role], Ask]
) -> None:
    """Nothing of a link or a password is shown afterwards, nor in the log."""
    admin = as_(Role.ADMIN)

    made = admin("POST", "/api/v1/users", json={"name": "Kim", "role": "technician", "of": "kim"})

    assert made.status_code == 201
    link = made.json()["link"].removeprefix("/login.html#link=")
    entered = httpx.post(
        f"{house.address}/api/v1/session/password",
        json={"link": link, "password": PASSWORD},
        headers={"Origin": house.address},
        timeout=60,
    )
    [shown] = admin("GET", "/api/v1/users").json()
    assert entered.status_code == 204
    assert (shown["name"], shown["role"], shown["of"], shown["has_password"]) == (
        "kim",
        "technician",
        "kim",
        True,
    )
    assert link not in json.dumps(shown) + _log(house)
    assert "link" not in shown


def _log(house: House) -> str:
    with reading(house.alerts.engine) as session:
        return json.dumps([list(one) for one in session.execute(select(AuditRow.subject, AuditRow.details))])


def _session(house: House, admin: Ask, name: str, role: str) -> tuple[httpx.Client, dict[str, str]]:
    """Somebody who is logged in, and what their browser says of where it is."""
    link = admin("POST", "/api/v1/users", json={"name": name, "role": role}).json()["link"].split("=")[1]
    ours = {"Origin": house.address}
    client = httpx.Client(base_url=house.address, timeout=60)
    body = {"link": link, "password": PASSWORD}
    assert client.post("/api/v1/session/password", json=body, headers=ours).status_code == 204
    return client, ours


def test_another_role_a_disabling_and_a_reset_end_sessions_at_once(
    house: House, as_: Callable[[Role], Ask]
) -> None:
    """Each stands in the log with who did it."""
    admin = as_(Role.ADMIN)
    client, _ = _session(house, admin, "lee", "agent")
    assert client.get("/api/v1/session").status_code == 200

    changed = admin("POST", "/api/v1/users/lee/role", json={"role": "quality"})
    after = client.get("/api/v1/session").status_code
    disabled = admin("POST", "/api/v1/users/LEE/disable").json()
    refused = admin("POST", "/api/v1/users/lee/reset")
    enabled = admin("POST", "/api/v1/users/lee/enable").json()
    reset = admin("POST", "/api/v1/users/lee/reset").json()

    client.close()
    assert (changed.json()["role"], after) == ("quality", 401)
    assert disabled["disabled_at"] is not None
    assert (refused.status_code, "is disabled" in refused.json()["detail"]) == (400, True)
    assert (enabled["disabled_at"], reset["has_password"]) == (None, False)
    for action in ("created", "role_changed", "disabled", "enabled", "reset"):
        assert house.noted(f"user.{action}") == [reset["id"]]


def test_nobody_shuts_the_door_behind_themselves(house: House, as_: Callable[[Role], Ask]) -> None:
    """An admin neither disables nor demotes the own user; another one is told by the nearest name who is not there."""
    admin = as_(Role.ADMIN)
    client, ours = _session(house, admin, "root", "admin")

    own = [
        client.post("/api/v1/users/root/disable", headers=ours),
        client.post("/api/v1/users/root/role", json={"role": "agent"}, headers=ours),
    ]
    client.close()
    near = admin("POST", "/api/v1/users/rot/disable")

    assert [one.status_code for one in own] == [409, 409]
    assert admin("GET", "/api/v1/users").json()[0]["role"] == "admin"
    assert (near.status_code, "'root'" in near.json()["detail"]) == (404, True)


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "a b", "role": "agent"},
        {"name": "x", "role": "owner"},
        {"name": "x", "role": "king"},
        {"name": "x", "role": "agent", "password": PASSWORD},
    ],
)
def test_what_is_no_user_is_refused(as_: Callable[[Role], Ask], asked: dict[str, str]) -> None:
    """A name with a blank, an owner of nobody, a role that is none, and a password that somebody else would know."""
    admin = as_(Role.ADMIN)

    answer = admin("POST", "/api/v1/users", json=asked)

    assert answer.status_code in (400, 422)
    assert admin("GET", "/api/v1/users").json() == []


@pytest.mark.parametrize("role", [Role.AGENT, Role.OPERATOR, Role.QUALITY])
def test_whoever_may_not_is_told_which_right_is_missing(as_: Callable[[Role], Ask], role: Role) -> None:
    """By its name."""
    asked = as_(role)

    answers = [
        asked("GET", "/api/v1/users"),
        asked("POST", "/api/v1/users", json={"name": "x", "role": "admin"}),
        asked("POST", "/api/v1/users/x/disable"),
    ]

    assert [(one.status_code, one.json()["right"]) for one in answers] == [
        (403, "access"),
        (403, "access.change"),
        (403, "access.change"),
    ]


def test_a_service_desk_hands_out_a_page_with_no_right_that_it_has_not(
    house: House, as_: Callable[[Role], Ask]
) -> None:
    """What an agent's link opens shows and switches; a copy of everything, and erasure, an admin's alone."""
    agents, admins = (
        as_(role)("POST", f"/api/v1/owners/{OWNER}/links", json={"days": 3})
        for role in (Role.AGENT, Role.ADMIN)
    )
    nobody = as_(Role.AGENT)("POST", "/api/v1/owners/o-nobody/links", json={})
    pages = [httpx.get(house.address + one.json()["link"], timeout=60).text for one in (agents, admins)]

    assert (agents.status_code, admins.status_code, nobody.status_code) == (201, 201, 400)
    assert all(FRIDGE in one for one in pages)
    assert ["My data" in one for one in pages] == [False, True]
    assert not {Right.EXPORT, Right.ERASURES_CHANGE} & set(agents.json()["rights"])
    assert agents.json()["ends_at"].startswith("2026-01-04")
