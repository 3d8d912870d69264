"""Files of JSON lines that channels write, with lines in them that nobody wrote kindly."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from alerts.channels import Message, OutboxFileChannel
from alerts.message_files import read_lines, remove_lines

GARBAGE = (
    b"half a li",
    b"null",
    b"[1]",
    b'{"at": 1}',
    b'{"id": ["m-1"], "at": 1}',
    b'{"id": {"m-1": 1}, "at": 1}',
    b"\xff\xfe",
    b"",
)


@pytest.mark.parametrize("garbage", GARBAGE)
def test_a_line_that_is_no_message_stays_and_hinders_nobody(tmp_path: Path, garbage: bytes) -> None:
    """Between two that are: one goes, the other stays, and the channel writes on."""
    file = tmp_path / "sms.jsonl"
    lines = [orjson.dumps({"id": "m-1", "at": 1}), garbage, orjson.dumps({"id": "m-2", "at": 2})]
    file.write_bytes(b"\n".join(lines) + b"\n")

    gone = remove_lines(file, lambda line: line["id"] in {"m-1"})
    OutboxFileChannel(file, "sms").send(Message("m-3", "finding", "text"))

    assert gone == 1
    assert file.read_bytes().startswith(garbage + b"\n" + lines[2])
    assert [line["id"] for line in read_lines(file)] == ["m-2", "m-3"]


def test_a_line_that_a_crash_tore_goes_where_it_names_whom_it_is_about(tmp_path: Path) -> None:
    """It can be read, and so can what stands in it; another one's stays."""
    file = tmp_path / "sms.jsonl"
    others = b'{"id":"m-10","to":"***017","text":"your fri'
    file.write_bytes(others + b'\n{"id":"m-1","to":"***017","text":"your fri\n')

    gone = remove_lines(file, lambda line: False, lambda text: '"m-1"' in text)

    assert (gone, file.read_bytes()) == (1, others + b"\n")
