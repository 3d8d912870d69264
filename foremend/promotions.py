"""Keeps a running engine on the registry's aliases: a promotion is taken up without a restart, between two blocks."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

from foremend.engine import Engine
from foremend.errors import IntegrityError
from foremend.learning.model_building import load_fitted
from models.registry import Registry

log = logging.getLogger(__name__)

LOOK_EVERY_MS = 3_000


class PromotionFollower:
    """Looks at the registry every few seconds, in the pipeline's thread, and keeps live comparisons in it.

    A model that is refused is reported once, and the one in use stays in use.
    """

    def __init__(self, registry: Registry, engine: Engine, appliance_models: Iterable[str]) -> None:
        """`appliance_models`: those that are to be scored; challengers start at once."""
        self._registry, self._engine = registry, engine
        self._seen: dict[str, tuple[str | None, str | None]] = {}
        self._reported: dict[str, str] = {}
        self._looked = 0
        for name in appliance_models:
            in_use = engine.report(name)
            self._seen[name] = (in_use["champion"] if in_use else None, None)
            self._follow(name)

    def __call__(self, now_ms: int) -> None:
        """Take up what changed, if it is time to look again; `now_ms` is the wall clock."""
        if now_ms - self._looked < LOOK_EVERY_MS:
            return
        self._looked = now_ms
        for name in self._seen:
            self._follow(name)
            self._report(name)

    def _follow(self, name: str) -> None:
        try:
            aliases = self._registry.aliases(name)
            wanted = (aliases.champion, aliases.challenger)
            before, self._seen[name] = self._seen[name], wanted
            if wanted[0] != before[0] and wanted[0] is not None:
                self._engine.adopt(name, load_fitted(name, wanted[0], self._registry))
                log.info("%s: %s is the champion now", name, wanted[0])
            if wanted != before and wanted[0] is not None:
                rival = load_fitted(name, wanted[1], self._registry) if wanted[1] else None
                self._engine.let_challenge(name, rival)
        except IntegrityError as error:
            log.error("%s keeps its model: %s", name, error)

    def _report(self, name: str) -> None:
        """Write what was seen live, when there is something new."""
        seen: dict[str, Any] | None = self._engine.report(name)
        text = json.dumps(seen)
        if seen is not None and self._reported.get(name) != text:
            self._registry.note_live(name, seen)
            self._reported[name] = text
