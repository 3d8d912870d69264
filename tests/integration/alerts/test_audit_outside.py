"""Rows that the audit log covers, and its anchors outside the database: every kind of tampering, really done."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from alerts import audit
from alerts.anchors import Anchors
from alerts.audit_rows import KEPT, digest
from alerts.database import open_database, reading, writing
from alerts.settings import AuditSettings
from alerts.tables import Base
from alerts.vault import Vault
from foremend.vocabulary.errors import ConfigError, IntegrityError, UnavailableError
from foremend.vocabulary.types import Purpose

KEY = Fernet.generate_key().decode()


@pytest.fixture
def lived(stage: Any, finding: Callable[..., Any]) -> Any:
    """The stage with two words of its owner and two findings."""
    stage.say(Purpose.TICKET, True)
    stage.say(Purpose.SMS, True)
    stage.alerts.effects.apply([finding(), finding(fault="not-cooling")], [], 1)
    return stage


@pytest.fixture
def anchors(lived: Any, tmp_path: Path) -> Anchors:
    settings = AuditSettings(anchor_file=tmp_path / "elsewhere" / "anchors")
    return Anchors(lived.alerts.engine, Vault(KEY), settings, lived.clock)


def sql(stage: Any, *statements: str) -> None:
    with writing(stage.alerts.engine) as session:
        for statement in statements:
            session.execute(text(statement))


COPY = "INSERT INTO {0} ({1}) SELECT {2} FROM {0} WHERE {3}"
CONSENT = [column.name for column in Base.metadata.tables["consent_records"].columns if column.name != "seq"]
FINDING = [column.name for column in Base.metadata.tables["findings"].columns if column.name != "id"]
TAMPERINGS = {
    "a no became a yes": (
        ["UPDATE consent_records SET given = NOT given WHERE purpose = 'sms'"],
        "row 2 of consent_records is not as entry",
    ),
    "a word was dated back": (["UPDATE consent_records SET at = at - 1 WHERE seq = 1"], "row 1 of consent"),
    "a word was removed": (["DELETE FROM consent_records WHERE seq = 2"], "of consent_records that entry"),
    "all words were removed": (["DELETE FROM consent_records"], "of consent_records that entry"),
    "a word was slipped in": (
        [
            COPY.format("consent_records", ", ".join(CONSENT), ", ".join(CONSENT), "seq = 1"),
            "UPDATE consent_records SET recorded_at = recorded_at + 5 WHERE seq = 3",
        ],
        "1 rows of consent_records have no entry",
    ),
    "a finding was made harmless": (["UPDATE findings SET severity = 'info'"], "of findings is not as entry"),
    "evidence was exchanged": (
        ["""UPDATE findings SET evidence = '[]' WHERE fault = 'not-cooling'"""],
        "of findings is not as entry",
    ),
    "a finding was removed": (["DELETE FROM findings WHERE fault = 'not-cooling'"], "of findings that entry"),
    "a finding was slipped in": (
        [
            COPY.format(
                "findings",
                ", ".join(["id", *FINDING]),
                ", ".join(["'fd_made_up'", *FINDING]),
                "fault = 'not-cooling'",
            ),
            "UPDATE findings SET at = at + 5 WHERE id = 'fd_made_up'",
        ],
        "1 rows of findings have no entry",
    ),
}


def test_what_nobody_touched_is_whole(lived: Any) -> None:
    """Every row is as its entry says, on both databases."""
    report = audit.verify(lived.alerts.engine)

    assert report.problem == ""
    assert report.entries >= 4


@pytest.mark.parametrize("what", TAMPERINGS)
def test_a_row_that_was_tampered_with_is_found(lived: Any, what: str) -> None:
    """Though the chain itself is whole."""
    statements, words = TAMPERINGS[what]
    sql(lived, *statements)

    assert words in audit.verify(lived.alerts.engine).problem


def test_rows_that_retention_removed_are_not_missed(lived: Any) -> None:
    """Its entry says before which moment, and what was written later is missed all the same."""
    sql(lived, "DELETE FROM findings")
    for before, problem in ((lived.clock.now, True), (lived.clock.now + 1, False)):
        with writing(lived.alerts.engine) as session:
            audit.append(
                session,
                lived.clock.now,
                [("retention.removed", "findings", {"table": "findings", "before": before})],
            )

        assert bool(audit.verify(lived.alerts.engine).problem) is problem


def test_an_anchored_log_fits_its_anchors_while_it_grows(lived: Any, anchors: Anchors) -> None:
    """One line for each look at which something was new, each signed and naming the one before."""
    first = anchors.write()
    again = anchors.write()
    lived.say(Purpose.PUSH, True)
    second = anchors.write()

    assert first is not None
    assert again is None
    assert second is not None
    assert (second.entries - first.entries, anchors.problem()) == (1, "")


def emptied(stage: Any) -> None:
    """The whole log, its head too, and everything that it covered."""
    sql(
        stage,
        "DELETE FROM audit",
        "DELETE FROM findings",
        "DELETE FROM consent_records",
        f"UPDATE audit_head SET seq = 0, hash = '{audit.GENESIS}'",
    )


def written_anew(stage: Any) -> None:
    """Another log from the start, longer than the true one, with a chain that holds."""
    emptied(stage)
    with writing(stage.alerts.engine) as session:
        audit.append(session, stage.clock.now, [("nothing.happened", "x", {"n": n}) for n in range(30)])


def cut(stage: Any) -> None:
    """The last entry, with a head that fits."""
    with writing(stage.alerts.engine) as session:
        last, _ = audit.ends(session)
        before = audit.hashes_of(session, [last - 1])[last - 1]
        session.execute(text("DELETE FROM audit WHERE seq = :last"), {"last": last})
        session.execute(
            text("UPDATE audit_head SET seq = :seq, hash = :hash"), {"seq": last - 1, "hash": before}
        )
        session.execute(text("DELETE FROM findings"))


@pytest.mark.parametrize(
    ("tamper", "words"),
    [(emptied, "ends at entry 0"), (written_anew, "written anew"), (cut, "entries were removed")],
)
def test_a_log_that_was_rewritten_as_a_whole_is_found_by_its_anchors(
    lived: Any, anchors: Anchors, tamper: Callable[[Any], None], words: str
) -> None:
    """Also where the log alone would show nothing."""
    anchors.write()

    tamper(lived)

    assert words in anchors.problem()
    with pytest.raises(IntegrityError, match="anchor --restart"):
        anchors.write()


def test_an_older_copy_of_the_database_is_found_until_somebody_says_why(lived: Any, anchors: Anchors) -> None:
    """A restored backup is as short as a cut log; the reason stays in the file, and from there on it is compared."""
    before = rows_of(lived)
    lived.say(Purpose.PUSH, True)
    anchors.write()

    put_back(lived, before)

    assert "an older copy" in anchors.problem()
    anchors.write(restart="restored after a disk died")
    assert anchors.problem() == ""
    emptied(lived)
    assert "ends at entry 0" in anchors.problem()


LINES: dict[str, tuple[Callable[[list[bytes]], Sequence[bytes]], str]] = {
    "a line was removed": (lambda lines: [lines[0], lines[2]], "before anchor 2"),
    "the first was removed": (lambda lines: lines[1:], "before anchor 1"),
    "two were exchanged": (lambda lines: [lines[1], lines[0], lines[2]], "before anchor 1"),
    "a number was changed": (
        lambda lines: [lines[0].replace(b'"entries":', b'"entries":1'), *lines[1:]],
        "anchor 1 is not signed",
    ),
    "a key is no key": (
        lambda lines: [
            lines[0].replace(b'"public_key":"', b'"public_key":["').replace(b'","restart"', b'"],"restart"')
        ],
        "anchor 1 is not signed",
    ),
    "a line is no anchor": (lambda lines: [*lines, b"[]"], "anchor 4 is not signed"),
    "a restart was slipped in": (
        lambda lines: [*lines, lines[2].replace(b'"restart":""', b'"restart":"why not"')],
        "anchor 4 is not signed",
    ),
}


@pytest.mark.parametrize("what", LINES)
def test_a_file_of_anchors_that_was_tampered_with_is_found(
    lived: Any, anchors: Anchors, tmp_path: Path, what: str
) -> None:
    """Whoever may write to it still has no key."""
    for _ in range(3):
        lived.say(Purpose.PUSH, True)
        anchors.write()
    file = tmp_path / "elsewhere" / "anchors"
    change, words = LINES[what]

    file.write_bytes(b"".join(line + b"\n" for line in change(file.read_bytes().splitlines())))

    assert words in anchors.problem()
    before = file.read_bytes()
    with pytest.raises(IntegrityError, match="name a new file"):
        anchors.write(restart="a line more would mend nothing")
    assert file.read_bytes() == before


@pytest.mark.parametrize("left", [1, 100, -1])
def test_a_line_that_a_kill_broke_off_is_left_behind(
    lived: Any, anchors: Anchors, tmp_path: Path, left: int
) -> None:
    """Whatever part of the last line is there, no more is lost than it: the next anchor stands on a line of its own."""
    file = tmp_path / "elsewhere" / "anchors"
    anchors.write()

    for _ in range(2):
        lived.say(Purpose.PUSH, True)
        anchors.write()
        *before, last = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(before) + last[:left])
        assert anchors.problem() == ""
        lived.say(Purpose.PUSH, True)
        assert anchors.write() is not None

    assert anchors.problem() == ""
    file.write_bytes(file.read_bytes().replace(b'"entries":', b'"entries":1', 1))
    assert "anchor 1 is not signed" in anchors.problem()


def test_an_anchor_that_does_not_fit_on_the_disk_spoils_none_that_comes_after(
    lived: Any, small_disk: Any
) -> None:
    """The part that fitted stays, as the file may be one that only grows; the disk has room again, and it goes on."""
    file = small_disk.path / "anchors"
    anchors = Anchors(lived.alerts.engine, Vault(KEY), AuditSettings(anchor_file=file), lived.clock)
    while not file.exists() or file.stat().st_size % 4_096 < 3_900:
        lived.say(Purpose.PUSH, True)
        anchors.write()
    whole = file.read_bytes()
    small_disk.fill()
    lived.say(Purpose.PUSH, True)
    with pytest.raises(UnavailableError, match="anchors cannot be written: No space left"):
        anchors.write()
    half = file.read_bytes()
    assert len(half) > len(whole)
    assert anchors.problem() == ""

    small_disk.free()

    assert anchors.write() is not None
    assert anchors.problem() == ""
    assert file.read_bytes().startswith(half + b"\n")


def test_anchors_of_another_key_are_not_ours(lived: Any, anchors: Anchors, tmp_path: Path) -> None:
    """Somebody who writes log and anchors anew with a key of their own; an old key on the second line still counts."""
    anchors.write()
    file = tmp_path / "elsewhere" / "anchors"
    other = Fernet.generate_key().decode()

    for keys, problem in ((other, True), (f"{other}\n{KEY}", False)):
        ours = Anchors(lived.alerts.engine, Vault(keys), AuditSettings(anchor_file=file), lived.clock)
        assert bool(ours.problem()) is problem


def test_anchors_tell_nothing_of_anybody(lived: Any, anchors: Anchors, tmp_path: Path) -> None:
    """Length, hash, time and signature; the file is for its account alone."""
    anchors.write()
    file = tmp_path / "elsewhere" / "anchors"

    assert set(json.loads(file.read_text())) == {
        "at", "entries", "hash", "previous", "restart", "public_key", "signature",
    }  # fmt: skip
    assert file.stat().st_mode & 0o077 == 0


def test_without_a_file_there_is_a_sentence(lived: Any) -> None:
    """Which setting names one."""
    with pytest.raises(ConfigError, match=r"alerts\.audit\.anchor_file"):
        Anchors(lived.alerts.engine, Vault(KEY), AuditSettings(), lived.clock).write()


def test_the_export_has_every_entry_as_it_stands(lived: Any) -> None:
    """Oldest first."""
    entries = list(audit.exported(lived.alerts.engine))

    assert [one["seq"] for one in entries] == list(range(1, len(entries) + 1))
    assert {"consent.recorded", "finding.kept"} <= {one["action"] for one in entries}


@given(st.floats(allow_nan=False), st.text(max_size=20), st.integers(-(2**53), 2**53))
def test_a_digest_is_that_of_the_row_as_json_gives_it_back(number: float, words: str, whole: int) -> None:
    """Evidence goes through a JSON column; whole numbers in a column of floats come back as floats."""
    row = {"evidence": [{"value": number, "feature": words}], "score": whole, "fault": "f"}
    back = {"evidence": json.loads(json.dumps(row["evidence"])), "score": float(whole), "fault": "f"}

    assert (digest(KEPT, row) == digest(KEPT, back)) or any("\ud800" <= c <= "\udfff" for c in words)


def rows_of(stage: Any) -> dict[str, list[dict[str, Any]]]:
    """A copy of all tables."""
    with reading(stage.alerts.engine) as session:
        return {
            table.name: [dict(row) for row in session.execute(table.select()).mappings()]
            for table in Base.metadata.sorted_tables
        }


def put_back(stage: Any, rows: dict[str, list[dict[str, Any]]]) -> None:
    with writing(stage.alerts.engine) as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
        for table in Base.metadata.sorted_tables:
            if rows[table.name]:
                session.execute(table.insert(), rows[table.name])


@pytest.fixture
def installation(database: str, tmp_path: Path) -> Path:
    """A config.yaml with a file of anchors, on a database with an entry."""
    engine = open_database(database)
    with writing(engine) as session:
        audit.append(session, 1, [("begun", "x", {})])
    engine.dispose()
    file = tmp_path / "config.yaml"
    file.write_text(
        json.dumps(
            {
                "extends": "shipped",
                "alerts": {"database": database, "key_file": "key", "audit": {"anchor_file": "far/anchors"}},
            }
        )
    )
    return file


def test_the_commands_anchor_verify_and_end_with_7(installation: Path, tmp_path: Path, database: str) -> None:
    """As an operator has them: 0 while all holds, an IntegrityError (7) with the sentence when the log was emptied."""
    from foremend.commands.audit import verify
    from foremend.jobs.audit import anchor, export

    assert anchor(installation, "")["written"]
    verify(config=installation, anchors=None, json=True)
    with (tmp_path / "out").open("xb") as out:
        assert export(installation, out) == 1
    engine = open_database(database)
    with writing(engine) as session:
        session.execute(text("DELETE FROM audit"))
        session.execute(text(f"UPDATE audit_head SET seq = 0, hash = '{audit.GENESIS}'"))
    engine.dispose()

    with pytest.raises(IntegrityError, match="ends at entry 0") as told:
        verify(config=installation, anchors=None, json=True)
    assert told.value.exit_code == 7


def test_whom_nothing_is_wrong_with_reads_no_empty_problem(
    installation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person sees what was found; a program has the key all the same."""
    from foremend.commands.audit import verify

    verify(config=installation, anchors=None, json=False)
    assert "problem" not in capsys.readouterr().out
    verify(config=installation, anchors=None, json=True)
    assert json.loads(capsys.readouterr().out)["problem"] == ""
