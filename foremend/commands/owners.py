"""`foremend owners`: who owns which appliance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show

app = typer.Typer(help="Owners and their appliances.", no_args_is_help=True)


@app.command("list")
def every(
    beginning: Annotated[str, typer.Option(help="Only ids that begin so.")] = "",
    after: Annotated[str, typer.Option(help="The last id of the page before.")] = "",
    limit: Annotated[int, typer.Option(help="Most of one page, 1000.")] = 50,
    config: Config = None,
    json: Json = False,
) -> None:
    """Owners by id, a page at a time, each with how many appliances there are of them."""
    from foremend.jobs.tokens import by_account
    from foremend.wiring.household import at_the_desk

    def read(desk: Any, _settings: Any) -> dict[str, Any]:
        return {"owners": desk.consents.some_owners(beginning, after, limit, by_account())}

    show("Owners", at_the_desk(config, read), json)


@app.command("show")
def one(
    owner: Annotated[str, typer.Argument(help="The owner's id.")], config: Config = None, json: Json = False
) -> None:
    """One owner: appliances, what holds for each purpose, channels with an address. The audit log says who read it."""
    from foremend.jobs.tokens import by_account
    from foremend.wiring.household import at_the_desk

    show("Owner", at_the_desk(config, lambda desk, _settings: desk.consents.owner(owner, by_account())), json)


@app.command("link")
def link(
    owner: Annotated[str, typer.Argument(help="The owner's id.")],
    days: Annotated[int, typer.Option(help="How long it holds.")] = 7,
    config: Config = None,
    json: Json = False,
) -> None:
    """A link to the owner's own page, shown once: who has it does what that owner may. `tokens revoke` ends it."""
    from foremend.jobs.own_page import link_for
    from foremend.wiring.household import at_the_desk

    show("Link", at_the_desk(config, lambda desk, settings: link_for(desk, settings, owner, days)), json)


@app.command("import")
def take_in(
    file: Annotated[Path, typer.Argument(help="A CSV file; docs/owners.md names its columns.")],
    hand_over: Annotated[
        bool,
        typer.Option("--hand-over", help="Appliances may have another owner by it: former consents end."),
    ] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Register owners and appliances from a CSV file: all of it, or nothing with the reason for each line."""
    from foremend.jobs.register import import_owners
    from foremend.vocabulary.profiles import load_profiles
    from foremend.wiring.household import at_the_desk

    def work(desk: Any, settings: Any) -> dict[str, Any]:
        models = load_profiles(settings.profiles.folders)
        return dict(import_owners(file, desk.owners, desk.policies, models, hand_over=hand_over))

    show("Registered", at_the_desk(config, work), json)
