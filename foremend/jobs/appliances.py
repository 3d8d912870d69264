"""`foremend appliances`: the fleet's list, asked of the service that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from foremend.jobs.running_service import running_service

_AT_ONCE = 500


def appliances(config: Path | None, limit: int, **wanted: str | None) -> dict[str, Any]:
    """At most `limit` as `GET /api/v1/appliances` has them, and whether there are `more`.

    `wanted`: its parameters. Raises what `RunningService.ask` does.
    """
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    with running_service(config) as service:
        while len(found) < limit:
            many = min(_AT_ONCE, limit - len(found))
            part = service.ask("/api/v1/appliances", limit=many, cursor=cursor, **wanted)
            try:
                found += part["items"]
                cursor = part["next_cursor"]
            except (KeyError, TypeError) as error:
                raise service.strange() from error
            if cursor is None:
                break
    return {"appliances": found, "more": cursor is not None}
