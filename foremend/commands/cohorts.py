"""`foremend cohorts`: which batch, firmware or appliance model fails more than its siblings."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from foremend.commands.common import Config, Json
from foremend.terminal import WIDEST, emit, plain_table
from foremend.vocabulary.errors import ConfigError

_COLUMNS = ("day", "level", "cohort", "failed", "expected", "times as often")


def cohorts(
    appliances: Annotated[
        Path | None,
        typer.Argument(
            help="CSV: appliance_id, category, appliance_model, batch, region, firmware, installed_at, since."
            " Default: the register of nameplates."
        ),
    ] = None,
    failures: Annotated[
        Path | None,
        typer.Argument(
            help="CSV of outcomes, as train --outcomes reads it: appliance_id, fault, confirmed_at. Default: what"
            " technicians found."
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day looked at. Default: of the last failure."),
    ] = None,
    false_a_year: Annotated[
        float, typer.Option(min=0.001, help="False red alarms a year that all cohorts together may give.")
    ] = 1.0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Which batches, firmware and models fail more than their siblings, and since when it is sure."""
    from foremend.jobs.cohorts import watch_own, watch_tables

    last = until.date() if until else None
    if appliances is None:
        from foremend.runtimes.clock import SystemClock
        from foremend.wiring.household import at_the_desk

        found = at_the_desk(
            config,
            lambda desk, _settings: watch_own(desk, SystemClock(), until=last, false_a_year=false_a_year),
        )
    elif failures is None:
        raise ConfigError(
            "name both tables, foremend cohorts APPLIANCES FAILURES, or neither for what is kept here"
        )
    else:
        found = watch_tables(
            appliances, failures, today=datetime.now(UTC).date(), until=last, false_a_year=false_a_year
        )
    if json:
        emit(found)
        return
    out = Console()
    out.print(_summary(found))
    if found["alarms"]:
        out.print(plain_table(_COLUMNS, map(_row, found["alarms"])), width=min(out.width, WIDEST))


def _summary(found: dict[str, Any]) -> str:
    used = f"{found['failures']} failures among {found['appliances']} appliances until {found['until']}"
    left = f"; {found['failures_left_out']} failures left out (second ones, later ones, not in the table)"
    absent = f"; {found['appliances_left_out']} appliances left out (not there until then)"
    silent = found.get("appliances_without_consent", 0)
    asked = (
        f"; {silent} appliances left out (owners who do not agree to tickets and training)" if silent else ""
    )
    nothing = "" if found["alarms"] else ": no cohort fails more than its siblings"
    return (
        used
        + (left if found["failures_left_out"] else "")
        + (absent if found["appliances_left_out"] else "")
        + asked
        + nothing
    )


def _row(one: dict[str, Any]) -> list[str]:
    low, high = one["ratio_95"]
    cohort = ", ".join(f"{by} {name}" for by, name in one["cohort"].items())
    failed = f"{one['failed']} of {one['at_risk']}"
    return [
        one["day"],
        one["level"],
        cohort,
        failed,
        f"{one['expected']}",
        f"{one['ratio']} ({low} to {high})",
    ]
