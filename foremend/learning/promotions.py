"""Keeps a running engine on the registry's aliases: a promotion is taken up without a restart, between two blocks."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from foremend.engine.engine import Engine
from foremend.engine.fitted import FittedModel
from foremend.learning.cold_start import borrowings
from foremend.learning.model_building import load_fitted
from foremend.vocabulary.errors import IntegrityError, UnavailableError
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.rounds import Lapse
from models.registry.registry import Registry

log = logging.getLogger(__name__)

LOOK_EVERY_MS = 3_000


class PromotionFollower:
    """Looks at the registry every few seconds, in the pipeline's thread, and keeps live comparisons in it.

    A model that is refused is reported once, and the one in use stays in use.
    """

    def __init__(self, registry: Registry, engine: Engine, profiles: Mapping[str, Profile]) -> None:
        """`profiles` of the appliance models that are to be scored; challengers start at once."""
        self._registry, self._engine, self._profiles = registry, engine, profiles
        self._reported: dict[str, str] = {}
        self._looked = 0
        self._lapse = Lapse("the registry of models")
        reports = {name: engine.report(name) for name in profiles}
        self._seen: dict[str, tuple[str | None, str | None]] = {
            name: (in_use["champion"] if in_use else None, None) for name, in_use in reports.items()
        }
        self._look(self._follow)

    def __call__(self, now_ms: int) -> None:
        """Take up what changed, if it is time to look again; `now_ms` is the wall clock."""
        if now_ms - self._looked >= LOOK_EVERY_MS:
            self._looked = now_ms
            self._look(self._follow, self._report)

    def trouble(self) -> str | None:
        """Why the registry cannot be used now; models in use stay in use meanwhile. From any thread."""
        return self._lapse.trouble

    def _look(self, *acts: Callable[[str], None]) -> None:
        failed = None
        for name in self._seen:
            try:
                for act in acts:
                    act(name)
            except (OSError, UnavailableError, IntegrityError) as error:
                failed = f"{name} keeps its model: {error}"
        if failed:
            self._lapse.failed(failed)
        else:
            self._lapse.worked()

    def _follow(self, name: str) -> None:
        aliases = self._registry.aliases(name)
        wanted, before = (aliases.champion, aliases.challenger), self._seen[name]
        try:
            if wanted[0] != before[0] and wanted[0] is not None:
                fitted = load_fitted(name, wanted[0], self._registry)
                self._engine.adopt(name, fitted)
                log.info("%s: %s is the champion now", name, wanted[0])
                self._lend(name, fitted)
            if wanted != before and wanted[0] is not None:
                rival = load_fitted(name, wanted[1], self._registry) if wanted[1] else None
                self._engine.let_challenge(name, rival)
        except IntegrityError as error:
            log.error("%s keeps its model: %s", name, error)
        self._seen[name] = wanted

    def _lend(self, lender: str, fitted: FittedModel) -> None:
        """To those of its category that have no model yet, of their own or another's."""
        without = {name: one for name, one in self._profiles.items() if self._engine.report(name) is None}
        lent = borrowings({**without, lender: self._profiles[lender]}, {lender: fitted})
        for name, model in lent.items():
            self._engine.adopt(name, model)
            log.info("%s borrows the model of %s until it has one", name, lender)

    def _report(self, name: str) -> None:
        """Write what was seen live, when there is something new."""
        seen: dict[str, Any] | None = self._engine.report(name)
        text = json.dumps(seen)
        if seen is not None and self._reported.get(name) != text:
            self._registry.note_live(name, seen)
            self._reported[name] = text
