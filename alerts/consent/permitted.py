"""Dead letters and findings of whom nobody may watch are not kept: they tell what an appliance measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from alerts.consent.watched import Watched
from alerts.policies import Policies
from foremend.vocabulary.ids import is_id
from foremend.vocabulary.types import DeadLetter, Finding, FindingKind, Purpose

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Keeping:
    """Says what may be kept; `devices`: appliance ids by the name under which a device speaks."""

    def __init__(self, watched: Watched, policies: Policies, devices: Mapping[str, str]) -> None:
        self._watched, self._devices = watched, devices
        self._asks_first = Purpose.MONITORING in policies.default.opt_in

    def letters(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Those whose topic names nobody who may not be watched.

        Where the installation's policy asks first, the topic must name somebody who may be: what cannot be traced to
        a yes is not kept. Raises UnavailableError while the database is away.
        """
        named = [self._ids(letter.topic) for letter in letters]
        unwatched = self._watched.unwatched(frozenset().union(*named)) if named else set()
        return [
            letter
            for letter, ids in zip(letters, named, strict=True)
            if (ids - unwatched if self._asks_first else not ids & unwatched)
        ]

    def findings(self, findings: Sequence[Finding]) -> list[Finding]:
        """Without what opens or goes on about somebody who may not be watched. One about many has no id, and stays."""
        ids = {one.appliance_id for one in findings if is_id(one.appliance_id)}
        unwatched = self._watched.unwatched(ids)
        return [
            one for one in findings if one.kind is FindingKind.CLOSED or one.appliance_id not in unwatched
        ]

    def _ids(self, topic: str) -> set[str]:
        names = set(_NAME.findall(topic))
        return names | {self._devices[one] for one in names if one in self._devices}
