"""`foremend replay`: what recorded telemetry shows, and a backtest where people know what was true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foremend.commands.common import Config, Json, show
from foremend.commands.replay_look import Look, look_first
from foremend.terminal import emit, people, progress_bar
from foremend.vocabulary.errors import ConfigError, InputError

if TYPE_CHECKING:
    from foremend.jobs.replay import Wish
    from ingest.replay.mapping import ReplayMapping


def replay(
    files: Annotated[
        list[Path] | None, typer.Argument(help="CSV, CSV.gz or Parquet, or folders of them, in any order.")
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="How columns become signals; none: the file is looked at, and what it is shown."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Without --mapping: replay it as it was shown, too.")
    ] = False,
    write_mapping: Annotated[
        Path | None, typer.Option(help="Without --mapping: write the one that was made into this file.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Without --mapping: of times that carry none, as Europe/Berlin.")
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="Instead: a folder of what Foremend stored, or simulated.")
    ] = None,
    appliance_model: Annotated[
        str | None, typer.Option(help="Only this one of --history; without --mapping: what it is of.")
    ] = None,
    outcomes: Annotated[
        Path | None,
        typer.Option(help="Judge what is found: a CSV of confirmed faults, or a simulation's truth.json."),
    ] = None,
    rules_alone: Annotated[
        bool, typer.Option("--rules-alone", help="Ask no trained model, and train none.")
    ] = False,
    mqtt: Annotated[
        str | None, typer.Option(help="Send through this broker instead, mqtt://host:port.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Send recorded telemetry through the same rules and trained models as live readings, and report what they find.

    With --outcomes: what was told, named, how early and what was false.
    """
    from foremend.jobs.publish import publish_recording
    from foremend.jobs.replay import replay_history, replay_recording

    look = Look(yes, write_mapping, timezone, appliance_model)
    _require_one_source(files, mapping, history, look)
    mapped: Path | ReplayMapping | None = mapping
    if files and mapping is None:
        mapped = look_first(files, look, config, json)
        if mapped is None:
            return
    recorded = (files, mapped) if files and mapped is not None else None
    if mqtt is not None:
        if recorded is None or outcomes is not None or rules_alone:
            raise ConfigError("--mqtt sends files: it takes neither --history, --outcomes nor --rules-alone")
        sent = publish_recording(*recorded, mqtt, config)
        show("Published", sent, json)
        _check_sent(sent)
        return
    with _wish(outcomes, rules_alone) as wish:
        if recorded is not None:
            result = replay_recording(*recorded, config, wish)
        else:
            assert history is not None
            result = replay_history(history, appliance_model, config, wish)
    emit(result) if json else _show(result)
    _check_use(result)


def _check_use(result: Mapping[str, Any]) -> None:
    """Raises InputError, after the result was shown, where more of the recording was dropped than used."""
    readings, refused = result["readings"], result["dead_letters"]
    if readings["late"] + refused > readings["used"]:
        why = "; ".join(result["dead_letter_reasons"][:2])
        raise InputError(
            f"more was dropped than used: {readings['used']} readings were used, {readings['late']} came too late and"
            f" {refused} rows were refused{': ' + why if why else ''}: mend the mapping or the file"
        )


def _check_sent(sent: Mapping[str, Any]) -> None:
    """Raises InputError, after the result was shown, where more rows were refused than sent."""
    if sent["dead_letters"] > sent["readings"]:
        raise InputError(
            f"more was dropped than sent: {sent['readings']} readings were sent, {sent['dead_letters']} rows were"
            " refused: mend the mapping or the file"
        )


def _require_one_source(
    files: list[Path] | None, mapping: Path | None, history: Path | None, look: Look
) -> None:
    """Raises ConfigError unless it is either files or stored history, with what belongs to it."""
    if bool(files) == (history is not None):
        raise ConfigError("name either files to replay or --history FOLDER")
    if not files and (mapping is not None or look.is_asked):
        raise ConfigError(
            "--mapping, --yes, --write-mapping and --timezone are for files: what Foremend stored needs none"
        )
    if mapping is not None and (look.is_asked or look.appliance_model is not None):
        raise ConfigError(
            "--yes, --write-mapping, --timezone and --appliance-model are for files without --mapping: it says all that"
        )


@contextmanager
def _wish(outcomes: Path | None, rules_alone: bool) -> Iterator[Wish]:
    """What is wished for, with a progress display."""
    from foremend.jobs.replay import Wish

    with progress_bar() as bar:
        training, reading = (
            bar.add_task("first training", visible=False),
            bar.add_task("readings", total=None),
        )
        yield Wish(
            outcomes,
            rules_alone,
            lambda name, done, total: bar.update(
                training, description=f"first training {name}", completed=done, total=total, visible=total > 0
            ),
            lambda used: bar.update(reading, completed=used),
        )


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console

    from foremend.commands.replay_tables import tables

    console = Console()
    for table in tables(result):
        console.print(table)
    for note in result["notes"]:
        people.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
