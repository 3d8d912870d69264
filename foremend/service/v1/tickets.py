"""Tickets under `/api/v1`: lists with filters, one with its history, and the steps that people take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, HTTPException, Query, Response

from alerts.queries import Resolution, TicketFilter, TicketStatus
from alerts.servicing import Mine, Servicing
from alerts.ticket_steps import (
    FROM,
    OF_THE_DESK,
    AnyStep,
    Moment,
    NoTicketError,
    NotNowError,
    StaleError,
    Step,
    UsedKeyError,
)
from foremend.service.guard.door import Needs
from foremend.service.guard.problems import Problem, stated
from foremend.service.sight import Sight
from foremend.service.v1.conditions import IdempotencyKey, IfMatch, etag, version_of
from foremend.service.v1.lists import Cursor, Limit, Text
from foremend.service.v1.views import EarlierView, StepView, TicketWithHistory
from foremend.service.views import Part, TicketView
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.rights import Caller, Reach, Right, Role
from foremend.vocabulary.types import Severity

Look = Callable[[Caller], Sight]
OfTickets = Annotated[Caller, Depends(Needs(Right.TICKETS))]
Changing = Annotated[Caller, Depends(Needs(Right.TICKETS_CHANGE))]


class Svg(Response):
    """A picture."""

    media_type = "image/svg+xml"


Again = Annotated[
    str | None,
    Query(
        max_length=40, description="any word: under the same address a browser shows the picture that it has"
    ),
]

_BY_ERROR: dict[type[InputError], int] = {
    NoTicketError: 404,
    NotNowError: 409,
    StaleError: 412,
    UsedKeyError: 422,
}


def add_tickets(app: FastAPI, look: Look, servicing: Servicing | None) -> None:
    """Routes over what `look` lets a caller see. Without `servicing` they read only."""

    @app.get("/api/v1/tickets", tags=["tickets"], operation_id="listTickets", responses=stated(400))
    def list_tickets(
        caller: OfTickets,
        limit: Limit = 50,
        cursor: Cursor = None,
        sort: Annotated[str, Query(pattern="^-?(opened_at|changed_at|priority|due_at)$")] = "-opened_at",
        status: TicketStatus | None = None,
        severity: Severity | None = None,
        priority: Annotated[int | None, Query(ge=1, le=4)] = None,
        resolution: Resolution | None = None,
        appliance_id: Text = None,
        appliance_model: Text = None,
        fault: Text = None,
        assigned_to: Text = None,
        service_area: Text = None,
        updated_since: Annotated[Moment | None, Query()] = None,
        due_before: Annotated[
            Moment | None,
            Query(description="A promise that is not kept, and does not stand, ends before then"),
        ] = None,
    ) -> Part[TicketView]:
        """Tickets, the newest first; with `sort=changed_at` and `updated_since` what changed since a moment."""
        chosen = TicketFilter(
            appliance_id=appliance_id, appliance_model=appliance_model, fault=fault, status=status,
            severity=severity, priority=priority, resolution=resolution,
            assigned_to=assigned_to, service_area=service_area,
            updated_since=updated_since, due_before=due_before,
        )  # fmt: skip
        return look(caller).some_tickets(chosen, sort, limit, cursor)

    @app.get("/api/v1/tickets/{ticket_id}", tags=["tickets"], operation_id="getTicket", responses=stated(404))
    def get_ticket(caller: OfTickets, ticket_id: str, response: Response) -> TicketWithHistory:
        """One ticket with all that was done about it; its `ETag` is what a step has to name."""
        found = look(caller).ticket(ticket_id)
        if found is None:
            raise HTTPException(404, f"no ticket {ticket_id}")
        history = [StepView(**one) for one in _working(servicing).history(ticket_id)]
        response.headers["ETag"] = etag(found.version)
        differential = look(caller).model.differentials.view(
            ticket_id,
            found.appliance_model,
            ((one.step, one.details) for one in history),
            found.status in FROM["answered"],
        )
        earlier = [EarlierView(**one) for one in look(caller).model.earlier(ticket_id)]
        possible = _possible(caller, found.status)
        return TicketWithHistory(
            **found.model_dump(),
            history=history,
            earlier=earlier,
            possible=possible,
            differential=differential,
        )

    @app.get(
        "/api/v1/tickets/{ticket_id}/chart.svg",
        tags=["tickets"],
        operation_id="getTicketChart",
        response_class=Svg,
        responses=stated(404),
    )
    def get_chart(
        caller: OfTickets, ticket_id: str, language: Literal["en", "zh"] = "en", again: Again = None
    ) -> Response:
        """The first number behind a ticket over its episode, beside what is usual, as a small picture."""
        seen = look(caller)
        drawn = seen.model.evidence_chart(ticket_id, language) if seen.ticket(ticket_id) else None
        if drawn is None:
            raise HTTPException(404, f"no ticket {ticket_id} with anything that was measured")
        return Svg(drawn)

    @app.post(
        "/api/v1/tickets/{ticket_id}/steps",
        tags=["tickets"],
        operation_id="takeStep",
        responses=stated(404, 409, 412, 428),
    )
    def take_step(
        caller: Changing,
        ticket_id: str,
        step: AnyStep,
        response: Response,
        if_match: IfMatch = None,
        idempotency_key: IdempotencyKey = None,
    ) -> TicketView:
        """Acknowledge, assign, schedule, resolve, close, reopen, merge, answer a question: the ticket afterwards."""
        _require_reach(caller, step)
        ticket = taken(
            _working(servicing), ticket_id, step, who_of(caller), version_of(if_match), idempotency_key,
            _mine(caller),
        )  # fmt: skip
        response.headers["ETag"] = etag(ticket["version"])
        return TicketView(**ticket)


def taken(
    servicing: Servicing,
    ticket_id: str,
    step: Step,
    by: str,
    version: int | None,
    key: str | None,
    mine: Mine = lambda ticket: True,
) -> dict[str, Any]:
    """`Servicing.take`, its refusals as problems."""
    try:
        return servicing.take(ticket_id, step, by, version=version, key=key, mine=mine)
    except InputError as error:
        raise Problem(_BY_ERROR.get(type(error), 422), str(error)) from error


def who_of(caller: Caller) -> str:
    """Who did it, for the history: the credential, and the technician behind it."""
    return f"{caller.who} ({caller.subject})" if caller.role is Role.TECHNICIAN else caller.who


def _possible(caller: Caller, status: TicketStatus) -> list[str]:
    reach = caller.reach(Right.TICKETS_CHANGE)
    steps = [step for step, states in FROM.items() if status in states] if reach else []
    return [step for step in steps if reach is Reach.ALL or step not in OF_THE_DESK]


def _require_reach(caller: Caller, step: Step) -> None:
    if step.step in OF_THE_DESK and caller.reach(Right.TICKETS_CHANGE) is not Reach.ALL:
        raise Problem(
            403,
            f"{step.step} takes the right tickets.change for all tickets, yours is for your own",
            right=Right.TICKETS_CHANGE,
            reach=Reach.OWN,
        )


def _mine(caller: Caller) -> Mine:
    if caller.reach(Right.TICKETS_CHANGE) is Reach.ALL:
        return lambda ticket: True
    return lambda ticket: ticket.assigned_to is not None and ticket.assigned_to == caller.subject


def _working(servicing: Servicing | None) -> Servicing:
    if servicing is None:
        raise Problem(503, "nothing can be done about tickets here: this process only shows")
    return servicing
