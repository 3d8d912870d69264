"""The page of an owner: by a link or a login, the own alone, each switch one word in the ledger, no script."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
from sqlalchemy import select, update

from alerts.audit import verify
from alerts.database import reading, writing
from alerts.owners import OwnedAppliance, Owner
from alerts.queries.own import told_to
from alerts.tables import ApplianceRow, OutboxRow, TicketRow, TicketStatus
from alerts.wellbeing.contacts import Contact
from foremend.service.own.words import KINDS, PURPOSES, WORDS
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.rights import RIGHTS, Right, Role
from foremend.vocabulary.types import Purpose
from tests.own_house import DAY, FRIDGE, HOSTILE, NUMBER, OTHER, OWNER, THEIRS, WASHER, House, open_house

LOCKED = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@pytest.fixture
def house(tmp_path: Path, database: str, clock: Any) -> Iterator[House]:
    with open_house(tmp_path, database, clock) as found:
        yield found


@pytest.fixture
def client(house: House) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=house.address, timeout=60, follow_redirects=True) as found:
        yield found


@pytest.fixture
def leaking(house: House) -> House:
    """Agreed to all that there is, and told of a leak."""
    house.say(FRIDGE, Purpose.MONITORING, Purpose.TICKET, Purpose.SMS)
    house.find()
    return house


class Texts(HTMLParser):
    """Every start tag with its attributes, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


def switches(page: str) -> dict[str, str | None]:
    """Of each purpose of the first appliance whether it is on."""
    found = Texts(page).tags
    return {
        (attrs["aria-labelledby"] or "").removeprefix("s0-"): attrs["aria-checked"]
        for tag, attrs in found
        if attrs.get("role") == "switch" and (attrs["aria-labelledby"] or "").startswith("s0-")
    }


def test_the_page_says_what_is_wrong_why_what_to_do_and_what_was_told(
    leaking: House, client: httpx.Client
) -> None:
    """In the owner's language and by the appliance's own name, with the evidence in words, and what service knows."""
    page = client.get(leaking.link()).text

    for words in (
        "Rosa&#x27;s fridge: its cooling gas is leaking out. It may fail in about 11 days.",
        "The estimate: 6 to 19 days.",
        "Why Foremend thinks so",
        "6.1",
        "Service is informed.",
        "Messages I got",
        "text message",
        "Washing machine",
        "It is not watched, as you did not agree to that",
    ):
        assert words in page
    assert page.count("its cooling gas is leaking out") == 2  # on the appliance, and in the message
    assert "Stop:" not in page


def test_it_speaks_chinese_and_english_and_goes_on_in_the_one_that_was_chosen(
    leaking: House, client: httpx.Client
) -> None:
    """Each has a link to the other; a button answers in the same."""
    path = leaking.link()
    page = client.get(path, params={"lang": "zh"}).text

    said = client.post(
        f"{path}/consent?lang=zh", data={"appliance": FRIDGE, "purpose": "email", "given": "yes"}
    )

    for words in ('<html lang="zh">', "我的电器", "制冷剂", "判断依据", "我同意的事项", 'href="?lang=en"'):
        assert words in page
    assert "已记录，即刻生效。" in said.text


def test_languages_and_purposes_have_the_same_words() -> None:
    """Nothing is said in the one and not in the other; what is filled in is the same."""
    holes = re.compile(r"\{(\w+)\}")

    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for key, said in WORDS["en"].items():
        assert sorted(holes.findall(said)) == sorted(holes.findall(WORDS["zh"][key])), key
    assert PURPOSES["en"].keys() == PURPOSES["zh"].keys() == set(Purpose)
    assert KINDS["en"].keys() == KINDS["zh"].keys()


def test_each_switch_is_one_word_in_the_ledger(house: House, client: httpx.Client) -> None:
    """On and off, of one purpose; with the notice that stood beside it, by the page, and how to take it back there."""
    path = house.link()
    assert switches(client.get(path).text) == dict.fromkeys(
        ("monitoring", "ticket", "sms", "training", "wellbeing", "at_night"), "false"
    )

    on = client.post(f"{path}/consent?at=0", data={"appliance": FRIDGE, "purpose": "sms", "given": "yes"})
    house.clock.now += 1
    off = client.post(f"{path}/consent?at=0", data={"appliance": FRIDGE, "purpose": "sms", "given": "no"})

    assert (switches(on.text)["sms"], switches(off.text)["sms"]) == ("true", "false")
    assert "It is noted, and holds from now on." in on.text
    assert "Holds until" in on.text
    words = house.alerts.consent.history(FRIDGE)
    assert [(one["purpose"], one["given"], one["how"]) for one in words] == [
        ("sms", True, "own page"),
        ("sms", False, "own page"),
    ]
    assert words[0]["notice_digest"] is not None
    assert "on the own page" in words[0]["withdrawal_method"]
    assert not house.alerts.consent.is_given(FRIDGE, Purpose.SMS)
    assert verify(house.alerts.engine).intact


def test_to_look_changes_nothing(leaking: House, client: httpx.Client) -> None:
    """A scanner follows the link, and what is behind each form, too."""
    path, before = leaking.link(), leaking.alerts.consent.history(FRIDGE)

    answers = [
        client.get(path + more).status_code for more in ("", "", "/consent", "/word", "/erase", "/export")
    ]

    assert answers == [200, 200, 404, 404, 404, 404]
    assert leaking.alerts.consent.history(FRIDGE) == before
    assert leaking.alerts.erasures.all() == []


def test_only_the_own_is_shown_and_changed(leaking: House, client: httpx.Client) -> None:
    """What is another's looks as if it were not there, in every form of it."""
    path = leaking.link(OTHER)

    page = client.get(path).text
    tried = [
        client.post(f"{path}/consent", data={"appliance": FRIDGE, "purpose": "sms", "given": "no"}),
        client.post(f"{path}/consent", data={"appliance": FRIDGE, "purpose": "sms", "given": "yes"}),
        client.get(f"{path}/receipt", params={"appliance": FRIDGE}),
    ]
    word = client.post(
        f"{path}/word?lang=en", data={"appliance": FRIDGE, "episode": episode(leaking), "word": "solved"}
    )

    assert THEIRS in page
    for secret in (FRIDGE, WASHER, OWNER, "Rosa", "leaking"):
        assert secret not in page
    assert [one.status_code for one in tried] == [404, 404, 404]
    assert "nothing was changed" in word.text
    assert leaking.alerts.consent.is_given(FRIDGE, Purpose.SMS)
    assert tickets(leaking) == [TicketStatus.OPEN]


def test_no_number_and_no_key_stands_on_the_page_and_nothing_runs_there(
    leaking: House, client: httpx.Client
) -> None:
    """No address, no script, no style of its own; whatever anybody called something is text."""
    wild = [OwnedAppliance("wild", OWNER, "rf-260", "en", "Europe/Berlin")]
    leaking.alerts.owners.register_appliances(wild)
    leaking.say("wild", Purpose.MONITORING)
    leaking.find("wild", fault=HOSTILE, rule=HOSTILE)
    leaking.alerts.consents.say("wild", [Purpose.SMS], True, owner_id=OWNER, how="app")
    with writing(leaking.alerts.engine) as session:
        session.execute(
            update(ApplianceRow)
            .where(ApplianceRow.id == "wild")
            .values(appliance_model=HOSTILE, tier=HOSTILE)
        )

    answer = client.get(leaking.link())

    found = Texts(answer.text)
    assert answer.headers["Content-Security-Policy"] == LOCKED
    assert HOSTILE in found.text
    assert {tag for tag, _ in found.tags} & {"script", "style", "iframe", "object"} == set()
    assert [attrs["src"] for tag, attrs in found.tags if tag == "img"] == ["../favicon.svg"]
    assert [
        name for _, attrs in found.tags for name in attrs if name.startswith("on") or name == "style"
    ] == []
    assert NUMBER not in answer.text
    assert NUMBER[-4:] not in answer.text


def episode(house: House) -> str:
    with reading(house.alerts.engine) as session:
        return session.scalars(select(TicketRow.episode_id)).first() or ""


def tickets(house: House) -> list[TicketStatus]:
    with reading(house.alerts.engine) as session:
        return list(session.scalars(select(TicketRow.status)))


def answer_of(house: House, client: httpx.Client, word: str) -> str:
    """The page after one of the two buttons, as the page made its form."""
    path = house.link()
    form = Texts(client.get(path).text).tags
    names = [
        (attrs["name"] or "", attrs["value"] or "")
        for tag, attrs in form
        if tag == "input" and attrs.get("name") in ("appliance", "episode", "version")
    ]
    fields = dict(names[:3]) | {"word": word}
    client.post(f"{path}/word", data=fields)
    return client.post(f"{path}/word", data=fields).text  # pressed twice


def test_it_was_solved_ends_the_ticket_once(leaking: House, client: httpx.Client) -> None:
    """As solved by the owner; pressed again there is no ticket any more that anybody works on."""
    page = answer_of(leaking, client, "solved")

    assert "Foremend goes on watching" in page
    assert tickets(leaking) == [TicketStatus.RESOLVED]
    assert len(leaking.noted("ticket.resolved")) == 1


def test_please_come_hands_it_over_once(leaking: House, client: httpx.Client) -> None:
    """Service hears that the owner's own steps did not solve it."""
    page = answer_of(leaking, client, "not_solved")

    assert "Service has it now" in page
    assert tickets(leaking) == [TicketStatus.OPEN]
    assert len(leaking.noted("ticket.self_help")) == 1


def test_please_come_without_a_yes_to_tickets_says_what_to_do(house: House, client: httpx.Client) -> None:
    """No ticket is opened by it; the switch is named."""
    house.say(FRIDGE, Purpose.MONITORING)
    found = house.find()
    data = {"appliance": FRIDGE, "episode": found.episode_id, "version": "0", "word": "not_solved"}

    page = client.post(f"{house.link()}/word", data=data).text

    assert "Switch “Service tickets” on, or call service." in page
    assert tickets(house) == []


def test_everything_is_downloaded_and_a_receipt_by_itself(leaking: House, client: httpx.Client) -> None:
    """Both stand in the audit log."""
    path = leaking.link()

    bundle = client.post(f"{path}/export")
    receipt = client.get(f"{path}/receipt", params={"appliance": FRIDGE})

    assert bundle.headers["Content-Type"] == "application/zip"
    names = ZipFile(io.BytesIO(bundle.content)).namelist()
    assert any("consent_records" in one for one in names)
    assert receipt.json()["pii_principal_id"] == OWNER
    assert "attachment" in receipt.headers["Content-Disposition"]
    assert leaking.noted("owner.exported") == [OWNER]


def test_erasure_takes_a_tick_and_ends_the_link(leaking: House, client: httpx.Client) -> None:
    """Without the tick nothing is erased; with it the job is asked for, its number told, and the link is dead."""
    path = leaking.link()

    without = client.post(f"{path}/erase", data={})
    asked = client.post(f"{path}/erase", data={"sure": "yes"})
    after = client.get(path)

    assert "tick the box first" in without.text
    [job] = leaking.alerts.erasures.all()
    assert asked.status_code == 202
    assert job.id in asked.text
    assert (after.status_code, "does not hold any more" in after.text) == (404, True)
    assert OWNER not in asked.text


def test_a_link_ends_by_itself_by_a_revocation_and_is_told_in_two_languages(
    leaking: House, client: httpx.Client
) -> None:
    """404 for whoever guesses; a token of another role opens no owner's page."""
    ended, revoked = leaking.link(days=1), leaking.link()
    leaking.alerts.access.tokens.revoke(revoked.split("_")[1], "test")
    agent = leaking.alerts.access.tokens.create("desk", Role.AGENT, 7, "test")[1]
    leaking.clock.now += DAY

    for path in (ended, revoked, f"/o/{agent}", "/o/fmd_guess", "/o/%00", "/o/<img>"):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "does not hold any more" in answer.text
        assert "此链接已失效" in answer.text
        assert answer.headers["Content-Security-Policy"] == LOCKED


def test_who_is_logged_in_as_an_owner_needs_no_link_and_no_other_site_changes_anything(
    leaking: House, client: httpx.Client
) -> None:
    """`/o/me`, by the console's session; others are told to log in, or that it is not theirs."""
    for role, subject in ((Role.OWNER, OWNER), (Role.AGENT, None)):
        link = leaking.alerts.access.users.create(role.value, role, "test", subject)[1]
        leaking.alerts.access.entrance.set_password(link, "four plain words together", "127.0.0.1")
    nobody = client.get("/o/me")
    ours = {"Origin": leaking.address}
    body = {"name": "owner", "password": "four plain words together"}
    assert client.post("/api/v1/session", json=body, headers=ours).status_code == 204
    form = {"appliance": FRIDGE, "purpose": "sms", "given": "no"}

    mine = client.get("/o/me")
    foreign = client.post("/o/me/consent", data=form, headers={"Origin": "https://evil.example"})
    still = leaking.alerts.consent.is_given(FRIDGE, Purpose.SMS)
    said = client.post("/o/me/consent", data=form, headers=ours)
    client.post("/api/v1/session", json=body | {"name": "agent"}, headers=ours)
    agents = client.get("/o/me")

    assert (nobody.status_code, 'href="../login.html?next=o/me"' in nobody.text) == (401, True)
    assert (mine.status_code, FRIDGE in mine.text) == (200, True)
    assert (foreign.status_code, still) == (403, True)
    assert (said.status_code, leaking.alerts.consent.is_given(FRIDGE, Purpose.SMS)) == (200, False)
    assert (agents.status_code, FRIDGE in agents.text) == (403, False)


def test_a_link_of_fewer_rights_shows_and_does_less(leaking: House, client: httpx.Client) -> None:
    """One to look: no switch to press, no button, no data; and what it has not, it does not do."""
    path = leaking.link(only=[Right.OWNERS, Right.FLEET, Right.CONSENTS])

    page = client.get(path).text
    form = {"appliance": FRIDGE, "purpose": "sms", "given": "no"}
    tried = [
        client.post(path + one, data=form | {"sure": "yes"})
        for one in ("/consent", "/word", "/export", "/erase")
    ]

    assert "its cooling gas is leaking out" in page
    assert {tag for tag, _ in Texts(page).tags} & {"form", "button", "input"} == set()
    assert [one.status_code for one in tried] == [404, 404, 404, 404]
    assert leaking.alerts.consent.is_given(FRIDGE, Purpose.SMS)


def test_the_next_owner_sees_nothing_of_what_the_former_was_told(
    leaking: House, client: httpx.Client
) -> None:
    """Nor of what was found for the former one: the new one has agreed to nothing."""
    leaking.clock.now += 1
    leaking.alerts.owners.register_owners([Owner("o-next", {})])
    leaking.alerts.owners.register_appliances([OwnedAppliance(FRIDGE, "o-next", "rf-260", "en")])

    page = client.get(leaking.link("o-next")).text

    assert FRIDGE in page
    for former in ("Rosa", "leaking", OWNER):
        assert former not in page
    assert "No message was sent to you" in page
    with reading(leaking.alerts.engine) as session:
        assert session.scalars(select(OutboxRow.id)).first()
    assert told_to(leaking.alerts.engine, "o-next", 20) == []


def test_who_looks_stands_in_the_audit_log(leaking: House, client: httpx.Client) -> None:
    """By the number of the link's token, which names nobody."""
    client.get(leaking.link())

    assert leaking.noted("owner.read") == [OWNER]


def test_a_database_that_is_away_is_no_dead_link(
    leaking: House, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 and come again; the link is as good as before."""
    path = leaking.link()

    def away(*_: Any) -> None:
        raise UnavailableError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr("alerts.access.tokens.Tokens.caller", away)
        answer = client.get(path)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "Please try again in a minute." in answer.text
    assert client.get(path).status_code == 200


def say_wellbeing(client: httpx.Client, path: str, **form: str) -> str:
    return client.post(f"{path}/wellbeing", data=form).text


def test_an_owner_names_whom_to_tell_and_lets_them_go(house: House, client: httpx.Client) -> None:
    """After a yes to wellbeing; the address is masked, and another owner's contact is out of reach."""
    path = house.link()
    assert "If my household falls silent" not in client.get(path).text
    client.post(f"{path}/consent", data={"appliance": FRIDGE, "purpose": "wellbeing", "given": "yes"})
    assert "If my household falls silent" in client.get(path).text

    page = say_wellbeing(
        client, path, word="add", channel="sms", address="+86 139 1234 5678", name="Mum", language="de"
    )

    assert "Mum · text message ***678" in page
    assert "1234" not in page
    [kept] = house.alerts.contacts.some(OWNER, "test")
    assert (kept["language"], kept["channel"]) == ("de", "sms")
    theirs = house.alerts.contacts.add(OTHER, Contact("sms", "+8613912345679", "en"), "test")
    assert "over a moment ago" in say_wellbeing(client, path, word="remove", contact=theirs["id"])
    assert len(house.alerts.contacts.some(OTHER, "test")) == 1
    assert "Mum" not in say_wellbeing(client, path, word="remove", contact=kept["id"])
    assert house.alerts.contacts.some(OWNER, "test") == []


def test_a_link_that_a_service_desk_made_neither_shows_nor_names_whom_to_tell(
    house: House, client: httpx.Client
) -> None:
    """It has no right to a copy, as no agent has."""
    house.say(FRIDGE, Purpose.MONITORING, Purpose.WELLBEING)
    house.alerts.contacts.add(OWNER, Contact("sms", "+8613912345678", "en", "Mum"), "test")
    rights = [one for one in RIGHTS[Role.AGENT] if one in RIGHTS[Role.OWNER]]
    path = house.link(only=rights)

    page = client.get(path).text
    answer = client.post(f"{path}/wellbeing", data={"word": "well"})

    assert "What I agreed to" in page
    assert "Mum" not in page
    assert "falls silent" not in page
    assert answer.status_code == 404
    assert house.alerts.wellbeing.house(OWNER).well is None


def test_what_is_no_contact_or_no_word_changes_nothing(house: House, client: httpx.Client) -> None:
    """And says so; without a yes there is nothing to be away or well for."""
    path = house.link()

    assert "no address that can be reached" in say_wellbeing(
        client, path, word="add", channel="sms", address="12", language="en"
    )
    assert "switch “Wellbeing” on first" in say_wellbeing(client, path, word="well")
    assert "over a moment ago" in say_wellbeing(client, path, word="away", days="4000")
    assert house.alerts.contacts.some(OWNER, "test") == []


def test_an_owner_says_to_be_away_and_to_be_well_again(house: House, client: httpx.Client) -> None:
    """The page shows until when; all is well ends it."""
    path = house.link()
    house.say(FRIDGE, Purpose.MONITORING)
    client.post(f"{path}/consent", data={"appliance": FRIDGE, "purpose": "wellbeing", "given": "yes"})

    assert "nobody is at home until" in say_wellbeing(client, path, word="away", days="7")
    [(since, until)] = house.alerts.wellbeing.house(OWNER).away
    assert until - since == 7 * DAY

    house.clock.now += DAY
    assert "nobody is at home until" not in say_wellbeing(client, path, word="well")
    assert house.alerts.wellbeing.house(OWNER).well == house.clock.now


@pytest.mark.parametrize(
    "spoil",
    [
        lambda form: form | {"purpose": "nonsense"},
        lambda form: form | {"given": "perhaps"},
        lambda form: {},
        lambda form: form | {f"more{n}": "x" for n in range(50)},
    ],
)
def test_a_form_that_is_none_of_ours_changes_nothing(
    house: House, client: httpx.Client, spoil: Callable[[dict[str, str]], dict[str, str]]
) -> None:
    """Unknown words, missing fields, and far too many."""
    form = {"appliance": FRIDGE, "purpose": "sms", "given": "yes"}

    answer = client.post(f"{house.link()}/consent", data=spoil(form))

    assert answer.status_code == 404
    assert house.alerts.consent.history(FRIDGE) == []
