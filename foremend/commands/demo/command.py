"""What `foremend demo` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foremend.commands.common import Json, show


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
    from foremend.commands.demo.run import Demo, chosen_scenario

    story = chosen_scenario(scenario, appliances, days)
    result = Demo(story, seed, folder, port=0 if headless else port, stay=not headless, pace=pace).run()
    show("Demo", result, json)
