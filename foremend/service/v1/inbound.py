"""Signed webhooks from other systems: a step on a ticket."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from alerts.inbound import Inbound, StepData, StepEvent, UnsignedError
from alerts.servicing import Servicing
from foremend.service.guard.problems import Problem, stated
from foremend.service.v1.conditions import etag
from foremend.service.v1.tickets import taken
from foremend.service.views import TicketView
from foremend.vocabulary.errors import InputError

_SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")


@cache
def _event_schema() -> dict[str, Any]:
    """Pydantic takes a quarter of the time of all of an application's routes for it."""
    return StepEvent.model_json_schema(ref_template="#/components/schemas/{model}")


def _described() -> dict[str, Any]:
    """What the route takes: it reads the raw body, as that is what is signed."""
    schema = deepcopy(_event_schema())
    schema["properties"]["data"] = schema.pop("$defs")[StepData.__name__]
    headers = [
        {"name": one, "in": "header", "required": True, "schema": {"type": "string"}} for one in _SIGNED
    ]
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {"requestBody": body, "parameters": headers}


def add_inbound(app: FastAPI, servicing: Servicing | None, inbound: Inbound) -> None:
    """The route asks no right: its signature says who sends."""

    @app.post(
        "/api/v1/inbound/{name}",
        tags=["tickets"],
        operation_id="receiveStep",
        openapi_extra=_described(),
        responses=stated(404, 409, 412),
    )
    async def receive_step(name: str, request: Request, response: Response) -> TicketView:
        """A step on a ticket from a system whose secret is in `alerts.inbound`, known again by its `webhook-id`."""
        body, headers = await request.body(), {one: request.headers.get(one, "") for one in _SIGNED}
        ticket = await run_in_threadpool(_take, servicing, inbound, name, body, headers)
        response.headers["ETag"] = etag(ticket["version"])
        return TicketView(**ticket)


def _take(
    servicing: Servicing | None, inbound: Inbound, name: str, body: bytes, headers: dict[str, str]
) -> dict[str, Any]:
    try:
        event, key = inbound.read(name, body, headers)
    except UnsignedError as error:
        raise Problem(401, str(error)) from error
    except InputError as error:
        raise Problem(422, str(error)) from error
    if servicing is None:
        raise Problem(503, "nothing can be done about tickets here: this process only shows")
    said = event.data
    return taken(servicing, said.ticket_id, said.step, f"webhook:{name}", said.version, key)
