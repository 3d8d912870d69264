"""The page of settings in a real browser: what is in force, and none of the secrets that a settings file could hold."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from alerts.access.tokens import Tokens
from foremend.config import load_settings
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.rights import Right, Role
from tests.e2e.visiting import PASSWORD, Open, serious, served, sideways, visits

HOSTILE = "<img src=x onerror=alert(1)>"
SECRETS = {
    "db-word-8h2k", "hook-path-77q", "hook-user-x1", "hook-query-w9", "env-secret-p0z", "file-secret-m4v",
    "device-of-somebody", "owner-named-here",
}  # fmt: skip


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As much that nobody may see as a file can be made to hold."""
    monkeypatch.setenv("HOOK_SECRET", "whsec_env-secret-p0z")
    (tmp_path / "mqtt.password").write_text("file-secret-m4v")
    path = tmp_path / "config.yaml"
    hook = "https://hook-user-x1:pw@example.com:8443/services/hook-path-77q?token=hook-query-w9"
    rule = {
        "name": "warm", "fault": "warm", "severity": "warning",
        "when": {"signal": "temperature", "unit": "degC", "above": 8}, "sustained_for": "2 h",
    }  # fmt: skip
    device = {
        "decoder": "shelly-gen2",
        "signals": {"power": {"path": "switch:0.apower", "unit": "W"}},
        "appliances": {
            "device-of-somebody": {
                "appliance_id": "owner-named-here",
                "appliance_model": "generic-compressor",
            }
        },
    }
    alerts = {
        "database": "postgresql://fmd:db-word-8h2k@db.example.com:5432/foremend",
        "webhooks": [{"name": "desk", "url": hook, "secret_env": "HOOK_SECRET"}],
        "event_source": "/foremend/" + HOSTILE,
    }
    said = {
        "extends": "shipped",
        "service": {"port": 8123},
        "mqtt": {
            "url": "mqtts://broker.example.com:8883",
            "user": "fmd",
            "password_file": str(tmp_path / "mqtt.password"),
        },
        "ingest": {"decoders": [device]},
        "rules": {"book": [rule]},
        "alerts": alerts,
    }
    path.write_text(yaml.safe_dump(said))
    return path


@pytest.fixture
def token(tables: Engine) -> str:
    """A program's, for numbers alone."""
    made = Tokens(tables, SystemClock())
    return made.create("prometheus", Role.OPERATOR, 30, "test", [Right.METRICS])[1]


@pytest.fixture
def open_page(browser: Browser, tables: Engine, config: Path, token: str) -> Iterator[Open]:
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(served(tables, in_force=load_settings(config)))
        yield stack.enter_context(visits(browser, place))


def test_no_secret_is_on_the_page_nor_in_any_answer(open_page: Open, token: str) -> None:
    """Neither in what is drawn nor in what was sent; where a secret is kept is named."""
    page = open_page("settings.html", Role.ADMIN)
    expect(page.locator("section[aria-labelledby=se_tokens] tbody tr")).to_have_count(1)
    sent = [
        page.request.get(page.url.replace("settings.html", f"api/v1/{path}")).text()
        for path in ("settings", "users", "tokens")
    ]

    everything = page.content() + "".join(sent)
    hidden = SECRETS | {PASSWORD, token, token.rpartition("_")[2]}
    assert [one for one in hidden if one in everything] == []
    assert len(json.loads(sent[0])["settings"]) > 70
    assert "HOOK_SECRET" in everything
    assert "https://example.com:8443/…" in everything


@pytest.mark.parametrize(("language", "written"), [("en-GB", "written"), ("zh-CN", "已配置")])
def test_a_key_is_found_with_where_it_comes_from(open_page: Open, language: str, written: str) -> None:
    """By the keyboard; the address can be sent to a colleague."""
    page = open_page("settings.html", Role.OPERATOR, language)
    rows = page.locator("section[aria-labelledby=se_config] tbody tr")
    page.locator("input[name=search]").press_sequentially("service.port")
    expect(rows).to_have_count(1)
    assert rows.first.locator("td").all_inner_texts() == ["service.port", "8123", written]
    assert "search=service.port" in page.url

    page.locator("input[name=search]").fill("event_source")
    expect(rows).to_contain_text(HOSTILE)
    assert page.locator("main img").count() == 0


def test_rules_stand_as_they_are_written_with_their_examples(open_page: Open) -> None:
    page = open_page("settings.html", Role.OPERATOR)
    rule = page.locator("section[aria-labelledby=se_rules] tbody tr")
    expect(rule).to_have_count(1)
    expect(rule).to_contain_text("signal: temperature, unit: degC, above: 8")
    expect(rule).to_contain_text("for 2 h")
    expect(page.locator("section[aria-labelledby=se_examples] tbody tr").first).to_be_visible()


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_whoever_may_see_all_pages_has_them_in_one_line(open_page: Open, language: str) -> None:
    """At 1280 pixels, with what is beside them."""
    page = open_page("settings.html", Role.ADMIN, language)
    expect(page.locator("#pages a")).to_have_count(10)
    expect(page.locator("#logout")).to_be_visible()
    middle = (
        "all => all.map(one => one.getBoundingClientRect()).map(box => Math.round(box.top + box.height / 2))"
    )
    places = page.locator("header.top a, header.top button").evaluate_all(middle)
    assert max(places) - min(places) <= 3, places


def test_users_and_tokens_are_for_whoever_has_the_right(open_page: Open) -> None:
    """Roles, rights, the last use; an operator hears which right is missing, an agent sees nothing at all."""
    page = open_page("settings.html", Role.ADMIN)
    expect(page.locator("section[aria-labelledby=se_users] tbody tr")).to_have_count(len(Role))
    token = page.locator("section[aria-labelledby=se_tokens] tbody tr")
    expect(token).to_contain_text("prometheus")
    expect(token).to_contain_text("metrics")
    page = open_page("settings.html", Role.OPERATOR)
    expect(page.locator("#access")).to_contain_text("“access”")
    page = open_page("settings.html", Role.AGENT, "zh-CN")
    expect(page.get_by_role("alert")).to_contain_text("“settings”")


@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_and_nothing_serious_keeps_anybody_from_using_it(open_page: Open, width: int) -> None:
    for language in ("en-GB", "zh-CN"):
        page = open_page("settings.html", Role.ADMIN, language, width)
        expect(page.locator("section[aria-labelledby=se_users] tbody tr")).to_have_count(len(Role))

        assert sideways(page) <= width
        assert serious(page) == []
