"""`foremend check`: what a start would refuse."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from foremend.commands.common import Config, Json, show
from foremend.terminal import emit, people


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
