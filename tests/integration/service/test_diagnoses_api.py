"""Diagnoses where nothing can ask the appliance: what is known is said, and an owner's word has its consequence."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from alerts.consent import ConsentRecord
from alerts.database import reading
from alerts.diagnosis import desk
from alerts.shared_status import Said, Seen, say
from alerts.tables import TicketRow
from alerts.ticket_steps import Assigned
from foremend.vocabulary.rights import Role
from foremend.vocabulary.types import Evidence, Finding, FindingKind, Purpose, Severity
from tests.integration.service.test_privacy_api import Api, api

__all__ = ["api"]

HOUR = 3_600_000
PATH = "/api/v1/appliances/fridge-1/diagnosis"


def say_word(api: Api, *purposes: Purpose, given: bool = True) -> None:
    """The owner's word on each."""
    api.clock.now += 1
    api.alerts.consent.record(
        ConsentRecord("fridge-1", "o-1", one, given, api.clock.now, "1", "en", "app") for one in purposes
    )


def found(api: Api, fault: str, severity: Severity, **more: Any) -> None:
    """A finding of an hour ago opens an episode."""
    at = api.clock.now - HOUR
    evidence = (Evidence("starts_per_hour", 6.1, 2.4, 2.3, "1/h"),)
    finding = Finding(
        FindingKind.OPENED, "fridge-1", "rf-260", fault, "r", severity, at, at, 0.9, evidence=evidence, **more
    )
    api.alerts.effects.apply([finding], [], 1)


@pytest.fixture
def home(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Two refrigerators, heard of an hour ago; of the first one a fault is foreseen that its owner may mend."""
    monkeypatch.setattr(desk, "TAKEN_WITHIN_S", 0.1)  # no pipeline runs here that could take it up
    seen = [
        Seen(one, "rf-260", "refrigerator", api.clock.now - HOUR, False) for one in ("fridge-1", "fridge-2")
    ]
    say(api.alerts.engine, Said("s", {}, api.clock.now), seen)
    say_word(api, Purpose.MONITORING, Purpose.TICKET)
    found(api, "door-gasket-leak", Severity.WARNING, probability=0.87, days_to_failure=21.0)
    return api


def diagnosed(home: Api, role: Role = Role.AGENT, subject: str | None = None) -> Any:
    answer = home.as_(role, subject)("POST", PATH)
    assert answer.status_code == 200, answer.text
    return answer.json()


def answered(home: Api, diagnosis: Any, word: str, **more: str) -> Any:
    path = f"/api/v1/diagnoses/{diagnosis['diagnosis_id']}/answer"
    answer = home.as_(Role.OWNER, "o-1")("POST", path, json={"answer": word} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ticket_of(home: Api, ticket_id: str) -> Any:
    return home.as_(Role.AGENT)("GET", f"/api/v1/tickets/{ticket_id}").json()


def test_who_cannot_be_asked_is_diagnosed_from_what_is_known_and_its_age_is_said(home: Api) -> None:
    """Fault, probability, evidence with units, steps, parts and trade, in both languages."""
    diagnosis = diagnosed(home)
    fault = diagnosis["faults"][0]

    assert (diagnosis["reached"], diagnosis["age_s"], diagnosis["judged"]) == ("not_asked", 3_600, True)
    assert "could not be asked" in diagnosis["said"]["en"][0]
    assert "1 h ago" in diagnosis["said"]["en"][1]
    assert "1 小时前" in diagnosis["said"]["zh"][1]
    assert (fault["fault"], fault["probability"], fault["urgency"]) == ("door-gasket-leak", 0.87, 3)
    assert fault["evidence"]["en"] == ["starts per hour 6.1 1/h; own usual 2.4; siblings 2.3"]
    assert set(fault["self_help"]) == set(fault["when"]) == {"en", "zh"}
    assert all(re.search("[\u4e00-\u9fff]", step) for step in fault["self_help"]["zh"])
    assert (fault["parts"], fault["skill"]) == (["door gasket"], "mechanical")
    assert diagnosis["next"] == "self_help"


def test_nobody_is_called_well_of_whom_nothing_fresh_is_known(home: Api) -> None:
    """Without a fault and without an answer nothing can be said."""
    yes = ConsentRecord("fridge-2", "o-2", Purpose.MONITORING, True, home.clock.now, "1", "en", "app")
    home.alerts.consent.record([yes])

    diagnosis = home.as_(Role.AGENT)("POST", "/api/v1/appliances/fridge-2/diagnosis").json()

    assert (diagnosis["faults"], diagnosis["judged"], diagnosis["next"]) == ([], False, "nothing")
    assert "cannot be said" in diagnosis["said"]["en"][-1]


def test_nothing_is_asked_and_said_without_the_owners_yes_to_monitoring(home: Api) -> None:
    """Not anew, and not what was said before."""
    before = diagnosed(home)
    say_word(home, Purpose.MONITORING, given=False)
    agent = home.as_(Role.AGENT)

    refused = [agent("POST", PATH), agent("GET", f"/api/v1/diagnoses/{before['diagnosis_id']}")]

    for one in refused:
        assert one.status_code == 409
        assert "consent for monitoring is missing (withdrawn at " in one.json()["detail"]


def test_each_role_reaches_the_appliances_of_its_own(home: Api) -> None:
    """An owner the own, a technician those of open tickets; what is another's looks as if it were not there."""
    mine = diagnosed(home, Role.OWNER, "o-1")
    ticket_id = mine["faults"][0]["ticket_id"]
    path = f"/api/v1/diagnoses/{mine['diagnosis_id']}"

    others = [home.as_(Role.OWNER, "o-2"), home.as_(Role.TECHNICIAN, "kim")]
    for ask in others:
        assert ask("POST", PATH).status_code == 404
        assert ask("GET", path).status_code == 404
        assert ask("POST", f"{path}/answer", json={"answer": "solved"}).status_code == 404
    home.alerts.servicing.take(ticket_id, Assigned(step="assigned", technician="kim"), "test")
    assert home.as_(Role.TECHNICIAN, "kim")("GET", path).status_code == 200
    assert home.as_(Role.QUALITY)("POST", PATH).json()["right"] == "diagnoses.change"


def test_the_nearest_id_is_named_to_whoever_sees_all_and_to_nobody_else(home: Api) -> None:
    """A slip of the finger; what is no id at all; an owner learns of no other's."""
    path = "/api/v1/appliances/{}/diagnosis"

    slip = home.as_(Role.AGENT)("POST", path.format("fridge-3"))
    owner = home.as_(Role.OWNER, "o-1")("POST", path.format("fridge-2"))
    none = home.as_(Role.AGENT)("POST", path.format("a%20b"))

    assert slip.status_code == owner.status_code == none.status_code == 404
    assert "did you mean 'fridge-" in slip.json()["detail"]
    assert "did you mean" not in owner.json()["detail"]


def test_what_its_owner_solved_ends_the_ticket_and_is_learnt_from(home: Api) -> None:
    """As solved remotely, once however often it is said."""
    diagnosis = diagnosed(home)

    first, again = (answered(home, diagnosis, "solved") for _ in range(2))

    assert first["outcome"] == again["outcome"] == "solved"
    ticket = ticket_of(home, diagnosis["faults"][0]["ticket_id"])
    said = (ticket["status"], ticket["resolution"], ticket["found_fault"])
    assert said == ("resolved", "solved_remotely", "door-gasket-leak")
    assert [one["step"] for one in ticket["history"]] == ["resolved"]


@pytest.mark.parametrize("word", ["not_solved", "could_not"])
def test_what_its_owner_did_not_mend_is_handed_over_with_all_that_was_tried(home: Api, word: str) -> None:
    """In the ticket's history, and to the receivers, once; after a `solved` the ticket is open again."""
    diagnosis = diagnosed(home)
    answered(home, diagnosis, "solved")

    for _ in range(2):
        handed = answered(home, diagnosis, word, note="the gasket is torn")

    ticket = ticket_of(home, handed["ticket_id"])
    assert (handed["outcome"], ticket["status"]) == ("handed_over", "open")
    assert [one["step"] for one in ticket["history"]] == ["resolved", "reopened", "self_help"]
    assert ticket["history"][-1]["details"] == {
        "word": word,
        "fault": "door-gasket-leak",
        "diagnosis_id": diagnosis["diagnosis_id"],
        "note": "the gasket is torn",
    }
    assert (
        home.as_(Role.AGENT)("GET", f"/api/v1/diagnoses/{diagnosis['diagnosis_id']}").json()["answer"] == word
    )


def test_a_slight_fault_becomes_a_ticket_once_its_owner_could_not_mend_it(home: Api) -> None:
    """Below `alerts.act_from` nobody was told of it."""
    found(home, "thermostat-drift", Severity.INFO)
    close = Finding(
        FindingKind.CLOSED, "fridge-1", "rf-260", "door-gasket-leak", "r", Severity.WARNING,
        home.clock.now, home.clock.now - HOUR - 1, 0.0,
    )  # fmt: skip
    home.alerts.effects.apply([close], [], 2)
    with reading(home.alerts.engine) as session:
        before = set(session.scalars(select(TicketRow.id)))
    diagnosis = diagnosed(home)
    slight = [one for one in diagnosis["faults"] if one["fault"] == "thermostat-drift"]
    assert slight[0]["ticket_id"] is None

    handed = answered(home, diagnosis, "could_not")

    assert handed["outcome"] == "handed_over"
    ticket = ticket_of(home, handed["ticket_id"])
    assert ticket["history"][-1]["step"] == "self_help"
    assert before


def test_without_a_yes_to_tickets_nobody_is_sent_and_the_owner_is_told_to_call(home: Api) -> None:
    """With the reason, in both languages, and no ticket."""
    diagnosis = diagnosed(home)
    say_word(home, Purpose.TICKET, given=False)

    answer = answered(home, diagnosis, "not_solved")

    assert (answer["outcome"], answer["ticket_id"]) == ("call", None)
    assert "withdrawn at" in answer["answered"]["en"]
    assert "致电售后" in answer["answered"]["zh"]


def test_who_asked_who_read_and_what_was_said_stand_in_the_audit_log(home: Api) -> None:
    """By the appliance's id, once each."""
    diagnosis = diagnosed(home)
    home.as_(Role.AGENT)("GET", f"/api/v1/diagnoses/{diagnosis['diagnosis_id']}")
    answered(home, diagnosis, "not_solved")

    for action in ("diagnosis.asked", "diagnosis.read", "diagnosis.answered"):
        assert [subject for subject, _ in home.noted(action)] == ["fridge-1"], action


def test_a_word_that_is_none_and_a_diagnosis_that_is_none_are_refused(home: Api) -> None:
    """Before anything happens."""
    diagnosis = diagnosed(home)
    path = f"/api/v1/diagnoses/{diagnosis['diagnosis_id']}/answer"

    wrong = home.as_(Role.AGENT)("POST", path, json={"answer": "maybe"})
    unknown = home.as_(Role.AGENT)("POST", "/api/v1/diagnoses/dg_none/answer", json={"answer": "solved"})

    assert (wrong.status_code, unknown.status_code) == (422, 404)
