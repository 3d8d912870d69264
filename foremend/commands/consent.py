"""`foremend consent`: what owners agree to, at a service desk."""

from __future__ import annotations

from typing import Annotated

import typer

from foremend.commands.common import Config, Json, show
from foremend.vocabulary.purposes import Purpose

app = typer.Typer(help="What owners agreed to: grant, withdraw, read.", no_args_is_help=True)

Appliance = Annotated[str, typer.Argument(help="The appliance's id.")]
How = Annotated[str, typer.Option(help="How the owner said it, as `letter of 3 May`, `call 4711`.")]


@app.command("grant")
def grant(
    appliance: Appliance,
    purpose: Annotated[list[Purpose], typer.Option(help="Repeat for several.")],
    owner: Annotated[str, typer.Option(help="Who says yes: the appliance's owner.")],
    how: How = "service desk",
    language: Annotated[
        str | None, typer.Option(help="Of the notice that the owner was told; none: the appliance's.")
    ] = None,
    retention: Annotated[
        str | None, typer.Option(help="How long the yes holds, as P1Y; none, or longer: as the policy says.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Keep an owner's yes, for one appliance."""
    from foremend.wiring.household import at_the_desk

    result = at_the_desk(
        config,
        lambda desk, _settings: desk.consents.say(
            appliance, purpose, True, owner_id=owner, how=how, language=language, retention=retention
        ),
    )
    show("Granted", result, json)


@app.command("withdraw")
def withdraw(
    appliance: Appliance,
    purpose: Annotated[list[Purpose] | None, typer.Option(help="Repeat for several; none: all.")] = None,
    owner: Annotated[str | None, typer.Option(help="Who says no; none: whoever owns it now.")] = None,
    how: How = "service desk",
    config: Config = None,
    json: Json = False,
) -> None:
    """Keep an owner's no. Nothing leaves after it; open tickets are withdrawn where they stood on it."""
    from foremend.wiring.household import at_the_desk

    result = at_the_desk(
        config,
        lambda desk, _settings: desk.consents.say(
            appliance, purpose or list(Purpose), False, owner_id=owner, how=how
        ),
    )
    show("Withdrawn", result, json)


@app.command("history")
def history(appliance: Appliance, config: Config = None, json: Json = False) -> None:
    """Every word about an appliance as it stands in the ledger, oldest first."""
    from foremend.jobs.tokens import by_account
    from foremend.wiring.household import at_the_desk

    found = at_the_desk(
        config, lambda desk, _settings: {"records": desk.consents.history(appliance, by_account())}
    )
    show("History", {"appliance_id": appliance} | found, json)


@app.command("receipt")
def receipt(appliance: Appliance, config: Config = None, json: Json = False) -> None:
    """What the present owner agreed to, to hand out: one JSON object, fields after ISO/IEC TS 27560:2023."""
    from foremend.jobs.tokens import by_account
    from foremend.wiring.household import at_the_desk

    show(
        "Receipt",
        at_the_desk(config, lambda desk, _settings: desk.consents.receipt(appliance, by_account())),
        json,
    )


@app.command("expire")
def expire(config: Config = None, json: Json = False) -> None:
    """Tell now of every consent that has ended, and ask again for those that are about to."""
    from foremend.jobs import consent
    from foremend.wiring.household import at_the_desk

    show("Told", at_the_desk(config, lambda desk, _settings: consent.expire(desk)), json)
