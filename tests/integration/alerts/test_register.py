"""Owners taken in from a file, and consent granted, withdrawn and receipted at a desk, on both databases."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alerts.queries.register import owner, owners
from foremend.config import load_settings
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import InputError
from foremend.wiring.desk import open_desk
from tests.unit.commands.command_line import call

GOOD = """owner_id,appliance_id,appliance_model,language,timezone,sms
owner-1,fridge-1,rf-260,en,Europe/London,+447400123456
owner-1,fridge-2,rf-260,en,Europe/London,+44 7400 123456
owner-2,fridge-3,rf-260,zh,Asia/Shanghai,
"""


@dataclass
class Desk:
    """An installation, and the command line as somebody at the service desk types it."""

    folder: Path
    call: Callable[..., int]
    output: Callable[[], Any]

    def file(self, text: str) -> str:
        path = self.folder / "owners.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)

    def says(self, *arguments: str) -> Any:
        """What a command answers as JSON."""
        assert self.call(*arguments, "--json") == 0
        return json.loads(self.output().out)

    def refuses(self, *arguments: str) -> str:
        """The sentence of one that is refused."""
        assert self.call(*arguments) == 3
        return str(self.output().err)


@pytest.fixture
def desk(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"extends: shipped\nstorage: {{ folder: {tmp_path}/var }}\nalerts:\n  database: '{database}'\n"
        f"  key_file: {tmp_path}/key\n  jurisdiction: UK\n",
        encoding="utf-8",
    )
    return Desk(
        tmp_path,
        lambda *arguments: call(monkeypatch, *arguments, "--config", str(config)),
        capsys.readouterr,
    )


def test_a_link_to_an_owners_page_holds_a_token_that_ends_and_can_be_revoked(desk: Desk) -> None:
    """Of role owner, for that owner alone; nobody gets one who is not registered."""
    desk.says("owners", "import", desk.file(GOOD))

    made = desk.says("owners", "link", "owner-1", "--days", "3")

    assert made["link"].startswith("http://127.0.0.1:8080/o/fmd_")
    [token] = desk.says("tokens", "list")["tokens"]
    assert (token["id"], token["role"], token["subject"]) == (made["token"], "owner", "owner-1")
    assert token["expires_at"] - token["created_at"] == 3 * 86_400_000
    desk.says("tokens", "revoke", made["token"])
    assert desk.says("tokens", "list")["tokens"][0]["revoked_at"] is not None
    assert "did you mean 'owner-1'?" in desk.refuses("owners", "link", "ownr-1")
    assert "from 1 to" in desk.refuses("owners", "link", "owner-1", "--days", "0")


def test_a_file_is_taken_in_and_shown(desk: Desk) -> None:
    """Owners and appliances are there, addresses are told by nobody, and the same file again changes nothing."""
    for _ in range(2):
        assert desk.says("owners", "import", desk.file(GOOD)) == {"owners": 2, "appliances": 3}

    listed = desk.says("owners", "list")["owners"]
    assert [(one["owner_id"], one["appliances"]) for one in listed] == [("owner-1", 2), ("owner-2", 1)]
    shown = desk.says("owners", "show", "owner-1")
    assert shown["channels"] == ["sms"]
    assert [one["timezone"] for one in shown["appliances"]] == ["Europe/London"] * 2
    assert shown["appliances"][0]["consents"]["monitoring"] == "never given"
    assert "7700900123" not in json.dumps(shown)
    assert "did you mean 'owner-1'?" in desk.refuses("owners", "show", "ownr-1")


def test_a_file_names_appliances_and_one_without_that_column_leaves_the_names(desk: Desk) -> None:
    """A name that leads somewhere is refused with its line."""
    head = "owner_id,appliance_id,appliance_model,name\n"
    desk.says("owners", "import", desk.file(head + "owner-1,fridge-1,rf-260,Kitchen fridge\n"))
    desk.says("owners", "import", desk.file(GOOD))

    said = desk.refuses("owners", "import", desk.file(head + "owner-1,fridge-1,rf-260,win.example\n"))

    alerts = open_desk(load_settings(desk.folder / "config.yaml"), SystemClock())
    try:
        known = alerts.owners.appliance("fridge-1")
    finally:
        alerts.close()
    assert "line 2: an appliance's name holds no link" in said
    assert known is not None
    assert known.name == "Kitchen fridge"


def test_of_a_file_with_bad_lines_nothing_is_taken(desk: Desk) -> None:
    """Each is told with its line and reason: nothing of the good ones is half done."""
    bad = GOOD + (
        "owner-3,fridge 4,rf-260,en,Europe/London,\n"
        "owner-3,fridge-5,rf-26,en,Europe/London,\n"
        "owner-3,fridge-6,rf-260,en,Mars/Base,\n"
        "owner-1,fridge-7,rf-260,en,Europe/London,+4915123456789\n"
        "owner-3,fridge-1,rf-260,en,Europe/London,\n"
        "owner-3,fridge-8\n"
        "owner-3,fridge-9,rf-260,en,Europe/London,07400 123456\n"
        "owner-3,fridge-10,rf-260,en,Europe/London,+44 121 234 5678\n"
    )

    said = desk.refuses("owners", "import", desk.file(bad))

    for line, reason in (
        (5, "did you mean 'fridge-4'?"),
        (6, "did you mean 'rf-260'?"),
        (7, "is not a time zone"),
        (8, "has other addresses in an earlier line"),
        (9, "stands in line 2 already"),
        (10, "more or fewer values"),
        (11, "it lacks its country"),
        (12, "a fixed line of +44"),
    ):
        assert any(f"line {line}:" in one and reason in one for one in said.splitlines()), (line, said)
    assert "8 lines are refused" in said
    assert "123456" not in said
    assert desk.says("owners", "list")["owners"] == []


def test_what_only_the_register_knows_is_told_with_its_line_and_nothing_is_taken(desk: Desk) -> None:
    """An id that differs from a registered one in case alone; an appliance that is somebody else's."""
    desk.says("owners", "import", desk.file(GOOD))
    header = GOOD.splitlines()[0]

    other_case = (
        f"{header}\nowner-9,fridge-9,rf-260,en,Europe/London,\nowner-9,FRIDGE-1,rf-260,en,Europe/London,\n"
    )
    assert "line 3:" in desk.refuses("owners", "import", desk.file(other_case))
    stolen = f"{header}\nowner-9,fridge-1,rf-260,en,Europe/London,\n"
    assert "line 2: appliance 'fridge-1' belongs to another owner" in desk.refuses(
        "owners", "import", desk.file(stolen)
    )
    assert [one["owner_id"] for one in desk.says("owners", "list")["owners"]] == ["owner-1", "owner-2"]

    assert desk.says("owners", "import", desk.file(stolen), "--hand-over")["appliances"] == 1
    assert desk.says("owners", "show", "owner-9")["appliances"][0]["appliance_id"] == "fridge-1"


def test_what_a_file_does_not_say_stays_as_it_is(desk: Desk) -> None:
    """Without columns for them, address, language and time zone are those of before; an empty address removes it."""
    desk.says("owners", "import", desk.file(GOOD))

    desk.says(
        "owners", "import", desk.file("owner_id,appliance_id,appliance_model\nowner-1,fridge-1,rf-520\n")
    )

    (first, _) = desk.says("owners", "show", "owner-1")["appliances"]
    assert (first["appliance_model"], first["language"]) == ("rf-520", "en")
    assert desk.says("owners", "show", "owner-1")["channels"] == ["sms"]
    desk.says(
        "owners", "import", desk.file("owner_id,appliance_id,appliance_model,sms\nowner-1,fridge-1,rf-260,\n")
    )
    assert desk.says("owners", "show", "owner-1")["channels"] == []


def test_granted_withdrawn_and_receipted(desk: Desk) -> None:
    """One ledger: a yes by its owner alone, a no by whoever owns it; the receipt has the words that were told."""
    desk.says("owners", "import", desk.file(GOOD))
    yes = ("consent", "grant", "fridge-1", "--purpose", "monitoring", "--purpose", "sms")

    assert "is not the registered owner" in desk.refuses(*yes, "--owner", "owner-2")
    assert desk.says(*yes, "--owner", "owner-1", "--how", "letter")["consents"] == {
        "monitoring": "given",
        "sms": "given",
    }
    no = desk.says("consent", "withdraw", "fridge-1", "--purpose", "sms")["consents"]["sms"]

    assert no.startswith("withdrawn at")
    records = desk.says("consent", "history", "fridge-1")["records"]
    assert [(one["purpose"], one["given"]) for one in records] == [
        ("monitoring", True), ("sms", True), ("sms", False),
    ]  # fmt: skip
    receipt = desk.says("consent", "receipt", "fridge-1")
    assert receipt["pii_principal_id"] == "owner-1"
    assert receipt["jurisdiction"] == "UK"
    by_purpose = {one["purpose"]: one for one in receipt["purposes"]}
    assert [one["event_state"] for one in by_purpose["sms"]["events"]] == ["given", "withdrawn"]
    assert by_purpose["monitoring"]["retention_period"] == "P1Y"
    (event,) = by_purpose["monitoring"]["events"]
    assert "Without your yes nothing of it is kept" in event["privacy_notice"]["text"]
    assert event["collection_method"] == "letter"


def test_a_receipt_is_of_the_present_owner_alone(desk: Desk) -> None:
    """What the former one agreed to is somebody else's; and who read the ledger stands in the audit log."""
    desk.says("owners", "import", desk.file(GOOD))
    desk.says("consent", "grant", "fridge-1", "--purpose", "monitoring", "--owner", "owner-1")
    header = GOOD.splitlines()[0]
    desk.says(
        "owners", "import", "--hand-over",
        desk.file(f"{header}\nowner-2,fridge-1,rf-260,en,Europe/London,\n"),
    )  # fmt: skip

    assert "said nothing yet" in desk.refuses("consent", "receipt", "fridge-1")

    out = desk.folder / "audit.jsonl"
    desk.says("audit", "export", "--out", str(out))
    assert '"consent.read"' in out.read_text(encoding="utf-8")


def test_owners_are_found_page_by_page(desk: Desk) -> None:
    """By how their ids begin, each once however many pages, in one order on both databases."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["owner_id", "appliance_id", "appliance_model"])
    ids = [f"{prefix}{number:02}" for prefix in ("a-", "A_", "b", "Z") for number in range(5)]
    lines.writerows([one, f"fridge-{number}", "rf-260"] for number, one in enumerate(ids))
    desk.says("owners", "import", desk.file(text.getvalue()))
    alerts = open_desk(load_settings(desk.folder / "config.yaml"), SystemClock())
    found: list[str] = []
    try:
        while page := owners(alerts.engine, after=found[-1] if found else "", limit=3):
            found += [one["owner_id"] for one in page]
        begins = [one["owner_id"] for one in owners(alerts.engine, "A_")]
        assert owner(alerts.engine, "nobody", 0) is None
        with pytest.raises(InputError, match="limit"):
            owners(alerts.engine, limit=0)
    finally:
        alerts.close()

    assert found == sorted(ids)
    assert begins == [f"A_{number:02}" for number in range(5)]
