"""What is said to be on the disk is there before its name is: seen in the order of what the system is asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alerts.settings import AlertsSettings
from alerts.vault import open_vault
from foremend.vocabulary.durable import replace_atomically


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Name and size of every file and folder, as it was when the disk was waited for."""
    seen: list[tuple[str, int]] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        seen.append((path.name, path.stat().st_size if path.is_file() else -1))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return seen


def test_a_file_is_whole_on_the_disk_before_it_has_its_name_and_then_the_name_is(
    tmp_path: Path, synced: list[tuple[str, int]]
) -> None:
    replace_atomically(tmp_path / "state", b"one", b"two")

    assert synced == [("state.new", 6), (tmp_path.name, -1)]
    assert (tmp_path / "state").read_bytes() == b"onetwo"


def test_the_key_for_contacts_is_on_the_disk_before_anything_is_sealed_with_it(
    tmp_path: Path, synced: list[tuple[str, int]]
) -> None:
    """The database waits for the disk; a key that does not is gone after a power cut, and with it what was sealed."""
    open_vault(AlertsSettings(key_file=tmp_path / "key"), {})

    assert [size for _, size in synced] == [45, -1]
    assert synced[-1][0] == tmp_path.name
