"""The Faust app that joins a worker to its group."""

from pathlib import Path

from foremend.runtimes.kafka.membership import open_membership
from foremend.runtimes.kafka.settings import KafkaSettings


def test_a_first_start_finds_no_folder(tmp_path: Path) -> None:
    """With a database elsewhere nobody made the storage folder before Faust wants one in it."""
    open_membership(KafkaSettings(), tmp_path / "var" / "faust", lambda partitions: {})

    assert (tmp_path / "var").is_dir()
