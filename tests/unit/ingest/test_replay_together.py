"""Several recordings are lived through together, in the order of time, whatever they are cut into."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from foremend.vocabulary.errors import InputError, UnavailableError
from foremend.vocabulary.types import MS_PER_HOUR
from ingest.messages import to_messages
from ingest.replay.mapping import ReplayMapping
from ingest.replay.together import AT_ONCE_MS, read_together, recordings
from ingest.values import SignalSpecs

from .conftest import SIGNALS

MAPPING = ReplayMapping.model_validate(
    {
        "appliance_model": "generic-compressor",
        "appliance_id": {"file_name": r"^(?P<appliance_id>a-\d+)"},
        "time": {"column": "time", "format": "epoch_ms"},
        "signals": {"power": {"column": "watts", "unit": "W"}},
    }
)


def write(folder: Path, name: str, hours: Sequence[float]) -> Path:
    """A file with a reading at each of `hours`, whose power is the row's number."""
    rows = [f"{round(hour * MS_PER_HOUR)},{row}" for row, hour in enumerate(hours)]
    path = folder / name
    path.write_text("\n".join(["time,watts", *rows]) + "\n")
    return path


def heard(files: Sequence[Path], signals: SignalSpecs = SIGNALS) -> list[tuple[str, int, float]]:
    """(appliance, ms, watts) of every reading, as they come."""
    return [
        (block.appliance_ids[who], time, watts)
        for part in read_together(files, MAPPING, signals)
        for block in part.blocks
        for who, time, watts in zip(
            block.appliance.tolist(), block.time.tolist(), block.signals["power"].tolist(), strict=True
        )
    ]


def test_appliances_with_a_file_each_are_heard_side_by_side(tmp_path: Path) -> None:
    """As a fleet sends them, and not one life after another."""
    files = [write(tmp_path, "a-1.csv", range(48)), write(tmp_path, "a-2.csv", range(24, 72))]

    together = heard(files[::-1])

    times = [time for _, time, _ in together]
    assert times == sorted(times)
    assert len(together) == 96
    both = {who for who, time, _ in together if 24 * MS_PER_HOUR <= time < 30 * MS_PER_HOUR}
    assert both == {"a-1", "a-2"}


@settings(max_examples=25)
@given(files=some.lists(some.lists(some.floats(0, 100), min_size=1, max_size=12), min_size=1, max_size=4))
def test_nothing_is_lost_and_a_file_keeps_its_order(files: Sequence[Sequence[float]]) -> None:
    """Whatever order its rows are in; and of files that are in order no six hours are told before earlier ones."""
    with TemporaryDirectory() as folder:
        paths = [write(Path(folder), f"a-{k}.csv", hours) for k, hours in enumerate(files)]
        together = heard(paths)

    of_each = {f"a-{k}": list(map(float, range(len(hours)))) for k, hours in enumerate(files)}
    told: Mapping[str, Any] = {who: [watts for one, _, watts in together if one == who] for who in of_each}
    assert {who: sorted(rows) for who, rows in told.items()} == of_each
    in_order = [k for k, hours in enumerate(files) if list(hours) == sorted(hours)]
    assert all(told[f"a-{k}"] == of_each[f"a-{k}"] for k in in_order)
    if len(in_order) == len(files):
        assert (np.diff([time // AT_ONCE_MS for _, time, _ in together]) >= 0).all()


def test_what_cannot_be_used_is_told_of_every_file(tmp_path: Path) -> None:
    """Also of one in which nothing can."""
    good = write(tmp_path, "a-1.csv", [0, 1])
    bad = tmp_path / "a-2.csv"
    bad.write_text("time,watts\nnoon,1\n")

    parts = list(read_together([good, bad], MAPPING, SIGNALS))

    assert sum(part.readings for part in parts) == 2
    assert [letter.topic for part in parts for letter in part.dead_letters] == ["replay/a-2.csv"]


def test_a_message_holds_readings_of_one_appliance_though_they_are_heard_side_by_side(tmp_path: Path) -> None:
    """Sixty of them, not one, where appliances take turns."""
    hours = [minute / 60 for minute in range(60)]
    files = [write(tmp_path, "a-1.csv", hours), write(tmp_path, "a-2.csv", hours)]

    (part,) = read_together(files, MAPPING, SIGNALS)
    messages = [message for block in part.blocks for message in to_messages(block)]

    assert [message.topic.split("/")[3] for message in messages] == ["a-1", "a-2"]


def test_of_a_folder_the_files_that_the_mapping_fits_are_taken(tmp_path: Path) -> None:
    """Not the table of outcomes, a note, or what lies beside."""
    for name in ("a-2.csv", "a-1.csv", "truth.csv", "README.txt", "picture.png"):
        write(tmp_path, name, [0])

    assert recordings([tmp_path], MAPPING) == [tmp_path / "a-1.csv", tmp_path / "a-2.csv"]
    assert recordings([tmp_path], MAPPING, besides=tmp_path / "a-2.csv") == [tmp_path / "a-1.csv"]


def test_a_folder_in_which_nothing_fits_is_refused(tmp_path: Path) -> None:
    """And says how stored history is replayed."""
    write(tmp_path, "b-1.csv", [0])

    with pytest.raises(InputError, match="--history"):
        recordings([tmp_path], MAPPING)


@contextmanager
def files_to_open(more: int) -> Iterator[None]:
    """This process may open so many more files, and not one beyond."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(one.name) for one in Path("/proc/self/fd").iterdir())
    filled = [os.open(os.devnull, os.O_RDONLY)]
    while filled[-1] <= highest:  # numbers that are free below count, too
        filled.append(os.open(os.devnull, os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (filled[-1] + 1 + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in filled:
            os.close(number)


def test_more_files_at_the_same_time_than_may_be_open_are_refused_with_what_to_do(tmp_path: Path) -> None:
    """Those that follow one another need no more than a few."""
    long = [write(tmp_path, f"a-{k}.csv", [0, 99]) for k in range(40)]
    after_another = [write(tmp_path, f"a-{k + 40}.csv", [k * 24, k * 24 + 1]) for k in range(40)]

    with files_to_open(10):
        assert len(heard(after_another)) == 80
        with pytest.raises(UnavailableError, match=r"open no more files.*ulimit -n"):
            heard(long)


@pytest.mark.parametrize(
    ("whose", "sentence"),
    [({"file_name": "(?P<appliance_id>.*)"}, "needs appliance_id.value"), ({"value": "b"}, "already")],
)
def test_who_stands_beside_whom_must_be_said(whose: dict[str, str], sentence: str) -> None:
    """The appliance of `signals` has a name of its own."""
    written = MAPPING.model_dump(exclude_defaults=True) | {
        "appliance_id": whose,
        "beside": {"b": {"power": {"column": "other", "unit": "W"}}},
    }

    with pytest.raises(ValueError, match=sentence):
        ReplayMapping.model_validate(written)
