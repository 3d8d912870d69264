"""The visible outbox."""

from __future__ import annotations

import json
import resource
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.channels import Message, OutboxFileChannel, mask
from foremend.vocabulary.errors import ConfigError, UnavailableError

SMS = Message("nt_1", "foremend.warning", "您的冰箱…", "+8613800001234", "zh", 5)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(errors="replace").splitlines() if line.endswith("}")]


def test_a_message_is_one_line_without_the_whole_address(tmp_path: Path) -> None:
    """Enough to see what would be sent, to whom only by the last three characters."""
    path = tmp_path / "outbox" / "sms.jsonl"

    OutboxFileChannel(path, "sms").send(SMS)

    [line] = lines(path)
    assert line == {
        "id": "nt_1",
        "channel": "sms",
        "to": "***234",
        "language": "zh",
        "text": "您的冰箱…",
        "at": 5,
    }


def test_a_repeat_is_dropped_also_after_a_restart(tmp_path: Path) -> None:
    """The file is a receiver that knows the ids it has."""
    path = tmp_path / "sms.jsonl"
    first = OutboxFileChannel(path, "sms")
    first.send(SMS)
    first.send(SMS)

    OutboxFileChannel(path, "sms").send(SMS)

    assert len(lines(path)) == 1


def test_a_line_torn_by_a_crash_spoils_nothing_after_it(tmp_path: Path) -> None:
    """Its message is sent again on a line of its own."""
    path = tmp_path / "sms.jsonl"
    OutboxFileChannel(path, "sms").send(SMS)
    path.write_bytes(path.read_bytes()[:-20])

    OutboxFileChannel(path, "sms").send(SMS)

    assert [line["id"] for line in lines(path)] == ["nt_1"]


def test_a_folder_in_the_way_is_a_reason_to_try_again(tmp_path: Path) -> None:
    """An outbox that cannot be written is away, not wrong."""
    channel = OutboxFileChannel(tmp_path / "sms.jsonl", "sms")
    (tmp_path / "sms.jsonl").mkdir()

    with pytest.raises(UnavailableError, match="cannot be written"):
        channel.send(SMS)


@pytest.mark.parametrize(("address", "shown"), [("+8613800001234", "***234"), ("12345", "***"), ("", "***")])
def test_masks_keep_at_most_three_characters(address: str, shown: str) -> None:
    """Short addresses show nothing."""
    assert mask(address) == shown


def test_half_a_line_on_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """A file that cannot grow: the message waits, the file is as before, and later the line is whole."""
    path = tmp_path / "sms.jsonl"
    channel = OutboxFileChannel(path, "sms")
    channel.send(SMS)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, hard))
    try:
        with pytest.raises(UnavailableError, match="cannot be written"):
            channel.send(replace(SMS, id="nt_2"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    left = path.read_bytes()

    channel.send(replace(SMS, id="nt_2"))

    assert left == before
    assert [line["id"] for line in lines(path)] == ["nt_1", "nt_2"]


def test_lines_that_somebody_else_wrote_are_passed_over(tmp_path: Path) -> None:
    """The start does not end on them."""
    path = tmp_path / "sms.jsonl"
    path.write_text('[]\n7\n{"text": "no id"}\n{"id": {}}\n')

    OutboxFileChannel(path, "sms").send(SMS)

    assert '"id":"nt_1"' in path.read_text()


def test_a_file_where_the_folder_should_be_is_a_sentence(tmp_path: Path) -> None:
    """It names the setting and the file."""
    (tmp_path / "outbox").write_text("")

    with pytest.raises(ConfigError, match=r"alerts.sms.file: .*outbox/sms.jsonl cannot be used"):
        OutboxFileChannel(tmp_path / "outbox" / "sms.jsonl", "sms")
