"""`foremend tickets`: what was foreseen, what is done about it, and what technicians found."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import Exact, emit

app = typer.Typer(help="Service tickets: what is done about them, and what was found.", no_args_is_help=True)

Ticket = Annotated[str, typer.Argument(help="As in the ticket's webhook.")]
Note = Annotated[str, typer.Option(help="For people here; it leaves in no event.")]
Version = Annotated[int | None, typer.Option(help="Only if it is at this version still.")]
SHOWN = ("ticket_id", "status", "version", "resolution", "found_fault", "visit_from", "merged_into")


def _take(title: str, ticket_id: str, config: Config, json: bool, version: int | None, **words: Any) -> None:
    from foremend.jobs import tickets

    ticket = tickets.take(config, ticket_id, words, version)
    show(title, ticket if json else {name: ticket[name] for name in SHOWN if ticket[name] is not None}, json)


@app.command("list")
def every(
    status: Annotated[str | None, typer.Option(help="Only these, such as open or scheduled.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 50,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show the newest tickets."""
    from foremend.jobs import tickets

    found = tickets.listed(config, status, limit)
    if json:
        emit({"tickets": found})
    else:
        lines: dict[str, Any] = {
            Exact(one["ticket_id"]): f"{one['status']}: {one['appliance_id']}, {one['fault']}"
            for one in found
        }
        show("Tickets", lines, json)


@app.command("show")
def one(ticket_id: Ticket, config: Config = None, json: Json = False) -> None:
    """Show a ticket with all that was done about it."""
    from foremend.jobs import tickets

    show("Ticket", tickets.show(config, ticket_id), json)


@app.command("assign")
def assign_ticket(
    ticket_id: Ticket,
    technician: Annotated[str | None, typer.Option("--to", help="A name; left out: nobody's.")] = None,
    note: Note = "",
    version: Version = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say whose ticket it is: a technician sees no other."""
    _take("Assigned", ticket_id, config, json, version, step="assigned", technician=technician, note=note)


@app.command("step")
def step(
    ticket_id: Ticket,
    name: Annotated[
        str,
        typer.Argument(
            help="acknowledged, contacted, on_the_way, waiting, resumed, closed, reopened (with --reason) or noted."
        ),
    ],
    note: Note = "",
    reason: Annotated[str | None, typer.Option(help="Why it is opened again.")] = None,
    version: Version = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say what was done: acknowledged, contacted, on the way, waiting for the owner, closed, ..."""
    _take("Ticket", ticket_id, config, json, version, step=name, note=note, reason=reason)


@app.command("schedule")
def schedule(
    ticket_id: Ticket,
    visit_from: Annotated[str, typer.Option("--from", help="ISO 8601 with its zone.")],
    visit_until: Annotated[str, typer.Option("--until", help="ISO 8601 with its zone.")],
    note: Note = "",
    version: Version = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say when somebody comes."""
    times = {"visit_from": visit_from, "visit_until": visit_until}
    _take("Scheduled", ticket_id, config, json, version, step="scheduled", note=note, **times)


@app.command("merge")
def merge(
    ticket_id: Ticket,
    into: Annotated[str, typer.Option(help="The other ticket, of the same appliance.")],
    note: Note = "",
    version: Version = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """End a ticket in another one that has the same cause."""
    _take("Merged", ticket_id, config, json, version, step="merged", into=into, note=note)


@app.command("answer")
def answer(
    ticket_id: Ticket,
    inquiry: Annotated[str, typer.Argument(help="The question or test, by its name.")],
    reply: Annotated[str, typer.Argument(help="yes, no or unknown; a later word corrects it.")],
    version: Version = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say what the owner answered, or what a guided test showed."""
    _take("Answered", ticket_id, config, json, version, step="answered", inquiry=inquiry, answer=reply)


@app.command("outcome")
def ticket_outcome(
    ticket_id: Ticket,
    confirmed: Annotated[
        bool | None, typer.Option("--confirmed/--not-found", help="Was there a fault?")
    ] = None,
    result: Annotated[
        str | None,
        typer.Option(
            help="Instead: confirmed, other_fault, no_fault_found, solved_remotely or owner_declined."
        ),
    ] = None,
    fault: Annotated[str | None, typer.Option(help="If it was another fault than foreseen.")] = None,
    found_at: Annotated[str | None, typer.Option(help="ISO 8601 with its zone; now, if left out.")] = None,
    repaired_at: Annotated[str | None, typer.Option(help="If it was repaired.")] = None,
    reason: Annotated[str, typer.Option(help="Why, if it was resolved otherwise before.")] = "",
    note: Note = "",
    version: Version = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Keep what was found: it ends the ticket, and `foremend train --outcomes tickets` learns from it."""
    from alerts.servicing import resolved_with

    if (confirmed is None) == (result is None):
        raise typer.BadParameter("say --confirmed, --not-found or --result, one of them")
    said = {"fault": fault, "found_at": found_at, "repaired_at": repaired_at, "reason": reason, "note": note}
    word = result or resolved_with(bool(confirmed), fault).value
    _take("Outcome", ticket_id, config, json, version, step="resolved", result=word, **said)
