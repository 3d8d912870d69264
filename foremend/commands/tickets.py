"""`foremend tickets`: what technicians found."""

from __future__ import annotations

from typing import Annotated

import typer

from foremend.commands.common import Config, Json, lifecycle, show

app = typer.Typer(help="Service tickets: what technicians found.", no_args_is_help=True)


@app.command("assign")
def assign_ticket(
    ticket_id: Annotated[str, typer.Argument(help="As in the ticket's webhook.")],
    technician: Annotated[str | None, typer.Option("--to", help="A name; left out: nobody's.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say whose ticket it is: a technician sees no other."""
    show("Assigned", lifecycle(config).assign(ticket_id, technician), json)


@app.command("outcome")
def ticket_outcome(
    ticket_id: Annotated[str, typer.Argument(help="As in the ticket's webhook.")],
    confirmed: Annotated[bool, typer.Option("--confirmed/--not-found", help="Was there a fault?")],
    fault: Annotated[str | None, typer.Option(help="If it was another fault than foreseen.")] = None,
    found_at: Annotated[str | None, typer.Option(help="ISO 8601 or ms UTC; now, if left out.")] = None,
    repaired_at: Annotated[str | None, typer.Option(help="If it was repaired.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Keep what a technician found: `foremend train --outcomes tickets` learns from it."""
    result = lifecycle(config).keep_outcome(ticket_id, confirmed, fault, found_at, repaired_at)
    show("Outcome", result, json)
