"""The line from end to end, and what it could not use: seen, and sent again, under `/api/v1`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query

from alerts.dead_letter_replay import NoGroupError, Replays
from foremend.runtimes.clock import SystemClock
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import stated
from foremend.service.health import Health
from foremend.service.read_model import ReadModel
from foremend.service.sight import Sight
from foremend.service.views import DeadLetterGroupView, PipelineDetail, ReplayedView
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.rights import Caller, Right
from foremend.vocabulary.types import MS_PER_DAY

OfDeadLetters = Annotated[Caller, Depends(Needs(Right.DEAD_LETTERS))]
Sending = Annotated[Caller, Depends(Needs(Right.DEAD_LETTERS_CHANGE))]
Days = Annotated[int, Query(ge=1, le=3650, description="So many days back")]


def add_pipeline(
    app: FastAPI,
    model: ReadModel,
    health: Health,
    look: Callable[[Caller], Sight],
    replays: Replays | None,
    clock: Clock | None = None,
) -> None:
    """Routes; without `replays` nothing is sent again."""
    wall = clock or SystemClock()

    @app.get(
        "/api/v1/pipeline",
        tags=["pipeline"],
        operation_id="showPipeline",
        dependencies=[Depends(Needs(Right.METRICS))],
    )
    def show_pipeline() -> PipelineDetail:
        """How far it is, what is wrong, what waits to be sent, and which versions these are."""
        return model.pipeline_detail(health.checks())

    @app.get("/api/v1/dead-letters/groups", tags=["pipeline"], operation_id="groupDeadLetters")
    def group_dead_letters(caller: OfDeadLetters, days: Days = 30) -> list[DeadLetterGroupView]:
        """Dead letters by topic and kind of reason, the newest first, at most 200 groups."""
        return look(caller).dead_letter_groups(wall.now_ms() - days * MS_PER_DAY)

    @app.post(
        "/api/v1/dead-letters/groups/{group_id}/replay",
        tags=["pipeline"],
        operation_id="replayDeadLetters",
        responses=stated(404),
    )
    def replay_dead_letters(caller: Sending, group_id: str) -> ReplayedView:
        """Send the oldest of a group again, 500 at most, as if their devices did: once what was wrong is mended.

        Each is sent once; one that fails again is a new dead letter. The audit log says who did it.
        """
        if replays is None:
            raise HTTPException(404, "this process sends no dead letter again")
        try:
            return ReplayedView(**asdict(replays.group(group_id, caller.who)))
        except NoGroupError as error:
            raise HTTPException(404, str(error)) from None
