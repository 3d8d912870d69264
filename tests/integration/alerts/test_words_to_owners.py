"""What leaves for an owner: by the appliance's own name, and true at the moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from alerts.database import reading, writing
from alerts.desk import open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.tables import HOUSEHOLD, ApplianceRow, AuditRow, OutboxRow
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import MS_PER_DAY, Finding, FindingKind, Purpose, Severity
from foremend.wiring.desk import guide_of

Make = Callable[..., Finding]
FRIDGE = OwnedAppliance("fridge-1", "o-1", "BCD-200", "en", "UTC", name="Kitchen fridge")
SEEN: dict[str, Any] = {"probability": None, "days_to_failure": None, "days_low": None, "days_high": None}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, open_stage: Callable[..., Any]) -> Any:
    """The stage with the catalogue's faults, one refrigerator with a name, and everything agreed to."""
    catalogue = {name: guide_of(entry) for name, entry in load_catalogue().items()}

    def with_catalogue(*parts: Any, **more: Any) -> Any:
        return open_alerts(*parts[:5], catalogue, parts[6], kinds={"BCD-200": "refrigerator"}, **more)

    monkeypatch.setitem(open_stage.__globals__, "open_alerts", with_catalogue)
    stage = open_stage(quiet_hours=None)
    stage.alerts.owners.register_appliances([FRIDGE])
    for purpose in (Purpose.TICKET, Purpose.SMS, Purpose.PUSH):
        stage.say(purpose, True)
    return stage


def said(stage: Any, *findings: Finding) -> list[str]:
    """The SMS that leave after these."""
    stage.alerts.effects.apply(findings, [], 1)
    stage.alerts.dispatcher.run_once()
    return [message.body for message in stage.sent("sms")]


def test_a_warm_refrigerator_is_told_as_warm_and_as_harm(told: Any, finding: Make) -> None:
    """It read "may fail soon: your rf-260"."""
    [text] = said(told, finding(fault="not-cooling", **SEEN))

    assert text == (
        "Foremend: Act now. Kitchen fridge: it is not cold enough. Close the door and move food that spoils. "
        "Service is informed. Stop: in the app."
    )


def test_a_household_is_told_the_command_that_stops_messages(told: Any, finding: Make) -> None:
    """It has no app: what leaves says what works there, and so does what the page shows of the outbox."""
    told.alerts.owners.register_owners([Owner(HOUSEHOLD, {"sms": "+8613800001234"})])
    told.alerts.owners.register_appliances([replace(FRIDGE, owner_id=HOUSEHOLD)])
    told.clock.now += 1
    told.say(Purpose.SMS, True, owner_id=HOUSEHOLD)

    [text] = said(told, finding(fault="not-cooling", **SEEN))

    assert text.endswith("Stop: foremend household withdraw")
    with reading(told.alerts.engine) as session:
        body = session.scalars(select(OutboxRow.body).where(OutboxRow.target == "sms")).one()
    assert "in the app" not in body


def test_a_household_is_asked_by_the_command_that_keeps_a_yes(told: Any) -> None:
    """Thirty days before it ends."""
    told.alerts.owners.register_owners([Owner(HOUSEHOLD, {"sms": "+8613800001234"})])
    told.alerts.owners.register_appliances([replace(FRIDGE, owner_id=HOUSEHOLD)])
    told.clock.now += 1
    told.say(Purpose.SMS, True, owner_id=HOUSEHOLD)
    told.clock.now += 720 * MS_PER_DAY

    told.alerts.endings.round()
    told.alerts.dispatcher.run_once()

    [message] = told.sent("sms")
    assert message.body.endswith("To keep it: foremend household agree")


def test_what_was_foretold_is_the_cause_as_long_as_it_has_failed_and_no_longer(
    told: Any, finding: Make
) -> None:
    """The other episode is asked for in the same transaction."""
    warm = finding(fault="not-cooling", **SEEN)
    ended = replace(warm, kind=FindingKind.CLOSED, time=warm.time + 2)

    first = said(told, warm, finding(severity=Severity.WARNING))
    second = said(
        told, ended, finding(severity=Severity.CRITICAL, kind=FindingKind.UPDATED, time=warm.time + 3)
    )

    assert "Likely cause: its cooling gas is leaking out." in first[-1]
    assert "Kitchen fridge: its cooling gas is leaking out. It may fail in about 23 days." in second[-1]


def test_the_name_lies_nowhere_but_under_its_seal(told: Any, finding: Make) -> None:
    """Not in the outbox, not in the audit log; what is read of the database is sealed."""
    said(told, finding())

    with reading(told.alerts.engine) as session:
        bodies = [*session.scalars(select(OutboxRow.body))]
        entries = [str(one) for one in session.scalars(select(AuditRow.details))]
        sealed = session.scalar(select(ApplianceRow.sealed_name))
    assert sealed is not None
    assert not any("Kitchen" in one for one in [*bodies, *entries, sealed.decode("latin-1")])


def test_a_message_that_waits_leaves_by_the_name_of_the_moment(told: Any, finding: Make) -> None:
    """It was renamed meanwhile."""
    told.alerts.effects.apply([finding()], [], 1)
    told.alerts.owners.register_appliances([replace(FRIDGE, name="Cellar fridge")])

    told.alerts.dispatcher.run_once()

    assert "Cellar fridge" in told.sent("sms")[0].body
    assert told.sent("push")[0].subject == "Cellar fridge: its cooling gas is leaking out"


def test_the_next_owner_does_not_hear_the_name_that_the_last_one_gave(told: Any) -> None:
    """It may name a person."""
    from alerts.owners import Owner

    told.alerts.owners.register_owners([Owner("o-2", {})])
    told.alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-2", "BCD-200")])

    known = told.alerts.owners.appliance("fridge-1")
    assert known is not None
    assert known.name is None


def test_registering_the_same_again_is_no_change(told: Any) -> None:
    """Though each seal is another one."""
    before = _registrations(told)

    told.alerts.owners.register_appliances([FRIDGE])
    told.alerts.owners.register_appliances([replace(FRIDGE, name="Other")])

    assert _registrations(told) == before + 1


@pytest.mark.parametrize(
    "name", ["", "  ", "x" * 41, "win at evil.example", "http://a", "a@b", "a\x00b", "two\u202elines", "<b>"]
)
def test_a_name_that_leads_somewhere_or_is_none_is_refused(told: Any, name: str) -> None:
    """Whoever registers an appliance cannot write to its owner by it."""
    with pytest.raises(InputError, match="an appliance's name"):
        told.alerts.owners.register_appliances([replace(FRIDGE, name=name)])


def test_a_row_of_before_leaves_with_the_words_it_has(told: Any, finding: Make) -> None:
    """An upgrade in the night loses no message."""
    old = '{"texts": {"en": "Foremend: old words", "zh": "x"}, "advice": {"en": ["1. Step"]}, "harm": false}'
    told.alerts.effects.apply([finding()], [], 1)
    with writing(told.alerts.engine) as session:
        session.execute(update(OutboxRow).where(OutboxRow.target.in_(["sms", "push"])).values(body=old))

    told.alerts.dispatcher.run_once()

    assert told.sent("sms")[0].body == "Foremend: old words"
    assert told.sent("push")[0].body == "Foremend: old words\n1. Step"


def _registrations(stage: Any) -> int:
    with reading(stage.alerts.engine) as session:
        return [*session.scalars(select(AuditRow.action))].count("appliance.registered")
