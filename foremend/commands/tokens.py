"""`foremend tokens`: who may ask the API, as programs."""

from __future__ import annotations

from typing import Annotated

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import Exact, emit
from foremend.vocabulary.rights import Role

app = typer.Typer(help="Tokens of programs that ask the API.", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Option(help="What it is for.")],
    role: Annotated[Role, typer.Option(help="Whose rights it has.")],
    right: Annotated[
        list[str] | None, typer.Option(help="Of these only this one; repeat for several.")
    ] = None,
    of: Annotated[str | None, typer.Option(help="Whose own: an owner's id, a technician's name.")] = None,
    days: Annotated[int, typer.Option(help="Until it ends.")] = 90,
    only_token: Annotated[
        bool, typer.Option("--only-token", help="Print the token and nothing else.")
    ] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a token. It is shown this once: only a digest of it is kept."""
    from foremend.jobs import tokens

    only = [tokens.right_of(one) for one in right] if right else None
    made = tokens.create(config, name, role, days, only, of)
    if only_token:
        typer.echo(made["token"])
    else:
        show("Token, shown this once", made, json)


@app.command("list")
def every(config: Config = None, json: Json = False) -> None:
    """Every token with its rights, its end and when it was used last."""
    from foremend.jobs import tokens

    found = tokens.every(config)
    if json:
        emit({"tokens": found})
    else:
        show("Tokens", {Exact(one["id"]): one for one in found}, json)


@app.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(help="As `foremend tokens list` shows it.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Take a token back: from now on no process takes it."""
    from foremend.jobs import tokens

    show("Revoked", tokens.revoke(config, token_id), json)
