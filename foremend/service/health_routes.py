"""/livez, /readyz and /metrics beside the page, described in OpenAPI."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, Response
from fastapi.params import Depends
from fastapi.responses import PlainTextResponse

from foremend.service.health import Health, is_ready
from foremend.service.views import Readiness


def add_routes(app: FastAPI, health: Health) -> None:
    """Give `app` the two that say how the process is."""

    @app.get("/livez", response_class=PlainTextResponse, tags=["health"], operation_id="isAlive")
    def livez() -> Response:
        """The process works; 503 with the reason when only a restart helps."""
        return health.livez()

    @app.get("/readyz", tags=["health"], operation_id="isReady", responses={503: {"model": Readiness}})
    def readyz(response: Response) -> Readiness:
        """The process can do its work now; 503 with what is not ready otherwise."""
        checks = health.checks()
        ready = is_ready(checks)
        response.status_code = 200 if ready else 503
        return Readiness(ready=ready, checks=checks)


def add_metrics(app: FastAPI, health: Health, asks: Sequence[Depends] = ()) -> None:
    """Give `app` the numbers; `asks` is what must be true of who wants them."""

    @app.get(
        "/metrics",
        response_class=PlainTextResponse,
        tags=["health"],
        operation_id="getMetrics",
        dependencies=asks,
    )
    def prometheus() -> Response:
        """Counters and gauges in the Prometheus text format."""
        return health.prometheus()
