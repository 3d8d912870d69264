"""kill -9 and SIGSTOP of a process that changes the Parquet history, at every one of its touches of the file system."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pyarrow.dataset as ds
import pytest

from foremend.history.parquet import ParquetHistory

SERVER = Path(__file__).with_name("kill_server.py")

Ask = Callable[[Path, str, int], str]
Stored = Counter[tuple[str, int, int]]


@pytest.fixture(scope="module")
def acts() -> ModuleType:
    """What the killed processes do, to be done here in peace."""
    spec = importlib.util.spec_from_file_location("kill_server", SERVER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Asks the server for a child that is killed."""
    command = [sys.executable, str(SERVER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def asker(root: Path, what: str, n: int) -> str:
            server.stdin.write(f"{root} {what} {n}\n")
            server.stdin.flush()
            return server.stdout.readline().strip()

        yield asker
        server.stdin.close()


@pytest.fixture
def template(tmp_path: Path, acts: ModuleType) -> Path:
    """Four readings of each of two days, all settled."""
    root = tmp_path / "template" / "history"
    history = ParquetHistory(root, "j")
    for k in range(4):
        acts.write(history, range(k + 1, k + 2))
        history.flush(k, k + 1)
    history.forget_after(4)
    return root


def stored(root: Path) -> Stored:
    """What others read at this moment."""
    table = ds.dataset(root, partitioning="hive").to_table(["appliance", "time", "seq"])
    return Counter(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


@pytest.mark.parametrize("what", ["flush", "compact", "compact_without_exchange", "expire", "forget"])
def test_a_kill_at_any_step_loses_and_doubles_nothing(
    tmp_path: Path, acts: ModuleType, ask: Ask, template: Path, what: str
) -> None:
    """After the restart everything is as if nobody had been killed; readers see each reading at most once before."""
    undisturbed = tmp_path / "undisturbed" / "history"
    shutil.copytree(template.parent, undisturbed.parent)
    act = getattr(acts, what.removesuffix("_without_exchange"))
    act(undisturbed)

    kills = 0
    for n in itertools.count(1):
        root = tmp_path / str(n) / "history"
        shutil.copytree(template.parent, root.parent)
        answer = ask(root, what, n)
        between = stored(root)
        act(root)  # the restart does it again; compaction recovers first

        assert stored(root) == stored(undisturbed), f"{what} killed at touch {n}"
        assert max(between.values(), default=0) <= 1
        if what == "compact":
            assert between == stored(template)
        if answer != "killed":
            break
        kills += 1

    assert answer == "done 0"
    assert kills >= 5


@pytest.mark.parametrize("wakes", ["before the other one stores", "afterwards"])
def test_who_stands_still_in_a_flush_holds_nobody_up_and_stores_nothing_afterwards(
    tmp_path: Path, acts: ModuleType, ask: Ask, template: Path, wakes: str
) -> None:
    """A worker frozen at any step of a flush: another one takes the stream over, and what it stores is all there is."""
    undisturbed = tmp_path / "undisturbed" / "history"
    shutil.copytree(template.parent, undisturbed.parent)
    acts.flush(undisturbed)

    stops, endings = 0, set[str]()
    for n in itertools.count(1):
        root = tmp_path / str(n) / "history"
        shutil.copytree(template.parent, root.parent)
        answer = ask(root, "stopped_flush", n)
        if not answer.startswith("stopped"):
            break
        stops += 1
        successor = ParquetHistory(root, "j")
        successor.forget_after(4)
        acts.write(successor, range(5, 7))
        if wakes == "afterwards":
            successor.flush(4, 6)
        endings.add(ask(root, "go_on", 0))
        if wakes != "afterwards":
            successor.flush(4, 6)

        assert stored(root) == stored(undisturbed), f"stopped at touch {n}"

    assert answer == "done 0"
    assert endings == {"done 0", "done 256"}  # through already, or refused
    assert stops >= 5


def test_who_stands_still_in_a_takeover_takes_nothing_from_who_came_after_it(
    tmp_path: Path, acts: ModuleType, ask: Ask, template: Path
) -> None:
    """Frozen at any step of it: meanwhile another one takes over, stores, and makes a snapshot behind that."""
    undisturbed = tmp_path / "undisturbed" / "history"
    shutil.copytree(template.parent, undisturbed.parent)
    acts.flush(undisturbed)

    stops, endings = 0, set[str]()
    for n in itertools.count(1):
        root = tmp_path / str(n) / "history"
        shutil.copytree(template.parent, root.parent)
        answer = ask(root, "stopped_takeover", n)
        if not answer.startswith("stopped"):
            break
        stops += 1
        later = ParquetHistory(root, "j")
        later.forget_after(4)
        acts.write(later, range(5, 7))
        later.flush(4, 6)
        later.flush(6, 6)
        (root.parent / "taken").touch()
        endings.add(ask(root, "go_on", 0))

        assert stored(root) == stored(undisturbed), f"stopped at touch {n}"

    assert answer == "done 0"
    assert endings == {"done 0", "done 256"}  # through already, or refused
    assert stops >= 5
