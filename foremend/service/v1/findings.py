"""What was found, and what goes on, under `/api/v1`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Query

from alerts.queries import FindingFilter
from alerts.ticket_steps import Moment
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import stated
from foremend.service.sight import Sight
from foremend.service.v1.lists import Cursor, Limit, Text
from foremend.service.views import FindingView, Part
from foremend.vocabulary.rights import Caller, Right
from foremend.vocabulary.types import FindingKind, Severity

Since = Annotated[Moment | None, Query()]
OfFleet = Annotated[Caller, Depends(Needs(Right.FLEET))]


def add_findings(app: FastAPI, look: Callable[[Caller], Sight]) -> None:
    """Routes over what `look` lets a caller see."""

    @app.get("/api/v1/findings", tags=["findings"], operation_id="listFindings", responses=stated(400))
    def list_findings(
        caller: OfFleet,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Annotated[str, Query(pattern="^-?(time|at)$")] = "-time",
        appliance_id: Text = None,
        appliance_model: Text = None,
        fault: Text = None,
        severity: Severity | None = None,
        kind: FindingKind | None = None,
        episode_id: Text = None,
        updated_since: Since = None,
    ) -> Part[FindingView]:
        """Verdicts by event time, the newest first; with `sort=at` and `updated_since` what was found since a moment of
        the wall clock."""
        chosen = FindingFilter(
            appliance_id, appliance_model, fault, severity, kind, episode_id, updated_since=updated_since
        )
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
        updated_since: Since = None,
    ) -> Part[FindingView]:
        """What goes on now, each by its newest finding; what fails first comes first. With `updated_since` those of
        which something was found since a moment of the wall clock."""
        chosen = FindingFilter(appliance_id, appliance_model, fault, severity, updated_since=updated_since)
        return look(caller).some_open_episodes(chosen, limit, cursor)
