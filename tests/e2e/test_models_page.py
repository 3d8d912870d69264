"""The page of models in a real browser, over a registry of the versions that come with Foremend."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine, select

from alerts.database import reading
from alerts.tables import AuditRow
from foremend.learning.versions import Versions
from foremend.runtimes.clock import SystemClock
from foremend.service.v1.models import ModelDesk
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.rights import Role
from models.registry.registry import Registry
from rules.settings import RulesSettings
from tests.e2e.visiting import Open, serious, served, sideways, visits

MODEL = "rf-260"
DETAIL = f"models.html?model={MODEL}"
SHIPPED = Registry(Path(__file__).parents[2] / "models" / "champions")
HOSTILE = "<img src=x onerror=alert(1)>" + "&'\"?" * 12


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Two versions, the first one in use for a wild reason, with a drift and the second one beside it."""
    stored = Registry(tmp_path / "models")
    for _ in range(2):
        stored.take_over(SHIPPED, MODEL, "v0001")
    stored.promote(MODEL, "v0001", who="li.wei", why=HOSTILE, at=1_790_000_000_000)
    stored.challenge(MODEL, "v0002")
    shadow = {
        "champion": "v0001", "challenger": "v0002", "days": 12, "appliance_days": 700, "opened_by_both": 4,
        "opened_by_champion_only": ["fridge-secret"], "opened_by_challenger_only": [], "mean_difference": 0.02,
    }  # fmt: skip
    drifted = {"duty": {"psi": 0.31, "limit": 0.2}}
    stored.note_live(MODEL, {"champion": "v0001", "drifted": drifted, "shadow": shadow})
    return stored


@pytest.fixture
def place(tables: Engine, registry: Registry) -> Iterator[str]:
    clock = SystemClock()
    versions = Versions(registry, load_profiles(), RulesSettings(), 90.0, clock)
    with served(tables, models=ModelDesk(versions, tables, clock)) as address:
        yield address


@pytest.fixture
def open_page(browser: Browser, place: str) -> Iterator[Open]:
    with visits(browser, place) as open_:
        yield open_


@pytest.mark.parametrize(("language", "champion"), [("en-GB", "Champion"), ("zh-CN", "当前版本")])
def test_it_leads_from_the_list_to_how_a_version_does(open_page: Open, language: str, champion: str) -> None:
    """By the keyboard: figures over versions, drift, and the challenger on live data without an appliance's id."""
    page = open_page("models.html", Role.DATA_SCIENTIST, language)
    page.locator("#found tbody a").press("Enter")

    expect(page.locator("section[aria-labelledby=mo_versions] tbody tr")).to_have_count(2)
    expect(page.locator("section[aria-labelledby=mo_versions]")).to_contain_text(champion)
    expect(page.locator("figure.panel canvas")).to_have_count(2)
    expect(page.locator("section[aria-labelledby=mo_drift] tbody tr")).to_have_count(1)
    expect(page.locator("section[aria-labelledby=mo_history]")).to_contain_text(HOSTILE)
    assert page.locator("main img").count() == 0
    assert "fridge-secret" not in page.content()


def test_going_back_takes_a_reason_and_is_in_both_logs(
    open_page: Open, registry: Registry, tables: Engine
) -> None:
    registry.promote(MODEL, "v0002", who="li.wei", why="it finds more leaks", at=1_791_000_000_000)
    page = open_page(DETAIL, Role.DATA_SCIENTIST)
    page.get_by_role("button", name="Back to v0001").click()
    expect(page.locator("input[name=rollback]:invalid")).to_be_focused()
    page.get_by_label("Reason for going back").fill("alarms at night")
    page.get_by_role("button", name="Back to v0001").press("Enter")

    expect(page.locator("#said")).to_contain_text("v0001 is in use in the place of v0002")
    expect(page.locator("section[aria-labelledby=mo_history] tbody tr").first).to_contain_text(
        "alarms at night"
    )
    assert registry.aliases(MODEL).history[-1].who == "data-scientist"
    with reading(tables) as session:
        noted = session.scalars(select(AuditRow).where(AuditRow.action == "model.rolled_back")).one()
        assert (noted.subject, "v0001" in noted.details, "alarms" in noted.details) == (MODEL, True, False)


def test_whoever_was_faster_is_told_of_and_nothing_changes(open_page: Open, registry: Registry) -> None:
    """The page looked at v0001 while somebody put v0002 in use; what it shows afterwards is what is so."""
    page = open_page(DETAIL, Role.ADMIN)
    expect(page.locator("input[name=promotion]")).to_be_visible()
    registry.promote(MODEL, "v0002", who="li.wei", why="faster", at=1_791_000_000_000)
    page.locator("input[name=promotion]").fill("it finds more leaks")
    page.get_by_role("button", name="Put v0002 in use").click()

    expect(page.locator("#said")).to_contain_text("has v0002 in use by now, and not v0001: look again")
    expect(page.locator("section[aria-labelledby=mo_in_use]")).to_contain_text("v0002")
    assert len(registry.aliases(MODEL).history) == 2


def test_what_cannot_be_judged_is_not_put_in_use_and_it_is_said_why(
    open_page: Open, registry: Registry
) -> None:
    """Versions that come along bring no rows: the comparison says so, and the promotion is refused so."""
    page = open_page(DETAIL, Role.ADMIN)
    page.get_by_role("button", name="Compare with v0001").click()
    expect(page.locator("#against")).to_contain_text("neither v0001 nor v0002 brings rows to be judged by")
    page.locator("input[name=promotion]").fill("it finds more leaks")
    page.get_by_role("button", name="Put v0002 in use").click()

    expect(page.locator("#said")).to_contain_text("v0002 is not promoted: neither v0001")
    assert registry.champion(MODEL) == "v0001"


def test_without_the_right_it_names_what_is_missing(open_page: Open) -> None:
    """Whoever may look sees the commands; whoever may not hears of the right."""
    page = open_page(DETAIL, Role.QUALITY)
    expect(page.locator("section[aria-labelledby=mo_change]")).to_contain_text("“models.change”")
    expect(page.locator("input[name=promotion]")).to_have_count(0)
    page = open_page("models.html", Role.AGENT, "zh-CN")
    expect(page.get_by_role("alert")).to_contain_text("“models”")


def test_an_empty_registry_says_how_to_fill_it(browser: Browser, tables: Engine, tmp_path: Path) -> None:
    """And a model without a version is told as that."""
    versions = Versions(Registry(tmp_path / "none"), load_profiles(), RulesSettings(), 90.0, SystemClock())
    with (
        served(tables, models=ModelDesk(versions, tables, SystemClock())) as place,
        visits(browser, place) as open_,
    ):
        expect(open_("models.html", Role.ADMIN).locator("#found")).to_contain_text("foremend models prepare")
        expect(open_(DETAIL, Role.ADMIN).get_by_role("alert")).to_contain_text("No version of this")


def evaluated(version: str = "v0001", **more: object) -> dict[str, object]:
    """As `foremend evaluate` keeps it: thresholds of the settings that the page has none of."""
    curve = [{"above": above, "cost": cost} for above, cost in ((0.3, 90.0), (0.7, 24.5), (0.95, 61.0))]
    row = {"failures": 12, "now": 40.0, "above": 0.7, "then": 24.5, "curve": curve}
    few = {**row, "failures": 2, "above": None, "then": None}
    return {
        "judged_at": 1_790_000_000_000,
        "data": {
            "history": "fleet", "outcomes": "truth.json", "simulated": True, "appliances": 120,
            "since": 1_760_000_000_000, "until": 1_780_000_000_000,
        },
        "appliance_years": 61.4,
        "costs": {"currency": "EUR", "visit": 90.0, "spoilt_food": 150.0, "part": 0.0, "missed": 300.0},
        "in_force": [{"rule": "predicted-fault", "fault": "any", "above": 0.85}],
        "choice": {
            "currency": "EUR", **row,
            "faults": [{"fault": "refrigerant-leak", **row}, {"fault": "fan-wear", **few}],
            "areas": [{"area": HOSTILE, **row}],
        },
        **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("language", "title", "least", "few"),
    [
        ("en-GB", "What it costs to be wrong", "now 40 EUR; least 24.5 EUR above 0.7", "Fewer than five"),
        ("zh-CN", "误判成本", "目前 40 EUR；阈值 0.7 时最低，为 24.5 EUR", "不足五次"),
    ],
)
def test_what_it_costs_to_be_wrong_is_there_in_money_with_its_curve(
    open_page: Open, registry: Registry, language: str, title: str, least: str, few: str
) -> None:
    """Of all, of a fault with too few failures, and as a table for who cannot see the curve; nothing can be applied."""
    registry.note_evaluation(MODEL, "v0001", evaluated())
    page = open_page(DETAIL, Role.QUALITY, language)
    card = page.locator("section[aria-labelledby=mc_title]")

    expect(card.get_by_role("heading", name=title)).to_be_visible()
    expect(card.get_by_role("img")).to_have_attribute("aria-label", re.compile(re.escape(least)))
    expect(card).to_contain_text("predicted-fault: > 0.85")
    expect(card.locator(".safety")).to_be_visible()  # this service has no rule: the thresholds changed
    expect(card.locator("button")).to_have_count(0)
    card.locator("summary").press("Enter")
    expect(card.locator("details tbody tr")).to_have_count(3)

    card.locator("select").select_option("fault fan-wear")
    expect(card).to_contain_text(few)


def test_before_anything_was_evaluated_the_command_is_said(open_page: Open) -> None:
    expect(open_page(DETAIL, Role.QUALITY).locator("section[aria-labelledby=mc_title] code")).to_contain_text(
        f"foremend evaluate --appliance-model {MODEL}"
    )


@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_and_nothing_serious_keeps_anybody_from_using_it(
    open_page: Open, registry: Registry, width: int
) -> None:
    for version in ("v0001", "v0002"):
        registry.note_evaluation(MODEL, version, evaluated())
    for language in ("en-GB", "zh-CN"):
        page = open_page(DETAIL, Role.ADMIN, language, width)
        expect(page.locator("figure.panel canvas")).to_have_count(3)
        page.locator("section[aria-labelledby=mc_title] summary").press("Enter")

        assert sideways(page) <= width
        assert serious(page) == []


def test_what_is_damaged_on_the_disk_is_told_and_everything_else_is_shown(
    open_page: Open, registry: Registry, tmp_path: Path
) -> None:
    """The champion is gone; what else is of it, and another appliance model, are there."""
    registry.take_over(SHIPPED, "rf-140", "v0001")
    shutil.rmtree(tmp_path / "models" / MODEL / "v0001")
    page = open_page("models.html", Role.DATA_SCIENTIST)
    expect(page.locator("#found tbody tr")).to_have_count(2)
    expect(page.locator("#found tbody tr", has_text=MODEL)).to_contain_text("there is no model v0001")

    page.goto(page.url + f"?model={MODEL}")
    expect(page.locator("section[aria-labelledby=mo_trouble]")).to_contain_text("there is no model v0001")
    expect(page.locator("section[aria-labelledby=mo_in_use]")).to_contain_text("v0001 is in use")
    expect(page.locator("section[aria-labelledby=mo_versions] tbody tr")).to_have_count(1)


def test_a_service_that_misses_something_is_told_in_its_words(browser: Browser, place: str) -> None:
    """The connection is not lost: it answered. The page goes on asking."""
    said = {"status": 503, "detail": "the disk is away"}
    with visits(browser, place, refused="503") as open_page:
        page = open_page("account.html", Role.DATA_SCIENTIST)
        page.route("**/api/v1/models", lambda route: route.fulfill(status=503, json=said))
        page.goto(f"{place}/models.html")
        expect(page.get_by_role("alert")).to_have_text(re.compile("trying again: the disk is away"))
