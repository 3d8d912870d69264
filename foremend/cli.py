"""The command line: thin; every command calls one function and shows what it returns."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from foremend.errors import ForemendError
from foremend.terminal import emit, people, show_pairs

app = typer.Typer(
    help="Foresees faults of connected home appliances and, with the owner's consent, acts before they break.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout instead of a table.")]
Config = Annotated[
    Path | None, typer.Option("--config", help="Default: ./config.yaml, else the shipped one.")
]


@app.command()
def demo(
    headless: Annotated[bool, typer.Option(help="End by itself, on free ports.")] = False,
    days: Annotated[int, typer.Option(min=20, max=400, help="Event-days to live through.")] = 90,
    appliances: Annotated[int, typer.Option(min=4, max=1_000)] = 60,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Of the page; 0 is any free one.")] = 8080,
    folder: Annotated[Path, typer.Option(help="Where trained models are kept between runs.")] = Path("var"),
    json: Json = False,
) -> None:
    """The main job, end to end, on this machine: a simulated fleet, a broker, the pipeline, a service platform."""
    from foremend.demo import Demo

    result = Demo(days, appliances, seed, folder, port=0 if headless else port, stay=not headless).run()
    _show("Demo", result, json)


@app.command()
def run(config: Config = None) -> None:
    """Run the pipeline on one machine until interrupted: MQTT in, tickets and messages out, the page."""
    from foremend.bootstrap import run_until_signal

    run_until_signal(config)


@app.command()
def check(config: Config = None, json: Json = False) -> None:
    """Check config.yaml and the profiles, and run the cases under `examples:`."""
    from foremend.examples import check_config

    _show("Config", check_config(config), json)


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="CSV, CSV.gz or Parquet, in order of time.")],
    mapping: Annotated[Path, typer.Option(help="How columns become signals; see examples/mappings.")],
    mqtt: Annotated[
        str | None, typer.Option(help="Send through this broker instead, mqtt://host:port.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Send recorded telemetry through the same pipeline and report runs a day and findings."""
    from foremend.replay import publish_recording, replay_recording

    if mqtt is not None:
        _show("Published", publish_recording(files, mapping, mqtt, config), json)
    else:
        _show("Replay", replay_recording(files, mapping, config), json)


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
    from foremend.simulate import chosen_scenario, into_folder, over_mqtt, require_one_way

    require_one_way(out, mqtt)
    fleet = chosen_scenario(scenario, appliances, days, faults, appliance_model or [])
    if out is not None:
        _show("History", into_folder(fleet, seed, out), json)
    elif mqtt is not None:
        _show("Published", over_mqtt(fleet, seed, mqtt, speed, window, connections), json)


@app.command()
def faults(json: Json = False) -> None:
    """The fault catalogue: what Foremend knows to look for, and what a technician finds."""
    from foremend.catalogue import faults_table, load_catalogue

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
        result = _lifecycle(config).train(
            appliance_model,
            seed,
            history,
            outcomes,
            lambda what, done, total: bar.update(task, description=what, completed=done, total=total or None),
        )
    _show("Trained", result, json)


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
    from foremend.evaluation import evaluate, in_short
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
    _show("Evaluation", report if json else in_short(report), json)


Appliance = Annotated[str, typer.Argument(help="Which appliance model.")]
Reason = Annotated[str | None, typer.Option(help="Kept in the history of promotions.")]

models = typer.Typer(help="Trained models: list, show, compare, promote, roll back.", no_args_is_help=True)
app.add_typer(models, name="models")


@models.command("list")
def list_models(
    appliance_model: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Every stored version and its alias."""
    _show("Models", _lifecycle(config).list(appliance_model), json)


@models.command("show")
def show_model(
    appliance_model: Appliance,
    version: Annotated[str, typer.Argument(help="v0001, champion or challenger.")] = "champion",
    config: Config = None,
    json: Json = False,
) -> None:
    """A version's card, the history of promotions, and what the running pipeline sees of drift."""
    _show("Model", _lifecycle(config).show(appliance_model, version), json)


@models.command("compare")
def compare_models(
    appliance_model: Appliance,
    version: Annotated[str, typer.Argument(help="Compared with the champion.")] = "challenger",
    config: Config = None,
    json: Json = False,
) -> None:
    """Champion and challenger on the same rows, and side by side on live data."""
    _show("Comparison", _lifecycle(config).compare(appliance_model, version), json)


@models.command("promote")
def promote_model(
    appliance_model: Appliance,
    version: Annotated[str, typer.Argument(help="The new champion.")] = "challenger",
    reason: Reason = None,
    force: Annotated[bool, typer.Option("--force", help="Even if it is worse; needs --reason.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """Put a version in use; running pipelines take it up. Refused when it is worse than the champion."""
    _show("Promoted", _lifecycle(config).promote(appliance_model, version, reason, force), json)


@models.command("rollback")
def roll_back_model(
    appliance_model: Appliance,
    reason: Annotated[str, typer.Option(help="Kept in the history of promotions.")] = "not given",
    config: Config = None,
    json: Json = False,
) -> None:
    """Return to the champion before this one; running pipelines take it up."""
    _show("Rolled back", _lifecycle(config).rollback(appliance_model, reason), json)


tickets = typer.Typer(help="Service tickets: what technicians found.", no_args_is_help=True)
app.add_typer(tickets, name="tickets")


@tickets.command("outcome")
def ticket_outcome(
    ticket_id: Annotated[str, typer.Argument(help="As in the ticket's webhook.")],
    confirmed: Annotated[bool, typer.Option("--confirmed/--not-found", help="Was there a fault?")],
    fault: Annotated[str | None, typer.Option(help="If it was another fault than foreseen.")] = None,
    found_at: Annotated[str | None, typer.Option(help="ISO 8601 or ms UTC; now, if left out.")] = None,
    repaired_at: Annotated[str | None, typer.Option(help="If it was repaired.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Keep what a technician found: `foremend train --outcomes tickets` learns from it."""
    result = _lifecycle(config).keep_outcome(ticket_id, confirmed, fault, found_at, repaired_at)
    _show("Outcome", result, json)


def _lifecycle(config: Path | None) -> Any:
    from foremend.bootstrap import SystemClock
    from foremend.lifecycle import Lifecycle

    return Lifecycle(config, SystemClock())


history = typer.Typer(help="Where every reading is stored.", no_args_is_help=True)
app.add_typer(history, name="history")


@history.command("create")
def make_history(config: Config = None, json: Json = False) -> None:
    """Make the InfluxDB bucket of `storage.influx`, or give it the retention set there."""
    from foremend.bootstrap import create_history

    _show("History", create_history(config), json)


@app.command()
def broker(port: Annotated[int, typer.Option(min=0, max=65_535)] = 1883) -> None:
    """Run the embedded MQTT broker in the foreground, on 127.0.0.1, without passwords: for a first day only."""
    from foremend.broker import run_broker

    run_broker(port)


def people_stdout() -> Any:
    """A console on stdout, for tables that are the result."""
    from rich.console import Console

    return Console()


def _show(title: str, result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(result)
    else:
        show_pairs(title, result)


def main() -> None:
    """Entry point: errors become one sentence and their exit code."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    for noisy in ("httpx", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        app()
    except ForemendError as error:
        people.print(f"[red]foremend:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
