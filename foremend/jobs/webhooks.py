"""`foremend webhooks`: the endpoints of an installation, on its database, beside whatever runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from alerts.database import open_database
from alerts.endpoints import EVER, Endpoints, Span
from alerts.queries import OutboxState
from alerts.ticket_steps import Moment
from foremend.config import load_settings
from foremend.jobs.tokens import by_account
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import ConfigError

_MOMENT: TypeAdapter[int] = TypeAdapter(Moment)


@contextmanager
def _opened(config: Path | None) -> Iterator[Endpoints]:
    settings = load_settings(config).alerts
    engine = open_database(settings.database)
    try:
        # Whatever sends messages looks for new ones by itself within seconds.
        yield Endpoints(engine, settings, SystemClock())
    finally:
        engine.dispose()


def every(config: Path | None) -> list[dict[str, Any]]:
    """Each endpoint with how it is."""
    with _opened(config) as endpoints:
        return endpoints.every(os.environ)


def try_out(config: Path | None, name: str) -> dict[str, Any]:
    """Send a test event. Raises as `Endpoints.test`."""
    with _opened(config) as endpoints:
        return endpoints.test(name, os.environ)


def deliveries(
    config: Path | None, name: str, since: str | None, until: str | None, state: str | None, limit: int
) -> list[dict[str, Any]]:
    """What went to an endpoint, or did not. Raises ConfigError for times and states that are none."""
    if state is not None and state not in list(OutboxState):
        raise ConfigError(f"--state {state!r} is none of a message; there are {', '.join(OutboxState)}")
    chosen = None if state is None else OutboxState(state)
    with _opened(config) as endpoints:
        return endpoints.deliveries(name, by_account(), span(since, until), chosen, limit)


def replay(
    config: Path | None,
    name: str,
    ids: Sequence[str],
    since: str | None,
    until: str | None,
    delivered: bool,
) -> dict[str, Any]:
    """Send once more by ids, or by a span of time. Raises ConfigError where neither is said, or both are."""
    if bool(ids) == (since is not None or until is not None):
        raise ConfigError("say which: ids of messages, or --since and --until, one of them")
    with _opened(config) as endpoints:
        if ids:
            count = endpoints.replay(name, ids, by_account(), delivered=delivered)
        else:
            count = endpoints.replay_span(name, span(since, until), by_account(), delivered=delivered)
    return {"endpoint": name, "replayed": count}


def enable(config: Path | None, name: str, again: bool) -> dict[str, Any]:
    """Use a disabled endpoint again, and with `again` send what was given up."""
    with _opened(config) as endpoints:
        enabled = endpoints.enable(name)
        count = endpoints.replay_span(name, EVER, by_account()) if again else 0
    return enabled | {"replayed": count}


def span(since: str | None, until: str | None) -> Span:
    """Times as people write them. Raises ConfigError for what is none."""
    try:
        begin, end = (None if one is None else _MOMENT.validate_python(one) for one in (since, until))
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise ConfigError(f"--since, --until: {said}") from error
    if begin is not None and end is not None and end <= begin:
        raise ConfigError("--until is not after --since")
    return Span(begin, end)
