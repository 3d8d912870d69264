"""/livez, /readyz and /metrics: the same three for every process.

A process says what it is made of, as plain values: `Probe`s for what must be well, a function for its numbers. Those
with a page mount the routes beside it (`health_routes`); the others serve nothing else (`serve_health`), and load
neither FastAPI nor a database for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from foremend.service.metrics import CONTENT_TYPE, Family, labelled, render
from foremend.service.server import Server
from foremend.vocabulary.errors import ForemendError, UnavailableError

log = logging.getLogger(__name__)

OK = "ok"


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that must be well. Asked from other threads, often: `check` must be quick and never block.

    `check` answers None while it is well, otherwise what is wrong, in words; a ForemendError says the same.
    """

    name: str
    check: Callable[[], str | None]

    def state(self) -> str:
        """`ok`, or what is wrong."""
        try:
            return self.check() or OK
        except ForemendError as error:
            return str(error)


@dataclass(frozen=True, slots=True)
class Health:
    """What a process tells about itself.

    `ready`: whether it can do its work now. `alive`: what only a restart mends, so keep it to threads that must run;
    a process that waits for a broker is alive. `families`: its numbers, made anew at each call.
    """

    ready: Sequence[Probe]
    families: Callable[[], Iterable[Family]]
    alive: Sequence[Probe] = ()

    def checks(self) -> dict[str, str]:
        """Each readiness check: `ok`, or what is wrong."""
        return _states(self.ready)

    def livez(self) -> Response:
        """The process works; 503 with the reason when only a restart helps."""
        wrong = [f"{name}: {state}" for name, state in _states(self.alive).items() if state != OK]
        return PlainTextResponse("\n".join(wrong or [OK]) + "\n", 503 if wrong else 200)

    def prometheus(self) -> Response:
        """`metrics`, as they are served."""
        return PlainTextResponse(self.metrics(), media_type=CONTENT_TYPE)

    def metrics(self) -> str:
        """Prometheus text: the process's own families, and each readiness check as a gauge."""
        checks = labelled("check", {name: state == OK for name, state in _states(self.ready).items()})
        found = [Family("gauge", "ready", "1 while the check is well", checks)]
        with suppress(UnavailableError):  # what cannot be read now is left out: the checks say why
            found.extend(self.families())
        return render(found)


def at_most(name: str, value: Callable[[], float | None], most: float, words: str) -> Probe:
    """A probe that is well while `value()` is unknown (None) or at most `most`; `words` names value and unit."""

    def check() -> str | None:
        found = value()
        return None if found is None or found <= most else f"{words}: {found:g}, more than {most:g}"

    return Probe(name, check)


@contextmanager
def serve_health(health: Health, host: str, port: int | None) -> Iterator[str | None]:
    """Serve the three routes alone while the `with` lasts; answers the address.

    `port` 0 takes any free one, None serves nothing. Raises ConfigError when the port is taken.
    """
    if port is None:
        yield None
        return
    routes: dict[str, Callable[[Request], Response]] = {
        "/livez": lambda request: health.livez(),
        "/readyz": lambda request: _readyz(health),
        "/metrics": lambda request: health.prometheus(),
    }
    app = Starlette(routes=[Route(path, answer) for path, answer in routes.items()])
    with Server(app, host, port, "--health-port") as address:
        log.info("/livez, /readyz and /metrics are on %s", address)
        yield address


def is_ready(checks: Mapping[str, str]) -> bool:
    """Whether each of `Health.checks` is well."""
    return set(checks.values()) <= {OK}


def _readyz(health: Health) -> Response:
    checks = health.checks()
    ready = is_ready(checks)
    return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)


def _states(probes: Sequence[Probe]) -> dict[str, str]:
    return {probe.name: probe.state() for probe in probes}
