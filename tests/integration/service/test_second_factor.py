"""A second factor of users with passwords: set up, asked for, used once, counted, ended. On both databases, by HTTP."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from sqlalchemy import select, text

from alerts.access.refused import Refused
from alerts.access.sessions import Sessions
from alerts.database import reading
from alerts.settings import AccessSettings
from alerts.tables import AuditRow
from foremend.vocabulary.rights import SEES_OTHERS, Role
from tests.integration.service.test_login import PASSWORD, House, log_in
from tests.integration.service.test_login import house as house

FACTOR = "/api/v1/session/second-factor"
STEP = 30_000


def code_of(house: House, secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(house.clock.now_ms() // 1000 + 30 * steps)


def set_up(house: House, browser: httpx.Client) -> tuple[str, list[str]]:
    """The secret, and the codes to recover with; a step later, so that the next code is another one."""
    begun = browser.post(FACTOR, json={"password": PASSWORD})
    assert begun.status_code == 200, begun.text
    secret = begun.json()["secret"]
    done = browser.post(f"{FACTOR}/confirm", json={"code": code_of(house, secret)})
    assert done.status_code == 200, done.text
    house.clock.now += 2 * STEP
    return secret, done.json()["recovery_codes"]


def enter(house: House, code: str | None) -> httpx.Response:
    with house.browser() as browser:
        return browser.post("/api/v1/session", json={"name": "kim", "password": PASSWORD, "code": code})


def test_a_user_sets_a_second_factor_up_and_is_asked_for_it(house: House) -> None:
    """The secret comes once, as text, as an address and as a picture of it; the password alone opens nothing then."""
    with house.logged_in() as browser:
        assert browser.get(FACTOR).json() == {"since": None, "recovery_codes": 0, "possible": True}
        shown = browser.post(FACTOR, json={"password": PASSWORD}).json()
        wanted = {"secret": [shown["secret"]], "issuer": ["Foremend"]}
        assert parse_qs(urlsplit(shown["uri"]).query) == wanted
        assert shown["picture"].startswith("data:image/svg+xml")
        assert enter(house, None).status_code == 204  # what nobody confirmed locks nobody out
        secret, codes = set_up(house, browser)
        assert browser.get(FACTOR).json()["recovery_codes"] == len(set(codes)) == 10

    missing = enter(house, None)
    assert (missing.status_code, missing.json()["second_factor"]) == (401, True)
    assert enter(house, code_of(house, secret)).status_code == 204


def test_whoever_knows_no_password_hears_nothing_of_a_second_factor(house: House) -> None:
    """The same sentence as for everybody, with a code or without."""
    with house.logged_in() as browser:
        secret, _ = set_up(house, browser)
        wrong = log_in(browser, "kim", PASSWORD + "x")
        right_code = {"name": "kim", "password": PASSWORD + "x", "code": code_of(house, secret)}
        with_code = browser.post("/api/v1/session", json=right_code)

    assert wrong.status_code == with_code.status_code == 401
    assert wrong.json() == with_code.json()
    assert "second_factor" not in wrong.json()


def test_a_code_holds_once_and_none_before_it(house: House) -> None:
    """Also where a clock is a step ahead: what is older than a code that was used holds no more."""
    with house.logged_in() as browser:
        secret, _ = set_up(house, browser)

    ahead, now = code_of(house, secret, 1), code_of(house, secret)
    assert enter(house, ahead).status_code == 204
    assert enter(house, ahead).status_code == 401
    assert enter(house, now).status_code == 401
    house.clock.now += 2 * STEP
    assert enter(house, f" {code_of(house, secret)[:3]} {code_of(house, secret)[3:]} ").status_code == 204


@pytest.mark.parametrize("steps", [-20, -2, 2, 20])
def test_a_code_of_another_time_is_refused(house: House, steps: int) -> None:
    """One step to each side is taken, and no more."""
    with house.logged_in() as browser:
        secret, _ = set_up(house, browser)

    assert enter(house, code_of(house, secret, steps)).status_code == 401


def test_of_many_at_once_one_code_lets_in_one(house: House) -> None:
    """In several processes."""
    with house.logged_in() as browser:
        secret, [recovery, *_] = set_up(house, browser)
    user = house.access.users.get("kim")

    for code in (code_of(house, secret), recovery):
        outcomes: list[bool] = []

        def use(code: str = code, outcomes: list[bool] = outcomes) -> None:
            try:
                house.elsewhere().factors.use(user.id, code)
                outcomes.append(True)
            except Refused:
                outcomes.append(False)

        threads = [threading.Thread(target=use) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert sorted(outcomes) == [False, False, False, True]


def test_a_code_to_recover_with_holds_once(house: House) -> None:
    """Each of the ten; the log says that one was used."""
    with house.logged_in() as browser:
        _, codes = set_up(house, browser)
    for code in codes:
        assert enter(house, code.upper().replace("-", " ")).status_code == 204

    assert enter(house, codes[0]).status_code == 401
    with reading(house.engine) as session:
        actions = session.scalars(select(AuditRow.action).order_by(AuditRow.seq)).all()
    assert actions.count("second_factor.recovered") == 10
    assert "second_factor.set" in actions


def test_codes_are_guessed_at_no_faster_than_passwords(house: House) -> None:
    """Whoever has the password: five, and then a wait; asking without a code in between forgives none."""
    with house.logged_in() as browser:
        set_up(house, browser)

    seen = []
    for number in range(8):
        enter(house, None)
        seen.append(enter(house, f"{number:06}").status_code)

    assert seen[:5] == [401] * 5
    assert set(seen[5:]) == {429}


def test_only_sealed_secrets_and_digests_are_in_the_database_and_nothing_in_the_log(house: House) -> None:
    """Neither the secret, nor a code to recover with, nor one by time."""
    with house.logged_in() as browser:
        secret, codes = set_up(house, browser)

    with reading(house.engine) as session:
        rows = [str(list(one)) for one in session.execute(text("SELECT * FROM second_factors"))]
        rows += [str(list(one)) for one in session.execute(text("SELECT * FROM recovery_codes"))]
        rows += [json.dumps(one) for one in session.scalars(select(AuditRow.details))]
    for hidden in (secret, *codes, *(one.replace("-", "") for one in codes)):
        assert all(hidden not in one for one in rows)


def test_a_second_factor_is_begun_and_ended_by_whoever_proves_it(house: House) -> None:
    """A browser left open is not enough: the password for the one, and a code, too, for the other."""
    with house.logged_in() as browser:
        assert browser.post(FACTOR, json={"password": PASSWORD + "x"}).status_code == 401
        assert browser.post(f"{FACTOR}/confirm", json={"code": "123456"}).status_code == 400
        secret, _ = set_up(house, browser)
        proof = {"password": PASSWORD}
        assert browser.post(f"{FACTOR}/end", json=proof).status_code == 401
        assert browser.post(f"{FACTOR}/end", json=proof | {"code": "000000"}).status_code == 401
        again = browser.post(FACTOR, json=proof | {"code": code_of(house, secret)})
        assert (again.status_code, "end it first" in again.json()["detail"]) == (400, True)
        house.clock.now += 2 * STEP
        assert browser.post(f"{FACTOR}/end", json=proof | {"code": code_of(house, secret)}).status_code == 204

    assert enter(house, None).status_code == 204


def test_to_set_it_up_ends_the_users_other_sessions(house: House) -> None:
    """Whoever stole one stays no longer; the one in which it was set up goes on."""
    with house.logged_in() as browser, house.browser() as other:
        assert log_in(other, "kim").status_code == 204
        set_up(house, browser)
        assert other.get("/api/v1/session").status_code == 401
        assert browser.get("/api/v1/session").status_code == 200


def test_a_reset_ends_it(house: House) -> None:
    """For whoever lost the telephone and the codes."""
    with house.logged_in() as browser:
        set_up(house, browser)

    _, link = house.access.users.reset("kim", "test")
    house.access.users.set_password(link, PASSWORD)

    assert enter(house, None).status_code == 204
    with reading(house.engine) as session:
        assert session.execute(text("SELECT count(*) FROM recovery_codes")).scalar() == 0


def test_a_token_has_none(house: House) -> None:
    """It is of users."""
    _, token = house.access.tokens.create("test", Role.ADMIN, 1, "test")
    with httpx.Client(base_url=house.address, headers={"Authorization": f"Bearer {token}"}) as client:
        assert client.get(FACTOR).status_code == 404


@pytest.mark.parametrize("role", Role)
def test_where_it_is_required_nothing_opens_before_it_is_set_up(house: House, role: Role) -> None:
    """Of roles that see what is personal of others; the refusal says so, and setting it up opens the rest."""
    strict = Sessions(house.engine, house.clock, AccessSettings(second_factor="required"))
    house.app.state.door.access = replace(house.access, sessions=strict)
    with house.logged_in(role=role) as browser:
        who = browser.get("/api/v1/session").json()
        right = "/api/v1/tickets" if role in SEES_OTHERS else None
        assert who["owes_factor"] == (role in SEES_OTHERS)
        if right is None:
            return
        refused = browser.get(right)
        assert (refused.status_code, refused.json()["second_factor"]) == (403, True)
        assert list(who["rights"]) == ["words"]
        set_up(house, browser)
        assert browser.get(right).status_code == 200
        assert browser.get("/api/v1/session").json()["owes_factor"] is False
