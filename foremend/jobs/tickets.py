"""`foremend tickets`: what people do about tickets, on an installation's database, beside whatever runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Engine

from alerts import queries
from alerts.database import open_database
from alerts.outbox import Outbox
from alerts.reads import EVERYBODY, note_read
from alerts.servicing import Servicing
from alerts.ticket_steps import FROM, STEP, NoTicketError
from foremend.config import load_settings
from foremend.jobs.tokens import by_account
from foremend.runtimes.clock import SystemClock
from foremend.service.differential import Differentials
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.profiles import load_profiles


@contextmanager
def _opened(config: Path | None) -> Iterator[tuple[Engine, Servicing]]:
    settings = load_settings(config).alerts
    engine = open_database(settings.database)
    try:
        # Whatever sends messages looks for new ones by itself within seconds.
        yield engine, Servicing(engine, Outbox(settings), SystemClock(), lambda: None)
    finally:
        engine.dispose()


def take(config: Path | None, ticket_id: str, words: dict[str, Any], version: int | None) -> dict[str, Any]:
    """The ticket after the step that `words` say. Raises InputError for words that are no step, and as `Servicing`."""
    try:
        step = STEP.validate_python({name: value for name, value in words.items() if value is not None})
    except ValidationError as error:
        said = "; ".join(str(one["msg"]).removeprefix("Value error, ") for one in error.errors())
        raise InputError(f"this is no step of a ticket: {said}") from error
    with _opened(config) as (_, servicing):
        return servicing.take(ticket_id, step, by_account(), version=version)


def show(config: Path | None, ticket_id: str) -> dict[str, Any]:
    """A ticket with its history, and what to ask next. Raises NoTicketError, and ConfigError for wrong profiles."""
    profiles = load_profiles(load_settings(config).profiles.folders)
    with _opened(config) as (engine, servicing):
        ticket = queries.ticket(engine, ticket_id)
        if ticket is None:
            raise NoTicketError(f"there is no ticket {ticket_id!r}")
        note_read(engine, SystemClock(), "ticket", ticket_id, by_account())
        history = servicing.history(ticket_id)
        differential = Differentials.of(engine, profiles, load_catalogue()).view(
            ticket_id,
            ticket["appliance_model"],
            ((one["step"], one["details"]) for one in history),
            ticket["status"] in FROM["answered"],
        )
        return ticket | {
            "history": history,
            "differential": None if differential is None else differential.model_dump(),
        }


def listed(config: Path | None, status: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest tickets, of one status where it is given. Raises InputError for a status that does not exist."""
    with _opened(config) as (engine, _):
        found = queries.tickets(engine, limit, status=status).items
        if found:
            note_read(engine, SystemClock(), "ticket", EVERYBODY, by_account())
        return found
