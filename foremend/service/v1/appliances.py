"""One appliance over time, and whether anything may be done about it, under `/api/v1`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI, HTTPException, Query

from alerts.ticket_steps import Moment
from foremend.service.appliance_pages import AppliancePages
from foremend.service.appliance_views import SeriesView, StandingView
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem, stated
from foremend.service.sight import Sight
from foremend.service.views import ApplianceDetail
from foremend.vocabulary.rights import Caller, Right
from foremend.vocabulary.types import MS_PER_DAY

T = TypeVar("T")
OfFleet = Annotated[Caller, Depends(Needs(Right.FLEET))]
OfMessages = Annotated[Caller, Depends(Needs(Right.MESSAGES))]
_USUALLY_MS = 90 * MS_PER_DAY
LONGEST_MS = 3 * 366 * MS_PER_DAY


def add_appliances(app: FastAPI, look: Callable[[Caller], Sight], pages: AppliancePages | None) -> None:
    """Routes over `pages`; without them there are no readings, and nothing is known of owners."""

    @app.get(
        "/api/v1/appliances/{appliance_id:path}/series",
        tags=["appliances"],
        operation_id="showSeries",
        responses=stated(400, 404),
    )
    def show_series(
        caller: OfFleet,
        appliance_id: str,
        since: Annotated[Moment | None, Query(description="90 days before `until`")] = None,
        until: Annotated[Moment | None, Query(description="The newest reading, included")] = None,
        columns: Annotated[int, Query(ge=10, le=2000, description="Stretches of time at most")] = 600,
    ) -> SeriesView:
        """Readings thinned to a screen's columns, with what was found meanwhile. Times are the appliance's own."""
        sight = look(caller)
        appliance = _known(sight, appliance_id).appliance
        last = _ms(appliance.last_seen) + 1
        end = last if until is None else until
        start = end - _USUALLY_MS if since is None else since
        if not 0 < end - start <= LONGEST_MS:
            raise Problem(400, "`since` must be before `until`, and at most three years")
        sight.note("reading", appliance_id, appliance)
        return _required(pages).series(appliance, start, end, columns)

    @app.get(
        "/api/v1/appliances/{appliance_id:path}/standing",
        tags=["appliances"],
        operation_id="showStanding",
        responses=stated(404),
    )
    def show_standing(caller: OfMessages, appliance_id: str) -> StandingView:
        """What the owner agreed to, and why an open episode has no ticket, as the gate would say now."""
        sight = look(caller)
        _known(sight, appliance_id)
        found = sight.model.appliance(
            appliance_id
        )  # with its tickets, whether or not the caller may read those
        return _required(pages).standing(_required(found))


def _known(sight: Sight, appliance_id: str) -> ApplianceDetail:
    found = sight.appliance(appliance_id)
    if found is None:
        raise HTTPException(404, f"no appliance {appliance_id} was heard of")
    return found


def _required(thing: T | None) -> T:
    if thing is None:
        raise HTTPException(404, "nothing is kept here of appliances over time")
    return thing


def _ms(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)
