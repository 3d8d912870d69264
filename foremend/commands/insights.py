"""`foremend insights`: which features and habits go with confirmed faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from foremend.commands.common import Config, Json
from foremend.terminal import WIDEST, emit, people, plain_table, progress_bar
from foremend.vocabulary.errors import ConfigError

_COLUMNS = ("feature", "those with", "fail times as often", "95 in 100", "or as well")


def insights(
    appliance_model: Annotated[str, typer.Option(help="Which appliance model.")],
    history: Annotated[
        str | None, typer.Option(help="Folder of Parquet history, or 'influx'. Default: what is kept here.")
    ] = None,
    outcomes: Annotated[
        str | None,
        typer.Option(
            help="What was confirmed: 'tickets', a CSV, or a simulation's truth.json. Default: what technicians found."
        ),
    ] = None,
    appliances: Annotated[
        Path | None,
        typer.Option(
            help="Who is in the fleet, a table as 'foremend cohorts' reads it. Default: the register of nameplates."
        ),
    ] = None,
    fault: Annotated[str | None, typer.Option(help="Of this fault alone. Default: of any.")] = None,
    lead_days: Annotated[
        int, typer.Option(min=0, help="A symptom shows so early: only what was before it counts.")
    ] = 60,
    what_if: Annotated[
        list[str] | None,
        typer.Option(help="FEATURE=CHANGE, a share (-0.33: a third less) or a difference in its unit."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a page with figures into this file.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Which features and habits go with failures, how much, and what would be if they were otherwise."""
    _require_place(out)
    with progress_bar() as bar:
        task = bar.add_task("read days", total=None)
        found = _found(
            (appliance_model, fault, lead_days, _changes(what_if or [])),
            (history, outcomes, appliances),
            config,
            lambda done, total: bar.update(task, completed=done, total=total or None),
        )
    if out is not None:
        _write(found, out)
    if json:
        emit(found)
        return
    terminal = Console()
    terminal.print(_summary(found))
    if found["named"]:
        table = plain_table(_COLUMNS, map(_row, found["named"]))
        terminal.print(table, width=min(terminal.width, WIDEST))
    for one in found["what_if"]:
        terminal.print(_otherwise(one))
    if out is not None:
        people.print(f"Page: {out}", markup=False)


def _found(
    asked: tuple[Any, ...],
    tables: tuple[str | None, str | None, Path | None],
    config: Path | None,
    progress: Callable[[int, int], None],
) -> dict[str, Any]:
    from foremend.jobs.insights import Asked, insights_of_own, insights_of_tables
    from foremend.runtimes.clock import SystemClock

    history, outcomes, appliances = tables
    if tables == (None, None, None):
        from foremend.wiring.household import at_the_desk

        return at_the_desk(
            config,
            lambda desk, settings: insights_of_own(Asked(*asked), desk, settings, SystemClock(), progress),
        )
    if history is None or outcomes is None:
        raise ConfigError("name both --history and --outcomes, or none of the three for what is kept here")
    from foremend.config import load_settings

    settings = load_settings(config)
    return insights_of_tables(Asked(*asked), history, outcomes, appliances, settings, SystemClock(), progress)


def _require_place(out: Path | None) -> None:
    """Before anything is read. Raises ConfigError."""
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise ConfigError(f"--out {out}: name a file in a folder that is there")


def _write(report: dict[str, Any], out: Path) -> None:
    from foremend.learning.insights_page import page

    try:
        out.write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write to {out}: {error.strerror}") from error


def _changes(words: list[str]) -> dict[str, float]:
    changes = {}
    for word in words:
        name, _, change = word.partition("=")
        try:
            changes[name] = float(change)
        except ValueError:
            raise typer.BadParameter(f"{word!r}: write FEATURE=CHANGE, as starts_per_hour=-0.33") from None
    return changes


def _summary(found: dict[str, Any]) -> str:
    left = f", {found['left_out']} more without consent to training" if found["left_out"] else ""
    of = f"{found['failures']} failures in {found['spells']} months of {found['appliances']} appliances{left}"
    nothing = f": of {len(found['alone'])} features none goes with them more than chance may"
    return of + ("" if found["named"] else nothing)


def _row(one: dict[str, Any]) -> list[str]:
    low, high = one["ratio_95"]
    return [one["title"]["en"], one["for"], f"{one['ratio']}", f"{low} to {high}", ", ".join(one["along"])]


def _otherwise(one: dict[str, Any]) -> str:
    if one["failures"] is None:
        twin = f"; ask of {one['along']}, from which it hardly moves apart" if one["along"] else ""
        return f"{one['feature']} {one['change']:+g}: not named, so nobody can say{twin}"
    low, high = one["failures_95"]
    return f"{one['feature']} {one['change']:+g}: {one['failures']} times as many failures ({low} to {high})"
