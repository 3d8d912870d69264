"""Who is in the fleet: taken in, kept with time, on the ticket that a technician opens, and gone with its owner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from alerts import audit, queries
from alerts.database import reading
from alerts.nameplates import Firmware, Nameplate
from alerts.tables import AuditRow
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Finding, FindingKind, Purpose, Severity

DAY = 86_400_000
BORN = 19_000 * DAY
PLATE = Nameplate(
    "fridge-1", "refrigerator", "BCD-200", "2025-44", "north", BORN,
    (Firmware(BORN, "1.0"), Firmware(BORN + 9 * DAY, "1.1")),
)  # fmt: skip


def test_what_is_known_comes_back_with_its_firmware_in_order(stage: Any) -> None:
    """By id, and a page at a time in the order of ids."""
    other = Nameplate("Fridge-0", "refrigerator", "BCD-200", "", "", BORN)

    stage.alerts.nameplates.put([replace(PLATE, firmware=PLATE.firmware[::-1]), other], "test")

    assert stage.alerts.nameplates.one("fridge-1") == PLATE
    assert stage.alerts.nameplates.some("", 1) == [other]
    assert stage.alerts.nameplates.some("Fridge-0", 5) == [PLATE]
    assert stage.alerts.nameplates.one("fridge-2") is None


def test_a_later_word_replaces_what_it_is_and_adds_to_its_firmware(stage: Any) -> None:
    """A version with a time that is there already corrects it; what was before stays."""
    stage.alerts.nameplates.put([PLATE], "test")

    later = (Firmware(BORN + 9 * DAY, "1.1b"), Firmware(BORN + 20 * DAY, "2.0"))
    stage.alerts.nameplates.put([replace(PLATE, region="south", firmware=later)], "test")

    known = stage.alerts.nameplates.one("fridge-1")
    assert known == replace(PLATE, region="south", firmware=(PLATE.firmware[0], *later))


@pytest.mark.parametrize(
    "wrong", [replace(PLATE, appliance_id="fridge 1"), replace(PLATE, batch="x" * 121)], ids=["id", "batch"]
)
def test_one_that_cannot_be_kept_is_refused_with_all_that_came_along(stage: Any, wrong: Nameplate) -> None:
    """Nothing of it is there afterwards."""
    with pytest.raises(InputError):
        stage.alerts.nameplates.put([replace(PLATE, appliance_id="fridge-2"), wrong], "test")

    assert stage.alerts.nameplates.some("", 5) == []


def test_a_ticket_carries_batch_and_newest_firmware(
    open_stage: Callable[..., Any], finding: Callable[..., Finding]
) -> None:
    """In what people see and in the event; an update has what is known by then."""
    stage = open_stage()
    stage.say(Purpose.TICKET, True)
    stage.alerts.nameplates.put([PLATE], "test")

    stage.alerts.effects.apply([finding()], [], 1)
    (ticket,) = queries.tickets(stage.alerts.engine).items
    assert (ticket["batch"], ticket["firmware"]) == ("2025-44", "1.1")

    stage.alerts.nameplates.put([replace(PLATE, firmware=(Firmware(BORN + 30 * DAY, "2.0"),))], "test")
    stage.alerts.effects.apply(
        [finding(kind=FindingKind.UPDATED, severity=Severity.CRITICAL, time=finding().time + DAY)], [], 2
    )
    stage.alerts.dispatcher.run_once()
    (ticket,) = queries.tickets(stage.alerts.engine).items
    assert ticket["firmware"] == "2.0"
    assert '"batch":"2025-44"' in "".join(one.body for one in stage.sent("webhook:platform"))


def test_a_ticket_of_an_appliance_without_a_nameplate_says_neither(
    stage: Any, finding: Callable[..., Finding]
) -> None:
    """Null, not an empty word."""
    stage.say(Purpose.TICKET, True)
    stage.alerts.nameplates.put([replace(PLATE, batch="", firmware=())], "test")

    stage.alerts.effects.apply([finding()], [], 1)

    (ticket,) = queries.tickets(stage.alerts.engine).items
    assert (ticket["batch"], ticket["firmware"]) == (None, None)


def test_the_audit_log_says_who_took_them_in_and_names_no_appliance(stage: Any) -> None:
    """One entry for all of them."""
    stage.alerts.nameplates.put([PLATE], "kim")

    with reading(stage.alerts.engine) as session:
        (entry,) = session.scalars(select(AuditRow).where(AuditRow.action == "nameplates.registered"))
    assert (entry.subject, entry.details) == ("kim", '{"appliances":1}')
    assert audit.verify(stage.alerts.engine).intact
