"""`foremend forecasts`: how many visits and parts the next weeks take."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from foremend.commands.common import Config, Json
from foremend.terminal import WIDEST, emit, plain_table
from foremend.vocabulary.errors import ConfigError


def forecasts(
    appliances: Annotated[
        Path | None,
        typer.Argument(
            help="CSV of the fleet, as cohorts reads it; its region is the area. Default: the register of nameplates."
        ),
    ] = None,
    visits: Annotated[
        Path | None,
        typer.Argument(
            help="CSV: appliance_id, visited_at, and foreseen_at, closed_at, part where known. Default: tickets."
        ),
    ] = None,
    weeks: Annotated[int, typer.Option(min=1, max=26, help="How many weeks ahead.")] = 8,
    today: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The first day that nothing is known of. Default: today."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the weeks into this CSV, too.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """How many visits each area, and how many of each part, the next weeks will take; eight of ten come as said."""
    from foremend.jobs.forecasts import forecast_own, forecast_tables

    day = (today or datetime.now(UTC)).date()
    if appliances is None:
        from foremend.runtimes.clock import SystemClock
        from foremend.wiring.household import at_the_desk

        found = at_the_desk(
            config, lambda desk, _settings: forecast_own(desk, SystemClock(), today=day, weeks=weeks, out=out)
        )
    elif visits is None:
        raise ConfigError(
            "name both tables, foremend forecasts APPLIANCES VISITS, or neither for what is kept here"
        )
    else:
        found = forecast_tables(appliances, visits, today=day, weeks=weeks, out=out)
    if json:
        emit(found)
        return
    console = Console()
    console.print(
        f"{found['visits']} visits and {found['open_tickets']} open tickets of {found['appliances']} appliances, "
        f"{found['from']} to {found['until']}"
        + (f"; {found['left_out']} left out" if found["left_out"] else "")
    )
    table = plain_table(
        ("", "name", "week from", "visits", "8 of 10 times"),
        (
            [one["by"], one["name"] or "-", one["week"], f"{one['visits']}", f"{one['low']} to {one['high']}"]
            for one in found["weeks"]
        ),
    )
    console.print(table, width=min(console.width, WIDEST))
