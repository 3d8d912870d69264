"""Users of the console: how they come in, how long they stay, and what ends it. On both databases, by HTTP."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from cryptography.fernet import Fernet
from fastapi import FastAPI
from sqlalchemy import Engine, text

from alerts.access.access import Access, open_access
from alerts.access.entrance import Entrance
from alerts.access.guesses import Devices, Guesses
from alerts.access.passwords import Passwords
from alerts.access.refused import Refused
from alerts.access.second_factor import SecondFactors
from alerts.access.sessions import Sessions
from alerts.access.users import User, Users
from alerts.database import reading, writing
from alerts.settings import AccessSettings
from alerts.vault import Vault
from foremend.service.app import create_app
from foremend.service.guard.door import SIGNED, Door, require_rights
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.rights import RIGHTS, Right, Role

PASSWORD = "four plain words together"
HOUR = 3_600_000


@dataclass
class House:
    """The application, closed to whoever says nothing, behind a gateway on this machine that is believed."""

    app: FastAPI
    address: str
    access: Access
    clock: Any
    engine: Engine
    key: str

    def browser(self, **headers: str) -> httpx.Client:
        """One that says of its requests that our own page sent them."""
        own = {"Sec-Fetch-Site": "same-origin"} | {
            name.replace("_", "-"): one for name, one in headers.items()
        }
        return httpx.Client(base_url=self.address, timeout=60, headers=own)

    def user(self, name: str = "kim", role: Role = Role.OPERATOR) -> str:
        """One with a password; the name."""
        subject = {Role.OWNER: "o-1", Role.TECHNICIAN: "kim"}.get(role)
        _, link = self.access.users.create(name, role, "test", subject)
        self.access.users.set_password(link, PASSWORD)
        return name

    def logged_in(self, name: str = "kim", role: Role = Role.OPERATOR) -> httpx.Client:
        with self.browser() as first:
            assert log_in(first, self.user(name, role)).status_code == 204
        browser = self.browser()
        browser.cookies.update(first.cookies)
        return browser

    def elsewhere(self) -> Access:
        """As another process has it."""
        return opened(self.engine, self.key, self.clock)


def opened(engine: Engine, key: str, clock: Any) -> Access:
    """As the service opens it, with an Argon2 that costs a test nothing; no guess is forgiven meanwhile."""
    settings, vault = AccessSettings(), Vault(key)
    users = Users(engine, clock, Passwords(PasswordHasher(1, 8, 1)), settings.link_lasts)
    sessions = Sessions(engine, clock, settings)
    factors = SecondFactors(engine, vault, clock)
    entrance = Entrance(users, factors, sessions, Devices(vault), Guesses(now=lambda: 0.0))
    return replace(open_access(engine, vault, clock), users=users, sessions=sessions, entrance=entrance)


def log_in(browser: httpx.Client, name: str, password: str = PASSWORD) -> httpx.Response:
    return browser.post("/api/v1/session", json={"name": name, "password": password})


@pytest.fixture
def house(tables: Engine, clock: Any) -> Iterator[House]:
    key = Fernet.generate_key().decode()
    access = opened(tables, key, clock)
    model = ReadModel(tables, SharedPipeline(tables, (), clock, 60_000), {}, {}, {})
    app = create_app(model, door=Door(access, False, Buckets(1e6), Buckets(1e6)))
    with Server(app, "127.0.0.1", 0, proxies=["127.0.0.1"]) as address:
        yield House(app, address, access, clock, tables, key)


def test_a_user_sets_a_password_by_a_link_that_holds_once(house: House) -> None:
    """It says whose it is, keeps holding after a poor password, and lets in whoever used it."""
    _, link = house.access.users.create("Kim", Role.OPERATOR, "test")
    with house.browser() as browser:
        assert browser.post("/api/v1/session/link", json={"link": link}).json() == {"name": "kim"}
        poor = browser.post("/api/v1/session/password", json={"link": link, "password": "kim-kim-kim"})
        set_ = browser.post("/api/v1/session/password", json={"link": link, "password": PASSWORD})
        again = browser.post("/api/v1/session/password", json={"link": link, "password": PASSWORD + "!"})

        assert (poor.status_code, set_.status_code, again.status_code) == (400, 204, 401)
        assert browser.get("/api/fleet").status_code == 200
        assert browser.get("/api/v1/session").json()["name"] == "kim"


def test_two_that_follow_one_link_at_once_set_one_password(house: House) -> None:
    """Who comes second is refused, whoever that is."""
    _, link = house.access.users.create("kim", Role.OPERATOR, "test")
    outcomes: list[bool] = []

    def follow(number: int) -> None:
        try:
            house.access.users.set_password(link, f"{PASSWORD} {number}")
            outcomes.append(True)
        except Refused:
            outcomes.append(False)

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sorted(outcomes) == [False, False, False, True]


def test_a_link_ends_by_itself_and_with_the_next_one(house: House) -> None:
    """To the millisecond; a disabled user's does, too."""
    users = house.access.users
    _, first = users.create("kim", Role.OPERATOR, "test")
    _, second = users.reset("kim", "test")
    with pytest.raises(Refused):
        users.link_of(first)

    house.clock.now += 24 * HOUR - 1
    assert users.link_of(second).name == "kim"
    house.clock.now += 1
    with pytest.raises(Refused):
        users.set_password(second, PASSWORD)
    _, third = users.reset("kim", "test")
    users.disable("kim", "test")
    with pytest.raises(Refused):
        users.set_password(third, PASSWORD)


def test_no_script_and_no_other_site_has_the_cookie(house: House) -> None:
    """HttpOnly and SameSite=Strict; behind TLS it leaves by TLS alone, and belongs to this very name."""
    house.user()
    with house.browser() as plain, house.browser(X_Forwarded_Proto="https") as tls:
        without, within = log_in(plain, "kim"), log_in(tls, "kim")

    for answer, prefix, secure in ((without, "", False), (within, "__Host-", True)):
        cookies = answer.headers.get_list("set-cookie")
        assert len(cookies) == 2
        for one in cookies:
            assert one.startswith(f"{prefix}foremend")
            assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(one.split("; "))
            assert ("Secure" in one.split("; ")) is secure
            assert "Domain" not in one


ENDS: dict[str, Callable[[House], object]] = {
    "disabled": lambda house: house.elsewhere().users.disable("kim", "test"),
    "another role": lambda house: house.elsewhere().users.change_role("kim", Role.ADMIN, "test"),
    "another subject": lambda house: house.elsewhere().users.change_role("kim", Role.OWNER, "test", "o-2"),
    "reset": lambda house: house.elsewhere().users.reset("kim", "test"),
    "disabled and enabled": lambda house: (
        house.elsewhere().users.disable("kim", "test"),
        house.elsewhere().users.enable("kim", "test"),
    ),
    "an hour of silence": lambda house: setattr(house.clock, "now", house.clock.now + HOUR),
}


@pytest.mark.parametrize("what", ENDS)
def test_a_session_ends_at_once_in_every_process(house: House, what: str) -> None:
    """Another process does it; this one asks the database each time, and says to log in again."""
    with house.logged_in() as browser:
        assert browser.get("/api/fleet").status_code == 200

        ENDS[what](house)

        answer = browser.get("/api/fleet")
    assert (answer.status_code, "log in again" in answer.json()["detail"]) == (401, True)


def test_a_role_that_stays_the_same_ends_no_session(house: House) -> None:
    """Whoever says it twice throws nobody out."""
    with house.logged_in() as browser:
        house.access.users.change_role("kim", Role.OPERATOR, "test")

        assert browser.get("/api/fleet").status_code == 200


def test_a_session_that_is_used_all_day_ends_all_the_same(house: House) -> None:
    """After twelve hours, to the millisecond, though something was asked every minute."""
    with house.logged_in() as browser:
        began = house.clock.now
        for minutes in range(10, 12 * 60, 10):
            house.clock.now = began + minutes * 60_000
            assert browser.get("/api/v1/session").status_code == 200
        house.clock.now = began + 12 * HOUR - 1
        assert browser.get("/api/v1/session").status_code == 200
        house.clock.now += 1

        assert browser.get("/api/v1/session").status_code == 401


def test_who_logs_out_is_out(house: House) -> None:
    """Also with a copy of the cookie."""
    with house.logged_in() as browser, house.browser() as thief:
        thief.cookies.update(browser.cookies)
        assert thief.get("/api/fleet").status_code == 200

        assert browser.delete("/api/v1/session").status_code == 204

        assert [one.get("/api/fleet").status_code for one in (browser, thief)] == [401, 401]


def test_a_login_at_the_moment_of_a_disabling_opens_nothing(house: House) -> None:
    """The password was looked at before, the session begins behind it; not even enabling revives it."""
    users, sessions = house.access.users, house.access.sessions
    house.user()
    looked_at = users.log_in("kim", PASSWORD)

    users.disable("kim", "test")
    begun = sessions.begin(looked_at)
    users.enable("kim", "test")

    with pytest.raises(Refused):
        sessions.caller(begun)


def test_nobody_has_more_than_twenty_sessions(house: House) -> None:
    """The oldest ends; those that ended leave the table."""
    house.user()
    user = house.access.users.log_in("kim", PASSWORD)
    begun = []
    for _ in range(25):
        house.clock.now += 1
        begun.append(house.access.sessions.begin(user))

    with pytest.raises(Refused):
        house.access.sessions.caller(begun[4])
    assert house.access.sessions.caller(begun[5]).name == "kim"
    house.clock.now += 13 * HOUR
    house.access.sessions.begin(user)
    assert rows(house, "sessions") == 1


def test_only_digests_and_argon2id_are_in_the_database(house: House) -> None:
    """Whoever reads the tables can open nothing, and guesses at a password with 64 MiB and three passes each."""
    browser = house.logged_in()
    _, link = house.access.users.create("lee", Role.AGENT, "test")
    secrets = [*browser.cookies.values(), link, PASSWORD]
    browser.close()
    open_access(house.engine, Vault(house.key), house.clock).users.log_in(
        "kim", PASSWORD
    )  # which keeps it anew

    with reading(house.engine) as session:
        tables = ("users", "sessions", "login_links", "audit")
        said = str([session.execute(text(f"SELECT * FROM {one}")).all() for one in tables])
        kept = session.execute(text("SELECT password FROM users WHERE name = 'kim'")).scalar_one()

    assert not any(secret in said for secret in secrets)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_session_reaches_what_its_role_reaches(house: House) -> None:
    """As a token does, for each role on every route; a refusal names the right that is missing."""
    routes = {name: right for name, right in require_rights(house.app).items() if right is not None}
    for role in Role:
        with house.logged_in(f"user-{role}", role) as browser:
            answers = {name: browser.request(*re.sub(r"{\w+}", "nobody", name).split(" ")) for name in routes}

        refused = {
            name: answer.json()["right"]
            for name, answer in answers.items()
            if answer.status_code == 403 and "reach" not in answer.json()
        }
        assert refused == {name: right for name, right in routes.items() if right not in RIGHTS[role]}
        assert 401 not in {answer.status_code for answer in answers.values()}


ELSEWHERE = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "ours"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": ""},
    {},
)


def test_another_site_changes_nothing_by_a_cookie(house: House) -> None:
    """On every route that changes anything, logging in and out among them; another port of this machine is another
    site, and who says nothing is no browser of ours."""
    house.app.add_api_route("/api/test", lambda: None, methods=["PUT"], dependencies=[needs(Right.FLEET)])
    house.app.router.routes.insert(0, house.app.router.routes.pop())
    changing = [
        name
        for name in require_rights(house.app)
        if not name.startswith("GET ") and name.split(" ")[1] not in SIGNED
    ]
    body = {"name": "kim", "password": PASSWORD, "link": "x"}
    with house.logged_in() as own, httpx.Client(base_url=house.address, timeout=60) as browser:
        browser.cookies.update(own.cookies)
        for said in ELSEWHERE:
            headers = {name: one.replace("ours", house.address) for name, one in said.items()}
            answers = [browser.request(*name.split(" "), json=body, headers=headers) for name in changing]

            assert [one.status_code for one in answers] == [403] * len(changing), said
            assert all("own page" in one.json()["detail"] for one in answers)
        assert own.get("/api/fleet").status_code == 200
        assert own.put("/api/test").status_code == 200


def test_without_tls_the_origin_is_compared_with_the_name(house: House) -> None:
    """There a browser does not say `Sec-Fetch-Site`."""
    house.user()
    with httpx.Client(base_url=house.address, timeout=60, headers={"Origin": house.address}) as browser:
        assert log_in(browser, "kim").status_code == 204


class Counting(PasswordHasher):
    """Says what Argon2 really looked at."""

    def __init__(self) -> None:
        super().__init__(2, 16, 1)
        self.looked: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.looked.append(str(hash))
        return super().verify(hash, password)


def test_whether_there_is_a_user_is_not_told_by_words_nor_by_work(house: House) -> None:
    """A wrong name, a wrong password, a disabled user, one without a password: the same sentence, and each time Argon2
    looks once, with the same parameters."""
    counting = Counting()
    users = Users(house.engine, house.clock, Passwords(counting), HOUR)
    for name in ("kim", "gone"):
        users.set_password(users.create(name, Role.AGENT, "test")[1], PASSWORD)
    users.disable("gone", "test")
    users.create("new", Role.AGENT, "test")

    said = set()
    for name in ("kim", "gone", "new", "nobody", "\0", "x" * 1000):
        with pytest.raises(Refused) as told:
            users.log_in(name, PASSWORD if name != "kim" else "wrong")
        said.add(str(told.value))

    assert len(said) == 1
    assert len(counting.looked) == 6
    assert {one.split("$")[3] for one in counting.looked} == {"m=16,t=2,p=1"}


def test_a_guess_costs_time_and_the_user_gets_in_by_the_browser_they_know(house: House) -> None:
    """From anywhere the same name waits; who logged in here before does not, nor does another name."""
    own = house.logged_in()
    house.user("lee")
    guessed = [attempt(house, "kim", f"wrong {number}", f"203.0.113.{number}", {}) for number in range(8)]

    assert guessed[:5] == [401] * 5
    assert guessed[5:] == [429] * 3
    assert attempt(house, "KIM ", PASSWORD, "198.51.100.1", {}) == 429
    assert attempt(house, "kim", PASSWORD, "198.51.100.1", dict(own.cookies)) == 204
    assert attempt(house, "lee", PASSWORD, "198.51.100.1", dict(own.cookies)) == 204
    own.close()


def test_an_address_that_guesses_at_many_names_waits(house: House) -> None:
    """With its neighbours in its /64, and no other does."""
    house.user()
    inside = [attempt(house, f"user{number}", "wrong", f"2001:db8::{number:x}", {}) for number in range(22)]

    assert inside == [401] * 20 + [429] * 2
    assert attempt(house, "kim", PASSWORD, "2001:db8:0:1::1", {}) == 204


def attempt(house: House, name: str, password: str, address: str, cookies: dict[str, str]) -> int:
    with house.browser(X_Forwarded_For=address) as browser:
        browser.cookies.update(cookies)
        answer = log_in(browser, name, password)
        assert answer.status_code != 429 or int(answer.headers["retry-after"]) >= 1
        return answer.status_code


def test_a_poor_password_is_refused(house: House) -> None:
    """Too short, too long, one letter again and again, little but the name."""
    _, link = house.access.users.create("kim-kim-kim", Role.AGENT, "test")

    for poor in ("short", "x1y2" * 2 + "abc", "aaaaaaaaaaaaaaaa", "kim-kim-kimmy", "abcde" * 60):
        with pytest.raises(InputError):
            house.access.users.set_password(link, poor)


def test_what_is_no_name_makes_no_user(house: House) -> None:
    """Letters of any language, digits and . _ @ + - alone."""
    for name in ("", " ", "a b", "x" * 65, "../etc", "a\nb", "<b>", "a\0"):
        with pytest.raises(InputError):
            house.access.users.create(name, Role.AGENT, "test")


def test_a_name_is_taken_however_it_is_written(house: House) -> None:
    """Upper case and full-width letters make no second user; one in Chinese is one."""
    house.access.users.create("Kim", Role.AGENT, "test")
    assert house.access.users.create("王芳", Role.AGENT, "test")[0].name == "王芳"

    for same in ("kim", "KIM", "ｋｉｍ"):
        with pytest.raises(InputError, match="already"):
            house.access.users.create(same, Role.AGENT, "test")
    with pytest.raises(InputError, match="did you mean 'kim'"):
        house.access.users.disable("kin", "test")


def test_what_was_done_to_users_is_in_the_audit_log(house: House) -> None:
    """By the user's id and who did it; no name, no password, no link."""
    _, link = house.access.users.create("kim", Role.AGENT, "account:lee")
    house.access.users.set_password(link, PASSWORD)
    house.access.users.change_role("kim", Role.OPERATOR, "account:lee")
    house.access.users.disable("kim", "account:lee")
    house.access.users.enable("kim", "account:lee")
    house.access.users.reset("kim", "account:lee")

    with reading(house.engine) as session:
        entries = session.execute(text("SELECT action, subject, details FROM audit ORDER BY seq")).all()

    assert [one.action for one in entries] == [
        "user.created", "user.password_set", "user.role_changed", "user.disabled", "user.enabled", "user.reset"
    ]  # fmt: skip
    assert {one.subject for one in entries} == {house.access.users.all()[0].id}
    assert all("account:lee" in one.details for one in entries if one.action != "user.password_set")
    assert "kim" not in str(entries)


def test_with_a_user_their_sessions_and_links_go(house: House) -> None:
    """As when an owner is erased: no row is left that names them."""
    house.logged_in().close()
    house.access.users.create("lee", Role.AGENT, "test")

    with writing(house.engine) as session:
        session.execute(text("DELETE FROM users"))

    assert [rows(house, one) for one in ("users", "sessions", "login_links")] == [0, 0, 0]


def test_the_first_admin_is_invited_once_by_whoever_starts_first(house: House) -> None:
    """Of four processes that start at the same moment one has the link; a later start has none."""
    found: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(house.elsewhere().users.invite_first("test")))
        for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    links = [one for one in found if one is not None]
    assert len(links) == 1
    assert house.access.users.invite_first("test") is None
    admin: User = house.access.users.set_password(links[0], PASSWORD)
    assert (admin.name, admin.role) == ("admin", Role.ADMIN)


def rows(house: House, table: str) -> int:
    with reading(house.engine) as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def needs(right: Right) -> Any:
    from fastapi import Depends

    from foremend.service.guard.door import Needs

    return Depends(Needs(right))


def test_what_logs_in_is_in_no_log(house: House, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Neither a wrong password, which is often nearly the right one, nor a body that cannot be read."""
    house.user()
    with house.browser() as browser, caplog.at_level("DEBUG"):
        log_in(browser, "kim", "nearly right words")
        unread = browser.post(
            "/api/v1/session", content=b'{"name": "kim", "password": ["nearly right words"]}'
        )
        long = log_in(browser, "kim", "nearly right words" * 100)

    assert (unread.status_code, long.status_code) == (422, 422)
    assert "nearly" not in caplog.text + unread.text + long.text
