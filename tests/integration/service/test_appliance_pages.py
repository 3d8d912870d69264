"""One appliance over time and where it stands with its owner, over HTTP, on both databases."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from alerts.consent import ConsentRecord
from alerts.desk import Alerts
from alerts.shared_status import Said, Seen, say
from foremend.commands.appliance import sparkline
from foremend.history.parquet import ParquetHistory
from foremend.service.app import create_app
from foremend.service.appliance_pages import AppliancePages
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import MS_PER_DAY, Block, Finding, FindingKind, Purpose, Severity
from tests.integration.service.test_privacy_api import Api, api
from tests.integration.service.test_rights import bearer, desk
from tests.unit.commands.command_line import call

__all__ = ["api", "desk"]
MINUTE = 60_000


@dataclass
class Kitchen:
    """Two refrigerators with a day of readings each."""

    client: httpx.Client
    alerts: Alerts
    now: int
    unwatched: set[str]
    pages: AppliancePages
    position: int = 0

    def ask(self, path: str, role: Role = Role.AGENT, subject: str | None = None) -> httpx.Response:
        _, token = self.alerts.access.tokens.create("test", role, 30, "test", None, subject)
        return self.client.get(f"/api/v1/appliances/{path}", headers=bearer(token))

    def find(self, appliance: str, severity: Severity, kind: FindingKind = FindingKind.OPENED) -> None:
        finding = Finding(
            kind, appliance, "rf-260", "not-cooling", "r", severity, self.now, self.now, 0.9, 0.8
        )
        self.position += 1
        self.alerts.effects.apply([finding], [], self.position)


@pytest.fixture
def kitchen(desk: Alerts, clock: Any, tmp_path: Path) -> Iterator[Kitchen]:
    history, n = ParquetHistory(tmp_path / "history"), 1_440
    time = clock.now - MS_PER_DAY + np.arange(n) * MINUTE
    for position, one in enumerate(("fridge-1", "fridge-2")):
        power = np.where(np.arange(n) == 700, 555.0, 80.0) + position
        who, seq = np.zeros(n, np.int32), np.arange(n)
        history.write(Block("rf-260", (one,), who, time, seq, {"power": power, "odd": power}))
        history.flush(position, position + 1)
    seen = [
        Seen(one, "rf-260", "refrigerator", clock.now - MINUTE, False) for one in ("fridge-1", "fridge-2")
    ]
    say(
        desk.engine,
        Said("s", {}, clock.now),
        [*seen, Seen("stray", "rf-260", "refrigerator", clock.now, False)],
    )
    model = ReadModel(desk.engine, SharedPipeline(desk.engine, (), clock, 60_000), {}, {}, {})
    unwatched: set[str] = set()
    pages = AppliancePages(
        desk.engine, history, load_profiles(), clock, unwatched=lambda ids: unwatched & set(ids)
    )
    app = create_app(model, door=Door(desk.access, False), desks=Desks(pages=pages))
    with (
        Server(app, "127.0.0.1", 0) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield Kitchen(client, desk, clock.now, unwatched, pages)
    desk.close()


def test_readings_are_thinned_to_the_screen_and_no_peak_is_lost(kitchen: Kitchen) -> None:
    """90 days end with the newest reading; a signal has its unit, one of no profile its bare name."""
    told = kitchen.ask("fridge-1/series?columns=100").json()

    power, odd = told["signals"]
    assert (power["name"], power["unit"], power["runs"], odd["name"], odd["unit"]) == (
        "power",
        "W",
        True,
        "odd",
        "",
    )
    assert told["readings"] == 1_440
    assert len(told["times"]) == len(power["low"]) == len(power["mean"]) <= 3
    assert (min(power["low"]), max(power["high"]), power["last"]) == (80.0, 555.0, 80.0)
    assert told["signal_of"]["power_mean"] == "power"
    assert told["stored"]


def test_a_span_of_ones_own_is_told_to_the_minute(kitchen: Kitchen) -> None:
    """`since` and `until` are instants with a zone; the wrong way about is refused."""
    since, until = (
        datetime.fromtimestamp((kitchen.now - MS_PER_DAY + minute * MINUTE) / 1000, UTC).strftime("%FT%TZ")
        for minute in (695, 705)
    )

    told = kitchen.ask(f"fridge-1/series?since={since}&until={until}&columns=10").json()

    assert told["readings"] == 10
    assert told["signals"][0]["high"] == [80.0] * 5 + [555.0] + [80.0] * 4
    assert kitchen.ask(f"fridge-1/series?since={until}&until={since}").status_code == 400
    assert kitchen.ask("fridge-1/series?since=2026-01-01").status_code == 422


@pytest.mark.parametrize(
    "query", ["until=0001-01-01T00:00:00Z", "until=9999-12-31T23:59:59-14:00", "since=1e30", "until=-1"]
)
def test_a_time_that_no_reading_has_is_refused(kitchen: Kitchen, query: str) -> None:
    """Ninety days before the year 1, or beyond 9999 in UTC, had been an internal error."""
    answer = kitchen.ask(f"fridge-1/series?{query}")

    assert answer.status_code == 422, answer.text


def test_who_asks_while_other_charts_are_read_is_told_so(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty who wait would keep every thread of the service from whatever else is asked."""
    monkeypatch.setattr("foremend.service.appliance_pages._PATIENCE_S", 0.01)
    with kitchen.pages._reading:
        answer = kitchen.ask("fridge-1/series")

    assert answer.status_code == 503
    assert "other charts are being read" in answer.text
    assert kitchen.ask("fridge-1/series").status_code == 200


def test_what_was_found_meanwhile_comes_with_its_probability(kitchen: Kitchen) -> None:
    """Within the time that is shown, and no further."""
    kitchen.find("fridge-1", Severity.WARNING)
    until = datetime.fromtimestamp(kitchen.now / 1000 + 1, UTC).strftime("%FT%TZ")
    before = datetime.fromtimestamp(kitchen.now / 1000 - 60, UTC).strftime("%FT%TZ")

    told = kitchen.ask(f"fridge-1/series?until={until}").json()["judgements"]

    assert [(one["fault"], one["probability"], one["kind"]) for one in told] == [
        ("not-cooling", 0.8, "opened")
    ]
    assert kitchen.ask(f"fridge-1/series?until={before}").json()["judgements"] == []


def test_nobody_sees_readings_of_others_nor_of_whom_nobody_may_watch(kitchen: Kitchen) -> None:
    """An owner sees the own alone; without the owner's yes nobody sees any; each look stands in the audit log."""
    assert kitchen.ask("fridge-1/series", Role.OWNER, "o-1").json()["readings"] == 1_440
    assert kitchen.ask("fridge-2/series", Role.OWNER, "o-1").status_code == 404
    assert kitchen.ask("fridge-1/series", Role.DATA_SCIENTIST).status_code == 403
    assert kitchen.ask("unknown/series").status_code == 404
    kitchen.unwatched.add("fridge-1")

    told = kitchen.ask("fridge-1/series").json()

    assert (told["stored"], told["readings"], told["signals"]) == (False, 0, [])


def test_why_there_is_no_ticket_is_said_for_each_open_episode(kitchen: Kitchen) -> None:
    """Too slight, or the owner's no, with when it was said; a live ticket needs no reason."""
    no = ConsentRecord("fridge-2", "o-2", Purpose.TICKET, False, kitchen.now, "1", "zh", "app")
    kitchen.alerts.consent.record([no])
    kitchen.find("fridge-1", Severity.WARNING)
    kitchen.find("fridge-2", Severity.WARNING)
    kitchen.find("stray", Severity.INFO)

    told = {one: kitchen.ask(f"{one}/standing").json() for one in ("fridge-1", "fridge-2", "stray")}

    assert told["fridge-1"]["no_ticket"] == []
    assert [(one["why"], one["reason"][:12]) for one in told["fridge-2"]["no_ticket"]] == [
        ("consent", "withdrawn at")
    ]
    assert {one["purpose"]: one["given"] for one in told["fridge-1"]["agreed"]}["ticket"] is True
    assert (told["stray"]["agreed"], told["stray"]["no_ticket"][0]["why"]) == (None, "noted")
    assert kitchen.ask("fridge-2/standing", Role.QUALITY).json()["right"] == "messages"


def test_without_history_the_page_says_that_there_is_none(api: Api) -> None:
    """A process that keeps nothing of appliances over time."""
    say(api.alerts.engine, Said("s", {}, 1), [Seen("fridge-1", "rf-260", "refrigerator", 1, False)])

    assert api.as_(Role.AGENT)("GET", "/api/v1/appliances/fridge-1/series").status_code == 404


def test_the_command_shows_what_the_page_does(
    kitchen: Kitchen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Episodes, what the owner agreed to, and a small chart of each signal; one that nobody heard of is a sentence."""
    kitchen.find("fridge-1", Severity.WARNING)
    config = tmp_path / "config.yaml"
    config.write_text(f"service: {{ port: {kitchen.client.base_url.port} }}", encoding="utf-8")
    _, token = kitchen.alerts.access.tokens.create("test", Role.OPERATOR, 30, "test", None, None)
    monkeypatch.setenv("FOREMEND_TOKEN", token)

    def ask(*words: str) -> int:
        return call(monkeypatch, "appliance", *words, "--config", str(config))

    assert ask("fridge-1", "--days", "1") == 0
    shown = capsys.readouterr().out
    assert ask("fridge-1", "--days", "1", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert ask("nobody/knows") == 3
    assert "no appliance 'nobody/knows' was heard of" in " ".join(capsys.readouterr().err.split())

    assert "warning, not-cooling" in shown
    assert re.search("power +[▁▂▃▄▅▆▇█]{20,}", shown)
    assert max(map(len, shown.splitlines())) <= 80
    assert found["appliance"]["appliance_id"] == "fridge-1"
    assert 10 <= len(found["series"]["times"]) <= 41


@pytest.mark.parametrize(
    ("values", "line"),
    [([0.0, 7.0], "▁█"), ([1.0, None, 8.0], "▁ █"), ([3.0, 3.0], "▄▄"), ([], ""), ([None], " ")],
)
def test_a_line_goes_from_the_lowest_to_the_highest(values: list[float | None], line: str) -> None:
    assert sparkline(values) == line
