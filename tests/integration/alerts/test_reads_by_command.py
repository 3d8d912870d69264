"""What somebody with an account on the machine reads of a household stands in the audit log, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alerts.database import reading
from alerts.tables import AuditRow, FindingRow, TicketRow
from foremend.jobs.tokens import by_account
from foremend.vocabulary.types import Finding, Purpose
from tests.unit.commands.command_line import call

Make = Callable[..., Finding]


@pytest.fixture
def typed(
    stage: Any,
    finding: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Any]:
    """A command on an installation that has a ticket; what it answers."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.effects.apply([finding()], [], 1)
    monkeypatch.setenv("SECRET", "whsec_" + "QUFB" * 8)
    hook = {"name": "platform", "url": "https://platform.example/hook", "secret_env": "SECRET"}
    alerts = {"database": stage.settings.database, "webhooks": [hook], "key_file": str(tmp_path / "key")}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"alerts": alerts, "storage": {"folder": str(tmp_path / "var")}}))

    def type_(*words: str) -> Any:
        code = call(monkeypatch, *words, "--config", str(config), "--json")
        said = capsys.readouterr()
        assert code == 0, said.err
        return json.loads(said.out)

    return type_


def reads(stage: Any) -> list[tuple[str, str, str]]:
    """Of the audit log: what was read, of whom, by whom."""
    with reading(stage.alerts.engine) as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.seq)).all()
        return [
            (row.action, row.subject, json.loads(row.details)["by"])
            for row in rows
            if row.action.endswith(".read")
        ]


def test_who_looks_at_tickets_on_the_machine_stands_in_the_log(stage: Any, typed: Callable[..., Any]) -> None:
    """One ticket by its id, a list as everybody's."""
    with reading(stage.alerts.engine) as session:
        ticket = session.scalars(select(TicketRow.id)).one()

    assert typed("tickets", "show", ticket)["ticket_id"] == ticket
    assert len(typed("tickets", "list")["tickets"]) == 1

    assert reads(stage) == [("ticket.read", ticket, by_account()), ("ticket.read", "*", by_account())]


def test_the_command_line_says_what_to_ask_and_keeps_the_answer(
    stage: Any, finding: Make, typed: Callable[..., Any]
) -> None:
    """As the page does; a question that there is not is refused with the nearest."""
    likely = {"door-gasket-leak": 0.5, "condenser-fouling": 0.4}
    one = finding(fault="door-gasket-leak", appliance_model="rf-260", candidates=likely)
    stage.alerts.effects.apply([one], [], 2)
    with reading(stage.alerts.engine) as session:
        ticket = session.scalars(select(TicketRow.id).where(TicketRow.fault == one.fault)).one()

    asked = typed("tickets", "show", ticket)["differential"]["ask"]
    typed("tickets", "answer", ticket, asked["inquiry"], "no")
    shown = typed("tickets", "show", ticket)["differential"]

    assert asked["inquiry"] == "paper-in-the-door"
    assert shown["candidates"][0]["fault"] == "condenser-fouling"
    assert [each["answer"] for each in shown["answers"]] == ["no"]


def test_a_list_that_shows_nobody_is_no_reading(stage: Any, typed: Callable[..., Any]) -> None:
    """There is nobody to tell of it."""
    assert typed("tickets", "list", "--status", "scheduled")["tickets"] == []

    assert reads(stage) == []


def test_who_looks_at_what_left_stands_in_the_log(stage: Any, typed: Callable[..., Any]) -> None:
    """Deliveries name appliances, and a preview calls one by the name that its owner gave it."""
    with reading(stage.alerts.engine) as session:
        found = session.scalars(select(FindingRow.id)).one()

    assert typed("webhooks", "deliveries", "platform")["deliveries"]
    typed("messages", "preview", found)

    assert reads(stage) == [("message.read", "*", by_account()), ("message.read", found, by_account())]
