"""`foremend appliance`: one appliance as its page has it, asked of the service that runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from foremend.jobs.running_service import RunningService, running_service
from foremend.vocabulary.errors import InputError, RefusedError


def appliance(config: Path | None, appliance_id: str, days: float, columns: int) -> dict[str, Any]:
    """Its state, open episodes and tickets; `series`: readings of the last `days` in so many columns, `standing`: what
    its owner agreed to. Each of the last two is None where the service or the token has it not.

    Raises InputError for one never heard of, and what `RunningService.ask` does.
    """
    name = quote(appliance_id, safe="")
    with running_service(config) as service:
        detail = service.find(f"/api/appliances/{name}")
        if detail is None:
            raise InputError(
                f"no appliance {appliance_id!r} was heard of, or it is not yours: foremend appliances lists them"
            )
        try:
            last = datetime.fromisoformat(detail["appliance"]["last_seen"])
            shown = {key: detail[key] for key in ("appliance", "episodes", "tickets")}
        except (KeyError, TypeError, ValueError) as error:
            raise service.strange() from error
        since = (last - timedelta(days=days)).isoformat()
        series = service.find(f"/api/v1/appliances/{name}/series", since=since, columns=columns)
        return shown | {"series": series, "standing": _standing(service, name)}


def _standing(service: RunningService, name: str) -> Any:
    try:
        return service.find(f"/api/v1/appliances/{name}/standing")
    except RefusedError:
        return None
