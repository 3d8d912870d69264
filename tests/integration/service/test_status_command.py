"""`foremend status`: the page's own truth in the terminal, asked of a real service."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.access.access import open_access
from alerts.database import open_database, writing
from alerts.settings import AlertsSettings
from alerts.shared_status import Said, Seen, say
from alerts.tables import FirmwareRow, HeldBackRow
from alerts.vault import open_vault
from foremend.jobs.status import said
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.guard.door import Door
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.stores.free_port import free_port
from foremend.vocabulary.rights import Role
from tests.unit.commands.command_line import call

CALM = dict.fromkeys(("critical", "warning", "info", "silent", "learning", "not_judged", "ok"), 0)


@contextmanager
def served(folder: Path, seen: list[Seen], closed: bool) -> Iterator[tuple[Path, Any]]:
    """A service of so many appliances, the config that names it, and who comes in."""
    tables = open_database(f"sqlite:///{folder}/effects.db")
    access = open_access(tables, open_vault(AlertsSettings(key_file=folder / "key"), {}), SystemClock())
    say(tables, Said("s", {}, 1), seen)
    model = ReadModel(tables, SharedPipeline(tables, (), SystemClock(), 60_000), {}, {}, {})
    port, config = free_port(), folder / "config.yaml"
    config.write_text(yaml.safe_dump({"service": {"port": port}}), encoding="utf-8")
    with Server(create_app(model, door=Door(access, not closed)), "127.0.0.1", port):
        yield config, access
    tables.dispose()


def test_it_says_the_worst_first_and_all_of_it_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = [Seen(f"plug-{n}", "rf-260", "refrigerator", 1, n == 2, days) for n, days in enumerate((0, 4, 0))]
    with served(tmp_path, seen, closed=False) as (config, _):
        assert call(monkeypatch, "status", "--config", str(config)) == 0
        shown = capsys.readouterr().out
        assert call(monkeypatch, "status", "--config", str(config), "--json") == 0
        found = json.loads(capsys.readouterr().out)

    assert "not all of 3 are known to be well: 1 silent, 1 still learning, 4 days left" in " ".join(
        shown.split()
    )
    assert max(map(len, shown.splitlines())) <= 80
    assert (found["appliances"], found["by_state"]["learning"], found["first"]) == (3, 1, [])


def test_a_closed_service_says_which_token_it_wants_and_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path, [], closed=True) as (config, access):
        assert call(monkeypatch, "status", "--config", str(config)) == 5
        assert "foremend tokens create --name NAME --role operator" in " ".join(
            capsys.readouterr().err.split()
        )

        _, text = access.tokens.create("desk", Role.OPERATOR, 1, "test", None, None)
        monkeypatch.setenv("FOREMEND_TOKEN", text)
        assert call(monkeypatch, "status", "--config", str(config)) == 0
    assert "Waiting for the first appliance." in capsys.readouterr().out


def test_without_a_service_it_says_what_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(f"service: {{ port: {free_port()} }}", encoding="utf-8")

    assert call(monkeypatch, "status", "--config", str(tmp_path / "config.yaml")) == 4
    assert "start foremend run" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "answer", [b"It works!", b"[]", b"{}", b'{"items": 1}', b"\xff", b'{"by_state": null}']
)
def test_another_program_on_the_port_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        (tmp_path / "config.yaml").write_text(f"service: {{ port: {server.server_port} }}", encoding="utf-8")
        code = call(monkeypatch, "status", "--config", str(tmp_path / "config.yaml"))
        server.shutdown()
        thread.join()

    assert code == 4
    assert "is no Foremend, or one of another version" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("states", "first", "words"),
    [
        ({}, [], "Waiting for the first appliance."),
        ({"ok": 1}, [], "The one appliance is well."),
        ({"info": 1}, [], "The one appliance noted, no more."),
        (
            {"learning": 1},
            [],
            "nobody can say whether the one appliance is well: 1 still learning, 9 days left.",
        ),
        ({"learning": 2}, [], "2 still learning, 9 days left at most."),
        ({"critical": 1}, [None], "The one appliance needs attention."),
        ({"ok": 3}, [], "All 3 appliances are well."),
        ({"ok": 2, "info": 1}, [], "1 of 3 appliances noted, no more; the others are well."),
        ({"ok": 2, "not_judged": 1}, [], "not all of 3 are known to be well: 1 not judged."),
        ({"ok": 2, "warning": 1}, [None], "1 of 3 appliances needs attention."),
        (
            {"critical": 1, "silent": 2},
            [9.0, 3.2],
            "1 of 3 appliances needs attention. The first to fail is b, in about 3 days. Besides: 2 silent.",
        ),
        ({"critical": 1, "ok": 2}, [None, 0.2], "The first to fail is b, in about a day."),
    ],
)
def test_well_are_all_or_it_is_not_said(
    states: Mapping[str, int], first: list[float | None], words: str
) -> None:
    of = {**CALM, **states}
    summary = {"appliances": sum(of.values()), "by_state": of, "days_missing": 9, "never_heard": 0}

    sentence = said(
        summary, [{"appliance_id": id_, "days_to_failure": n} for id_, n in zip("ab", first, strict=False)]
    )

    assert words in sentence
    calm = set(states) <= {"ok", "info"} and "ok" in states
    assert ("are well" in sentence or "appliance is well." in sentence.split(":")[0]) == calm


def test_registered_and_never_heard_of_is_said_whatever_else_is() -> None:
    summary = {"appliances": 0, "by_state": CALM, "days_missing": None}

    assert said(summary | {"never_heard": 3}, []) == (
        "Waiting for the first appliance. 3 registered appliances were never heard from."
    )
    assert said(summary | {"never_heard": 1}, []).endswith("1 registered appliance was never heard from.")


def test_the_fleet_is_listed_as_the_page_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Narrowed, in an order, so many of them; what cannot be asked is a sentence."""
    seen = [Seen(f"plug-{n}", "rf-260", "refrigerator", n, n == 2, 4 * (n == 1)) for n in range(4)]
    with served(tmp_path, seen, closed=False) as (config, _):

        def ask(*words: str) -> int:
            return call(monkeypatch, "appliances", "--config", str(config), *words)

        assert ask("--limit", "2", "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert ask("--state", "silent") == 0
        silent = capsys.readouterr().out
        assert ask("--search", "none") == 0
        nothing = capsys.readouterr().out
        assert ask("--state", "well") == 2
        wrong = capsys.readouterr().err
        tables = open_database(f"sqlite:///{tmp_path}/effects.db")
        with writing(tables) as session:
            session.add(FirmwareRow(appliance_id="plug-3", since=1, version="2.0", at=1))
        tables.dispose()
        assert ask("--firmware", "2.0", "--json") == 0
        new = json.loads(capsys.readouterr().out)["appliances"]
        assert ask("--batch", "b-1") != 0
        refused = capsys.readouterr().err

    assert [(one["appliance_id"], one["firmware"]) for one in new] == [("plug-3", "2.0")]
    assert "is for who has the right owners" in " ".join(refused.split())
    assert ([one["appliance_id"] for one in found["appliances"]], found["more"]) == (
        ["plug-2", "plug-1"],
        True,
    )
    assert "plug-2" in silent
    assert "silent, heard 1970-01-01 00:00" in " ".join(silent.split())
    assert "no appliance fits" in nothing
    assert "query.state: Input should be 'critical'" in " ".join(wrong.split())


def test_held_back_lists_and_counts_and_counts_alone_without_the_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the page shows; a token that may not read messages has the numbers."""
    with served(tmp_path, [], closed=True) as (config, access):
        tables = open_database(f"sqlite:///{tmp_path}/effects.db")
        with writing(tables) as session:
            session.add(HeldBackRow(
                id="hb", act="ticket", purpose="ticket", appliance_id="fridge-1", episode_id=None, fault="not-cooling",
                reason="never given", at=SystemClock().now_ms(),
            ))  # fmt: skip
        tables.dispose()
        shown = {}
        for role in (Role.QUALITY, Role.OPERATOR):
            monkeypatch.setenv("FOREMEND_TOKEN", access.tokens.create("desk", role, 1, "test", None, None)[1])
            assert call(monkeypatch, "held-back", "--config", str(config), "--json") == 0
            found = json.loads(capsys.readouterr().out)
            assert found["counts"]["never_left"] == [
                {"cause": "never_given", "purpose": "ticket", "number": 1}
            ]
            assert call(monkeypatch, "held-back", "--config", str(config)) == 0
            shown[role] = " ".join(capsys.readouterr().out.split())
        assert call(monkeypatch, "held-back", "--config", str(config), "--cause", "bogus") == 2

    assert "ticket of not-cooling: never given" in shown[Role.OPERATOR]
    assert "fridge-1" in shown[Role.OPERATOR]
    assert "this token has not the right messages" in shown[Role.QUALITY]
    assert "fridge-1" not in shown[Role.QUALITY]
