"""Which appliances of a record are to blame for what it raises: found by leaving others out.

A record has readings of many appliances. Every attempt begins with the state before the record, so that what is kept
is judged as if the others' readings had never been sent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np

from foremend.vocabulary.errors import is_unforeseen
from foremend.vocabulary.topics import telemetry_topic
from foremend.vocabulary.types import Block, DeadLetter, Finding, RawMessage
from ingest.messages import to_messages
from ingest.quarantine import sift


class Suspects:
    """Of one record; `reasons` by appliance that is to blame."""

    def __init__(
        self,
        block: Block,
        attempt: Callable[[Block], Sequence[Finding]],
        tell: Callable[[Exception], str],
        accuse: Callable[[str, Exception], None],
    ) -> None:
        """`attempt` judges a block by the state before the record; `tell` words an error, once each.

        `accuse` hears of each topic that is to blame, and may raise DefectError.
        """
        self._block, self._attempt, self._tell, self._accuse = block, attempt, tell, accuse
        self._kept: list[str] = []
        self.reasons: dict[str, str] = {}

    def by_readings(self) -> None:
        """Whose readings raise while they are judged."""
        sift(self._block.appliance_ids, self._with_those_kept, self._blame, blamed=is_unforeseen)

    def by_findings(self, apply: Callable[[Sequence[Finding]], None]) -> None:
        """Whose findings raise while they are brought to their effects."""
        findings = self._attempt(only(self._block, self._kept)) if self._kept else ()
        sift(
            findings,
            apply,
            lambda finding, error: self._blame(finding.appliance_id, error),
            blamed=is_unforeseen,
        )

    def _with_those_kept(self, some: Sequence[str]) -> None:
        self._attempt(only(self._block, [*self._kept, *some]))
        self._kept += some

    def _blame(self, appliance: str, error: Exception) -> None:
        if appliance not in self.reasons:
            self.reasons[appliance] = self._tell(error)
            self._accuse(topic_of(self._block, appliance), error)


def topic_of(block: Block, appliance: str) -> str:
    """Where the appliance's readings came from, or would have come from."""
    return telemetry_topic(block.appliance_model, appliance)


def only(block: Block, appliances: Collection[str]) -> Block:
    """The readings of these, in their order."""
    wanted = frozenset(appliances)
    is_wanted = np.fromiter((one in wanted for one in block.appliance_ids), bool, len(block.appliance_ids))
    return block.take(is_wanted[block.appliance])


def letters_of(block: Block, reasons: Mapping[str, str], received: int) -> list[DeadLetter]:
    """The readings of the appliances in `reasons` as canonical messages, of up to 60 readings each."""
    return [
        DeadLetter(message.topic, message.payload, reason, received)
        for appliance, reason in reasons.items()
        for message in _messages(block, appliance)
    ]


def _messages(block: Block, appliance: str) -> Iterable[RawMessage]:
    theirs = only(block, (appliance,))
    return to_messages(theirs) if len(theirs) else ()
