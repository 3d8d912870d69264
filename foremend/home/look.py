"""All appliances that may be shown, at one moment: from the running pipeline and the effects database."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from time import monotonic
from typing import Any

from sqlalchemy import Engine as Database

from alerts import queries
from foremend.home.picture import Picture, picture
from foremend.home.words import Words
from foremend.runtimes.status import ApplianceStatus
from foremend.vocabulary.types import Forgotten, Severity

log = logging.getLogger(__name__)

MOST = 1_000
"""Appliances that are shown, by id. A fleet is no household: its broker and Home Assistant would drown."""
_REMEMBER_S = 60.0  # an erasure changes findings without adding one


class Look:
    """Asked again and again. Raises UnavailableError while the database is away."""

    def __init__(
        self,
        database: Database,
        fleet: Callable[[], Sequence[ApplianceStatus]],
        unwatched: Callable[[Collection[str]], Collection[str]],
        forgotten: Callable[[], Sequence[Forgotten]],
        words: Words,
        act_from: Severity,
    ) -> None:
        """`unwatched`: of these ids those whom nobody may watch, now; they, and the forgotten, are left out."""
        self._database, self._fleet = database, fleet
        self._unwatched, self._forgotten = unwatched, forgotten
        self._words, self._act_from = words, act_from
        self._known: tuple[int | None, float, Mapping[str, Sequence[Mapping[str, Any]]]] = (None, 0.0, {})
        self._told = False

    def __call__(self, now: int) -> dict[str, Picture]:
        """Pictures by appliance id at `now`, ms UTC."""
        episodes = self._episodes()
        return {
            one.appliance_id: picture(
                one, episodes.get(one.appliance_id, ()), self._words, self._act_from, now
            )
            for one in self._shown()
        }

    def _shown(self) -> list[ApplianceStatus]:
        fleet = self._fleet()
        unwatched = self._unwatched({one.appliance_id for one in fleet})
        until = {(one.appliance_model, one.appliance_id): one.until for one in self._forgotten()}
        shown = [
            one
            for one in fleet
            if one.appliance_id not in unwatched
            and one.last_seen > until.get((one.appliance_model, one.appliance_id), -1)
        ]
        if len(shown) > MOST and not self._told:
            self._told = True
            log.warning("alerts.home_assistant shows the first %d of %d appliances, by id", MOST, len(shown))
        return sorted(shown, key=lambda one: (one.appliance_id, one.last_seen))[:MOST]

    def _episodes(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        findings = queries.finding_count(self._database)
        known, until, episodes = self._known
        if findings != known or monotonic() > until:
            found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
            for one in queries.open_episodes(self._database):
                found[one["appliance_id"]].append(one)
            episodes = found
            self._known = findings, monotonic() + _REMEMBER_S, episodes
        return episodes
