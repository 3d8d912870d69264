"""The audit log notices every kind of tampering."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import delete, select, text

from alerts import audit
from alerts.change import change
from alerts.database import open_database, reading, writing
from alerts.owners import OwnedAppliance
from alerts.tables import AuditHeadRow, AuditRow, ConsentRow, FindingRow
from foremend.vocabulary.types import Purpose
from tests.integration.alerts.test_database import migrated

TAMPERINGS = {
    "entry 2 was changed": "UPDATE audit SET details = '{}' WHERE seq = 2",
    "entry 1 was changed": "UPDATE audit SET subject = 'fridge-2' WHERE seq = 1",
    "entry 4 was changed": "UPDATE audit SET key = NULL WHERE seq = 4",
    "entry 3 was emptied, and no erasure says so": (
        "UPDATE audit SET subject = '', details = '', key = NULL WHERE seq = 3"
    ),
    "entry 2 is missing": "DELETE FROM audit WHERE seq = 2",
    "entry 3 was changed": "UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 1) WHERE seq = 3",
    "the log ends at entry 3, its head says otherwise": "DELETE FROM audit WHERE seq = 4",
    "the log ends at entry 4, its head says otherwise": "DELETE FROM audit_head",
}


@pytest.fixture
def logged(stage: Any) -> Any:
    """The stage with four entries in its audit log: an appliance was registered, and its owner spoke three times."""
    for given in (True, False, True):
        stage.say(Purpose.SMS, given)
    return stage


def test_an_untouched_log_verifies(logged: Any) -> None:
    """Every entry fits the one before it, and the head fits the last."""
    report = audit.verify(logged.alerts.engine)

    assert report.intact
    assert report.entries == 4


@pytest.mark.parametrize("problem", TAMPERINGS)
def test_tampering_is_found(logged: Any, problem: str) -> None:
    """A changed, removed or cut entry is named."""
    with writing(logged.alerts.engine) as session:
        session.execute(text(TAMPERINGS[problem]))

    report = audit.verify(logged.alerts.engine)

    assert report.problem == problem


def test_emptied_entries_leave_the_chain_whole_and_hold_nothing(logged: Any) -> None:
    """What an erasure empties has neither text nor the key of its seal; that it was emptied is in the log."""
    stage = logged
    stage.alerts.owners.register_appliances([OwnedAppliance("fridge-2", "o-1", "BCD-200")])
    stage.say(Purpose.SMS, True, "fridge-2")

    with change(stage.alerts.engine, stage.clock) as work:
        for rows in (ConsentRow, FindingRow):
            work.session.execute(delete(rows).where(rows.appliance_id == "fridge-1"))
        last, emptied = audit.empty(work.session, 0, lambda subject, details: subject == "fridge-1")
        work.note(audit.EMPTIED, "erasure", entries=emptied)

    report = audit.verify(stage.alerts.engine)
    with reading(stage.alerts.engine) as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.seq)).all()
    assert (last, emptied) == (6, [1, 2, 3, 4])
    assert report.intact
    assert (report.entries, report.emptied) == (7, 4)
    assert {(row.subject, row.details, row.key) for row in rows[:4]} == {("", "", None)}
    assert rows[4].subject == "fridge-2"


def test_what_is_old_goes_from_the_start_and_the_rest_verifies(logged: Any) -> None:
    """The chain begins behind what was removed, and a second removal behind that; the last entry always stays."""
    stage = logged
    stage.clock.now += 1_000
    stage.say(Purpose.SMS, True)

    with writing(stage.alerts.engine) as session:
        gone = [
            audit.remove_before(session, stage.clock.now, 3),
            audit.remove_before(session, stage.clock.now, 3),
        ]
    report = audit.verify(stage.alerts.engine)
    with writing(stage.alerts.engine) as session:
        of_all = audit.remove_before(session, stage.clock.now + 1, 100)

    assert gone == [3, 1]
    assert report.intact
    assert (report.entries, report.removed) == (1, 4)
    assert of_all == 0


def test_a_forged_start_is_found(logged: Any) -> None:
    """Entries that somebody took away from the start do not fit what the log says of its own start."""
    with writing(logged.alerts.engine) as session:
        session.execute(text("DELETE FROM audit WHERE seq <= 2"))
        session.add(AuditHeadRow(id=0, seq=2, hash="0" * 64))

    assert audit.verify(logged.alerts.engine).problem == "entry 3 was changed"


@pytest.mark.parametrize("tampered", [False, True])
def test_a_log_of_before_is_sealed_anew_and_says_what_it_was(bare_database: str, tampered: bool) -> None:
    """Its old head stays in an entry, and so does what did not fit in it: no migration makes it look well."""
    older = migrated(bare_database, "0008")
    with older.begin() as connection:
        head = audit.GENESIS
        for seq in (1, 2, 3):
            head = audit._digest(head, seq, 7, "consent.recorded", "fridge-1", "{}")
            row = {"seq": seq, "hash": head}
            sql = "INSERT INTO audit (seq, at, action, subject, details, hash)"
            connection.execute(
                text(f"{sql} VALUES (:seq, 7, 'consent.recorded', 'fridge-1', '{{}}', :hash)"), row
            )
        connection.execute(text("UPDATE audit_head SET seq = 3, hash = :hash"), {"hash": head})
        if tampered:
            connection.execute(text("UPDATE audit SET subject = 'fridge-9' WHERE seq = 2"))
    older.dispose()

    engine = open_database(bare_database)

    report = audit.verify(engine)
    with reading(engine) as session:
        last = session.scalars(select(AuditRow).order_by(AuditRow.seq.desc())).first()
    engine.dispose()
    assert report.intact is not tampered
    assert not tampered or report.problem.endswith("sealed anew: entry 2 was changed or is missing")
    assert report.entries == 4
    assert last is not None
    told = orjson.loads(last.details)
    assert (last.action, told["entries"]) == ("audit.sealed_anew", 3)
    assert told["problem"] == ("entry 2 was changed or is missing" if tampered else "")
    assert tampered or told["head_before"] == head
