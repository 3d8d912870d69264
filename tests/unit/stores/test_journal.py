"""The journal keeps raw messages in order until a snapshot covers them."""

import sqlite3
from pathlib import Path

import pytest

from foremend.stores.journal import REPLAY_BYTES, SqliteJournal
from foremend.vocabulary.errors import UnavailableError
from foremend.vocabulary.types import RawMessage


def messages(*payloads: bytes) -> list[RawMessage]:
    return [RawMessage("dt/a", payload, received) for received, payload in enumerate(payloads)]


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    """Messages come back whole, each with its position."""
    journal = SqliteJournal(tmp_path / "journal.db")

    last = journal.append(messages(b"one", b"\x00\xff"))

    assert last == 2
    assert journal.read(0, 10) == [(1, messages(b"one")[0]), (2, RawMessage("dt/a", b"\x00\xff", 1))]


def test_positions_go_on_growing_after_everything_was_pruned(tmp_path: Path) -> None:
    """A position never names two messages, not even after pruning and a restart."""
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.append(messages(b"one", b"two"))
    journal.prune(2)
    journal.close()

    reopened = SqliteJournal(tmp_path / "journal.db")

    assert reopened.last_position() == 2
    assert reopened.append(messages(b"three")) == 3


def test_replay_stops_at_the_position_asked_for(tmp_path: Path) -> None:
    """Batches never reach beyond `up_to`, so that a recovery can cut exactly where effects were committed."""
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.append(messages(*[b"x"] * 10))

    positions = [position for position, _ in journal.replay(after=2, up_to=7, batch=2)]

    assert positions == [4, 6, 7]


def test_a_disk_that_refuses_is_reported_as_unavailable(tmp_path: Path) -> None:
    """A locked journal raises, so that nothing is acknowledged, and works again afterwards."""
    journal = SqliteJournal(tmp_path / "journal.db")
    journal._db.execute("PRAGMA busy_timeout=10")
    other = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(UnavailableError, match="cannot be used now: database is locked"):
        journal.append(messages(b"one"))
    other.execute("ROLLBACK")
    other.close()

    assert journal.append(messages(b"one")) == 1


def test_a_replay_is_bounded_by_bytes_as_well(tmp_path: Path) -> None:
    """Large payloads come back in small batches, in order; one that is larger than a batch comes alone."""
    journal = SqliteJournal(tmp_path / "journal.db")
    sizes = [REPLAY_BYTES // 2] * 4 + [10] * 3 + [2 * REPLAY_BYTES, 10]
    journal.append(messages(*[bytes([number]) * size for number, size in enumerate(sizes)]), whole=False)

    batches = [[message.payload[0] for message in batch] for _, batch in journal.replay(0, len(sizes))]

    assert batches == [[0, 1], [2, 3], [4, 5, 6, 7], [8]]


def test_a_replay_gives_the_groups_that_were_judged_together(tmp_path: Path) -> None:
    """Sorting by time in a group gives the same then; what was not judged yet is behind the last group."""
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.append(messages(b"1", b"2"), whole=False)
    journal.judge_together(journal.append(messages(b"3"), whole=False))
    journal.append(messages(b"4", b"5"))
    journal.append(messages(b"6", b"7"), whole=False)
    journal.close()

    reopened = SqliteJournal(tmp_path / "journal.db")

    assert reopened.last_judged() == 5
    assert [position for position, _ in reopened.replay(0, reopened.last_judged())] == [3, 5]
    assert [message.payload for _, batch in reopened.replay(5, 7) for message in batch] == [b"6", b"7"]


def test_what_the_broker_may_have_kept_is_remembered(tmp_path: Path) -> None:
    """A replay must judge it as the first time."""
    journal = SqliteJournal(tmp_path / "journal.db")
    sent = [RawMessage("t", b"x", 1, kept, fresh) for kept in (False, True) for fresh in (False, True)]

    journal.append(sent)

    assert [message for _, message in journal.read(0, 10)] == sent
