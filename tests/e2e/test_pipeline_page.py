"""The page of the pipeline in a real browser: what it shows, and dead letters sent again through a real broker."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from alerts.database import open_database, writing
from alerts.dead_letter_bounds import keep
from alerts.dead_letter_replay import Replays
from alerts.settings import DeadLetterSettings
from alerts.tables import OutboxRow
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.stores.broker import EmbeddedBroker
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import DeadLetter
from ingest.mqtt.publish import MqttPublisher
from ingest.mqtt.settings import MqttSettings
from tests.e2e.visiting import Open, serious, service_of, sideways, visits

HOSTILE = "<img src=x onerror=alert(1)>" + "&'\"?" * 25
NOW = SystemClock().now_ms()


def message(n: int, target: str, state: str) -> OutboxRow:
    return OutboxRow(
        id=f"m{n}", message_id=f"m{n}", target=target, event_type="w", purpose=None, appliance_id="a", episode_id=None,
        ordering=f"m{n}", body="{}", state=state, attempts=0, due_at=NOW, created_at=NOW - n * 60_000, error="",
    )  # fmt: skip


@pytest.fixture
def tables(tmp_path: object) -> Iterator[Engine]:
    """Dead letters of two devices, one of a wild name, and messages that wait or were given up."""
    engine = open_database(f"sqlite:///{tmp_path}/effects.db")
    with writing(engine) as session:
        letters = [
            DeadLetter("plant/a-1", b'{"a": %d}' % n, "signals: no signal 'a'", NOW - n) for n in range(3)
        ]
        letters.append(DeadLetter(HOSTILE, b"", f"topic: {HOSTILE}", NOW - 9))
        keep(session, letters, DeadLetterSettings(), True)
        session.add_all(
            [
                message(1, "webhook:desk", "pending"),
                message(2, "webhook:desk", "dead"),
                message(3, "sms", "sent"),
            ]
        )
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def heard(broker: EmbeddedBroker) -> Iterator[list[tuple[str, bytes]]]:
    """What comes over the broker."""
    found: list[tuple[str, bytes]] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, "listener")
    client.on_connect = lambda *_: client.subscribe("#", 1)
    client.on_message = lambda _client, _data, one: found.append((one.topic, one.payload))
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    yield found
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def open_page(browser: Browser, tables: Engine, broker: EmbeddedBroker) -> Iterator[Open]:
    settings = MqttSettings(url=broker.url)
    replays = Replays(tables, SystemClock(), lambda: MqttPublisher(settings))
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(service_of(tables, ("a",), replays=replays))
        yield stack.enter_context(visits(browser, place))


def test_it_shows_how_far_the_line_is_and_what_waits(open_page: Open) -> None:
    """State, lag, checks in words, what each receiver still gets, versions."""
    page = open_page("pipeline.html", Role.OPERATOR)
    line = page.locator("section[aria-labelledby=pl_line]")
    expect(line).to_contain_text("Live")
    facts = dict(zip(line.locator("dt").all_inner_texts(), line.locator("dd").all_inner_texts(), strict=True))
    assert (facts["Not acted on yet"], facts["Readings"], facts["Too late"]) == ("10", "100", "2")
    expect(page.locator("section[aria-labelledby=pl_checks]")).to_contain_text(
        re.compile("database.*well", re.S)
    )
    lanes = page.locator("section[aria-labelledby=pl_lanes] tbody tr")
    assert [row.locator("td").all_inner_texts()[::3] for row in lanes.all()] == [["SMS", "0"], ["desk", "1"]]
    expect(page.locator("section[aria-labelledby=pl_versions]")).to_contain_text("SQLite 3")
    expect(page.locator("#pages a[aria-current]")).to_have_text("Pipeline")


def test_a_group_is_sent_again_by_one_press_and_once(open_page: Open, heard: list[tuple[str, bytes]]) -> None:
    """By the keyboard; what became of it is said, and the button is gone."""
    page = open_page("pipeline.html", Role.OPERATOR)
    page.get_by_role("button", name="Send again (3): plant/a-1").press("Enter")

    expect(page.get_by_role("status").filter(has_text="Sent 3.")).to_be_visible()
    row = page.locator("section[aria-labelledby=pl_letters] tbody tr", has_text="plant/a-1")
    expect(row).to_contain_text("sent again")
    expect(row.get_by_role("button")).to_have_count(0)
    assert sorted(heard) == [("plant/a-1", b'{"a": %d} ' % n) for n in range(3)]


def test_at_a_machine_without_a_login_it_names_the_command(browser: Browser, tables: Engine) -> None:
    """Who sits there may look, and nothing is changed in the page."""
    model = ReadModel(tables, SharedPipeline(tables, (), SystemClock(), 60_000), {}, {}, {})
    with Server(create_app(model), "127.0.0.1", 0) as place, visits(browser, place, login=False) as open_:
        row = open_("pipeline.html").locator(
            "section[aria-labelledby=pl_letters] tbody tr", has_text="plant/a-1"
        )

        expect(row).to_contain_text("foremend dead-letters replay dg_")
        expect(row.get_by_role("button")).to_have_count(0)


def test_a_refusal_is_said_and_the_button_stays(open_page: Open) -> None:
    """As where the broker is away: nothing counts as sent."""
    page = open_page("pipeline.html", Role.ADMIN)
    refused = '{"detail": "no MQTT broker answers"}'
    page.route(
        "**/replay", lambda route: route.fulfill(status=502, body=refused, content_type="application/json")
    )
    page.get_by_role("button", name="Send again (3)").click()

    expect(page.locator("#said")).to_have_text("Nothing was marked as sent: no MQTT broker answers")
    expect(page.get_by_role("button", name="Send again (3)")).to_be_enabled()


def test_without_the_right_it_is_said_what_is_missing(open_page: Open) -> None:
    """In the reader's language; the header does not lead there."""
    page = open_page("pipeline.html", Role.AGENT, "zh-CN")
    expect(page.get_by_role("alert")).to_contain_text("您没有本页面所需的权限“")
    page = open_page("fleet.html", Role.AGENT)
    expect(page.locator("#pages")).to_contain_text("Held back")
    expect(page.locator("#pages")).not_to_contain_text("Pipeline")


def test_hostile_topics_and_reasons_are_text(open_page: Open) -> None:
    page = open_page("pipeline.html", Role.OPERATOR)
    expect(page.locator("section[aria-labelledby=pl_letters] tbody tr")).to_have_count(2)
    expect(page.locator("main")).to_contain_text(HOSTILE)
    assert page.locator("main img").count() == 0


def test_it_comes_back_with_the_service(open_page: Open) -> None:
    """By itself, at the next look."""
    page = open_page("pipeline.html", Role.OPERATOR)
    expect(page.locator("section[aria-labelledby=pl_line]")).to_be_visible()
    page.route("**/api/v1/pipeline", lambda route: route.fulfill(status=502, body="<html>soon</html>"))
    expect(page.get_by_role("alert")).to_contain_text("Connection lost")
    page.unroute("**/api/v1/pipeline")
    expect(page.locator("section[aria-labelledby=pl_line]")).to_be_visible()


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_it_fits_the_narrowest_phone(open_page: Open, language: str) -> None:
    page = open_page("pipeline.html", Role.OPERATOR, language, 360)
    expect(page.locator("section[aria-labelledby=pl_letters] tbody tr")).to_have_count(2)

    assert sideways(page) <= 360
    expect(page.locator("h1")).to_have_text("数据管道" if language == "zh-CN" else "Pipeline")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_from_using_it(open_page: Open, theme: str) -> None:
    """As axe-core has it."""
    page = open_page("pipeline.html", Role.OPERATOR)
    page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    page.reload()
    expect(page.locator("section[aria-labelledby=pl_letters] tbody tr").first).to_be_visible()

    assert serious(page) == []
