"""Keeps a running engine on the registry's aliases: a promotion is taken up without a restart, between two blocks."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from foremend.engine.engine import Engine
from foremend.learning.model_building import load_fitted
from foremend.stores.patience import Lapse
from foremend.vocabulary.errors import IntegrityError, UnavailableError
from models.registry.registry import Registry

log = logging.getLogger(__name__)

LOOK_EVERY_MS = 3_000


class PromotionFollower:
    """Looks at the registry every few seconds, in the pipeline's thread, and keeps live comparisons in it.

    A model that is refused is reported once, and the one in use stays in use.
    """

    def __init__(self, registry: Registry, engine: Engine, appliance_models: Iterable[str]) -> None:
        """`appliance_models`: those that are to be scored; challengers start at once."""
        self._registry, self._engine = registry, engine
        self._reported: dict[str, str] = {}
        self._looked = 0
        self._lapse = Lapse("the registry of models")
        reports = {name: engine.report(name) for name in appliance_models}
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
                self._engine.adopt(name, load_fitted(name, wanted[0], self._registry))
                log.info("%s: %s is the champion now", name, wanted[0])
            if wanted != before and wanted[0] is not None:
                rival = load_fitted(name, wanted[1], self._registry) if wanted[1] else None
                self._engine.let_challenge(name, rival)
        except IntegrityError as error:
            log.error("%s keeps its model: %s", name, error)
        self._seen[name] = wanted

    def _report(self, name: str) -> None:
        """Write what was seen live, when there is something new."""
        seen: dict[str, Any] | None = self._engine.report(name)
        text = json.dumps(seen)
        if seen is not None and self._reported.get(name) != text:
            self._registry.note_live(name, seen)
            self._reported[name] = text
