"""The command line: thin; every command calls one function and shows what it returns."""

from __future__ import annotations

import errno
import gc
import logging
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from rich.markup import escape

from foremend.commands import (
    appliance,
    appliances,
    audit,
    cohorts,
    consent,
    dead_letters,
    diagnose,
    discover,
    erase,
    export,
    forecasts,
    held_back,
    history,
    household,
    init,
    insights,
    kafka,
    messages,
    models,
    nameplates,
    owners,
    replay,
    retention,
    service,
    status,
    stores,
    tickets,
    tokens,
    users,
    watch,
    webhooks,
)
from foremend.commands.common import Config, Json, lifecycle, private_files, show
from foremend.logs import Format, Level, in_json, set_up
from foremend.terminal import emit, people
from foremend.vocabulary.errors import ForemendError, UnavailableError

_LOOK_FOR_GARBAGE_EVERY = 20_000
"""New objects. A start makes half a million and none of them is garbage: to look after each 700 was a twelfth of it."""
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})
"""What a disk says that room or a mount mends, not a setting."""


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"foremend {version('foremend')}")
        raise typer.Exit


app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
log = logging.getLogger("foremend")

for group in (
    models,
    tickets,
    history,
    household,
    tokens,
    users,
    retention,
    audit,
    owners,
    nameplates,
    consent,
    webhooks,
    messages,
):
    app.add_typer(group.app, name=group.__name__.rpartition(".")[2])
app.add_typer(cohorts.app, name="cohorts")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(kafka.topics, name="topics")
app.command()(init.init)
app.command()(insights.insights)
app.command()(diagnose.diagnose)
app.command()(discover.discover)
app.command()(erase.erase)
app.command()(erase.erasures)
app.command()(export.export)
app.command()(forecasts.forecasts)
app.command()(held_back.held_back)
app.command()(kafka.gateway)
app.command()(replay.replay)
app.command()(service.service)
app.command()(appliance.appliance)
app.command()(appliances.appliances)
app.command()(status.status)
app.command()(watch.watch)
app.command()(kafka.worker)
app.command()(stores.doctor)
app.command()(stores.backup)
app.command()(stores.restore)


_OF_NOBODY = frozenset({"init", "simulate", "demo", "broker"})
"""What these make tells of no household, and others may have to read it."""


@app.callback()
def every_command(
    context: typer.Context,
    log_level: Annotated[
        Level, typer.Option(envvar="FOREMEND_LOG_LEVEL", help="Say this and what is graver.")
    ] = "info",
    log_format: Annotated[
        Format, typer.Option(envvar="FOREMEND_LOG_FORMAT", help="json: one object a line, for programs.")
    ] = "text",
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_say_version),
    ] = False,
) -> None:
    """Foresees faults of connected home appliances and, with the owner's consent, acts before they break."""
    set_up(log_level, log_format)
    if context.invoked_subcommand not in _OF_NOBODY:
        context.with_resource(private_files())


@app.command()
def demo(
    headless: Annotated[bool, typer.Option(help="End by itself, on free ports.")] = False,
    days: Annotated[
        int | None,
        typer.Option(min=20, max=400, help="Event-days to live through; none: as the scenario says."),
    ] = None,
    appliances: Annotated[
        int | None, typer.Option(min=4, max=1_000, help="How many; none: as the scenario says.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    scenario: Annotated[str, typer.Option(help="A shipped scenario by its name, or a file.")] = "demo",
    pace: Annotated[
        float | None,
        typer.Option(min=0.01, help="Event-days a second at most; none: as fast as the pipeline keeps up."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Of the page; 0 is any free one.")] = 8080,
    folder: Annotated[Path, typer.Option(help="Where trained models are kept between runs.")] = Path("var"),
    json: Json = False,
) -> None:
    """The main job, end to end, on this machine: a simulated fleet, a broker, the pipeline, a service platform."""
    from foremend.commands.demo import Demo, chosen_scenario

    story = chosen_scenario(scenario, appliances, days)
    result = Demo(story, seed, folder, port=0 if headless else port, stay=not headless, pace=pace).run()
    show("Demo", result, json)


@app.command()
def run(config: Config = None) -> None:
    """Run the pipeline on one machine until interrupted: MQTT in, tickets and messages out, the page."""
    from foremend.wiring.one_machine import run_until_signal

    run_until_signal(config)


@app.command()
def check(
    config: Config = None,
    process: Annotated[
        Literal["run", "service", "gateway", "worker"] | None,
        typer.Option("--for", help="Only what this command would refuse; none: all of them."),
    ] = None,
    examples: Annotated[
        bool | None,
        typer.Option(
            help="Play all cases under `examples:`; left out: those of windows that could have become untrue."
        ),
    ] = None,
    connect: Annotated[bool, typer.Option("--connect", help="Look at the MQTT broker, too.")] = False,
    json: Json = False,
) -> None:
    """Find everything in config.yaml and the profiles that would be refused at a start.

    Opens no connection without --connect.
    """
    from foremend.jobs.check import check_config

    checked = check_config(config, process, examples)
    if json and (checked.problems or not connect):
        emit(checked.as_dict())
    checked.require()
    if connect:
        from foremend.jobs.look_at_broker import look_at_broker

        whole = checked.as_dict() if json else dict(checked.counts)
        show("Config", whole | {"broker": look_at_broker(config)}, json)
    elif not json:
        show("Config", dict(checked.counts), json)
    for note in () if json else checked.notes:
        people.print(f"note: {note.what}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def simulate(
    scenario: Annotated[
        str | None, typer.Option(help="A scenario file, or the name of a shipped one.")
    ] = None,
    appliances: Annotated[int, typer.Option(help="How many, without a scenario.")] = 100,
    days: Annotated[int, typer.Option(help="Event-days, without a scenario.")] = 30,
    faults: Annotated[
        float, typer.Option(help="Share of appliances that fall ill, without a scenario.")
    ] = 0.3,
    appliance_model: Annotated[list[str] | None, typer.Option(help="Repeat for several; none: all.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write Parquet history and the truth into this folder.")
    ] = None,
    mqtt: Annotated[str | None, typer.Option(help="Publish live to mqtt://host:port instead.")] = None,
    speed: Annotated[
        float | None, typer.Option(help="Event seconds a second; without: as fast as it goes.")
    ] = None,
    window: Annotated[int | None, typer.Option(help="Most messages the pipeline may be behind.")] = None,
    connections: Annotated[int, typer.Option(help="With fewer than appliances they share.")] = 1_000,
    json: Json = False,
) -> None:
    """Simulate a household fleet: its history into a folder, or live over MQTT."""
    from foremend.jobs.simulate import chosen_scenario, into_folder, over_mqtt, require_one_way

    require_one_way(out, mqtt)
    fleet = chosen_scenario(scenario, appliances, days, faults, appliance_model or [])
    if out is not None:
        show("History", into_folder(fleet, seed, out), json)
    elif mqtt is not None:
        show("Published", over_mqtt(fleet, seed, mqtt, speed, window, connections), json)


@app.command()
def faults(json: Json = False) -> None:
    """The fault catalogue: what Foremend knows to look for, and what a technician finds."""
    from foremend.vocabulary.catalogue import faults_table, load_catalogue

    if json:
        emit({name: entry.model_dump(mode="json") for name, entry in load_catalogue().items()})
    else:
        people_stdout().print(faults_table(load_catalogue().values()))


@app.command()
def train(
    appliance_model: Annotated[str, typer.Option(help="Which appliance model.")],
    history: Annotated[
        str | None, typer.Option(help="Folder of Parquet, or 'influx'; without it, history is simulated.")
    ] = None,
    outcomes: Annotated[
        str | None,
        typer.Option(help="What technicians confirmed: 'tickets', a CSV, or a simulation's truth.json."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Train detectors and the fault predictor: the first version is the champion, later ones are challengers."""
    from foremend.terminal import progress_bar

    with progress_bar() as bar:
        task = bar.add_task("train", total=None)
        result = lifecycle(config).train(
            appliance_model,
            seed,
            history,
            outcomes,
            lambda what, done, total: bar.update(task, description=what, completed=done, total=total or None),
        )
    show("Trained", result, json)


@app.command()
def evaluate(
    appliance_model: Annotated[str, typer.Option(help="Which appliance model.")],
    history: Annotated[Path, typer.Option(help="Folder of Parquet history that it did not learn from.")],
    outcomes: Annotated[
        Path, typer.Option(help="A simulation's truth.json, or a CSV of confirmed outcomes.")
    ],
    version: Annotated[str | None, typer.Option(help="None: the challenger, else the champion.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write report.html and report.json into it.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Judge a trained version, and the champion on the same data: recall, lead time, false alarms, cost."""
    from foremend.jobs.evaluate import evaluate, in_short
    from foremend.terminal import progress_bar

    with progress_bar() as bar:
        task = bar.add_task("read days", total=None)
        report = evaluate(
            appliance_model,
            version,
            history,
            outcomes,
            out,
            config,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    show("Evaluation", report if json else in_short(report), json)


@app.command()
def broker(port: Annotated[int, typer.Option(min=0, max=65_535)] = 1883) -> None:
    """Run the embedded MQTT broker in the foreground, on 127.0.0.1, without passwords: for a first day only."""
    from foremend.stores.broker import run_broker

    run_broker(port)


def people_stdout() -> Any:
    """A console on stdout, for tables that are the result: as wide as the terminal, and 80 columns at most."""
    from rich.console import Console

    from foremend.terminal import WIDEST

    out = Console()
    out.width = min(out.width, WIDEST)
    return out


def main() -> None:
    """Entry point: errors become one sentence and their exit code."""
    gc.set_threshold(_LOOK_FOR_GARBAGE_EVERY)
    try:
        app()
    except ForemendError as error:
        _end(str(error), error.exit_code)
    except OSError as error:
        if error.errno not in _DISK:
            raise
        where = error.filename or "the disk"
        _end(f"{where} cannot be used: {error.strerror}", UnavailableError.exit_code)


def _end(sentence: str, code: int) -> NoReturn:
    if in_json():
        log.error("%s", sentence)
    else:
        people.print(f"[red]foremend:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
    sys.exit(code)
