"""The HTTP application: routes and nothing else. Read-only, so there is nothing to forge across sites."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Annotated, TypeVar

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from foremend.console import STATIC
from foremend.service.health import Health, add_routes
from foremend.service.read_model import ReadModel
from foremend.service.views import (
    ApplianceDetail,
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
from foremend.vocabulary.errors import ForemendError, InputError

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0)]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def create_app(model: ReadModel, host: str = "127.0.0.1", health: Health | None = None) -> FastAPI:
    """The application over `model`; `health` is the model's own where none is given.

    Requests that name another host than `host` or this machine are refused.
    """
    app = FastAPI(
        title="Foremend",
        version=version("foremend"),
        description="What the fleet says, what is coming, and what was done about it. Read-only.",
        docs_url=None,  # its page loads scripts from other hosts
        redoc_url=None,
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=_hosts(host))
    app.middleware("http")(_with_headers)
    app.exception_handler(ForemendError)(_sorry)
    add_routes(app, health or model.health())
    _lists(app, model)
    _fleet(app, model)
    app.mount("/", StaticFiles(directory=STATIC, html=True), name="console")
    return app


def _lists(app: FastAPI, model: ReadModel) -> None:
    @app.get("/api/findings", tags=["lists"])
    def findings(limit: Limit = 50, offset: Offset = 0, appliance_id: str | None = None) -> Page[FindingView]:
        """Verdicts by event time, newest first."""
        return model.findings(limit, offset, appliance_id)

    @app.get("/api/episodes", tags=["lists"])
    def episodes() -> list[FindingView]:
        """What is going on now: open episodes, each by its newest finding; what fails first comes first."""
        return model.episodes()

    @app.get("/api/tickets", tags=["lists"])
    def tickets(limit: Limit = 50, offset: Offset = 0, appliance_id: str | None = None) -> Page[TicketView]:
        """Tickets with how far their messages are, newest first."""
        return model.tickets(limit, offset, appliance_id)

    @app.get("/api/tickets/{ticket_id}", tags=["lists"])
    def ticket(ticket_id: str) -> TicketView:
        """One ticket."""
        return _found(model.ticket(ticket_id), f"no ticket {ticket_id}")

    @app.get("/api/held-back", tags=["lists"])
    def held_back(limit: Limit = 50, offset: Offset = 0) -> Page[HeldBackView]:
        """What consent held back, and why, newest first."""
        return model.held_back(limit, offset)

    @app.get("/api/outbox", tags=["lists"])
    def outbox(limit: Limit = 50, offset: Offset = 0, state: str | None = None) -> Page[MessageView]:
        """Messages to owners and receivers, without addresses, newest first."""
        return model.outbox(limit, offset, state)

    @app.get("/api/dead-letters", tags=["lists"])
    def dead_letters(limit: Limit = 50, offset: Offset = 0) -> Page[DeadLetterView]:
        """Messages that could not be used, with the reason and their first bytes, newest first."""
        return model.dead_letters(limit, offset)


def _fleet(app: FastAPI, model: ReadModel) -> None:
    @app.get("/api/summary", tags=["fleet"])
    def summary() -> Summary:
        """Counters of the whole line, and appliances by state."""
        return model.summary()

    @app.get("/api/fleet", tags=["fleet"])
    def fleet(
        limit: Limit = 500, offset: Offset = 0, state: State | None = None, appliance_model: str | None = None
    ) -> FleetView:
        """Appliances, the most urgent first."""
        return model.fleet(limit, offset, state, appliance_model)

    @app.get("/api/appliances/{appliance_id}", tags=["fleet"])
    def appliance(appliance_id: str) -> ApplianceDetail:
        """One appliance with its open episodes, findings and tickets."""
        return _found(model.appliance(appliance_id), f"no appliance {appliance_id} was heard of")

    @app.get("/api/vocabulary", tags=["fleet"])
    def vocabulary() -> Vocabulary:
        """Words for faults, appliance models and features, by language."""
        return model.vocabulary()


def _found(value: T | None, sentence: str) -> T:
    if value is None:
        raise HTTPException(404, sentence)
    return value


async def _with_headers(request: Request, call: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call(request)
    response.headers.update(_HEADERS)
    return response


def _sorry(_request: Request, error: Exception) -> JSONResponse:
    """Our own errors as a sentence: the caller's mistake, or ours to mend."""
    return JSONResponse({"detail": str(error)}, status_code=400 if isinstance(error, InputError) else 503)


def _hosts(host: str) -> list[str]:
    """Against DNS rebinding: a page elsewhere may not reach this service under a name of its own."""
    return ["*"] if host in ("0.0.0.0", "::") else sorted({host, "127.0.0.1", "localhost", "[::1]"})
