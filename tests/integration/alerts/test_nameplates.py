"""Who is in the fleet: taken in, kept with time, on the ticket that a technician opens, and gone with its owner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from alerts import audit, queries
from alerts.database import reading, writing
from alerts.nameplates import Firmware, FirmwareWord, Nameplate
from alerts.tables import AuditRow, FirmwareRow, NameplateRow
from foremend.engine.engine import Engine
from foremend.runtimes.firmware import FirmwareRounds
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import Block, Finding, FindingKind, Purpose, Severity
from rules.evaluator import RuleBook
from rules.settings import RulesSettings

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


def heard(stage: Any, *words: tuple[str, str, int]) -> int:
    return int(stage.alerts.nameplates.hear(FirmwareWord(*one) for one in words))


def versions(stage: Any, appliance_id: str = "fridge-1") -> list[tuple[int, str]]:
    """By days after it was made."""
    known = stage.alerts.nameplates.one(appliance_id).firmware
    return [((one.since - BORN) // DAY, one.version) for one in known]


def test_what_an_appliance_says_of_its_firmware_is_in_its_history(stage: Any) -> None:
    """From the reading on that said so; the same again, by however many processes, changes nothing."""
    stage.alerts.nameplates.put([PLATE, replace(PLATE, appliance_id="fridge-2", firmware=())], "test")

    assert heard(stage, ("fridge-1", "2.0", BORN + 20 * DAY), ("fridge-2", "1.0", BORN + 3 * DAY)) == 2
    assert heard(stage, ("fridge-1", "2.0", BORN + 25 * DAY), ("fridge-2", "1.0", BORN + 25 * DAY)) == 0

    assert versions(stage) == [(0, "1.0"), (9, "1.1"), (20, "2.0")]
    assert versions(stage, "fridge-2") == [(3, "1.0")]
    with reading(stage.alerts.engine) as session:
        (entry,) = session.scalars(select(AuditRow).where(AuditRow.action == "nameplates.heard"))
    assert (entry.subject, entry.details) == ("foremend", '{"appliances":2}')


def test_one_without_a_nameplate_gets_none_by_speaking(stage: Any) -> None:
    """Whoever makes ids up fills no register."""
    assert heard(stage, ("fridge-1", "2.0", BORN), ("made-up", "2.0", BORN)) == 0

    assert stage.alerts.nameplates.some("", 5) == []
    with reading(stage.alerts.engine) as session:
        assert session.scalars(select(FirmwareRow)).all() == []


@pytest.mark.parametrize("version", ["", " 2.0", "2\n0", "2\x000", "x" * 121, "\u202e0.2", "\ud800"])
def test_what_is_no_version_is_passed_over(stage: Any, version: str) -> None:
    """And keeps nothing else from being heard."""
    stage.alerts.nameplates.put([PLATE, replace(PLATE, appliance_id="fridge-2")], "test")

    assert heard(stage, ("fridge-1", version, BORN + 20 * DAY), ("fridge-2", "2.0", BORN + 20 * DAY)) == 1
    assert versions(stage) == [(0, "1.0"), (9, "1.1")]


def test_late_words_and_a_second_version_of_a_day_change_nothing(stage: Any) -> None:
    """What is known of a later time stays; the next day the newer word is taken."""
    stage.alerts.nameplates.put([PLATE], "test")

    assert heard(stage, ("fridge-1", "0.9", BORN + 3 * DAY)) == 0
    assert heard(stage, ("fridge-1", "2.0", BORN + 9 * DAY + 1)) == 0
    assert heard(stage, ("fridge-1", "2.0", BORN + 10 * DAY)) == 1
    assert versions(stage)[-1] == (10, "2.0")


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12 * 24), st.sampled_from("abc")), max_size=40), st.integers(0, 10**6)
)
def test_however_often_it_changes_its_mind_a_day_has_one_change(
    stage: Any, said: list[tuple[int, str]], number: int
) -> None:
    """Hours in any order: neighbours in the history differ, and no day has two."""
    name = f"fridge-{number}-{len(said)}-{hash(tuple(said)) % 10**6}"
    stage.alerts.nameplates.put([replace(PLATE, appliance_id=name, firmware=())], "test")

    for hour, version in said:
        heard(stage, (name, version, BORN + hour * DAY // 24))

    history = versions(stage, name)
    assert bool(history) == bool(said)
    assert all(a[0] < b[0] and a[1] != b[1] for a, b in pairwise(history))


def test_an_erased_owners_appliance_is_heard_no_more(stage: Any) -> None:
    """Its nameplate is gone: its word makes no new row."""
    stage.alerts.nameplates.put([PLATE], "test")
    with writing(stage.alerts.engine) as session:
        for table in (FirmwareRow, NameplateRow):
            session.execute(delete(table).where(table.appliance_id == "fridge-1"))

    assert heard(stage, ("fridge-1", "2.0", BORN + 20 * DAY)) == 0
    with reading(stage.alerts.engine) as session:
        assert session.scalars(select(FirmwareRow)).all() == []


def test_the_pipeline_tells_what_its_lanes_know(stage: Any) -> None:
    """Readings through an engine, as both runtimes have it; who says nothing of its firmware is left out."""
    stage.alerts.nameplates.put([replace(PLATE, appliance_id=one, firmware=()) for one in ("a", "b")], "test")
    engine = Engine(load_profiles(), RuleBook(RulesSettings()), {}, lateness_ms=600_000)
    rounds = FirmwareRounds(lambda: engine.lanes.values(), stage.alerts.nameplates.hear)

    def say(time: int, *firmware: str) -> None:
        n = np.arange(2, dtype=np.int32)
        power = {"power": np.full(2, 80.0)}
        engine.process(
            Block("rf-260", ("a", "b"), n, np.full(2, time), np.zeros(2, np.int64), power, firmware)
        )

    assert rounds.round() == 0
    say(BORN + DAY, "1.0", "")
    assert rounds.round() == 1
    say(BORN + 2 * DAY, "", "1.1")
    say(BORN + 3 * DAY, "2.0", "1.1")
    assert (rounds.round(), rounds.round()) == (2, 0)

    assert versions(stage, "a") == [(1, "1.0"), (3, "2.0")]
    assert versions(stage, "b") == [(3, "1.1")]
