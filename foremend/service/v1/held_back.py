"""What consent, policies, quiet hours and rates held back, and how much of it, under `/api/v1`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Query

from alerts.held_back import Cause
from alerts.queries import HeldBackFilter
from foremend.runtimes.clock import SystemClock
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import stated
from foremend.service.read_model import ReadModel
from foremend.service.sight import Sight
from foremend.service.v1.lists import Cursor, Limit, Text
from foremend.service.views import Part, WithheldCounts, WithheldView
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rights import Caller, Right
from foremend.vocabulary.types import MS_PER_DAY, Purpose

OfMessages = Annotated[Caller, Depends(Needs(Right.MESSAGES))]
Days = Annotated[int, Query(ge=1, le=3650, description="So many days back what never left is counted")]


def add_held_back(
    app: FastAPI, model: ReadModel, look: Callable[[Caller], Sight], clock: Clock | None = None
) -> None:
    """Routes over what `look` lets a caller see; the counts name nobody, and `model` has them."""
    wall = clock or SystemClock()

    @app.get("/api/v1/held-back", tags=["lists"], operation_id="listHeldBack", responses=stated(400))
    def list_held_back(
        caller: OfMessages,
        limit: Limit = 50,
        cursor: Cursor = None,
        waits: bool = False,
        cause: Cause | None = None,
        purpose: Purpose | None = None,
        appliance_id: Text = None,
    ) -> Part[WithheldView]:
        """What never happened, the newest first; with `waits` what leaves later, what leaves first first."""
        return look(caller).some_held_back(HeldBackFilter(waits, cause, purpose, appliance_id), limit, cursor)

    @app.get(
        "/api/v1/held-back/counts",
        tags=["lists"],
        operation_id="countHeldBack",
        dependencies=[Depends(Needs(Right.HELD_BACK))],
    )
    def count_held_back(days: Days = 30) -> WithheldCounts:
        """How much was held back by cause and purpose, of nobody by name; what waits is of now."""
        return model.held_back_counts(wall.now_ms() - days * MS_PER_DAY)
