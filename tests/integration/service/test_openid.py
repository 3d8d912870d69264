"""Coming in by an OpenID provider: a real one of others, and one that lies. On both databases, by HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, select

from alerts.access.openid import OpenId
from alerts.access.openid_settings import OpenIdSettings
from alerts.database import reading
from alerts.tables import AuditRow
from foremend.service.app import create_app
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.stores.free_port import free_port
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.rights import Role
from tests.integration.service.test_login import PASSWORD, House, log_in, opened
from tests.openid_provider import (
    CLIENT,
    SECRET,
    Provider,
    by_another_key,
    by_our_secret,
    open_provider,
    provider_of_others,
    unsigned,
)

ROLES = {"boss": Role.ADMIN, "desk": Role.AGENT, "house": Role.OWNER}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with open_provider() as found:
        yield found


def openid_of(issuer: str, house_key: str, clock: Any, **more: Any) -> OpenId:
    from alerts.vault import Vault

    settings = OpenIdSettings(
        issuer=issuer, client_id=CLIENT, client_secret_env="X", roles=ROLES, subject_claim="owner", **more
    )
    return OpenId(settings, SECRET, Vault(house_key), clock, None)


def open_house(tables: Engine, clock: Any, issuer: str) -> tuple[Server, House]:
    key = Fernet.generate_key().decode()
    access = opened(tables, key, clock)
    model = ReadModel(tables, SharedPipeline(tables, (), clock, 60_000), {}, {}, {})
    door = Door(access, False, Buckets(1e6), Buckets(1e6), openid_of(issuer, key, clock))
    app = create_app(model, door=door)
    server = Server(app, "127.0.0.1", 0, proxies=["127.0.0.1"])
    return server, House(app, "", access, clock, tables, key)


@pytest.fixture
def house(tables: Engine, clock: Any, provider: Provider) -> Iterator[House]:
    server, found = open_house(tables, clock, provider.address)
    with server as address:
        found.address = address
        yield found


def go(browser: httpx.Client) -> str:
    """Where the provider sends the browser back to."""
    sent = browser.post("/api/v1/session/openid", json={})
    assert sent.status_code == 200, sent.text
    return httpx.get(sent.json()["url"]).headers["location"]


def come(browser: httpx.Client, back: str) -> str:
    """What the login page is told."""
    answer = browser.get(back, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 303
    path, _, said = answer.headers["location"].partition("#openid=")
    assert path == "../login.html"
    return said


def who(browser: httpx.Client) -> dict[str, Any]:
    answer = browser.get("/api/v1/session")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_whoever_the_provider_knows_comes_in_with_the_role_of_the_group(
    house: House, provider: Provider
) -> None:
    """Made at the first login, known again by issuer and subject; the role is that of each login."""
    provider.claims |= {"preferred_username": "Kim"}
    with house.browser() as browser:
        assert browser.get("/api/v1/session/openid").json() == {"title": "OpenID Connect"}
        assert come(browser, go(browser)) == "done"
        first = who(browser)
        provider.claims |= {"preferred_username": "Kim Possibly", "groups": ["nobody", "boss"]}
        assert come(browser, go(browser)) == "done"
        second = who(browser)

    assert (first["name"], first["role"], second["role"]) == ("kim", "agent", "admin")
    assert first["who"] == second["who"]
    [user] = house.access.users.all()
    assert (user.has_password, user.issuer) == (False, provider.address)


def test_another_role_ends_the_sessions_of_the_old_one(house: House, provider: Provider) -> None:
    """Also in a browser in which nobody logged in again; who loses every role is out with all sessions."""
    with house.browser() as old, house.browser() as new:
        come(old, go(old))
        provider.claims["groups"] = ["boss"]
        assert come(new, go(new)) == "done"
        assert old.get("/api/v1/session").status_code == 401
        provider.claims["groups"] = ["nobody"]
        with house.browser() as third:
            assert come(third, go(third)) == "no_role"
            assert third.get("/api/v1/session").status_code == 401
        assert new.get("/api/v1/session").status_code == 401


def test_nobody_is_taken_for_a_user_of_the_same_name_or_address(house: House, provider: Provider) -> None:
    """A name at the provider is chosen there, and opens nothing of a user who has it here."""
    house.user("kim", Role.ADMIN)
    provider.claims |= {"preferred_username": "kim", "email": "kim@example.com"}
    with house.browser() as browser:
        assert come(browser, go(browser)) == "done"
        found = who(browser)
        assert (found["role"], found["name"].startswith("kim-")) == ("agent", True)
        provider.claims["sub"] = "18"
        assert come(browser, go(browser)) == "done"
        assert who(browser)["who"] != found["who"]

    assert len(house.access.users.all()) == 3


def test_who_is_disabled_here_stays_out(house: House, provider: Provider) -> None:
    """Whatever the provider says; sessions end at once, as everybody's."""
    with house.browser() as browser:
        come(browser, go(browser))
        name = who(browser)["name"]
        house.elsewhere().users.disable(name, "test")
        assert browser.get("/api/v1/session").status_code == 401
        assert come(browser, go(browser)) == "disabled"
        assert browser.get("/api/v1/session").status_code == 401


def test_whoever_has_no_role_is_refused_and_not_made(house: House, provider: Provider) -> None:
    """No group, another one, and a role that reaches the own without saying whose."""
    for groups in ([], ["other"], "des", None, ["house"]):
        provider.claims["groups"] = groups
        with house.browser() as browser:
            assert come(browser, go(browser)) == "no_role"

    assert house.access.users.all() == []


def test_an_owner_sees_the_own_that_the_claim_names(house: House, provider: Provider) -> None:
    """Groups may stand in the userinfo, as many providers have it."""
    provider.claims = {"sub": "17"}
    provider.in_userinfo = {"sub": "17", "groups": "house", "owner": "o-1"}
    with house.browser() as browser:
        assert come(browser, go(browser)) == "done"

    [user] = house.access.users.all()
    assert (user.role, user.subject) == (Role.OWNER, "o-1")


LIES: dict[str, Callable[[Provider], object]] = {
    "another nonce": lambda one: setattr(one, "change", lambda claims: claims.update(nonce="n")),
    "no nonce": lambda one: setattr(one, "change", lambda claims: claims.pop("nonce")),
    "another audience": lambda one: setattr(one, "change", lambda claims: claims.update(aud="other")),
    "another audience, and us as who asked": lambda one: setattr(
        one, "change", lambda claims: claims.update(aud="other", azp=CLIENT)
    ),
    "for others, too": lambda one: setattr(
        one, "change", lambda claims: claims.update(aud=[CLIENT, "other"], azp="x")
    ),
    "over": lambda one: setattr(one, "change", lambda claims: claims.update(exp=claims["iat"] - 100)),
    "without an end": lambda one: setattr(one, "change", lambda claims: claims.pop("exp")),
    "of tomorrow": lambda one: setattr(
        one, "change", lambda claims: claims.update(iat=claims["iat"] + 86_400)
    ),
    "a foreign issuer": lambda one: setattr(
        one, "change", lambda claims: claims.update(iss="https://evil.example")
    ),
    "without a subject": lambda one: setattr(one, "change", lambda claims: claims.pop("sub")),
    "unsigned": lambda one: setattr(one, "sign", unsigned),
    "signed by another": lambda one: setattr(one, "sign", by_another_key),
    "signed by our secret": lambda one: setattr(one, "sign", by_our_secret),
    "no token at all": lambda one: setattr(one, "sign", lambda *_: "nonsense"),
    "another user's data": lambda one: one.in_userinfo.update(sub="18", groups=["boss"]),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_does_not_hold_lets_nobody_in(house: House, provider: Provider, lie: str) -> None:
    """Each alone; without it the same login goes through."""
    with house.browser() as browser:
        assert come(browser, go(browser)) == "done"
    with house.browser() as browser:
        LIES[lie](provider)

        said = come(browser, go(browser))

        assert said in ("wrong", "away")
        assert browser.get("/api/v1/session").status_code == 401


def test_an_answer_holds_in_the_browser_that_asked_and_once(house: House, provider: Provider) -> None:
    """Another state, another browser, the same code again, also where a provider forgot that it was used."""
    with house.browser() as mine, house.browser() as other:
        back = go(mine)
        assert come(other, back) == "stale"
        assert come(mine, back.replace("state=", "state=x")) == "stale"
        assert come(mine, back) == "stale"  # that attempt ended it
        back = go(mine)
        assert come(mine, back) == "done"
        assert come(mine, back) == "stale"
        provider.once = False
        code = parse_qs(urlsplit(back).query)["code"][0]
        provider.codes[code] = {"nonce": "of the first login"}
        state = parse_qs(urlsplit(go(other)).query)["state"][0]
        assert come(other, f"/openid/callback?code={code}&state={state}") == "wrong"
        assert other.get("/api/v1/session").status_code == 401


def test_an_answer_of_another_provider_or_none_lets_nobody_in(house: House, provider: Provider) -> None:
    """RFC 9207's `iss`, the provider's own no, and ten minutes."""
    with house.browser() as browser:
        assert come(browser, go(browser) + "&iss=https://evil.example") == "wrong"
        back = go(browser)
        state = parse_qs(urlsplit(back).query)["state"][0]
        assert come(browser, f"/openid/callback?error=access_denied&state={state}") == "denied"
        back = go(browser)
        house.clock.now += 600_000
        assert come(browser, back) == "stale"
        assert come(browser, "/openid/callback") == "stale"


def test_a_provider_that_calls_itself_otherwise_is_not_asked(house: House, provider: Provider) -> None:
    """A document under our issuer's address that names another one."""
    provider.says = {"issuer": "https://evil.example"}
    with house.browser() as browser:
        answer = browser.post("/api/v1/session/openid", json={})

    assert (answer.status_code, "https://evil.example" in answer.json()["detail"]) == (503, True)


@pytest.mark.parametrize("document", [{"authorization_endpoint": None}, {"jwks_uri": 7}])
def test_a_provider_that_names_no_address_is_away(
    house: House, provider: Provider, document: dict[str, Any]
) -> None:
    """A sentence, and not a traceback."""
    provider.says = document
    with house.browser() as browser:
        answer = browser.post("/api/v1/session/openid", json={})
        said = "away" if answer.status_code == 503 else come(browser, go(browser))

    assert said in ("away", "wrong")


def test_another_site_begins_no_login(house: House) -> None:
    """Nor is the address that it would lead to shown."""
    with house.browser(Sec_Fetch_Site="cross-site") as browser:
        assert browser.post("/api/v1/session/openid", json={}).status_code == 403


def test_a_provider_that_is_away_is_told_and_passwords_go_on(tables: Engine, clock: Any) -> None:
    """The button says so; the log-out, too, goes on."""
    server, house = open_house(tables, clock, f"http://127.0.0.1:{free_port()}")
    with server as house.address, house.browser() as browser:
        answer = browser.post("/api/v1/session/openid", json={})
        assert answer.status_code == 503
        assert "name and password" in answer.json()["detail"]
        assert log_in(browser, house.user()).status_code == 204
        assert browser.delete("/api/v1/session").status_code == 204


def test_logging_out_ends_the_session_here_and_leads_to_the_providers_end(
    house: House, provider: Provider
) -> None:
    """Where it names one; who came by a password stays here."""
    with house.browser() as browser:
        come(browser, go(browser))
        assert browser.delete("/api/v1/session").status_code == 204
        assert browser.get("/api/v1/session").status_code == 401
        provider.says = {"end_session_endpoint": f"{provider.address}/end"}
        come(browser, go(browser))
        left = browser.delete("/api/v1/session")
        assert left.status_code == 200
        asked = parse_qs(urlsplit(left.json()["url"]).query)
        assert asked["client_id"] == [CLIENT]
        assert asked["post_logout_redirect_uri"] == [f"{house.address}/login.html"]
        assert browser.get("/api/v1/session").status_code == 401
        log_in(browser, house.user())
        assert browser.delete("/api/v1/session").status_code == 204


def test_what_the_provider_knows_is_changed_there(house: House, provider: Provider) -> None:
    """Neither a role nor a password of such a user is given here."""
    provider.claims |= {"preferred_username": "kim"}
    with house.browser() as browser:
        come(browser, go(browser))

    with pytest.raises(InputError, match="at each login"):
        house.access.users.change_role("kim", Role.ADMIN, "test")
    with pytest.raises(InputError, match="none here to reset"):
        house.access.users.reset("kim", "test")
    with house.browser() as browser:
        assert log_in(browser, "kim", PASSWORD).status_code == 401


def test_the_log_says_who_made_whom_and_nothing_of_a_token(house: House, provider: Provider) -> None:
    """Nor the subject: the user's id here stands for it."""
    with house.browser() as browser:
        come(browser, go(browser))
        provider.claims["groups"] = ["boss"]
        come(browser, go(browser))

    with reading(house.engine) as session:
        entries = session.execute(select(AuditRow.action, AuditRow.details).order_by(AuditRow.seq)).all()
    assert [one.action for one in entries] == ["user.created", "user.role_changed"]
    assert all('"17"' not in json.dumps(one.details) for one in entries)


def test_a_provider_of_others_lets_in(tables: Engine, clock: Any) -> None:
    """oidc-provider-mock, as a process of its own; who leaves here leaves there."""
    with provider_of_others(sub="kim", groups=["desk"], preferred_username="kim") as issuer:
        server, house = open_house(tables, clock, issuer)
        with server as house.address, house.browser() as browser:
            sent = browser.post("/api/v1/session/openid", json={})
            back = httpx.post(sent.json()["url"], data={"sub": "kim"}).headers["location"]
            assert come(browser, back) == "done"
            assert (who(browser)["name"], who(browser)["role"]) == ("kim", "agent")
            assert browser.delete("/api/v1/session").json()["url"].startswith(f"{issuer}/")
