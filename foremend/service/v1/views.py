"""What `/api/v1` shows beside the views that the page has, too."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from foremend.service.views import TicketView, Time


class StepView(BaseModel):
    """One thing that was done about a ticket; `version` is the ticket's afterwards."""

    step: str
    by: str
    at: Time
    version: int
    details: dict[str, Any]


class TicketWithHistory(TicketView):
    """A ticket, and all that was done about it, the oldest first."""

    history: list[StepView]
