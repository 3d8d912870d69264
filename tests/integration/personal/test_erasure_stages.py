"""An erasure survives a kill between any two of its stages, and asks nobody twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import event, func, select

from alerts.audit import verify
from alerts.database import reading
from alerts.nameplates import Firmware, Nameplate
from alerts.owners import OwnedAppliance, Owner
from alerts.personal.erasure import DONE, LAST_CALL, WITHIN, Job
from alerts.tables import AuditRow, Base, ErasureRow, OutboxRow
from foremend.config import Settings
from foremend.installation.erasing import Erasing
from foremend.vocabulary.errors import InputError, UnavailableError
from foremend.vocabulary.types import DeadLetter, Finding, Purpose

LEAVES = "owner-quillfeather"


class Killed(BaseException):
    """What a kill -9 looks like from here: nothing after it runs."""


@dataclass
class Memory:
    """In place of a pipeline: remembers what it was told to forget."""

    forgot: list[str]
    away: bool = False

    def __call__(self, job: Job) -> None:
        if self.away:
            raise UnavailableError("the pipeline did not get to it")
        ids, named = [one.appliance_id for one in job.whose.appliances], job.whose.is_named_in
        assert all(named(f"dt/appliance/rf-260/{one}/telemetry") for one in ids)
        self.forgot += ids


@pytest.fixture
def lived(open_stage: Callable[..., Any], finding: Callable[..., Finding], tmp_path: Any) -> Any:
    """An owner of whom everything is stored that can be, and another one."""
    stage = open_stage()
    stage.alerts.owners.register_owners([Owner(LEAVES, {"sms": "+8613987654321"})])
    stage.alerts.owners.register_appliances([OwnedAppliance("quill-1", LEAVES, "BCD-200")])
    for purpose in (Purpose.TICKET, Purpose.SMS):
        stage.say(purpose, True)
        stage.say(purpose, True, "quill-1", LEAVES)
    letters = [
        DeadLetter(f"dt/appliance/BCD-200/{one}/telemetry", b"?", "ts: missing", stage.clock.now)
        for one in ("quill-1", "fridge-1", "quill-12")
    ]
    plates = [
        Nameplate(one, "refrigerator", "BCD-200", "b1", "north", 2**50, (Firmware(2**50, "1.0"),))
        for one in ("quill-1", "fridge-1")
    ]
    stage.alerts.nameplates.put(plates, "test")
    stage.alerts.effects.apply([finding(), finding(appliance_id="quill-1")], letters, 1)
    return stage


def erasing(stage: Any, tmp_path: Any, memory: Memory, dies_before: str = "") -> Erasing:
    settings = Settings.model_validate(
        {"storage": {"folder": tmp_path / "var"}, "alerts": {"sms": None, "push": None}}
    )

    def before_stage(name: str) -> None:
        if name == dies_before:
            raise Killed

    jobs, now = stage.alerts.erasures, stage.clock.now_ms
    return Erasing(settings, jobs, memory, ("BCD-200",), now, before_stage)


def send(stage: Any) -> None:
    stage.alerts.dispatcher.run_once()


def to_the_end(stage: Any, work: Erasing) -> None:
    """Rounds, and what is due is sent in between."""
    while work.round():
        send(stage)


def ask(stage: Any) -> Job:
    job: Job = stage.alerts.erasures.ask(LEAVES, "case 7", 300_000, "test")
    return job


def everything(stage: Any) -> str:
    """All rows of all tables, as text."""
    with reading(stage.alerts.engine) as session:
        return repr([session.execute(select(table)).all() for table in Base.metadata.sorted_tables])


STAGES = ("memory", "history", "files", "rows", "audit", "tell", "told", "close", "scrub")


@pytest.mark.parametrize("stage_name", STAGES)
def test_a_kill_before_any_stage_changes_nothing_in_the_end(
    lived: Any, tmp_path: Any, stage_name: str
) -> None:
    """Whoever comes next goes on behind the last stage that was done; the platform hears of it once."""
    memory = Memory([])
    job = ask(lived)
    with pytest.raises(Killed):
        to_the_end(lived, erasing(lived, tmp_path, memory, stage_name))
    assert stage_name == "scrub" or ask(lived).id == job.id

    to_the_end(lived, erasing(lived, tmp_path, memory))

    done = lived.alerts.erasures.get(job.id)
    assert done.stage == DONE
    assert done.done_at is not None
    assert "quill-1'" not in everything(lived)
    assert LEAVES not in everything(lived)
    assert "quill-12/telemetry" in everything(lived)
    assert verify(lived.alerts.engine).intact
    told = [one for one in lived.sent("webhook:platform") if one.event_type == "foremend.erasure.completed"]
    assert len(told) == 1
    assert set(memory.forgot) == {"quill-1"}


def test_every_stage_is_one_that_is_tested(lived: Any, tmp_path: Any) -> None:
    """A new one is killed before, too."""
    assert erasing(lived, tmp_path, Memory([])).stages == STAGES


def test_from_the_asking_on_nothing_leaves_about_the_owner(lived: Any) -> None:
    """Waiting messages are dropped, addresses and registration are gone; what tells receivers to stop leaves."""
    ask(lived)
    send(lived)

    assert lived.sent("sms") == [one for one in lived.sent("sms") if one.appliance_id == "fridge-1"]
    types = [one.event_type for one in lived.sent("webhook:platform")]
    assert types.count("foremend.ticket.opened") == 1
    assert types.count("foremend.consent.changed") == 1
    assert lived.alerts.owners.appliance("quill-1") is None
    assert lived.alerts.owners.contact(LEAVES, "sms") is None


def test_what_the_appliance_measured_before_is_stored_by_nobody_while_it_lasts(
    lived: Any, tmp_path: Any
) -> None:
    """It stands among the forgotten until nothing can bring it back, and in no table afterwards."""
    job = ask(lived)
    before = job.forgotten
    to_the_end(lived, erasing(lived, tmp_path, Memory([])))

    assert [(one.appliance_model, one.appliance_id, one.until) for one in before] == [
        ("BCD-200", "quill-1", lived.clock.now + 300_000)
    ]
    assert lived.alerts.erasures.get(job.id).forgotten == []


def test_a_receiver_that_cannot_be_reached_holds_it_up_until_the_last_hour(lived: Any, tmp_path: Any) -> None:
    """Then it is named in the report as not told, and the rest is done in time."""
    job = ask(lived)
    lived.channels["webhook:platform"].errors = [UnavailableError("connection refused")] * 100
    work = erasing(lived, tmp_path, Memory([]))
    send(lived)
    (waiting,) = work.round()
    assert waiting.stage == "told"

    lived.clock.now += WITHIN - LAST_CALL
    left = work.round()

    done = lived.alerts.erasures.get(job.id)
    assert left == []
    assert done.report["not_told"] == {"webhook:platform": "connection refused"}
    assert done.summary()["in_time"] is True
    assert "quill-1'" not in everything(lived)


def test_a_pipeline_that_is_busy_is_asked_again_and_the_job_says_why_it_waits(
    lived: Any, tmp_path: Any
) -> None:
    """Nothing that follows is begun before."""
    job, memory = ask(lived), Memory([], away=True)
    work = erasing(lived, tmp_path, memory)

    with pytest.raises(UnavailableError):
        work.round()

    waiting = lived.alerts.erasures.get(job.id)
    assert (waiting.stage, waiting.trouble) == ("memory", "the pipeline did not get to it")
    memory.away = False
    work.round()
    assert lived.alerts.erasures.get(job.id).stage == "told"


def test_an_appliance_sold_on_before_keeps_what_is_its_new_owners(
    lived: Any, tmp_path: Any, finding: Callable[..., Finding]
) -> None:
    """What was said and found since the new owner's first word stays; what was before goes."""
    lived.clock.now += 1_000
    lived.alerts.owners.register_appliances([OwnedAppliance("quill-1", "o-1", "BCD-200")])
    lived.say(Purpose.TICKET, True, "quill-1")
    lived.clock.now += 1_000
    lived.alerts.effects.apply([finding(appliance_id="quill-1", fault="door-gasket-leak")], [], 2)
    ask(lived)
    to_the_end(lived, erasing(lived, tmp_path, Memory([])))

    kept = everything(lived)
    assert LEAVES not in kept
    assert lived.alerts.consent.is_given("quill-1", Purpose.TICKET)
    assert kept.count("door-gasket-leak") > 0
    assert lived.alerts.owners.appliance("quill-1").owner_id == "o-1"
    assert verify(lived.alerts.engine).problem == ""


def test_the_next_owner_starts_from_nothing(lived: Any, tmp_path: Any) -> None:
    """Registered while the erasure goes on: the new owner's registration and word stay, the old one's do not count."""
    ask(lived)
    lived.alerts.owners.register_appliances([OwnedAppliance("quill-1", "o-1", "BCD-200")])
    assert not lived.alerts.consent.is_given("quill-1", Purpose.TICKET)
    lived.clock.now += 1
    lived.say(Purpose.PUSH, True, "quill-1")
    to_the_end(lived, erasing(lived, tmp_path, Memory([])))
    lived.say(Purpose.SMS, True, "quill-1")

    assert lived.alerts.owners.appliance("quill-1").owner_id == "o-1"
    assert lived.alerts.consent.is_given("quill-1", Purpose.PUSH)
    assert lived.alerts.consent.is_given("quill-1", Purpose.SMS)
    assert verify(lived.alerts.engine).problem == ""
    assert LEAVES not in everything(lived)


def test_an_owner_of_whom_nothing_is_known_is_refused(lived: Any) -> None:
    """And so is a reference that would keep the owner's id in the report."""
    with pytest.raises(InputError, match="nothing is known of an owner 'nobody'"):
        lived.alerts.erasures.ask("nobody", "", 0, "test")
    with pytest.raises(InputError, match="the reference is the owner's id"):
        lived.alerts.erasures.ask(LEAVES, LEAVES, 0, "test")

    with reading(lived.alerts.engine) as session:
        assert session.scalar(select(func.count()).select_from(ErasureRow)) == 0


def test_an_owner_without_appliances_is_erased_too(lived: Any, tmp_path: Any) -> None:
    """Address and registration."""
    lived.alerts.owners.register_owners([Owner("owner-only", {"sms": "+12015550123"})])
    lived.alerts.erasures.ask("owner-only", "", 0, "test")
    to_the_end(lived, erasing(lived, tmp_path, Memory([])))

    assert "owner-only" not in everything(lived)


def test_ids_made_of_those_of_the_owner_are_emptied_in_the_audit_log_too(lived: Any, tmp_path: Any) -> None:
    """Tickets and messages have ids that anybody can make again who knows the appliance's."""
    send(lived)
    with reading(lived.alerts.engine) as session:
        ids = set(session.scalars(select(OutboxRow.message_id).where(OutboxRow.appliance_id == "quill-1")))
        before = set(session.scalars(select(AuditRow.subject)))
    assert ids & before
    ask(lived)
    to_the_end(lived, erasing(lived, tmp_path, Memory([])))

    with reading(lived.alerts.engine) as session:
        after = set(session.scalars(select(AuditRow.subject)))
    assert not ids & after
    assert before & after


def test_an_owner_of_a_fleet_is_erased_like_any_other(lived: Any, tmp_path: Any) -> None:
    """More appliances than a condition of SQLite may name one by one, and no query more for each of them."""
    queries: list[str] = []
    fleet = [OwnedAppliance(f"quill-fleet-{number}", LEAVES, "BCD-200") for number in range(1_200)]
    lived.alerts.owners.register_appliances(fleet)
    event.listen(lived.alerts.engine, "before_cursor_execute", lambda *said: queries.append(said[2]))
    memory = Memory([])

    job = ask(lived)
    asked = len(queries)
    to_the_end(lived, erasing(lived, tmp_path, memory))

    assert asked < 200
    assert lived.alerts.erasures.get(job.id).stage == DONE
    assert len(memory.forgot) == 1_201
    assert "quill-fleet" not in everything(lived)
