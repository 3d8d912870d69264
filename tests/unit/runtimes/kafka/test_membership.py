"""The Faust app that joins a worker to its group."""

import asyncio
from pathlib import Path

from faust.types import TP

from foremend.runtimes.kafka.membership import ConsumerThread, open_membership
from foremend.runtimes.kafka.settings import KafkaSettings


def test_a_first_start_finds_no_folder(tmp_path: Path) -> None:
    """With a database elsewhere nobody made the storage folder before Faust wants one in it."""
    open_membership(KafkaSettings(), tmp_path / "var" / "faust", lambda partitions: {})

    assert (tmp_path / "var").is_dir()


def test_a_commit_of_what_is_not_ours_any_more_is_none() -> None:
    """A rebalance may take the partitions between a checkpoint and its commit; Faust would end over it."""

    class Bereft(ConsumerThread):
        def assignment(self) -> set[TP]:
            return set()

    bereft = Bereft.__new__(Bereft)  # without an app, which nothing here asks

    assert asyncio.run(bereft._commit({TP("blocks", 0): 5})) is False
