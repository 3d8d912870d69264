"""`foremend cohorts`: which batch, firmware or appliance model fails more than its siblings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from typer.core import TyperGroup

from foremend.commands.common import Config, Json, show
from foremend.terminal import WIDEST, emit, plain_table
from foremend.vocabulary.errors import ConfigError


class _OrTables(TyperGroup):
    """`foremend cohorts A B` names two tables for `default`, and `foremend cohorts alarms` is a group of commands."""

    default = "watch"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else [self.default, *args])


app = typer.Typer(
    cls=_OrTables,
    help="Which batches, firmware and models fail more than their siblings; `watch` need not be written.",
)
alarms = typer.Typer(help="What was told of cohorts, and who saw to it.", no_args_is_help=True)
app.add_typer(alarms, name="alarms")

Alarm = Annotated[str, typer.Argument(help="Its id, as `list` shows it.")]
_COLUMNS = ("day", "level", "cohort", "failed", "expected", "times as often")
_APART = ("cohort", "what sets it apart", "of its failures", "elsewhere")
_WAYS = {"up": "higher", "down": "lower"}


@app.command(_OrTables.default)
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
        width = min(out.width, WIDEST)
        out.print(plain_table(_COLUMNS, map(_row, found["alarms"])), width=width)
        newest = {_cohort(one): one for one in found["alarms"]}
        signs = plain_table(_APART, (row for name, one in newest.items() for row in _apart(name, one)))
        out.print()
        out.print(signs, width=width)


@alarms.command("list")
def every(
    state: Annotated[
        Literal["open", "acknowledged", "closed"] | None, typer.Option(help="None: whatever its state.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """What was told, the newest first: level, cohort, figures, and who saw to it."""
    from foremend.jobs.cohorts import told_alarms

    found = _at_the_desk(config, lambda desk: {"alarms": told_alarms(desk, state)})["alarms"]
    lines = {one["alarm_id"]: _line(one) for one in found}
    show("Cohort alarms", {"alarms": found} if json else lines or {"": "no cohort alarm"}, json)


@alarms.command("show")
def one(alarm: Alarm, config: Config = None, json: Json = False) -> None:
    """One alarm with all that it rests on."""
    from foremend.jobs.cohorts import told_alarm

    show("Cohort alarm", _at_the_desk(config, lambda desk: told_alarm(desk, alarm)), json)


@alarms.command("acknowledge")
def acknowledge(alarm: Alarm, config: Config = None, json: Json = False) -> None:
    """Say that you have seen it; the audit log says who did."""
    from foremend.jobs.cohorts import acknowledge_alarm

    show("Cohort alarm", _at_the_desk(config, lambda desk: acknowledge_alarm(desk, alarm)), json)


@alarms.command("close")
def close(
    alarm: Alarm,
    reason: Annotated[str, typer.Option(help="What was done about it, or why it is none.")],
    config: Config = None,
    json: Json = False,
) -> None:
    """It is seen to. A higher level opens it again; the audit log says who closed it."""
    from foremend.jobs.cohorts import close_alarm

    show("Cohort alarm", _at_the_desk(config, lambda desk: close_alarm(desk, alarm, reason)), json)


def _at_the_desk(config: Path | None, say: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    from foremend.wiring.household import at_the_desk

    return at_the_desk(config, lambda desk, _settings: say(desk))


def _line(one: dict[str, Any]) -> str:
    cohort = ", ".join(f"{part} {name}" for part, name in one["definition"].items())
    signs = [f"{each['feature']} {_WAYS[each['moved']]}" for each in one["features"]]
    low, high = one["ratio_95"]
    figures = f"{one['failed']} of {one['at_risk']} failed, {one['expected']} expected, {one['ratio']} times as often"
    return f"{one['level']}, {one['state']}: {cohort}; {figures} ({low} to {high}), {one['day']}" + (
        f"; set apart by {', '.join(signs)}" if signs else ""
    )


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


def _cohort(one: dict[str, Any]) -> str:
    return ", ".join(f"{by} {name}" for by, name in one["cohort"].items())


def _apart(cohort: str, one: dict[str, Any]) -> Iterator[list[str]]:
    """What was found on a cohort, and by which features its failures showed unlike those of its siblings."""
    for each in one["faults"]:
        yield [cohort, each["fault"], f"{each['failed']} of {one['failed']}", f"{each['others']}"]
    for each in one["features"]:
        name = f"{each['feature']} {_WAYS[each['moved']]}"
        others = f"{each['others']} of {each['of_others']}"
        yield [cohort, name, f"{each['failed']} of {one['failed']}", others]


def _row(one: dict[str, Any]) -> list[str]:
    low, high = one["ratio_95"]
    failed = f"{one['failed']} of {one['at_risk']}"
    return [
        one["day"],
        one["level"],
        _cohort(one),
        failed,
        f"{one['expected']}",
        f"{one['ratio']} ({low} to {high})",
    ]
