"""`foremend wellbeing`: whom an owner wants told when the household's habits stop."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show

app = typer.Typer(help="Trusted contacts of owners who said yes to wellbeing.", no_args_is_help=True)

Owner = Annotated[str, typer.Argument(help="The owner's id.")]


@app.command("contact")
def contact(
    owner: Owner,
    channel: Annotated[str, typer.Option(help="How the contact is reached: sms, push or email.")],
    address: Annotated[str, typer.Option(help="The telephone number or e-mail address; kept sealed.")],
    language: Annotated[str, typer.Option(help="Of the messages: zh, en, de, es or fr.")] = "en",
    name: Annotated[
        str | None,
        typer.Option(help="What the contact calls the household, as `Grandma`; none: `the household`."),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Keep whom the owner wants told; who has the same address is replaced. Nobody is told before a yes to it."""
    from alerts.wellbeing.contacts import Contact
    from foremend.jobs.tokens import by_account
    from foremend.wiring.household import at_the_desk

    def keep(desk: Any, _settings: Any) -> dict[str, Any]:
        chosen = Contact(channel, address, language, name)
        return dict(desk.contacts.add(owner, chosen, by_account()))

    show("Contact", at_the_desk(config, keep), json)


@app.command("contacts")
def contacts(owner: Owner, config: Config = None, json: Json = False) -> None:
    """Whom an owner wants told, addresses masked. The audit log says who read it."""
    from foremend.jobs.tokens import by_account
    from foremend.wiring.household import at_the_desk

    def read(desk: Any, _settings: Any) -> dict[str, Any]:
        return {"contacts": desk.contacts.some(owner, by_account())}

    show("Contacts", at_the_desk(config, read), json)


@app.command("remove")
def remove(
    owner: Owner,
    contact: Annotated[str, typer.Argument(help="The contact's id, as `contacts` shows it.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Let go of a contact: nothing that waits for it leaves."""
    from foremend.jobs.tokens import by_account
    from foremend.wiring.household import at_the_desk

    def drop(desk: Any, _settings: Any) -> dict[str, Any]:
        return dict(desk.contacts.remove(owner, contact, by_account()))

    show("Removed", at_the_desk(config, drop), json)


@app.command("away")
def away(
    owner: Owner,
    until: Annotated[
        datetime, typer.Option(help="When somebody is back, by this machine's clock; a day is its beginning.")
    ],
    config: Config = None,
    json: Json = False,
) -> None:
    """Nobody is at home from now on: no silence is told of until then."""
    from foremend.jobs.tokens import by_account
    from foremend.wiring.household import at_the_desk

    def say(desk: Any, _settings: Any) -> dict[str, Any]:
        desk.wellbeing.away(owner, round(until.timestamp() * 1_000), by_account())
        return {"owner_id": owner, "away_until": until.isoformat(timespec="minutes")}

    show("Away", at_the_desk(config, say), json)


@app.command("well")
def well(owner: Owner, config: Config = None, json: Json = False) -> None:
    """All is well, and whoever was away is back. A silence that was told of is over, and its contacts hear so."""
    from foremend.jobs.tokens import by_account
    from foremend.wiring.household import at_the_desk

    def say(desk: Any, _settings: Any) -> dict[str, Any]:
        desk.wellbeing.well(owner, by_account())
        return {"owner_id": owner, "well": True}

    show("Well", at_the_desk(config, say), json)
