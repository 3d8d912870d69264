"""What a worker does when a record raises what nobody foresaw: as `run` does, from Kafka instead of from a journal.

It goes back to the partition's last checkpoint, as whoever takes it over would, and goes on from the blocks topic, each
step with a checkpoint behind it, until the record that raises is the next one. Of that record only the appliances that
are to blame are set aside (`suspects.py`); the whole of it where none is. `foremend.runtimes.rescue` has the rules.

All of it happens in the engines' thread, so that nothing comes in between; what it asks of Kafka is done in the event
loop meanwhile, which goes on heart-beating.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Sequence
from concurrent.futures import CancelledError
from contextlib import closing, suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from foremend.engine.packing import pack, unpack
from foremend.runtimes.kafka.partition import PartitionRuntime, Record
from foremend.runtimes.rescue import Rescue
from foremend.vocabulary.errors import RefusedError, UnavailableError, is_unforeseen
from foremend.vocabulary.types import DeadLetter
from ingest.quarantine import Quarantine

T = TypeVar("T")


Batches = AsyncGenerator[Sequence[Record], None]


class Kept(Protocol):
    """What Kafka keeps of one partition; every method raises UnavailableError while it does not answer."""

    async def saved(self) -> tuple[memoryview | None, int]:
        """The last checkpoint, packed, and the first record that is left; forgets letters that wait to be sent."""
        ...

    def records(self, first: int, up_to: int) -> Batches:
        """Those with first <= offset < up_to."""
        ...

    def put(self, letters: Sequence[DeadLetter]) -> None:
        """They must be in Kafka before the next checkpoint."""
        ...

    async def keep(self, packed: bytearray, next_offset: int) -> None:
        """Make a checkpoint durable."""
        ...


def recover(
    runtime: PartitionRuntime,
    kept: Kept,
    loop: asyncio.AbstractEventLoop,
    quarantine: Quarantine,
    error: Exception,
    first: int,
    last: int,
) -> None:
    """Go on after `error`, which the records first <= offset < last raised; raises it where none is to blame.

    Raises DefectError where nothing goes through any more, and UnavailableError when the partition is lost meanwhile.
    """
    runtime.searching = True
    try:
        Rescue(Recovery(runtime, kept, loop, quarantine), quarantine).after(error, first, last)
    except RefusedError as refused:  # as history does when another process has taken its stream over
        raise UnavailableError(f"a partition was taken over without our knowing: {refused}") from refused
    finally:
        runtime.searching = False


class Recovery:
    """One partition as `Rescue` sees it; a position is the number of the next record."""

    def __init__(
        self, runtime: PartitionRuntime, kept: Kept, loop: asyncio.AbstractEventLoop, quarantine: Quarantine
    ) -> None:
        self._runtime, self._kept, self._loop, self._quarantine = runtime, kept, loop, quarantine

    @property
    def position(self) -> int:
        return self._runtime.next_offset

    def days_left_out(self) -> int:
        return self._runtime.days_left_out

    def go_back(self) -> None:
        """To the last checkpoint, as who takes the partition over."""
        packed, first = self._insist(self._kept.saved)
        self._runtime.restore(unpack(packed) if packed is not None else None, first)

    def go_on(self, up_to: int, *, judge_days: bool = True) -> None:
        """From Kafka, up to `up_to`, and a checkpoint."""
        letters: list[DeadLetter] = []
        with closing(self._records(up_to)) as records:
            for record in records:
                letters += self._runtime.process(record, judge_days=judge_days)
        self._runtime.next_offset = up_to  # numbers between are of no record that is left
        self._checkpoint(letters)

    def put_aside(self, error: Exception) -> None:
        """The next record without the readings that raise, or not at all."""
        (record,) = self._records(self.position + 1)
        try:
            without = self._runtime.suspects(record)
        except Exception as whole:
            if not is_unforeseen(whole):
                raise
            without = {}
        letters = self._without(record, without) if without else None
        if letters is None:
            letters = self._runtime.put_aside(record, error)
        self._checkpoint(letters)

    def _without(self, record: Record, without: dict[str, str]) -> list[DeadLetter] | None:
        """The record's dead letters, or None where it raises all the same."""
        raised = None
        for judge_days in (True, False):
            try:
                letters = self._runtime.process(record, without=without, judge_days=judge_days)
            except Exception as error:
                if not is_unforeseen(error):
                    raise
                raised = error
                self.go_back()
            else:
                if raised is not None:
                    self._quarantine.reason("day", raised)
                return letters
        return None

    def _checkpoint(self, letters: Sequence[DeadLetter]) -> None:
        packed = pack(self._runtime.checkpoint())
        self._kept.put(letters)
        self._insist(partial(self._kept.keep, packed, self._runtime.next_offset))

    def _records(self, up_to: int) -> Generator[Record, None, None]:
        """From the next one on. Raises UnavailableError when Kafka does not give them."""
        batches = self._kept.records(self.position, up_to)
        try:
            while (batch := self._wait_for(_next(batches))) is not None:
                yield from batch
        finally:
            with suppress(UnavailableError):
                self._wait_for(batches.aclose())

    def _insist(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self._runtime.patience.insist(lambda: self._wait_for(ask()))

    def _wait_for(self, answer: Coroutine[Any, Any, T]) -> T:
        if self._runtime.abandoned:
            answer.close()
            raise UnavailableError("the partition is no longer ours")
        return answer_of(answer, self._loop)


def answer_of(answer: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    """What `loop` answers to another thread, which waits. Raises UnavailableError where the loop ends meanwhile."""
    try:
        return asyncio.run_coroutine_threadsafe(answer, loop).result()
    except CancelledError as error:
        raise UnavailableError("the worker ends") from error


async def _next(batches: Batches) -> Sequence[Record] | None:
    return await anext(batches, None)
