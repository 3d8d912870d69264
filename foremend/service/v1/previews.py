"""What an owner would read of a finding, under `/api/v1`: nothing is sent, and nothing is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel

from alerts.preview import Previews
from alerts.queries import OutboxState
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem, stated
from foremend.service.sight import Sight
from foremend.service.views import Time
from foremend.vocabulary.rights import Caller, Right

OfMessages = Annotated[Caller, Depends(Needs(Right.MESSAGES))]
Language = Literal["zh", "en", "de", "es", "fr"]
Channel = Literal["sms", "push", "email"]


class PreviewedMessage(BaseModel):
    """One channel's. `parts`: how many SMS it is; `consent` in words, `given` where it is.

    `would`: what would become of it at this moment: `leave`, `wait` (no sooner than `not_before`) or `stay`, and `why`.
    `state`: what became of it on this channel where it was written already.
    """

    channel: Channel
    language: Language
    subject: str
    text: str
    parts: int | None
    consent: str
    set_up: bool
    would: Literal["leave", "wait", "stay"]
    why: str | None
    not_before: Time | None
    state: OutboxState | None


class PreviewOfFinding(BaseModel):
    """`told`: whether a finding like this tells owners anything, whatever they agreed to; `reason` where it does not.

    `stage`: `soon` (foretold), `now`, or `harm` (each hour costs).
    """

    finding_id: str
    appliance_id: str
    fault: str
    stage: Literal["soon", "now", "harm"]
    told: bool
    reason: str | None
    messages: list[PreviewedMessage]


def add_previews(app: FastAPI, look: Callable[[Caller], Sight], previews: Previews | None) -> None:
    """That `look`'s caller read it stands in the audit log.

    Without `previews` the route answers that nothing is known here.
    """

    @app.get(
        "/api/v1/findings/{finding_id}/messages",
        tags=["findings"],
        operation_id="previewMessages",
        responses=stated(404),
    )
    def preview_messages(
        caller: OfMessages, finding_id: str, language: Language | None = None, channel: Channel | None = None
    ) -> PreviewOfFinding:
        """What the owner would read, on each channel; with the appliance's own name where the caller may see owners."""
        if previews is None:
            raise Problem(503, "no message can be made here: this process only shows")
        named = caller.reach(Right.OWNERS) is not None
        found = previews.of(finding_id, language, channel, named=named)
        if found is None:
            raise HTTPException(404, f"no finding {finding_id}")
        look(caller).note("message", finding_id, found)
        return PreviewOfFinding(**found)
