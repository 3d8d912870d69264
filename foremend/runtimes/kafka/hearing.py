"""How the engines of a partition hear of a look at the clock, and what becomes of one that raises.

Nobody sent what raises at a look: there is no appliance to set aside. So the engine is passed over at that look, with a
dead letter that names its record key, and the others hear it. One that raised three times within ten minutes is not
tried for an hour, as topics are not, and no dead letter tells of that: a look holds nothing that could be lost.
Meanwhile its appliances are judged at ticks alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from foremend.engine.engine import Engine
from foremend.runtimes.kafka.looks import Look
from foremend.runtimes.rescue import Held
from foremend.vocabulary.errors import is_unforeseen
from foremend.vocabulary.types import DeadLetter, Finding, RawMessage
from ingest.quarantine import Quarantine, sift


class Hearing:
    """Of one partition; what is passed over is part of its state."""

    def __init__(self, topic: str, quarantine: Quarantine) -> None:
        """`topic` is that of the dead letters."""
        self._topic, self._quarantine, self._untried = topic, quarantine, Held()

    def advance(
        self, engines: Mapping[str, Engine], look: Look, without: Mapping[str, str]
    ) -> tuple[list[Finding], list[DeadLetter]]:
        """What the engines, by record key, find; `without` are reasons by the key of those that are passed over."""
        hear = [key for key in self._tried(engines, look) if key not in without]
        self._quarantine.counts["held"] += len(engines.keys() - without) - len(hear)
        findings = [
            found for key in hear for found in engines[key].advance(look.wall, caught_up=look.caught_up)
        ]
        return findings, [self._letter(look, key, reason) for key, reason in without.items()]

    def suspects(
        self,
        keys: Iterable[str],
        look: Look,
        copy_of: Callable[[str], Engine],
        apply: Callable[[Sequence[Finding]], None],
        tell: Callable[[Exception], str],
    ) -> dict[str, str]:
        """Reasons by the key of whose engine raises at `look`, or whose findings do where they are brought to `apply`.

        Tried on copies; `tell` words an error.
        """
        reasons: dict[str, str] = {}

        def attempt(some: Sequence[str]) -> None:
            for key in some:
                apply(copy_of(key).advance(look.wall, caught_up=look.caught_up))

        def blame(key: str, error: Exception) -> None:
            reasons[key] = tell(error)
            self._untried.note(RawMessage(key, b"", look.wall), error)
            self._untried.went_through()  # in a silent fleet no message comes in between: that is no sign of anything

        sift(self._tried(keys, look), attempt, blame, blamed=is_unforeseen)
        return reasons

    def snapshot(self) -> Mapping[str, Any]:
        return self._untried.snapshot()

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue where `snapshot` was taken."""
        self._untried.restore(snapshot)

    def _tried(self, keys: Iterable[str], look: Look) -> list[str]:
        """In an order that is always the same."""
        return sorted(key for key in keys if not self._untried.holds(key, look.wall))

    def _letter(self, look: Look, key: str, reason: str) -> DeadLetter:
        return DeadLetter(
            self._topic, look.value, f"{reason}: the engine of {key}, at a look at the clock", look.wall
        )
