"""`foremend users`: who may log in to the page."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import Exact, emit, say
from foremend.vocabulary.rights import Role

app = typer.Typer(
    help="Users of the page. Nobody but the user sees or types a password.", no_args_is_help=True
)

UserName = Annotated[str, typer.Argument(help="As `foremend users list` shows it.")]
Of = Annotated[str | None, typer.Option(help="Whose own: an owner's id, a technician's name.")]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="By which the user logs in.")],
    role: Annotated[Role, typer.Option(help="Whose rights the user has.")],
    of: Of = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make a user, and a link by which they set a password: it holds once, and not for long."""
    from foremend.jobs import users

    _with_link("User", users.create(config, name, role, of), json)


@app.command("list")
def every(config: Config = None, json: Json = False) -> None:
    """Every user with the role and the last login."""
    from foremend.jobs import users

    found = users.every(config)
    if json:
        emit({"users": found})
    else:
        show("Users", {Exact(one["name"]): one for one in found}, json)


@app.command("disable")
def disable(name: UserName, config: Config = None, json: Json = False) -> None:
    """Let somebody in no more: sessions end at once, in every process."""
    from foremend.jobs import users

    show("Disabled", users.disable(config, name), json)


@app.command("enable")
def enable(name: UserName, config: Config = None, json: Json = False) -> None:
    """Let somebody in again who was disabled, with the same password."""
    from foremend.jobs import users

    show("Enabled", users.enable(config, name), json)


@app.command("role")
def role(
    name: UserName,
    role: Annotated[Role, typer.Argument(help="The new one.")],
    of: Of = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Give somebody another role: sessions end at once."""
    from foremend.jobs import users

    show("Changed", users.change_role(config, name, role, of), json)


@app.command("reset")
def reset(name: UserName, config: Config = None, json: Json = False) -> None:
    """End somebody's password and sessions, and make a link by which they set a new one."""
    from foremend.jobs import users

    _with_link("Reset", users.reset(config, name), json)


@app.command("sessions")
def sessions(name: UserName, config: Config = None, json: Json = False) -> None:
    """Where somebody is logged in: when each session began and was used last."""
    from foremend.jobs import users

    found = users.sessions(config, name)
    if json:
        emit({"sessions": found})
    else:
        show("Sessions", {one["id"]: one for one in found}, json)


@app.command("end-sessions")
def end_sessions(name: UserName, config: Config = None, json: Json = False) -> None:
    """End all of somebody's sessions at once, in every process; they may log in again."""
    from foremend.jobs import users

    show("Ended", users.end_sessions(config, name), json)


def _with_link(title: str, made: dict[str, Any], json: bool) -> None:
    """The link stands alone and whole, to be copied."""
    if json:
        emit(made)
        return
    link = made.pop("link")
    show(title, made, json)
    say("One-time link, shown this once; hand it to the user:", link)
