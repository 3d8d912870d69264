"""An owner gets everything that is held about them, and nothing of anybody else."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import orjson
import pytest

from alerts.channels import Message, OutboxFileChannel
from alerts.database import writing
from alerts.forgotten import ForgottenAppliances
from alerts.nameplates import Firmware, Nameplate
from alerts.owners import OwnedAppliance, Owner
from alerts.personal.places import TABLES
from alerts.resting import Rested, RestingAppliances
from alerts.shared_status import Said, Seen, say
from alerts.tables import Resolution, WellbeingRow, WellbeingSignsRow
from alerts.ticket_steps import Resolved
from alerts.wellbeing.contacts import Contact
from foremend.config import Settings
from foremend.history.parquet import ParquetHistory
from foremend.installation.exporting import export_owner
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.types import Block, DeadLetter, Finding, Forgotten, Purpose

LEAVES, OTHER = "owner-quillfeather", "o-1"


@pytest.fixture
def lived(open_stage: Callable[..., Any], finding: Callable[..., Finding], tmp_path: Path) -> Any:
    """Of both owners every table holds something."""
    stage = open_stage()
    stage.alerts.owners.register_owners([Owner(LEAVES, {"sms": "+8613987654321", "email": "q@post.example"})])
    stage.alerts.owners.register_appliances([OwnedAppliance("quill-1", LEAVES, "BCD-200")])
    for one, owner in (("quill-1", LEAVES), ("fridge-1", OTHER)):
        stage.say(Purpose.TICKET, True, one, owner)
        letter = DeadLetter(f"dt/appliance/BCD-200/{one}/telemetry", b"\xff?", "ts: missing", stage.clock.now)
        stage.alerts.effects.apply([finding(appliance_id=one)], [letter], 1)
        rested = [Rested("BCD-200", one, 1, False, "{}", b"\x00state")]
        seen = Seen(one, "BCD-200", "refrigerator", 1, False)
        RestingAppliances(stage.alerts.engine, "s", stage.clock).put(f"b-{one}", rested, [seen])
        ForgottenAppliances(stage.alerts.engine, stage.clock).begin(Forgotten("BCD-200", one, 1))
        say(stage.alerts.engine, Said("s", {}, 1), [seen])
        stage.alerts.diagnoses.conclude(stage.alerts.diagnoses.begin(one, "test"))
        plate = Nameplate(one, "refrigerator", "BCD-200", "b1", "north", 1, (Firmware(1, "1.0"),))
        stage.alerts.nameplates.put([plate], "test")
        stage.alerts.contacts.add(owner, Contact("sms", "+8613912345678", "en", "Grandma"), "test")
        with writing(stage.alerts.engine) as session:
            sealed = stage.vault.seal("[]")
            session.add(WellbeingRow(owner_id=owner, sealed=sealed, at=1))
            session.add(WellbeingSignsRow(appliance_id=one, sealed=sealed, at=1))
    stage.alerts.dispatcher.run_once()
    return stage


def settings_in(folder: Path) -> Settings:
    file = {"file": folder / "var" / "sms.jsonl"}
    return Settings.model_validate(
        {"storage": {"folder": folder / "var"}, "alerts": {"sms": file, "push": None}}
    )


def bundle(stage: Any, folder: Path, owner: str) -> dict[str, list[Any]]:
    """What is in the file, by name."""
    out = folder / f"{owner}.zip"
    export_owner(settings_in(folder), stage.alerts, stage.clock, owner, out, "test")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with ZipFile(out) as opened:
        assert opened.testzip() is None
        return {
            name.removesuffix(".jsonl"): [orjson.loads(line) for line in opened.read(name).splitlines()]
            for name in opened.namelist()
            if name.endswith(".jsonl")
        } | {"csv": [opened.read(name).decode() for name in opened.namelist() if name.endswith(".csv")]}


def test_every_table_that_holds_anything_about_an_owner_is_in_the_file(
    lived: Any, tmp_path: Path, finding: Callable[..., Finding]
) -> None:
    """Row for row, the addresses in clear; of another owner there is nothing in it."""
    ticket = next(
        row["data"]["ticket_id"]
        for row in (orjson.loads(one.body) for one in lived.sent("webhook:platform"))
        if row["type"] == "foremend.ticket.opened" and row["data"]["appliance_id"] == "quill-1"
    )
    lived.alerts.servicing.take(ticket, Resolved(step="resolved", result=Resolution.CONFIRMED), "test")

    theirs = bundle(lived, tmp_path, LEAVES)

    filled = {place.name for place in TABLES} - {"erasures", "access_tokens", "users"}
    assert {name for name in filled if not theirs[name]} == set()
    assert set(theirs) >= {place.name for place in TABLES}
    assert {row["channel"]: row["address"] for row in theirs["contacts"]} == {
        "sms": "+8613987654321",
        "email": "q@post.example",
    }
    [contact] = theirs["wellbeing_contacts"]
    assert (contact["address"], contact["name"]) == ("+8613912345678", "Grandma")
    assert (
        [row["said"] for row in theirs["wellbeing"]]
        == [row["signs"] for row in theirs["wellbeing_signs"]]
        == ["[]"]
    )
    assert "fridge-1" not in repr(theirs)
    assert OTHER not in {
        row.get("owner_id") for rows in theirs.values() for row in rows if isinstance(row, dict)
    }


def test_readings_and_messages_are_in_it(lived: Any, tmp_path: Path) -> None:
    """What the appliance measured as CSV, unknown values empty; messages as they stand in the channel's file."""
    history = ParquetHistory(tmp_path / "var" / "history", "j")
    nan = float("nan")
    history.write(
        Block(
            "BCD-200", ("quill-1", "fridge-1"), np.array([0, 1, 0], np.int32), np.array([1_000, 2_000, 3_000]),
            np.array([1, 2, 3]), {"power": np.array([90.0, 77.0, nan])},
        )
    )  # fmt: skip
    history.flush(0, 1)
    channel = OutboxFileChannel(tmp_path / "var" / "sms.jsonl", "sms")
    for row in bundle(lived, tmp_path, LEAVES)["outbox"]:
        channel.send(Message(row["message_id"], "foremend.warning", "text", "+8613987654321"))
    channel.send(Message("nt_other", "foremend.warning", "of another", "+491700000001"))
    (tmp_path / f"{LEAVES}.zip").unlink()

    theirs = bundle(lived, tmp_path, LEAVES)

    assert theirs["csv"] == [
        "time,seq,power\r\n1970-01-01T00:00:01.000Z,1,90.0\r\n1970-01-01T00:00:03.000Z,3,\r\n"
    ]
    assert {line["text"] for line in theirs["messages"]} == {"text"}


def test_who_asked_for_it_is_told_in_the_next_one(lived: Any, tmp_path: Path) -> None:
    """That somebody read everything stands in the audit log, and so in the owner's file."""
    bundle(lived, tmp_path, LEAVES)
    (tmp_path / f"{LEAVES}.zip").unlink()

    assert "owner.exported" in {row["action"] for row in bundle(lived, tmp_path, LEAVES)["audit"]}


def test_nothing_is_written_over_and_nobody_is_made_up(lived: Any, tmp_path: Path) -> None:
    """A file that is there stays as it is; of an owner that nobody knows there is no file."""
    (tmp_path / f"{LEAVES}.zip").write_text("mine")

    with pytest.raises(ConfigError, match="is there already"):
        bundle(lived, tmp_path, LEAVES)
    with pytest.raises(InputError, match="nothing is known of an owner 'nobody'"):
        bundle(lived, tmp_path, "nobody")

    assert (tmp_path / f"{LEAVES}.zip").read_text() == "mine"
    assert not list(tmp_path.glob("*nobody*"))
