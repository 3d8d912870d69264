"""What was found, and what goes on, under `/api/v1`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Query

from alerts.queries import FindingFilter
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import stated
from foremend.service.sight import Sight
from foremend.service.v1.lists import Cursor, Limit, Text
from foremend.service.views import FindingView, Part
from foremend.vocabulary.rights import Caller, Right
from foremend.vocabulary.types import FindingKind, Severity

OfFleet = Annotated[Caller, Depends(Needs(Right.FLEET))]


def add_findings(app: FastAPI, look: Callable[[Caller], Sight]) -> None:
    """Routes over what `look` lets a caller see."""

    @app.get("/api/v1/findings", tags=["findings"], operation_id="listFindings", responses=stated(400))
    def list_findings(
        caller: OfFleet,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Annotated[str, Query(pattern="^-?time$")] = "-time",
        appliance_id: Text = None,
        appliance_model: Text = None,
        fault: Text = None,
        severity: Severity | None = None,
        kind: FindingKind | None = None,
        episode_id: Text = None,
    ) -> Part[FindingView]:
        """Verdicts by event time, the newest first."""
        chosen = FindingFilter(appliance_id, appliance_model, fault, severity, kind, episode_id)
        return look(caller).some_findings(chosen, sort, limit, cursor)

    @app.get("/api/v1/episodes", tags=["findings"], operation_id="listOpenEpisodes", responses=stated(400))
    def list_open_episodes(
        caller: OfFleet,
        limit: Limit = 50,
        cursor: Cursor = None,
        appliance_id: Text = None,
        appliance_model: Text = None,
        fault: Text = None,
        severity: Severity | None = None,
    ) -> Part[FindingView]:
        """What goes on now, each by its newest finding; what fails first comes first."""
        chosen = FindingFilter(appliance_id, appliance_model, fault, severity)
        return look(caller).some_open_episodes(chosen, limit, cursor)
