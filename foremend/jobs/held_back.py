"""`foremend held-back`: what was held back, and how much, asked of the service that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from foremend.jobs.running_service import running_service
from foremend.vocabulary.errors import RefusedError


def held_back(config: Path | None, limit: int, waits: bool, **wanted: str | None) -> dict[str, Any]:
    """Counts, and at most `limit` (up to 500) as `GET /api/v1/held-back` has them, and whether there are `more`.

    The list is None for a token that may read counts alone. `wanted`: parameters.
    Raises what `RunningService.ask` does.
    """
    with running_service(config) as service:
        counts = service.ask("/api/v1/held-back/counts")
        try:
            part = service.ask("/api/v1/held-back", limit=limit, waits=str(waits).lower(), **wanted)
        except RefusedError:
            return {"counts": counts, "held_back": None, "more": False}
        try:
            return {"counts": counts, "held_back": part["items"], "more": part["next_cursor"] is not None}
        except (KeyError, TypeError) as error:
            raise service.strange() from error
