"""The HTTP application: routes and the right that each asks for, and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.middleware.gzip import GZipMiddleware

from alerts.queries import OutboxState, TicketStatus
from foremend.console.pages import Console
from foremend.service.contact_page import add_contact_page
from foremend.service.desks import Desks
from foremend.service.guard.bodies import BoundedBodies
from foremend.service.guard.door import Door, Needs, require_rights
from foremend.service.guard.hosts import KnownHosts
from foremend.service.guard.parameters import only_known_parameters
from foremend.service.guard.problems import RESPONSES, add_problems, stated
from foremend.service.guard.rates import RatesByAddress
from foremend.service.health import Health
from foremend.service.health_routes import add_metrics, add_routes
from foremend.service.own.routes import add_own_page
from foremend.service.read_model import ReadModel
from foremend.service.sight import Sight
from foremend.service.stop_page import add_stop_page
from foremend.service.v1.account import add_account
from foremend.service.v1.appliances import add_appliances
from foremend.service.v1.audit import add_audit
from foremend.service.v1.cohorts import add_cohorts
from foremend.service.v1.diagnoses import add_diagnoses
from foremend.service.v1.findings import add_findings
from foremend.service.v1.fleet import add_fleet
from foremend.service.v1.held_back import add_held_back
from foremend.service.v1.inbound import add_inbound
from foremend.service.v1.insights import add_insights
from foremend.service.v1.models import add_models
from foremend.service.v1.nameplates import add_nameplates
from foremend.service.v1.openid import add_openid
from foremend.service.v1.owners import add_owners
from foremend.service.v1.pipeline import add_pipeline
from foremend.service.v1.previews import add_previews
from foremend.service.v1.privacy import add_privacy
from foremend.service.v1.session import add_session
from foremend.service.v1.settings import add_settings
from foremend.service.v1.tickets import add_tickets
from foremend.service.v1.tokens import add_tokens
from foremend.service.v1.users import add_users
from foremend.service.v1.webhooks import document_events
from foremend.service.v1.wellbeing import add_wellbeing
from foremend.service.views import (
    ApplianceDetail,
    CohortView,
    DeadLetterView,
    FindingView,
    FleetView,
    HeldBackView,
    MessageView,
    Page,
    State,
    Summary,
    TicketView,
    Vocabulary,
)
from foremend.vocabulary.rights import Caller, Right

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1)]
Look = Callable[[Caller], Sight]

OfFleet = Annotated[Caller, Depends(Needs(Right.FLEET))]
OfTickets = Annotated[Caller, Depends(Needs(Right.TICKETS))]
OfMessages = Annotated[Caller, Depends(Needs(Right.MESSAGES))]
OfDeadLetters = Annotated[Caller, Depends(Needs(Right.DEAD_LETTERS))]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def create_app(
    model: ReadModel,
    hosts: Sequence[str] = (),
    health: Health | None = None,
    door: Door | None = None,
    desks: Desks | None = None,
) -> FastAPI:
    """The application over `model`; `health` is the model's own where none is given.

    Requests that name another host than `hosts` or this machine are refused. `door` lets callers in; without one only
    who sits at this machine is. What no one of `desks` does, is answered with a sentence that says so.
    Raises DefectError for a route that declares no right.
    """
    desks = desks or Desks()
    door = door or Door()
    app = FastAPI(
        title="Foremend",
        version=version("foremend"),
        description="What the fleet says, what is coming, and what was done about it.",
        docs_url=None,  # its page loads scripts from other hosts
        redoc_url=None,
        responses=RESPONSES,
        dependencies=[Depends(only_known_parameters)],
    )
    app.state.door = door
    app.add_middleware(
        GZipMiddleware, minimum_size=2_000, compresslevel=3
    )  # 206 kB of squares are 4, for 0.3 ms
    app.add_middleware(RatesByAddress, buckets=door.addresses)
    app.add_middleware(BoundedBodies)
    app.add_middleware(KnownHosts, names=hosts)
    app.middleware("http")(_with_headers)
    add_problems(app)
    health = health or model.health()
    add_routes(app, health)
    add_metrics(app, health, [Depends(Needs(Right.METRICS))])
    pseudonyms = door.access.pseudonyms if door.access else None
    reads = door.access.reads if door.access else None

    def look(caller: Caller) -> Sight:
        return Sight(model, caller, pseudonyms, reads)

    _lists(app, look)
    _fleet(app, model, look)
    add_fleet(app, look)
    add_appliances(app, look, desks.pages)
    add_nameplates(app, desks.nameplates, model.categories)
    add_cohorts(app, desks.cohorts, pseudonyms)
    add_insights(app, desks.insights)
    add_findings(app, look)
    add_held_back(app, model, look)
    add_pipeline(app, model, health, look, desks.replays)
    add_previews(app, look, desks.previews)
    add_tickets(app, look, desks.servicing)
    add_inbound(app, desks.servicing, desks.inbound)
    add_diagnoses(app, look, desks.diagnosing)
    add_owners(app, desks.consents)
    add_wellbeing(app, desks.wellbeing)
    add_privacy(app, desks.privacy)
    add_audit(app, desks.audit)
    add_models(app, desks.models)
    add_settings(app, desks.in_force)
    add_users(app, door, desks.consents)
    add_tokens(app, door)
    add_session(app, door)
    add_openid(app, door)
    add_account(app, door)
    add_stop_page(app, desks.stopping, _HEADERS["Content-Security-Policy"])
    add_contact_page(app, desks.answers, _HEADERS["Content-Security-Policy"])
    add_own_page(app, desks.own, look, _HEADERS["Content-Security-Policy"])
    app.mount("/", Console(), name="console")
    require_rights(app)
    document_events(app)
    return app


def _lists(app: FastAPI, look: Look) -> None:
    @app.get("/api/findings", tags=["lists"], operation_id="pageFindings")
    def findings(
        caller: OfFleet, limit: Limit = 50, offset: Offset = 0, appliance_id: str | None = None
    ) -> Page[FindingView]:
        """Verdicts by event time, newest first."""
        return look(caller).findings(limit, offset, appliance_id)

    @app.get("/api/episodes", tags=["lists"], operation_id="allOpenEpisodes")
    def episodes(
        caller: OfFleet, limit: Annotated[int | None, Query(ge=1, le=1000)] = None
    ) -> list[FindingView]:
        """What is going on now: open episodes, each by its newest finding; what fails first comes first. With `limit`
        the most severe of them alone, in the same order; `/api/summary` counts all.
        """
        return look(caller).episodes(limit)

    @app.get("/api/tickets", tags=["lists"], operation_id="pageTickets")
    def tickets(
        caller: OfTickets,
        limit: Limit = 50,
        offset: Offset = 0,
        appliance_id: str | None = None,
        status: TicketStatus | None = None,
    ) -> Page[TicketView]:
        """Tickets with how far their messages are, newest first."""
        return look(caller).tickets(limit, offset, appliance_id, status)

    @app.get(
        "/api/tickets/{ticket_id}",
        tags=["lists"],
        operation_id="getTicketWithDeliveries",
        responses=stated(404),
    )
    def ticket(caller: OfTickets, ticket_id: str) -> TicketView:
        """One ticket."""
        return _found(look(caller).ticket(ticket_id), f"no ticket {ticket_id}")

    @app.get("/api/held-back", tags=["lists"], operation_id="pageHeldBack")
    def held_back(caller: OfMessages, limit: Limit = 50, offset: Offset = 0) -> Page[HeldBackView]:
        """What consent held back, and why, newest first."""
        return look(caller).held_back(limit, offset)

    @app.get("/api/outbox", tags=["lists"], operation_id="pageMessages")
    def outbox(
        caller: OfMessages, limit: Limit = 50, offset: Offset = 0, state: OutboxState | None = None
    ) -> Page[MessageView]:
        """Messages to owners and receivers, without addresses, newest first."""
        return look(caller).outbox(limit, offset, state)

    @app.get("/api/dead-letters", tags=["lists"], operation_id="pageDeadLetters")
    def dead_letters(caller: OfDeadLetters, limit: Limit = 50, offset: Offset = 0) -> Page[DeadLetterView]:
        """Messages that could not be used, with the reason and their first bytes, newest first."""
        return look(caller).dead_letters(limit, offset)


def _fleet(app: FastAPI, model: ReadModel, look: Look) -> None:
    @app.get(
        "/api/summary",
        tags=["fleet"],
        operation_id="getSummary",
        dependencies=[Depends(Needs(Right.OVERVIEW))],
    )
    def summary() -> Summary:
        """Counters of the whole line, and appliances by state."""
        return model.summary()

    @app.get(
        "/api/cohorts",
        tags=["fleet"],
        operation_id="listCohorts",
        dependencies=[Depends(Needs(Right.COHORTS))],
    )
    def cohorts() -> list[CohortView]:
        """Episodes counted by appliance model and fault, without a single appliance."""
        return model.cohorts()

    @app.get("/api/fleet", tags=["fleet"], operation_id="pageFleet")
    def fleet(
        caller: OfFleet,
        limit: Limit = 500,
        offset: Offset = 0,
        state: State | None = None,
        appliance_model: str | None = None,
    ) -> FleetView:
        """Appliances, the most urgent first."""
        return look(caller).fleet(limit, offset, state, appliance_model)

    @app.get(
        "/api/appliances/{appliance_id:path}",
        tags=["fleet"],
        operation_id="getAppliance",
        responses=stated(404),
    )
    def appliance(caller: OfFleet, appliance_id: str) -> ApplianceDetail:
        """One appliance with its open episodes, findings and tickets."""
        return _found(look(caller).appliance(appliance_id), f"no appliance {appliance_id} was heard of")

    @app.get(
        "/api/vocabulary",
        tags=["fleet"],
        operation_id="getVocabulary",
        dependencies=[Depends(Needs(Right.WORDS))],
    )
    def vocabulary() -> Vocabulary:
        """Words for faults, appliance models, features and parts, by language."""
        return model.vocabulary()


def _found(value: T | None, sentence: str) -> T:
    if value is None:
        raise HTTPException(404, sentence)
    return value


async def _with_headers(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)  # a page that sends a form says so
    return response
