"""`foremend household`: consent for one's own household."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from foremend.commands.common import Config, Json, show

app = typer.Typer(help="Your own household: agree to be told, take it back, try it.", no_args_is_help=True)

Appliances = Annotated[
    list[str] | None, typer.Option("--appliance", help="Repeat for several; none: all that are known here.")
]


@app.command("agree")
def agree(
    appliance: Appliances = None,
    language: Annotated[Literal["en", "zh", "de", "es", "fr"], typer.Option(help="Of the messages.")] = "en",
    timezone: Annotated[
        str | None, typer.Option(help="Whose nights are quiet, as Europe/Berlin; none: this machine's.")
    ] = None,
    called: Annotated[
        list[str] | None,
        typer.Option(
            help="What you call it, as freezer-2='cellar freezer'; messages say so. Repeat for several."
        ),
    ] = None,
    at_night: Annotated[
        bool,
        typer.Option("--at-night", help="Also in quiet hours, of harm under way: food thaws, water runs."),
    ] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Say yes, for your own household: to be watched, and to be told by every channel that is set up under `alerts`.

    Say it again for appliances that came later. `withdraw` takes it back at any time.
    """
    from foremend.jobs import household
    from foremend.wiring.household import at_the_desk

    speaking = household.Speaking(language, timezone or household.own_zone(), at_night)
    chosen, names = appliance or [], household.named(called or [])
    agreed = at_the_desk(config, lambda desk, its: household.agree(desk, its, chosen, speaking, names))
    show("Agreed", agreed, json)


@app.command("withdraw")
def withdraw(appliance: Appliances = None, config: Config = None, json: Json = False) -> None:
    """Take back every yes: nothing is watched any more, and nobody is told. What is stored stays."""
    from foremend.jobs import household
    from foremend.wiring.household import at_the_desk

    named = appliance or []
    show("Withdrawn", at_the_desk(config, lambda desk, its: household.withdraw(desk, its, named)), json)


@app.command("usual")
def usual(
    appliance: Annotated[str, typer.Argument(help="Its id.")], config: Config = None, json: Json = False
) -> None:
    """Say of an appliance that this is how it is now: what is usual for it is learnt anew, in about ten days.

    After a change that is no fault: another place, another use. What lasts is told until then, or until it ends.
    """
    from foremend.config import load_settings
    from foremend.jobs.usual import take_as_usual

    show("Usual", take_as_usual(load_settings(config), appliance), json)


@app.command("try")
def try_out(config: Config = None, json: Json = False) -> None:
    """Send a message by every channel that is set up, now: does your phone ring?"""
    from foremend.wiring.household import try_channels

    show("Tried", try_channels(config), json)
