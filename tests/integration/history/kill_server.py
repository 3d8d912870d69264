"""Forks children that change a history and kill themselves at the nth touch of the file system.

Asked by lines on stdin: `<folder> <what> <n>`; answers `killed`, or `done` when there were fewer touches than n. It
imports once and does nothing else itself, so that a fork is quick and has no threads to miss.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from foremend.history import exchange
from foremend.history.compaction import ON_COMMAND
from foremend.history.parquet import ParquetHistory
from foremend.history.parquet_settings import ParquetSettings
from foremend.history.upkeep import Upkeep
from foremend.vocabulary.errors import RefusedError, UnavailableError
from foremend.vocabulary.types import MS_PER_DAY, Block

DAY = 20_000 * MS_PER_DAY
TOUCHES = {"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "open", "ctypes.dlsym"}


class Clock:
    """Two days after the first reading."""

    def now_ms(self) -> int:
        return DAY + 2 * MS_PER_DAY


def write(history: ParquetHistory, positions: range) -> None:
    """A reading a position, on two days."""
    for position in positions:
        times = np.array([DAY + position, DAY + MS_PER_DAY + position])
        seq = np.full(2, position)
        appliances = np.array([position % 2] * 2, np.int32)
        history.write(Block("rf-260", ("a", "b"), appliances, times, seq, {"power": np.ones(2)}, ("1", "1")))


def flush(root: Path) -> None:
    history = ParquetHistory(root, "j")
    history.forget_after(4)
    write(history, range(5, 7))
    history.flush(4, 6)


def stopped_flush(root: Path, n: int) -> None:
    """One that owns the stream already is stopped in its flush; ends with 1 where it is refused afterwards."""
    history = ParquetHistory(root, "j")
    history.forget_after(4)
    write(history, range(5, 7))
    strike_at(n, signal.SIGSTOP)
    try:
        history.flush(4, 6)
    except (RefusedError, UnavailableError):
        os._exit(1)
    os._exit(0)


def stopped_takeover(root: Path, n: int) -> None:
    """One that takes over from somebody who died behind a flush is stopped; ends with 1 where it is refused."""
    flush(root)
    history = ParquetHistory(root, "j")

    def still_ours() -> None:
        if (root.parent / "taken").exists():
            raise RefusedError("another one has taken over")

    strike_at(n, signal.SIGSTOP)
    try:
        history.forget_after(4, still_ours)
    except RefusedError:
        os._exit(1)
    os._exit(0)


def compact(root: Path) -> None:
    Upkeep(root, ParquetSettings(), Clock()).round(ON_COMMAND)


def compact_without_exchange(root: Path) -> None:
    """As on a file system that cannot exchange two folders."""
    exchange._exchanged = lambda one, other: False
    compact(root)


def expire(root: Path) -> None:
    Upkeep(root, ParquetSettings(retention=MS_PER_DAY), Clock()).round()


def forget(root: Path) -> None:
    ParquetHistory(root).forget_appliances("rf-260", ["a"])


def strike_at(n: int, strike: signal.Signals) -> None:
    """SIGKILL or SIGSTOP to this process right before its nth touch.

    Not stopped at the touches at which others must wait: between the look at whose a stream is and its exchange, or
    the end of a file of it.
    """
    left = n

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in TOUCHES and not (event == "open" and arguments[1] in (None, "r", "rb")):
            exchange_of_stream = event == "os.rename" and str(arguments[1]).endswith("j.json")
            if strike is signal.SIGSTOP and (exchange_of_stream or event == "os.remove"):
                return
            left -= 1
            if not left:
                os.kill(os.getpid(), strike)

    sys.addaudithook(hook)


STOPPED = {act.__name__: act for act in (stopped_flush, stopped_takeover)}


def main() -> None:
    acts = {act.__name__: act for act in (flush, compact, compact_without_exchange, expire, forget)}
    for line in sys.stdin:
        folder, what, n = line.split()
        child = os.fork()
        if not child:
            if what in STOPPED:
                STOPPED[what](Path(folder), int(n))
            strike_at(int(n), signal.SIGKILL)
            acts[what](Path(folder))
            os._exit(0)
        _, status = os.waitpid(child, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            answer(f"stopped {child}")
            sys.stdin.readline()  # until it is to go on
            os.kill(child, signal.SIGCONT)
            _, status = os.waitpid(child, 0)
        answer("killed" if os.WIFSIGNALED(status) else f"done {status}")


def answer(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
