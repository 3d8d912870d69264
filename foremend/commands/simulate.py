"""`foremend simulate`: a household fleet, into a folder or over MQTT."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foremend.commands.common import Json, show


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
    from foremend.terminal import progress_bar

    require_one_way(out, mqtt)
    fleet = chosen_scenario(scenario, appliances, days, faults, appliance_model or [])
    with progress_bar() as bar:
        task = bar.add_task("simulate", total=None)

        def lived(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"{what}, days", completed=done, total=total)

        if out is not None:
            title, result = "History", into_folder(fleet, seed, out, lived)
        elif mqtt is not None:
            title, result = "Published", over_mqtt(fleet, seed, mqtt, speed, window, connections, lived)
    show(title, result, json)
