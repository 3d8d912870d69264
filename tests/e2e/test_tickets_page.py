"""The pages of tickets in a real browser: board, table, one ticket, what may be done, the way back after a login."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from alerts import promises
from alerts.access.access import open_access
from alerts.database import writing
from alerts.outbox import Outbox
from alerts.servicing import Servicing
from alerts.settings import AlertsSettings
from alerts.tables import OutboxRow, OutboxState, TicketRow
from alerts.ticket_steps import Acknowledged, Answered, Assigned, Closed, Noted
from alerts.vault import Vault
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.server import Server
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import MS_PER_DAY, MS_PER_HOUR, Finding, FindingKind
from tests.conftest import PHONE, a_finding
from tests.e2e.visiting import PASSWORD, Open, serious, visits

HOSTILE = "<img src=x onerror=alert(1)>"
WORKS: dict[str, int] = {
    "hostile": 8,
    "race": 10,
    "outcome": 12,
    "refused": 16,
    "merge": 22,
    "desk": 28,
    "asked": 36,
    "said": 40,
    "over": 44,
}
"""Tickets that a test may change, by what it is for: the appliance's place in the fleet."""


@dataclass
class Place:
    """The service, who may come in, and tickets by appliance."""

    address: str
    servicing: Servicing
    ids: dict[str, str]

    def of(self, name: str) -> str:
        """The ticket that a test may change, or that of an appliance."""
        number = WORKS.get(name)
        return next(
            one for appliance, one in self.ids.items() if appliance == name or appliance[-2:] == f"{number:02d}"
        ) if number is not None else self.ids[name]  # fmt: skip


@pytest.fixture(scope="module")
def place(world: Any) -> Iterator[Place]:
    """The seeded world with more tickets: promises broken, near and kept, a message given up, a wild note."""
    clock = SystemClock()
    world.happen(*[a_finding(number, "condenser-fouling", days=20, ago_days=1) for number in WORKS.values()])
    world.happen(a_finding(WORKS["merge"], "door-gasket-leak", days=20, ago_days=1.5))
    for name in ("asked", "said", "over"):
        world.happen(unsure(WORKS[name]))
    access = open_access(world.engine, Vault(Fernet.generate_key().decode()), clock)
    links = {
        role: access.users.create(role.value, role, "test", "kim" if role is Role.TECHNICIAN else None)[1]
        for role in (Role.AGENT, Role.TECHNICIAN, Role.QUALITY)
    }
    servicing = Servicing(world.engine, Outbox(AlertsSettings()), clock, lambda: None)
    ids = _promised(world.engine, clock.now_ms())
    door = Door(access, False, Buckets(1e6), Buckets(1e6))
    app = create_app(world.model, door=door, desks=Desks(servicing=servicing))
    with Server(app, "127.0.0.1", 0) as address:
        place = Place(address, servicing, ids)
        servicing.take(place.of("hostile"), Assigned(step="assigned", technician=HOSTILE), "test")
        servicing.take(place.of("hostile"), Noted(step="noted", note=HOSTILE), "test")
        servicing.take(place.of("rf-260-04"), Assigned(step="assigned", technician="kim"), "test")
        for role, link in links.items():
            access.entrance.set_password(link, PASSWORD, "127.0.0.1")
            assert role
        yield place


def unsure(appliance: int) -> Finding:
    """A refrigerator that may have a dusty condenser or a worn compressor."""
    likely = {"condenser-fouling": 0.5, "compressor-wear": 0.3, "door-gasket-leak": 0.05}
    one = a_finding(appliance, "condenser-fouling", days=20, ago_days=1)
    return replace(one, kind=FindingKind.UPDATED, candidates=likely)


def _promised(engine: Any, now: int) -> dict[str, str]:
    """Clocks, an area and a dead message for the first ticket; all tickets by appliance, the newest fault last."""
    with writing(engine) as session:
        rows = session.scalars(select(TicketRow).order_by(TicketRow.fault.desc(), TicketRow.id)).all()
        for row in rows:
            row.clocks = {}  # the past of this world is long over
            promises.set_alarm(row)
        first = next(row for row in rows if row.appliance_id == "rf-260-00")
        first.clocks = {
            "first_contact": {"start": now - 2 * MS_PER_DAY, "due": now - MS_PER_DAY, "met": None, "told": 0},
            "visit": {"start": now - 9 * MS_PER_HOUR, "due": now + MS_PER_HOUR, "met": None, "told": 0},
            "fix": {"start": now, "due": now + 9 * MS_PER_DAY, "met": None, "told": 0},
        }
        first.service_area, first.assigned_to = "north", "lee"
        first.content = first.content | {"service_area": "north", "at_stake": ["food"]}
        promises.set_alarm(first)
        session.add(
            OutboxRow(
                id="ob_dead", message_id="ev_dead", target="webhook:platform",
                event_type="foremend.ticket.opened", appliance_id=first.appliance_id,
                episode_id=first.episode_id, ordering=first.id, body="{}", state=OutboxState.DEAD, attempts=9,
                due_at=now, created_at=now, error=f"HTTP 500 {HOSTILE}",
            )
        )  # fmt: skip
        return {row.appliance_id: row.id for row in rows}


@pytest.fixture
def open_page(browser: Browser, place: Place) -> Iterator[Open]:
    with visits(browser, place.address, refused="401|403|404|409|412|422") as open_:
        yield open_


def ticket(place: Place, name: str) -> str:
    return f"ticket.html?id={place.of(name)}"


def test_the_board_has_a_column_a_state_with_clocks_in_words(open_page: Open, place: Place) -> None:
    """Broken, near and due are said; priority, what is at stake, area and whose it is stand on the card."""
    page = open_page("tickets.html")

    lane = page.get_by_role("region", name="open", exact=True)
    card = lane.locator(".work", has_text="rf-260-00")
    expect(card).to_contain_text("First contact: broken")
    expect(card).to_contain_text("Visit: near: due")
    expect(card).to_contain_text("Repair: due")
    expect(card).to_contain_text("food")
    expect(card).to_contain_text("lee · north")
    expect(card).to_contain_text("Priority")
    expect(page.get_by_role("region", name="closed", exact=True)).to_be_visible()
    expect(page.locator("#pages a[aria-current]")).to_have_text("Tickets")
    assert PHONE not in page.content()
    assert page.locator("main img").count() == 0  # a technician's wild name is text


def test_today_begins_with_what_needs_somebody(open_page: Open) -> None:
    """In the order of work, each count and each name a link."""
    page = open_page("")
    needs = page.get_by_role("region", name="What needs somebody now")
    expect(needs.locator("#needs-list > li").first).to_contain_text("A critical episode")
    expect(
        needs.get_by_role("link", name="rf-260-00: Refrigerant is leaking out, any time now")
    ).to_be_visible()
    expect(needs.get_by_role("link", name=re.compile("tickets that nobody acknowledged"))).to_have_attribute(
        "href", "tickets.html?status=open"
    )
    page.get_by_role("button", name="中文").click()
    expect(needs).to_have_count(0)
    expect(page.get_by_role("region", name="当前需要处理")).to_contain_text("1 张服务单承诺已逾期")
    page.get_by_role("button", name="English").click()
    needs.get_by_role("link", name="A ticket with a broken promise").click()

    expect(page.locator(".work")).to_have_count(1)


def test_filters_are_in_the_address_and_can_be_sent(open_page: Open) -> None:
    """By keyboard: only broken promises, then an area without any; Back shows what was before."""
    page = open_page("tickets.html")
    page.get_by_label("Only with a broken promise").press("Space")
    expect(page.locator(".work")).to_have_count(1)
    page.get_by_label("Service area").fill("south")
    page.get_by_label("Service area").press("Enter")

    expect(page.locator("#found")).to_contain_text("No ticket fits.")
    assert parse_qs(urlsplit(page.url).query) == {"overdue": ["1"], "service_area": ["south"]}
    page.reload()
    expect(page.locator("#found")).to_contain_text("No ticket fits.")
    page.go_back()
    expect(page.locator(".work")).to_have_count(1)


def test_what_the_address_asks_wrongly_is_refused_in_a_sentence(open_page: Open) -> None:
    """A state that there is not is no empty list."""
    page = open_page("tickets.html?status=bogus")

    expect(page.get_by_role("alert")).to_contain_text("This address asks for what there is not")
    page.get_by_role("alert").get_by_role("link", name="Clear filters").click()
    expect(page.locator(".work").first).to_be_visible()


def test_the_table_leads_to_a_ticket(open_page: Open) -> None:
    """All states in one list, in the order that is chosen."""
    page = open_page("tickets.html")
    page.get_by_role("button", name="Table").click()
    page.get_by_label("Order").select_option("due_at")
    expect(page.locator("tbody tr").first).to_contain_text("First contact: broken")

    page.locator("tbody tr").first.get_by_role("link").click()

    expect(page.locator("#about")).to_contain_text("rf-260-00")


def test_a_technician_has_it_all_on_one_sheet_of_paper(open_page: Open, place: Place) -> None:
    """Probability, evidence with its picture, parts, trade; buttons are not printed; no address and no number."""
    page = open_page(ticket(place, "rf-260-00"))
    job = page.locator("#job")
    for words in (
        "93%",
        "refrigeration",
        "mean evaporator temperature",
        "What a technician finds",
    ):
        expect(job).to_contain_text(words)
    expect(job.locator("img")).to_have_js_property("complete", True)
    assert job.locator("img").evaluate("image => image.naturalWidth") > 0
    assert PHONE not in page.content()

    page.emulate_media(media="print")
    sheet = page.pdf(format="A4")

    expect(page.locator("#actions")).to_be_hidden()
    assert len(re.findall(rb"/Type\s*/Page\b", sheet)) == 1


def test_given_up_messages_say_how_to_send_them_again(open_page: Open, place: Place) -> None:
    """State, attempts, error as text, and the command."""
    page = open_page(ticket(place, "rf-260-00"))

    expect(page.locator("#deliveries")).to_contain_text("given up")
    expect(page.locator("#deliveries")).to_contain_text(HOSTILE)
    expect(page.locator("#deliveries .command")).to_have_text("foremend webhooks replay platform ev_dead")


def test_an_agent_brings_a_ticket_to_its_outcome(open_page: Open, place: Place) -> None:
    """Acknowledged and assigned; the outcome is two clicks; to say otherwise asks for its reason, and keeps it."""
    page = open_page(ticket(place, "outcome"))
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#where")).to_contain_text("acknowledged")
    page.get_by_label("Technician").fill("kim")
    page.get_by_role("button", name="Assign").click()
    expect(page.locator("#job")).to_contain_text("kim")

    page.get_by_role("button", name="Confirmed").press("Enter")
    page.get_by_role("button", name="Record: Confirmed").press("Enter")
    expect(page.locator("#where")).to_contain_text("resolved")
    expect(page.locator("#history")).to_contain_text("outcome: Confirmed")

    page.get_by_label("Reason", exact=True).fill("it is not over")
    page.get_by_role("button", name="Reopen").click()
    expect(page.locator("#where")).to_contain_text("open")
    page.get_by_role("button", name="No fault found").click()
    page.get_by_role("button", name="Record: No fault found").click()
    expect(page.locator("#notice")).to_contain_text("to say otherwise takes a reason")
    page.get_by_label("Reason", exact=True).fill("wrong appliance")
    page.get_by_role("button", name="Record: No fault found").click()
    expect(page.locator("#history")).to_contain_text("wrong appliance")


def test_a_visit_is_scheduled_in_the_time_that_is_shown(open_page: Open, place: Place) -> None:
    """09:00 to 11:00 in the page's zone; then the technician is on the way."""
    page = open_page(ticket(place, "desk"))
    page.get_by_label("Visit from (Asia/Shanghai)").fill("2031-03-01T09:00")
    page.get_by_label("until").fill("2031-03-01T11:00")
    page.get_by_role("button", name="Schedule").click()
    expect(page.locator("#job")).to_contain_text("1 Mar, 09:00 – 1 Mar, 11:00 (Asia/Shanghai)")

    page.get_by_role("button", name="On the way").click()

    expect(page.locator("#where")).to_contain_text("on the way")


def test_pages_that_stay_open_come_back_with_the_service(open_page: Open, place: Place) -> None:
    """A gateway answered for it at one look, as over an update: the next finds it, and nothing says that it is lost."""
    for path, there in (("tickets.html", ".lane"), (ticket(place, "hostile"), "#job")):
        page = open_page(path)
        expect(page.locator(there).first).to_be_visible()
        page.clock.install()
        page.reload()
        expect(page.locator(there).first).to_be_visible()

        page.route(
            "**/api/v1/tickets**", lambda route: route.fulfill(content_type="text/html", body="Back soon")
        )
        page.clock.run_for(16_000)
        expect(page.get_by_role("alert")).to_contain_text("Connection lost")
        page.unroute("**/api/v1/tickets**")
        page.clock.run_for(16_000)

        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.locator(there).first).to_be_visible()


def test_whoever_comes_second_is_told_and_keeps_what_was_typed(open_page: Open, place: Place) -> None:
    """Nothing of theirs was done; the new state is shown; a second try counts."""
    page = open_page(ticket(place, "race"))
    page.get_by_label("Note").fill("gasket ordered")
    page.get_by_label("Technician").fill("kim")
    place.servicing.take(place.of("race"), Acknowledged(step="acknowledged"), "somebody")
    page.get_by_role("button", name="Assign").click()

    expect(page.locator("#notice")).to_contain_text("Somebody changed this meanwhile: it is acknowledged now")
    expect(page.locator("#where")).to_contain_text("acknowledged")
    expect(page.get_by_label("Note")).to_have_value("gasket ordered")
    expect(page.get_by_label("Technician")).to_have_value("kim")
    page.get_by_role("button", name="Assign").click()
    expect(page.locator("#history")).to_contain_text("gasket ordered")


def test_two_tickets_of_one_cause_are_merged(open_page: Open, place: Place) -> None:
    """Of the same appliance, chosen from those that are live."""
    page = open_page(ticket(place, "merge"))
    page.get_by_role("button", name="Merge").click()

    expect(page.locator("#where")).to_contain_text("merged")
    expect(page.locator("#history")).to_contain_text("merged into tk_")


def test_a_refusal_is_shown_in_its_sentence(open_page: Open, place: Place) -> None:
    """A visit that ends before it begins; what was typed stays."""
    page = open_page(ticket(place, "refused"))
    page.get_by_label("Visit from").fill("2031-03-01T11:00")
    page.get_by_label("until").fill("2031-03-01T09:00")
    page.get_by_role("button", name="Schedule").click()

    expect(page.locator("#notice")).to_contain_text("visit_until is not after visit_from")
    expect(page.get_by_label("until")).to_have_value("2031-03-01T09:00")


def test_a_technician_acts_on_the_own_and_gives_nothing_away(open_page: Open, place: Place) -> None:
    """Own tickets alone, no assigning; another's looks as if it were not there."""
    page = open_page("tickets.html", Role.TECHNICIAN)
    expect(page.locator(".work").first).to_contain_text("kim")
    page.goto(f"{place.address}/{ticket(place, 'rf-260-04')}")
    expect(page.get_by_role("button", name="Acknowledge")).to_be_visible()
    expect(page.get_by_role("button", name="Assign")).to_have_count(0)

    page.goto(f"{place.address}/{ticket(place, 'refused')}")

    expect(page.locator("#about")).to_contain_text("or it is not yours")


def test_without_the_right_it_is_said_what_is_missing(open_page: Open, place: Place) -> None:
    """On both pages, in the reader's language."""
    page = open_page("tickets.html", Role.QUALITY, "zh-CN")
    expect(page.get_by_role("alert")).to_contain_text("您没有本页面所需的权限“tickets”")
    page.goto(f"{place.address}/{ticket(place, 'refused')}")
    expect(page.locator("#about")).to_contain_text("您没有本页面所需的权限“tickets”")


def test_hostile_words_are_text(open_page: Open, place: Place) -> None:
    """A note, a name, and an id in the address."""
    page = open_page(ticket(place, "hostile"))
    expect(page.locator("#history")).to_contain_text(HOSTILE)
    page.goto(f"{place.address}/ticket.html?id={quote(HOSTILE)}")
    expect(page.locator("h1")).to_have_text(HOSTILE)
    expect(page.locator("#about")).to_contain_text("No ticket")
    assert page.locator("main img").count() == 0


def test_the_pages_speak_chinese(open_page: Open, place: Place) -> None:
    """States, clocks and actions, changed without loading again."""
    page = open_page("tickets.html", locale="zh-CN")
    expect(page.locator(".work", has_text="rf-260-00")).to_contain_text("首次联系: 已逾期")
    page.goto(f"{place.address}/{ticket(place, 'rf-260-00')}")
    for words in ("干燥过滤器", "制冷剂减少", "只有蒸发器前段结霜"):
        expect(page.locator("#job")).to_contain_text(words)
    page.goto(f"{place.address}/{ticket(place, 'refused')}")
    expect(page.get_by_role("button", name="受理")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="Acknowledge")).to_be_visible()


@pytest.mark.parametrize("path", ["tickets.html", "tickets.html?view=table", "ticket"])
@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_the_pages_fit_the_narrowest_phone(open_page: Open, place: Place, path: str, language: str) -> None:
    """Nothing is wider than 360 pixels."""
    page = open_page(ticket(place, "rf-260-00") if path == "ticket" else path, locale=language, width=360)
    expect(page.locator("#found .promise, #clocks .promise").first).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("path", ["tickets.html", "tickets.html?view=table", "ticket"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_from_using_them(
    open_page: Open, place: Place, path: str, theme: str
) -> None:
    """As axe-core has it, in both themes."""
    page = open_page(ticket(place, "rf-260-00") if path == "ticket" else path)
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    page.reload()
    expect(page.locator("#found .promise, #clocks .promise").first).to_be_visible()

    assert serious(page) == []


def test_a_login_goes_back_to_the_link_that_was_asked_for(open_page: Open, place: Place) -> None:
    """With what its address holds."""
    page = open_page("tickets.html?view=table&status=open", None)
    expect(page.locator("#title")).to_have_text("Log in")
    page.locator("#name").fill(Role.AGENT.value)
    page.locator("#password").fill(PASSWORD)
    page.locator("#send").click()

    page.wait_for_url(f"{place.address}/tickets.html?view=table&status=open")
    expect(page.locator("#about")).to_contain_text("One list")


def test_a_login_never_leads_elsewhere(open_page: Open, place: Place) -> None:
    """Whatever the link says: today's page."""
    elsewhere = [
        "//evil.example", "https://evil.example", "https:evil.html", "\\\\evil.example", "/\\evil.example",
        "tickets.html\\..\\evil", "tickets.html?a\\b", "javascript:alert(1)", "../evil.html", "/evil.html",
        " //evil.example", "\t//evil.example", "login.html?next=login.html", "data:text/html,x.html", "",
        "tickets.html#@evil", "tickets.html\n//evil", "o/me/erase", "o/fmd_x", "/o/me",
    ]  # fmt: skip
    page = open_page(f"login.html?next={quote('//evil.example', safe='')}", None)
    where = "asked => import('./next.js').then(({ safeNext }) => asked.map(safeNext))"
    assert page.evaluate(where, elsewhere) == ["."] * len(elsewhere)
    ours = ["ticket.html?id=tk_1", "index.html", "o/me"]
    assert page.evaluate(where, ours) == ours

    page.locator("#name").fill(Role.AGENT.value)
    page.locator("#password").fill(PASSWORD)
    page.locator("#send").click()

    page.wait_for_url(f"{place.address}/")


def test_the_one_question_that_tells_most_is_answered_by_keyboard_and_corrected(
    open_page: Open, place: Place
) -> None:
    """Three buttons; then the new order, what was said in the history, and another word in place of the first."""
    page = open_page(ticket(place, "asked"))
    box = page.get_by_role("region", name="What to ask next")
    expect(box).to_contain_text("Ask the owner")
    expect(box.locator(".candidates li").first).to_contain_text("Condenser is dusty50%")
    question = "covered with a mat of dust"
    expect(box.locator(".question")).to_contain_text(question)
    assert serious(page) == []

    box.get_by_role("button", name="No", exact=True).press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("Likeliest now: Compressor is worn")
    expect(box.locator(".candidates li").first).to_contain_text("Compressor is worn30% →")
    said = box.get_by_role("group", name=re.compile(question))
    expect(said.get_by_role("button", name="No", exact=True)).to_be_focused()
    expect(said.get_by_role("button", name="No", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#history")).to_contain_text(re.compile(f"{question}.* No"))
    said.get_by_role("button", name="Yes", exact=True).press("Enter")
    expect(box.locator(".candidates li").first).to_contain_text("Condenser is dusty50% →")
    assert serious(page) == []


@pytest.mark.parametrize("width", [360, 1280])
def test_the_question_is_asked_in_chinese_and_fits(open_page: Open, place: Place, width: int) -> None:
    """Nothing scrolls sideways; what the other language says is not on the page."""
    page = open_page(ticket(place, "said"), locale="zh-CN", width=width)
    box = page.get_by_role("region", name="下一步询问")

    expect(box.locator(".question")).to_contain_text("散热网")
    expect(box.get_by_role("button", name="不知道")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nothing_is_asked_where_the_ticket_is_over_or_nothing_was_predicted(
    open_page: Open, place: Place
) -> None:
    """What it may be stays to be read, without a button that would be refused; else there is no such box."""
    place.servicing.take(
        place.of("over"), Answered(step="answered", inquiry="dust-on-the-grille", answer="no"), "t"
    )
    place.servicing.take(place.of("over"), Closed(step="closed"), "t")
    page = open_page(ticket(place, "over"))
    box = page.get_by_role("region", name="What to ask next")
    expect(box).to_contain_text("No question and no test")
    expect(box.locator(".candidates li").first).to_contain_text("30% →")
    expect(box.get_by_role("button")).to_have_count(0)

    page.goto(f"{place.address}/{ticket(place, 'outcome')}")
    expect(page.locator("#job")).to_be_visible()
    expect(page.locator("#asking")).to_be_hidden()
