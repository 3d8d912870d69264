"""Whoever is erased is in no byte that Foremend keeps, and nobody else misses anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from alerts.audit import verify
from alerts.database import reading
from alerts.events import EVENTS
from alerts.tables import TicketRow, TicketStatus
from tests.integration.personal.conftest import GOES, LEAVES, REMAINS, STAYS, TRACES, Household


def require_gone(household: Household, report: dict[str, Any]) -> None:
    """No byte tells of the owner; what is of the other one is there; the audit log verifies."""
    assert household.traces() == []
    with household.desk() as desk:
        checked = verify(desk.engine)
        with reading(desk.engine) as session:
            tickets = session.execute(select(TicketRow.appliance_id, TicketRow.status)).all()
        assert desk.owners.contact(STAYS, "sms") == "+491700000001"
    assert checked.intact
    assert checked.emptied == report["removed"]["audit_entries_emptied"] > 0
    assert [tuple(row) for row in tickets] == [(REMAINS, TicketStatus.OPEN)]


def require_told(household: Household, report: dict[str, Any]) -> None:
    """The platform heard that its tickets are withdrawn, and then what it has to erase."""
    told = [(one["type"], one["data"]) for one in household.platform.events()]
    for kind, data in told:
        EVENTS[kind].data.model_validate(data)
    last_type, last = told[-1]
    withdrawn = {
        ticket for kind, data in told if kind == "foremend.consent.changed" for ticket in data["tickets"]
    }
    assert last_type == "foremend.erasure.completed"
    assert last["appliances"] == list(GOES)
    assert last["reference"] == "case 7"
    assert len(withdrawn) == 2
    assert withdrawn <= set(last["tickets"])
    assert report["told"] == ["webhook:platform"]


def require_fit_to_hand_out(report: dict[str, Any], out: Path) -> None:
    """The report is done in time, says what was removed, and names the owner by the reference alone."""
    (as_json,), (as_page,) = list(out.glob("*.json")), list(out.glob("*.html"))
    page = as_page.read_text()
    assert orjson.loads(as_json.read_bytes()) == report
    assert report["in_time"]
    assert report["reference"] == "case 7"
    assert report["removed"]["contacts"] == 2
    assert report["removed"]["appliances"] == 2
    assert (
        min(report["removed"][one] for one in ("readings", "findings", "tickets", "outbox", "dead_letters"))
        >= 2
    )
    # One digest of both appliances if they were due at once, else one of each.
    assert 1 <= report["removed"]["messages_in_files"] <= 2
    assert "case 7" in page
    assert "您的数据已删除" in page
    assert not [trace for trace in TRACES if trace in page or trace in orjson.dumps(report).decode()]


@pytest.mark.timeout(600)
def test_beside_a_running_pipeline_no_byte_is_left(household: Household, tmp_path: Path) -> None:
    """Asked for by a command beside it; the pipeline does it, tells the platform, and goes on with the others."""
    with household.place.running() as child:
        household.fill(child)
        assert {word for _, word in household.traces()} >= {LEAVES, *GOES}

        said = household.place.call(
            "erase", "--owner", LEAVES, "--reference", "case 7", "--out", str(tmp_path / "out"), "--json"
        )

        assert said.returncode == 0, said.stderr + household.place.words()
        report = orjson.loads(said.stdout)
        require_gone(household, report)
        require_told(household, report)
        require_fit_to_hand_out(report, tmp_path / "out")
        household.place.wait_until(lambda: household.stored() == {REMAINS}, child)
    assert household.traces() == []
    log = household.place.words()
    assert not [word for word in TRACES if word in log]


@pytest.mark.timeout(600)
def test_of_a_pipeline_that_stands_no_byte_is_left(household: Household, tmp_path: Path) -> None:
    """Killed in the middle of its work, so that journal and log are full; the command itself does everything."""
    with household.place.running() as child:
        household.fill(child)
        household.place.kill(child)

    said = household.place.call(
        "erase", "--owner", LEAVES, "--reference", "case 7", "--out", str(tmp_path / "out"), "--json"
    )

    assert said.returncode == 0, said.stderr
    report = orjson.loads(said.stdout)
    require_gone(household, report)
    require_told(household, report)
    require_fit_to_hand_out(report, tmp_path / "out")
    assert household.stored() == {REMAINS}
