"""What `/api/v1` shows beside the views that the page has, too."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from alerts.queries import Resolution
from foremend.service.differential import DifferentialView
from foremend.service.views import TicketView, Time


class StepView(BaseModel):
    """One thing that was done about a ticket; `version` is the ticket's afterwards."""

    step: str
    by: str
    at: Time
    version: int
    details: dict[str, Any]


class EarlierView(BaseModel):
    """What became of another ticket of the same appliance."""

    ticket_id: str
    fault: str
    resolution: Resolution | None
    found_fault: str | None
    opened_at: Time
    closed_at: Time | None


class TicketWithHistory(TicketView):
    """A ticket, all that was done about it, the oldest first, and what became of earlier ones, the newest first.

    `possible`: the steps that the caller may take where the ticket is now; the owner's consent is asked at each.
    `differential`: which fault it may be and what to ask next; None where no prediction is behind the ticket.
    """

    history: list[StepView]
    earlier: list[EarlierView]
    possible: list[str]
    differential: DifferentialView | None
