"""`foremend nameplates`: who is in the fleet, by its maker's table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from foremend.commands.common import Config, Json, show

app = typer.Typer(
    help="Who is in the fleet: model, batch, region, installation and firmware of each appliance.",
    no_args_is_help=True,
)


@app.command("import")
def take_in(
    file: Annotated[Path, typer.Argument(help="A CSV file; docs/quality.md names its columns.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Take in a maker's table: all of it, or nothing with the reason for each appliance that is refused."""
    from foremend.jobs.nameplates import import_nameplates
    from foremend.jobs.tokens import by_account
    from foremend.vocabulary.profiles import load_profiles
    from foremend.wiring.household import at_the_desk

    def work(desk: Any, settings: Any) -> dict[str, Any]:
        models = {name: one.category for name, one in load_profiles(settings.profiles.folders).items()}
        return dict(import_nameplates(file, desk.nameplates, models, by_account()))

    show("Nameplates", at_the_desk(config, work), json)


@app.command("export")
def write(
    out: Annotated[Path, typer.Argument(help="The CSV file to write; what is there is replaced.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """Write the register as the table that `import`, `foremend cohorts` and `foremend insights` take."""
    from foremend.jobs.nameplates import export_nameplates
    from foremend.wiring.household import at_the_desk

    def work(desk: Any, _settings: Any) -> dict[str, Any]:
        return {"appliances": export_nameplates(desk.nameplates, out), "file": str(out)}

    show("Nameplates", at_the_desk(config, work), json)


@app.command("show")
def one(
    appliance: Annotated[str, typer.Argument(help="The appliance's id.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """One appliance: what stands on its nameplate, and its firmware since when."""
    from foremend.jobs.nameplates import as_words, known
    from foremend.wiring.household import at_the_desk

    def work(desk: Any, _settings: Any) -> dict[str, Any]:
        return as_words(known(desk.nameplates.one(appliance), appliance))

    show("Nameplate", at_the_desk(config, work), json)
