"""`foremend models`: the life of trained versions."""

from __future__ import annotations

from getpass import getuser
from typing import Annotated

import typer

from foremend.commands.common import Config, Json, lifecycle, show
from foremend.terminal import people

Appliance = Annotated[str, typer.Argument(help="Which appliance model.")]
Reason = Annotated[str | None, typer.Option(help="Kept in the history of promotions.")]

app = typer.Typer(help="Trained models: list, show, compare, promote, roll back.", no_args_is_help=True)


@app.command("list")
def list_models(
    appliance_model: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Every stored version and its alias."""
    found = lifecycle(config).list(appliance_model)
    if json or any(found.values()):
        show("Models", found, json)
        return
    name = appliance_model or "MODEL"
    whose = f" of {appliance_model}" if appliance_model else ""
    people.print(
        f"No version{whose} is stored yet: 'foremend train --appliance-model {name}' makes one,"
        " 'foremend models prepare' all that config.yaml uses.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


@app.command("prepare")
def prepare_models(config: Config = None, json: Json = False) -> None:
    """Train, on simulated history, what was never trained: before the first worker, which never trains."""
    from foremend.wiring.models import prepare_models

    show("In use", prepare_models(config), json)


@app.command("show")
def show_model(
    appliance_model: Appliance,
    version: Annotated[str, typer.Argument(help="v0001, champion or challenger.")] = "champion",
    config: Config = None,
    json: Json = False,
) -> None:
    """A version's card, the history of promotions, and what the running pipeline sees of drift."""
    show("Model", lifecycle(config).show(appliance_model, version), json)


@app.command("compare")
def compare_models(
    appliance_model: Appliance,
    version: Annotated[str, typer.Argument(help="Compared with the champion.")] = "challenger",
    config: Config = None,
    json: Json = False,
) -> None:
    """Champion and challenger on the same rows, and side by side on live data."""
    show("Comparison", lifecycle(config).compare(appliance_model, version), json)


@app.command("promote")
def promote_model(
    appliance_model: Appliance,
    version: Annotated[str, typer.Argument(help="The new champion.")] = "challenger",
    reason: Reason = None,
    force: Annotated[bool, typer.Option("--force", help="Even if it is worse; needs --reason.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Put a version in use; running pipelines take it up. Refused when it is worse than the champion."""
    show("Promoted", lifecycle(config).promote(appliance_model, version, reason, force, who=getuser()), json)


@app.command("rollback")
def roll_back_model(
    appliance_model: Appliance,
    reason: Annotated[str, typer.Option(help="Kept in the history of promotions.")] = "not given",
    config: Config = None,
    json: Json = False,
) -> None:
    """Return to the champion before this one; running pipelines take it up."""
    show("Rolled back", lifecycle(config).rollback(appliance_model, reason, who=getuser()), json)
