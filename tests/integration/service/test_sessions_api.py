"""Sessions and tokens by /api/v1: each sees and ends the own, an admin all, and nobody makes who may more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import select, text

from alerts.database import reading
from alerts.tables import AuditRow
from foremend.vocabulary.rights import Right, Role
from tests.integration.service.test_login import HOUR, House, log_in
from tests.integration.service.test_login import house as house


@contextmanager
def by_token(house: House, role: Role, only: list[Right] | None = None) -> Iterator[httpx.Client]:
    _, token = house.access.tokens.create("test", role, 1, "test", only)
    with httpx.Client(
        base_url=house.address, headers={"Authorization": f"Bearer {token}"}, timeout=60
    ) as client:
        yield client


def test_a_user_sees_the_own_sessions_and_ends_one_or_all_others(house: House) -> None:
    """An id of the list opens nothing; the one that asks is marked, and stays."""
    with house.logged_in() as mine, house.browser() as lost, house.browser() as third:
        log_in(lost, "kim")
        log_in(third, "kim")
        shown = mine.get("/api/v1/sessions").json()
        assert [one["is_this"] for one in shown].count(True) == 1
        assert len(shown) == 3
        [current] = [one for one in lost.get("/api/v1/sessions").json() if one["is_this"]]
        with house.browser() as thief:
            thief.cookies.set("foremend", current["id"])
            assert thief.get("/api/v1/session").status_code == 401

        assert mine.delete(f"/api/v1/sessions/{current['id']}").status_code == 204
        assert mine.delete(f"/api/v1/sessions/{current['id']}").status_code == 404
        assert lost.get("/api/v1/session").status_code == 401
        assert mine.post("/api/v1/sessions/end-others").json() == {"ended": 1}
        assert third.get("/api/v1/session").status_code == 401
        assert mine.get("/api/v1/session").status_code == 200


def test_nobody_ends_or_sees_anothers(house: House) -> None:
    """Not by its id either; nor does another site."""
    with house.logged_in() as kim, house.logged_in("lee", Role.OPERATOR) as lee:
        [theirs] = lee.get("/api/v1/sessions").json()
        assert theirs["id"] not in str(kim.get("/api/v1/sessions").json())
        assert kim.delete(f"/api/v1/sessions/{theirs['id']}").status_code == 404
        assert kim.get("/api/v1/users/lee/sessions").status_code == 403
        assert kim.post("/api/v1/users/lee/sessions/end").status_code == 403
        foreign = lee.post("/api/v1/sessions/end-others", headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403
        assert lee.get("/api/v1/session").status_code == 200


def test_what_has_ended_is_not_shown(house: House) -> None:
    """By silence, and by a change of the user."""
    with house.logged_in() as first:
        house.clock.now += HOUR
        with house.browser() as second:
            log_in(second, "kim")
            assert len(second.get("/api/v1/sessions").json()) == 1
        assert first.get("/api/v1/sessions").status_code == 401


def test_an_admin_sees_and_ends_a_users_sessions(house: House) -> None:
    """At once, in every process; it stands in the log."""
    with house.logged_in() as kim, by_token(house, Role.ADMIN) as admin:
        assert len(admin.get("/api/v1/users/kim/sessions").json()) == 1
        assert admin.get("/api/v1/users/kym/sessions").status_code == 404
        assert admin.post("/api/v1/users/kim/sessions/end").json() == {"ended": 1}
        assert kim.get("/api/v1/session").status_code == 401
        assert log_in(kim, "kim").status_code == 204

    with reading(house.engine) as session:
        assert "user.sessions_ended" in session.scalars(select(AuditRow.action)).all()


def test_a_token_is_made_listed_and_revoked(house: House) -> None:
    """Its text comes once, and only a digest is kept; a revoked one opens nothing from then on."""
    asked = {"name": "desk", "role": "agent", "days": 30, "rights": ["tickets", "words"]}
    with by_token(house, Role.ADMIN) as admin:
        made = admin.post("/api/v1/tokens", json=asked)
        assert made.status_code == 201
        secret, key = made.json()["token"], made.json()["id"]
        assert made.json()["rights"] == {"tickets": "all", "words": "all"}
        header = {"Authorization": f"Bearer {secret}"}
        assert httpx.get(f"{house.address}/api/v1/tickets", headers=header).status_code == 200
        assert httpx.get(f"{house.address}/api/v1/owners", headers=header).status_code == 403
        listed = admin.get("/api/v1/tokens").text
        assert key in listed
        assert secret not in listed
        assert admin.post(f"/api/v1/tokens/{key}/revoke").json()["revoked_at"] is not None
        assert admin.post(f"/api/v1/tokens/{key}/revoke").status_code == 200
        assert admin.post("/api/v1/tokens/nobody/revoke").status_code == 404
        assert httpx.get(f"{house.address}/api/v1/tickets", headers=header).status_code == 401

    with reading(house.engine) as session:
        kept = [str(list(one)) for one in session.execute(text("SELECT * FROM access_tokens"))]
        kept += [json.dumps(one) for one in session.scalars(select(AuditRow.details))]
    assert all(secret.rpartition("_")[2] not in one for one in kept)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"name": "x", "role": "owner"}, 400),
        ({"name": "x", "role": "agent", "of": "o-1"}, 400),
        ({"name": "x", "role": "agent", "rights": ["audit"]}, 400),
        ({"name": "x", "role": "agent", "days": 0}, 422),
        ({"name": "x", "role": "agent", "rights": []}, 422),
        ({"name": "", "role": "agent"}, 422),
        ({"name": "x", "role": "agent", "admin": True}, 422),
    ],
)
def test_a_token_that_cannot_be_is_refused(house: House, asked: dict[str, object], status: int) -> None:
    """With a sentence, and nothing is made."""
    with by_token(house, Role.ADMIN) as admin:
        answer = admin.post("/api/v1/tokens", json=asked)
        assert answer.status_code == status
        assert answer.json()["detail"]
        assert len(admin.get("/api/v1/tokens").json()) == 1


def test_nobody_makes_somebody_who_may_more(house: House) -> None:
    """A program that may make tokens and users, and no more, makes itself no admin; the refusal names the right."""
    house.user("kim", Role.OPERATOR)
    with by_token(house, Role.ADMIN, [Right.ACCESS, Right.ACCESS_CHANGE, Right.WORDS]) as maker:
        token = maker.post("/api/v1/tokens", json={"name": "x", "role": "admin"})
        user = maker.post("/api/v1/users", json={"name": "boss", "role": "admin"})
        role = maker.post("/api/v1/users/kim/role", json={"role": "admin"})
        within = maker.post("/api/v1/tokens", json={"name": "x", "role": "admin", "rights": ["words"]})

    assert [token.status_code, user.status_code, role.status_code] == [403, 403, 403]
    assert token.json()["right"] is not None
    assert within.status_code == 201
    assert house.access.users.get("kim").role is Role.OPERATOR


def test_nobody_comes_in_as_somebody_who_may_more(house: House) -> None:
    """A new link for a user is that user's rights: an admin's goes to nobody else, and the password stays."""
    house.user("boss", Role.ADMIN)
    with by_token(house, Role.ADMIN, [Right.ACCESS, Right.ACCESS_CHANGE, Right.WORDS]) as maker:
        refused = maker.post("/api/v1/users/boss/reset")
    with by_token(house, Role.ADMIN) as admin:
        link = admin.post("/api/v1/users/boss/reset")

    assert (refused.status_code, "link" in refused.text) == (403, False)
    assert refused.json()["right"] is not None
    assert (link.status_code, "#link=" in link.json()["link"]) == (200, True)


@pytest.mark.parametrize("role", [one for one in Role if one is not Role.ADMIN])
def test_nobody_but_an_admin_sees_or_makes_tokens(house: House, role: Role) -> None:
    """Each by name of the right that is missing."""
    with house.logged_in(role=role) as browser:
        looked = browser.get("/api/v1/tokens")
        made = browser.post("/api/v1/tokens", json={"name": "x", "role": role.value})

    assert (looked.status_code, looked.json()["right"]) == (403, "access")
    assert (made.status_code, made.json()["right"]) == (403, "access.change")
